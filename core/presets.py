"""Presets: how an avatar looks, moves, is framed and recorded, kept in small TOML files.

Every value is declared once, as a dataclass field with its default, bounds or choices, and a
description; windows and command lines are generated from `FIELDS`.
"""

import json
import re
import shutil
import tempfile
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from core.life import LifeSettings

VERSION = 1
SUFFIX = ".toml"
_HEADER = ("version", "name", "avatar")

Value = bool | int | float | str


def _number(default: float, low: float, high: float, step: float, about: str) -> Any:
    metadata = {"minimum": low, "maximum": high, "step": step, "about": about}
    return field(default=default, metadata=metadata)


def _choice(default: Value, choices: tuple[Value, ...], about: str) -> Any:
    return field(default=default, metadata={"choices": choices, "about": about})


def _free(default: Value, about: str, pattern: str = "") -> Any:
    return field(default=default, metadata={"about": about, "pattern": pattern})


@dataclass(frozen=True, kw_only=True)
class Motion:
    """How the face moves."""

    expressiveness: float = _number(
        1.0, 0.0, 2.0, 0.05, "How far the mouth moves: 0 rests, 1 natural, 2 twice as far."
    )
    blink: float = _number(1.0, 0.0, 2.0, 0.05, "How often the eyes blink.")
    gaze: float = _number(1.0, 0.0, 2.0, 0.05, "Small jumps of the eyes.")
    brows: float = _number(1.0, 0.0, 2.0, 0.05, "Brows that rise with stressed words.")
    sway: float = _number(1.0, 0.0, 2.0, 0.05, "Slow movement of the head.")
    nods: float = _number(1.0, 0.0, 2.0, 0.05, "Head beats with stressed words.")
    breath: float = _number(1.0, 0.0, 2.0, 0.05, "Chest and head rise and fall.")
    rest: float = _number(1.0, 0.0, 2.0, 0.05, "Slight stir of mouth corners and cheeks.")

    def life(self) -> LifeSettings:
        """The strengths of the life motions."""
        names = [item.name for item in fields(LifeSettings)]
        return LifeSettings(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True, kw_only=True)
class Speech:
    """How speech becomes expression."""

    lookahead_ms: int = _choice(
        80, (40, 80), "Future sound a frame waits for: 80 moves best, 40 answers sooner."
    )


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """What is behind the person."""

    kind: str = _choice(
        "keep",
        ("keep", "blur", "colour", "picture"),
        "The portrait's own background, the same blurred, a colour, or a picture.",
    )
    blur: float = _number(
        0.03, 0.0, 0.2, 0.005, "Width of the blur as a share of the picture's height."
    )
    colour: str = _free("#00b140", "Colour as #rrggbb.", r"#[0-9a-fA-F]{6}")
    picture: str = _free("", "File of the background picture.")

    @property
    def colour_rgb(self) -> tuple[int, int, int]:
        """The colour, 0 to 255 each."""
        return int(self.colour[1:3], 16), int(self.colour[3:5], 16), int(self.colour[5:7], 16)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """How the head sits in the picture."""

    whole: bool = _free(False, "Show as much of the portrait as fits, instead of a chosen size.")
    face_height: float = _number(
        0.5, 0.15, 1.0, 0.01, "Height of the face as a share of the picture's height."
    )
    x: float = _number(0.5, 0.0, 1.0, 0.01, "Where the face is, left to right.")
    y: float = _number(0.5, 0.0, 1.0, 0.01, "Where the face is, top to bottom.")


@dataclass(frozen=True, kw_only=True)
class Camera:
    """The camera's mode; fixed while the camera is open."""

    mode: str = _choice(
        "1280x720@25",
        ("640x360@25", "640x480@25", "1280x720@25", "1280x720@30", "1920x1080@25"),
        "Width, height and frames per second.",
    )
    mark: bool = _free(False, "Write 'AI-generated' into a corner of the camera's picture.")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = self.mode.split("@")[0].split("x")
        return int(width), int(height)

    @property
    def rate_hz(self) -> int:
        """Frames per second."""
        return int(self.mode.split("@")[1])


@dataclass(frozen=True, kw_only=True)
class RecordingSettings:
    """How a recording is written."""

    format: str = _choice("mp4", ("mp4", "mkv", "webm"), "Kind of file.")
    folder: str = _free("", "Folder of the recordings; empty for the videos folder.")
    mark: bool = _free(True, "Write 'AI-generated' into a corner of the recording.")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named set of everything above.

    Attributes:
        name: Shown in menus; also names the file.
        avatar: File name of the avatar in the library, empty to leave the avatar as it is.
        unknown: What the file held that this version does not know; written back unchanged.
    """

    name: str
    avatar: str = ""
    motion: Motion = Motion()
    speech: Speech = Speech()
    background: Backdrop = Backdrop()
    framing: Frame = Frame()
    camera: Camera = Camera()
    recording: RecordingSettings = RecordingSettings()
    unknown: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def get(self, path: str) -> Value:
        """The value of a field such as "motion.blink"."""
        section, name = path.split(".")
        value: Value = getattr(getattr(self, section), name)
        return value

    def changed(self, path: str, value: Value) -> "Preset":
        """A copy with one field changed.

        Raises:
            ConfigError: The value does not fit the field's declaration.
        """
        section, name = path.split(".")
        checked = FIELDS[path].check(value)
        return replace(self, **{section: replace(getattr(self, section), **{name: checked})})


SECTIONS: Mapping[str, type] = {
    "motion": Motion,
    "speech": Speech,
    "background": Backdrop,
    "framing": Frame,
    "camera": Camera,
    "recording": RecordingSettings,
}


@dataclass(frozen=True)
class Field:
    """The declaration of one value of a preset.

    Attributes:
        path: Section and name, such as "motion.blink".
        default: Default; its type is the field's type.
        about: What it does.
        minimum, maximum, step: For numbers with bounds, else 0.
        choices: For values out of a list, else empty.
        pattern: Regular expression that a text must match; empty for any.
    """

    path: str
    default: Value
    about: str
    minimum: float = 0.0
    maximum: float = 0.0
    step: float = 0.0
    choices: tuple[Value, ...] = ()
    pattern: str = ""

    def check(self, value: object) -> Value:
        """The value in the field's type.

        Raises:
            ConfigError: Wrong type, out of bounds or none of the choices.
        """
        kind = type(self.default)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise ConfigError(f"'{self.path}' is {value!r}; it must be a {kind.__name__}.")
        assert isinstance(value, bool | int | float | str)
        if self.choices and value not in self.choices:
            listed = ", ".join(str(choice) for choice in self.choices)
            raise ConfigError(f"'{self.path}' is {value!r}; choose one of {listed}.")
        if self.step and not self.minimum <= float(value) <= self.maximum:
            raise ConfigError(
                f"'{self.path}' is {value}; it must lie between {self.minimum:g} "
                f"and {self.maximum:g}."
            )
        if self.pattern and not re.fullmatch(self.pattern, str(value)):
            raise ConfigError(f"'{self.path}' is {value!r}; {self.about}")
        return value


def _declared() -> Iterator[Field]:
    for section, kind in SECTIONS.items():
        for item in fields(kind):
            default: Any = item.default
            yield Field(f"{section}.{item.name}", default, **item.metadata)


FIELDS: Mapping[str, Field] = {declared.path: declared for declared in _declared()}
"""Every value of a preset by path, in the order of declaration."""

SHIPPED: tuple[Preset, ...] = (
    Preset(name="Natural"),
    Preset(
        name="Calm meeting",
        motion=Motion(
            expressiveness=0.85, gaze=0.7, brows=0.6, sway=0.6, nods=0.5, breath=0.8, rest=0.8
        ),
        background=Backdrop(kind="blur", blur=0.04),
        framing=Frame(face_height=0.42, y=0.46),
    ),
    Preset(
        name="Lively show",
        motion=Motion(expressiveness=1.3, blink=1.1, brows=1.5, sway=1.4, nods=1.5, rest=1.3),
        framing=Frame(face_height=0.58),
        camera=Camera(mode="1280x720@30"),
    ),
    Preset(
        name="Still picture",
        motion=Motion(blink=0.0, gaze=0.0, brows=0.0, sway=0.0, nods=0.0, breath=0.0, rest=0.0),
        framing=Frame(whole=True),
    ),
    Preset(
        name="Quick answer",
        speech=Speech(lookahead_ms=40),
        camera=Camera(mode="640x360@25"),
        background=Backdrop(kind="colour", colour="#dfe5ee"),
    ),
)
"""The presets that come with the program; they cannot be overwritten, only copied."""


def read_preset(path: Path) -> tuple[Preset, tuple[str, ...]]:
    """Read a preset file.

    Returns:
        The preset, and a sentence for every field that is unknown (kept) or broken (its default
        is used).

    Raises:
        ConfigError: The file cannot be read, is no TOML, or a later version wrote it.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"The preset {path} cannot be read ({error.strerror or error})."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The preset {path} is not valid TOML: {error}.") from error
    version = table.get("version", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise ConfigError(
            f"The preset {path} has the version {version!r}; this program reads up to {VERSION}. "
            "Update the program."
        )
    return _from_table(table, path)


def write_preset(preset: Preset, path: Path) -> None:
    """Write a preset file; an existing file is replaced only once the new one is whole.

    Raises:
        ConfigError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8"
        ) as stream:
            stream.write(_to_toml(preset))
        Path(stream.name).replace(path)
    except OSError as error:
        raise ConfigError(
            f"The preset cannot be written to {path} ({error.strerror or error}). "
            "Choose a folder you may write to."
        ) from error


class PresetStore:
    """The shipped presets and the user's own, by name; methods may block on the disk.

    Args:
        folder: Where the user's presets live; made on the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Names of all presets: the shipped ones, then the user's in order."""
        own = sorted((path.stem for path in self.folder.glob(f"*{SUFFIX}")), key=str.casefold)
        return (*(preset.name for preset in SHIPPED), *own)

    def is_shipped(self, name: str) -> bool:
        """Whether it came with the program and cannot be overwritten."""
        return any(preset.name == name for preset in SHIPPED)

    def load(self, name: str) -> tuple[Preset, tuple[str, ...]]:
        """A preset and a sentence for each of its problems.

        Raises:
            ConfigError: There is none of that name, or it cannot be read.
        """
        for preset in SHIPPED:
            if preset.name == name:
                return preset, ()
        preset, problems = read_preset(self._path(name))
        return replace(preset, name=name), problems

    def save(self, preset: Preset) -> Preset:
        """Keep a preset under its name; a file with problems is first kept as `.bak`.

        Returns:
            The preset as kept: its name may have lost characters no file can bear.

        Raises:
            ConfigError: The name is empty or a shipped preset's, or the file cannot be written.
        """
        name = file_name(preset.name)
        if self.is_shipped(name):
            raise ConfigError(f"'{name}' came with the program. Save under another name.")
        kept, path = replace(preset, name=name), self._path(name)
        if path.exists() and _has_problems(path):
            shutil.copy2(path, path.with_suffix(".bak"))
        write_preset(kept, path)
        return kept

    def remove(self, name: str) -> None:
        """Delete one of the user's presets.

        Raises:
            ConfigError: It came with the program, or its file cannot be deleted.
        """
        if self.is_shipped(name):
            raise ConfigError(f"'{name}' came with the program and stays.")
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(
                f"The preset '{name}' cannot be deleted ({error.strerror or error})."
            ) from error

    def import_file(self, path: Path) -> tuple[Preset, tuple[str, ...]]:
        """Copy a preset file into the store, under a free name.

        Raises:
            ConfigError: It cannot be read or written.
        """
        preset, problems = read_preset(path)
        taken = self.names()
        stem = name = file_name(preset.name)
        number = 2
        while name in taken:
            name = f"{stem} {number}"
            number += 1
        return self.save(replace(preset, name=name)), problems

    def _path(self, name: str) -> Path:
        return self.folder / f"{file_name(name)}{SUFFIX}"


def file_name(name: str) -> str:
    """The name without characters that some file system refuses.

    Raises:
        ConfigError: Nothing is left of it.
    """
    clean = re.sub(r'[\x00-\x1f<>:"/\\|?*]', " ", unicodedata.normalize("NFC", name))
    clean = " ".join(clean.split()).strip(". ")[:80]
    if not clean:
        raise ConfigError("A preset needs a name. Type one and try again.")
    return clean


def _has_problems(path: Path) -> bool:
    try:
        return bool(read_preset(path)[1])
    except ConfigError:
        return True


def _from_table(table: Mapping[str, Any], path: Path) -> tuple[Preset, tuple[str, ...]]:
    problems: list[str] = []
    unknown: dict[str, Any] = {}
    texts = {"name": path.stem, "avatar": ""}
    for key, value in table.items():
        if key in texts and isinstance(value, str) and (value or key != "name"):
            texts[key] = value
        elif key in texts:
            problems.append(f"'{key}' is {value!r}; it must be a text. It was left out.")
        elif key not in SECTIONS and key not in _HEADER:
            problems.append(f"'{key}' is unknown to this version. It is kept.")
            unknown[key] = value
    sections: dict[str, Any] = {}
    for section, kind in SECTIONS.items():
        values, extra = _section(section, table.get(section, {}), problems)
        sections[section] = kind(**values)
        if extra:
            unknown[section] = extra
    return Preset(name=texts["name"], avatar=texts["avatar"], unknown=unknown, **sections), tuple(
        problems
    )


def _section(
    section: str, stored: Any, problems: list[str]
) -> tuple[dict[str, Value], dict[str, Any]]:
    """Valid values and unknown entries of one section."""
    values: dict[str, Value] = {}
    unknown: dict[str, Any] = {}
    if not isinstance(stored, Mapping):
        problems.append(f"'{section}' must be a table. The defaults are used.")
        return values, unknown
    for name, value in stored.items():
        declared = FIELDS.get(f"{section}.{name}")
        if declared is None:
            problems.append(f"'{section}.{name}' is unknown to this version. It is kept.")
            unknown[name] = value
            continue
        try:
            values[name] = declared.check(value)
        except ConfigError as error:
            problems.append(f"{error} The default {declared.default!r} is used.")
    return values, unknown


def _to_toml(preset: Preset) -> str:
    lines = [f"version = {VERSION}", f"name = {_toml(preset.name)}"]
    lines.append(f"avatar = {_toml(preset.avatar)}")
    tables = {key: value for key, value in preset.unknown.items() if isinstance(value, Mapping)}
    lines += [f"{_key(k)} = {_toml(v)}" for k, v in preset.unknown.items() if k not in tables]
    for section, kind in SECTIONS.items():
        values = getattr(preset, section)
        lines += ["", f"[{section}]"]
        for item in fields(kind):
            lines.append(f"{item.name} = {_toml(getattr(values, item.name))}")
        lines += [f"{_key(k)} = {_toml(v)}" for k, v in tables.pop(section, {}).items()]
    for key, value in tables.items():
        lines += ["", f"[{_key(key)}]"]
        lines += [f"{_key(name)} = {_toml(item)}" for name, item in value.items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _toml(value: Any) -> str:
    """A value as TOML; JSON's strings, numbers and booleans are TOML's."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, bool | int | float):
        return json.dumps(value) if not isinstance(value, float) else repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)
