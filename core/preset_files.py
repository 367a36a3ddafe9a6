"""Preset files: read with every problem named by its line, written whole, kept in a folder."""

import difflib
import json
import re
import shutil
import tempfile
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from core.messages import Message
from core.presets import FIELDS, SECTIONS, VERSION, Preset, Value

SUFFIX = ".toml"
SHIPPED_FOLDER = Path(__file__).parent / "shipped_presets"
_HEADER = ("version", "name", "avatar")
_SHIPPED_FILES = ("natural", "calm_meeting", "lively_show", "still_picture", "quick_answer")


def read_preset(path: Path) -> tuple[Preset, tuple[Message, ...]]:
    """Read a preset file.

    Returns:
        The preset, and a sentence for every field that is unknown (kept) or broken (its default
        is used).

    Raises:
        ConfigError: The file cannot be read, is no TOML, or a later version wrote it.
    """
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(
            "The preset {path} cannot be read ({reason}).",
            path=path, reason=error.strerror or error,
        ) from error  # fmt: skip
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            "The preset {path} is not valid TOML: {reason}.", path=path, reason=error
        ) from error
    version = table.get("version", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise ConfigError(
            "The preset {path} has the version {version}; this program reads up to {newest}. "
            "Update the program.",
            path=path, version=repr(version), newest=VERSION,
        )  # fmt: skip
    reader = _Reader(text)
    return reader.read(table, path.stem), tuple(reader.problems)


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
            "The preset cannot be written to {path} ({reason}). Choose a folder you may write to.",
            path=path, reason=error.strerror or error,
        ) from error  # fmt: skip


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

    def load(self, name: str) -> tuple[Preset, tuple[Message, ...]]:
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
            raise ConfigError("'{name}' came with the program. Save under another name.", name=name)
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
            raise ConfigError("'{name}' came with the program and stays.", name=name)
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(
                "The preset '{name}' cannot be deleted ({reason}).",
                name=name, reason=error.strerror or error,
            ) from error  # fmt: skip

    def import_file(self, path: Path) -> tuple[Preset, tuple[Message, ...]]:
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


@dataclass
class _Reader:
    """Turns the table of one file into a preset and keeps what is wrong with it.

    Attributes:
        text: The file, to find lines in.
        problems: A sentence for each problem so far.
        unknown: What this version does not know.
    """

    text: str
    problems: list[Message] = field(default_factory=list)
    unknown: dict[str, Any] = field(default_factory=dict)

    def read(self, table: Mapping[str, Any], name: str) -> Preset:
        """The preset; `name` is what it is called if it does not say."""
        texts = {"name": name, "avatar": ""}
        for key, value in table.items():
            if key in texts and isinstance(value, str) and (value or key != "name"):
                texts[key] = value
            elif key in texts:
                self._complain(
                    "", key, "'{path}' is {value}; it must be a text. It was left out.", value=value
                )
            elif key not in SECTIONS and key not in _HEADER:
                self._complain_unknown("", key, (*SECTIONS, *_HEADER))
                self.unknown[key] = value
        sections = {
            section: kind(**self._section(section, table.get(section, {})))
            for section, kind in SECTIONS.items()
        }
        return Preset(name=texts["name"], avatar=texts["avatar"], unknown=self.unknown, **sections)

    def _section(self, section: str, stored: Any) -> dict[str, Value]:
        """Valid values of one section."""
        values: dict[str, Value] = {}
        if not isinstance(stored, Mapping):
            self._complain("", section, "'{path}' must be a table. The defaults are used.")
            return values
        for name, value in stored.items():
            declared = FIELDS.get(f"{section}.{name}")
            if declared is None:
                known = [item.name for item in fields(SECTIONS[section])]
                self._complain_unknown(section, name, known)
                self.unknown.setdefault(section, {})[name] = value
                continue
            try:
                values[name] = declared.check(value)
            except ConfigError as error:
                self._complain(
                    section, name, "{problem} The default {default} is used.",
                    problem=error.message, default=repr(declared.default),
                )  # fmt: skip
        return values

    def _complain_unknown(self, section: str, name: str, known: Iterable[str]) -> None:
        close = difflib.get_close_matches(name, list(known), 1, 0.6)
        meant = [f"{section}.{close[0]}" if section else close[0]] if close else _elsewhere(name)
        if meant:
            self._complain(
                section, name, "'{path}' is unknown; did you mean '{meant}'? It is kept.",
                meant=meant[0],
            )  # fmt: skip
        else:
            self._complain(section, name, "'{path}' is unknown to this version. It is kept.")

    def _complain(self, section: str, name: str, template: str, **values: object) -> None:
        path = f"{section}.{name}" if section else name
        problem = Message(template, path=path, **values)
        line = _line_of(self.text, section, name) or _line_of(self.text, "", section)
        if line:
            problem = Message("Line {line}: {problem}", line=line, problem=problem)
        self.problems.append(problem)


def _elsewhere(name: str) -> list[str]:
    """The path of a field of that very name in another section."""
    return [path for path in FIELDS if path.endswith(f".{name}")][:1]


def _line_of(text: str, section: str, name: str) -> int:
    """Number of the line where a field of a TOML file begins, from 1; 0 where it is not found."""
    now = ""
    dotted = f"{section}.{name}" if section else name
    for number, line in enumerate(text.splitlines(), 1):
        heading = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
        if heading:
            now = heading[1].replace('"', "").replace(" ", "")
            if not section and now == name:
                return number
        key = line.partition("=")[0].replace('"', "").replace(" ", "").strip()
        if "=" in line and ((key == name and now == section) or (key == dotted and not now)):
            return number
    return 0


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


def _read_shipped() -> tuple[Preset, ...]:
    found = []
    for stem in _SHIPPED_FILES:
        preset, problems = read_preset(SHIPPED_FOLDER / f"{stem}{SUFFIX}")
        if problems:
            raise ConfigError(problems[0])
        found.append(preset)
    return tuple(found)


SHIPPED: tuple[Preset, ...] = _read_shipped()
"""The presets that come with the program; they cannot be overwritten, only copied."""
