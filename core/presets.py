"""Presets: how an avatar looks, moves, is framed and recorded (files: `core.preset_files`).

Every value is declared once, as a dataclass field with its default, bounds or choices, and a
description; windows and command lines are generated from `FIELDS`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from core.errors import ConfigError
from core.life import LifeSettings
from core.messages import Message

VERSION = 1

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

    voice: str = _choice(
        "mel",
        ("mel", "a2e", "hubert"),
        "Voice network: mel is light and hears best, a2e also follows the avatar's way of "
        "speaking; hubert is an experiment, behind both.",
    )
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
class Rendering:
    """What paints the mouth."""

    neural: str = _choice(
        "off",
        ("off", "pocket", "compact", "file"),
        "Neural renderer over the drawn mouth: none; pocket or compact, which shade lips and skin, "
        "compact at more than twice the cost; or a network of your own.",
    )
    network: str = _free("", "File of your own network, NAME_decoder.onnx.")


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
    rendering: Rendering = Rendering()
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
    "rendering": Rendering,
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
            raise ConfigError(
                "'{path}' is {value}; it must be {kind}.",
                path=self.path, value=repr(value), kind=Message(_KINDS[kind]),
            )  # fmt: skip
        assert isinstance(value, bool | int | float | str)
        if self.choices and value not in self.choices:
            listed = ", ".join(str(choice) for choice in self.choices)
            raise ConfigError(
                "'{path}' is {value}; choose one of {listed}.",
                path=self.path, value=repr(value), listed=listed,
            )  # fmt: skip
        if self.step and not self.minimum <= float(value) <= self.maximum:
            raise ConfigError(
                "'{path}' is {value}; it must lie between {low} and {high}.",
                path=self.path, value=value, low=f"{self.minimum:g}", high=f"{self.maximum:g}",
            )  # fmt: skip
        if self.pattern and not re.fullmatch(self.pattern, str(value)):
            raise ConfigError(
                "'{path}' is {value}, which does not have the form that is needed: {about}",
                path=self.path, value=repr(value), about=Message(self.about),
            )  # fmt: skip
        return value


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _declared() -> Iterator[Field]:
    for section, kind in SECTIONS.items():
        for item in fields(kind):
            default: Any = item.default
            yield Field(f"{section}.{item.name}", default, **item.metadata)


FIELDS: Mapping[str, Field] = {declared.path: declared for declared in _declared()}
"""Every value of a preset by path, in the order of declaration."""
