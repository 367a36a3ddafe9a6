"""`realtalk express`: a sound's expression coefficients, to a file or live to other software."""

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.choices import add_voice

if TYPE_CHECKING:
    from core.types import ExpressionFrame

PORTS = {"vmc": 39539, "arkit": 11111}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "express",
        help="write a sound's expression curves, or send them to other software",
        description=(
            "Write the 52 ARKit expression coefficients of a sound file at 25 frames per second, "
            "or send them in real time to software that understands VMC (OSC) or ARKit packets."
        ),
    )
    parser.add_argument("audio", type=Path, help="any sound or video file")
    parser.add_argument("-o", "--output", type=Path, help=".csv, .json or .npz file to write")
    parser.add_argument("--osc", metavar="HOST[:PORT]", help="send as VMC over OSC (port 39539)")
    parser.add_argument("--arkit", metavar="HOST[:PORT]", help="send as ARKit packets (port 11111)")
    parser.add_argument("--preset", help="name or .toml file of a preset")
    add_voice(parser)
    parser.add_argument("--life", action="store_true", help="add blinks, gaze and head motion")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write or send; at least one place is needed."""
    from app import folders, parts
    from app.choices import choose_preset
    from app.progress import Progress
    from audio_io.files import read_audio
    from core import pipeline
    from core.errors import ConfigError
    from core.voice.curves_io import write_frames

    if not (args.output or args.osc or args.arkit):
        raise ConfigError("Say where the curves go: -o FILE, --osc HOST or --arkit HOST.")
    sound = read_audio(args.audio)
    preset = choose_preset(args.preset, folders.presets(), voice=args.voice)
    motion = parts.motion_stage(preset) if args.life else None
    speech = parts.speech_stage(preset)
    frames: Iterable[ExpressionFrame] = pipeline.express(sound, speech, motion)
    frames = args.interrupt.guard(frames)
    if args.osc or args.arkit:
        frames = _send(frames, args)
    frames = Progress(sound.num_frames, "expressing", enabled=not args.quiet).track(frames)
    if args.output:
        count = write_frames(args.output, frames)
    else:
        count = sum(1 for _ in frames)
    if args.json:
        print(json.dumps({"frames": count, "output": str(args.output) if args.output else None}))
    elif not args.quiet:
        print(f"{args.output or 'sent'}: {count} frames, {count / 25:.2f} s")
    return 0


def _send(
    frames: "Iterable[ExpressionFrame]", args: argparse.Namespace
) -> "Iterator[ExpressionFrame]":
    """Send each frame when its time has come, and pass it on."""
    from contextlib import ExitStack

    from core.osc import ArkitEncoder, ExpressionSender, VmcEncoder, parse_address
    from core.types import FRAME_RATE_HZ

    wanted = ((args.osc, "vmc", VmcEncoder), (args.arkit, "arkit", ArkitEncoder))
    with ExitStack() as stack:
        senders = [
            stack.enter_context(ExpressionSender(*parse_address(address, PORTS[kind]), encoder()))
            for address, kind, encoder in wanted
            if address
        ]
        started = time.monotonic()
        for frame in frames:
            args.interrupt.wait(started + frame.index / FRAME_RATE_HZ - time.monotonic())
            for sender in senders:
                sender.send(frame)
            yield frame
