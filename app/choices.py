"""What people write on the command line, turned into what the program uses."""

import argparse
import dataclasses
from pathlib import Path

from core.errors import ConfigError
from core.preset_files import SHIPPED, PresetStore, read_preset
from core.presets import FIELDS, Backdrop, Preset, Rendering

SIDES_PX = (64, 1920)


def parse_size(text: str) -> tuple[int, int]:
    """ "512" or "1280x720" as width and height.

    Raises:
        argparse.ArgumentTypeError: Not a size, or outside SIDES_PX.
    """
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() for side in sides):
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write 512 or 1280x720")
    width, height = int(sides[0]), int(sides[-1])
    if not all(SIDES_PX[0] <= side <= SIDES_PX[1] for side in (width, height)):
        low, high = SIDES_PX
        raise argparse.ArgumentTypeError(f"sides must be {low} to {high} pixels, not {text}")
    return width, height


def add_voice(parser: argparse.ArgumentParser) -> None:
    """Declare `--voice`, which `choose_preset` puts in place of the preset's."""
    voice = FIELDS["speech.voice"]
    parser.add_argument(
        "--voice",
        choices=voice.choices,
        help=f"{voice.about[0].lower()}{voice.about[1:-1]} (default: preset)",
    )


def add_neural(parser: argparse.ArgumentParser) -> None:
    """Declare `--neural`, which `choose_preset` puts in place of the preset's."""
    parser.add_argument(
        "--neural",
        metavar="off|pocket|compact|FILE",
        help="repaint the mouth with a shipped FIA network, or with your NAME_decoder.onnx",
    )


def parse_neural(text: str) -> Rendering:
    """ "off", a shipped network's name, or the file of a decoder."""
    if text in FIELDS["rendering.neural"].choices and text != "file":
        return Rendering(neural=text)
    return Rendering(neural="file", network=text)


def choose_preset(
    name: str | None,
    folder: Path,
    *,
    background: str | None = None,
    voice: str | None = None,
    neural: str | None = None,
) -> Preset:
    """The preset of that name with another background, voice network or neural renderer, if given.

    Raises:
        ConfigError: There is no such preset, or the background is none.
    """
    preset = find_preset(name, folder)
    if voice is not None:
        preset = preset.changed("speech.voice", voice)
    if neural is not None:
        preset = dataclasses.replace(preset, rendering=parse_neural(neural))
    if background is not None:
        preset = dataclasses.replace(preset, background=parse_background(background))
    return preset


def parse_background(text: str) -> Backdrop:
    """ "keep", "blur", "#rrggbb" or the file of a picture.

    Raises:
        ConfigError: None of these.
    """
    if text in ("keep", "blur"):
        return Backdrop(kind=text)
    if text.startswith("#"):
        return Backdrop(kind="colour", colour=str(FIELDS["background.colour"].check(text)))
    if Path(text).is_file():
        return Backdrop(kind="picture", picture=text)
    raise ConfigError(
        f"--background {text}: there is no such picture. Write keep, blur, a colour such as "
        "#00b140, or the path of a picture."
    )


def find_preset(name: str | None, folder: Path) -> Preset:
    """A preset by name (shipped or the user's) or by file; the first shipped one for None.

    Raises:
        ConfigError: There is none of that name, or its file is broken.
    """
    if name is None:
        return SHIPPED[0]
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return read_preset(path)[0]
    return PresetStore(folder).load(name)[0]
