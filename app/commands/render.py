"""`realtalk render`: a portrait says what a sound file says."""

import argparse
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.choices import add_neural, add_voice, choose_preset, parse_size
from app.progress import notes
from core.errors import ConfigError
from core.presets import Preset

if TYPE_CHECKING:
    from audio_io.files import AudioFile
    from core.avatar import Avatar
    from core.types import ExpressionFrame

FRAME_RATES = (1.0, 120.0)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "render",
        help="make a video of a portrait that speaks a sound file",
        description="Make a video of a portrait that speaks a sound file.",
    )
    parser.add_argument("portrait", type=Path, help="picture of a face, or an .avatar file")
    parser.add_argument(
        "audio", type=Path, help="any sound or video file, or expression curves (.csv, .json, .npz)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help=".mp4, .mkv or .webm file to write"
    )
    add_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what `render` and `demo` have in common."""
    parser.add_argument("--fps", type=float, default=25.0, help="frames per second (default 25)")
    parser.add_argument(
        "--size", type=parse_size, default=(512, 512), help="side or WIDTHxHEIGHT (default 512)"
    )
    parser.add_argument(
        "--background", metavar="KIND", help="keep, blur, #rrggbb or a picture (default: preset)"
    )
    parser.add_argument("--preset", help="name or .toml file of a preset")
    add_voice(parser)
    parser.add_argument("--seed", type=int, default=0, help="of blinks and head motion (default 0)")
    add_neural(parser)
    parser.add_argument("--mark", action="store_true", help="show that the video is synthetic")


def run(args: argparse.Namespace) -> int:
    """Render, then say where the film is and how fast it went."""
    if not FRAME_RATES[0] <= args.fps <= FRAME_RATES[1]:
        low, high = FRAME_RATES
        raise ConfigError(f"--fps must lie in {low:g} to {high:g}, not {args.fps:g}.")
    report = render(args)
    if args.json:
        print(json.dumps(report))
    elif not args.quiet:
        print(describe(report))
    return 0


def describe(report: dict[str, object]) -> str:
    """One line for people."""
    shares = report["shares"]
    assert isinstance(shares, dict)
    parts = ", ".join(f"{stage} {share:.0%}" for stage, share in shares.items())
    return (
        f"{report['output']}: {report['duration_s']:.1f} s of video in {report['elapsed_s']:.1f} s "
        f"({report['times_real_time']:.1f}x real time; {parts}; {report['engine']})"
    )


def render(args: argparse.Namespace) -> dict[str, object]:
    """Draw every frame into the file; returns what to report."""
    from fractions import Fraction

    from app import folders, parts
    from app.avatars import open_avatar
    from app.progress import Progress
    from app.timing import StageTimes
    from core import pipeline
    from render.mark import VisibleMark
    from render.provenance import Provenance, hash_picture
    from render.video_writer import VideoWriter

    started = time.perf_counter()
    preset = choose_preset(
        args.preset,
        folders.presets(),
        background=args.background,
        voice=args.voice,
        neural=args.neural,
    )
    avatar = open_avatar(args.portrait, note=notes(args.quiet))
    drive = _open_drive(args, preset, avatar)
    kept_in = args.portrait if args.portrait.suffix == ".avatar" else None
    note, threads = notes(args.quiet), parts.threads_for_a_film()
    renderer = parts.renderer(avatar, preset, args.size, note, kept_in, threads)
    times = StageTimes()
    rate = Fraction(args.fps).limit_denominator(1001)
    total = None if drive.duration_s is None else round(drive.duration_s * args.fps)
    ready = time.perf_counter()
    with VideoWriter(
        args.output,
        args.size,
        rate,
        audio=drive.sound,
        provenance=Provenance(portrait_sha256=hash_picture(avatar.image_rgb)),
        mark=VisibleMark(args.size) if args.mark else None,
    ) as writer:
        frames = pipeline.at_rate(drive.frames, float(rate), drive.rate_hz)
        drawn = times.iterate("draw", pipeline.draw(times.iterate("voice", frames), renderer))
        progress = Progress(total, "rendering", enabled=not args.quiet)
        for frame in progress.track(args.interrupt.guard(drawn)):
            times.call("encode", writer.write, frame.rgb)
    elapsed_s = time.perf_counter() - ready
    return {
        "output": str(args.output),
        "frames": writer.num_frames,
        "duration_s": writer.duration_s,
        "prepare_s": ready - started,
        "elapsed_s": elapsed_s,
        "times_real_time": writer.duration_s / elapsed_s,
        "shares": times.shares(),
        "engine": parts.engine(renderer),
    }


@dataclass(frozen=True)
class _Drive:
    """What moves the face: frames, and the sound they came from (none for a curves file)."""

    frames: "Iterable[ExpressionFrame]"
    rate_hz: float
    duration_s: float | None
    sound: "AudioFile | None"


def _open_drive(args: argparse.Namespace, preset: Preset, avatar: "Avatar") -> _Drive:
    from app import parts
    from audio_io.files import read_audio
    from core import pipeline
    from core.types import FRAME_RATE_HZ
    from core.voice.curves_io import SUFFIXES, read_frames

    if args.audio.suffix.lower() in SUFFIXES:
        curves, rate_hz = read_frames(args.audio)
        return _Drive(curves, rate_hz, len(curves) / rate_hz, None)
    sound = read_audio(args.audio)
    speech = parts.speech_stage(preset, avatar)
    motion = parts.motion_stage(preset, args.seed)
    frames = pipeline.express(sound, speech, motion)
    return _Drive(frames, FRAME_RATE_HZ, sound.duration_s, sound)
