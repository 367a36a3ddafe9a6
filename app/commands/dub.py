"""`realtalk dub`: a film of a person says something else."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.choices import add_neural, add_voice

if TYPE_CHECKING:
    from app.neural import FilmPainter
    from core.face_model import FaceModel
    from core.presets import Preset


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "dub",
        help="redraw the mouth in a video to fit another sound",
        description="Redraw the mouth of the person in a video to fit another sound. The film is "
        "as long as the shorter of the two.",
    )
    parser.add_argument("video", type=Path, help="video of one person who faces the camera")
    parser.add_argument("audio", type=Path, help="any sound or video file")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help=".mp4, .mkv or .webm file to write"
    )
    parser.add_argument("--preset", help="name or .toml file of a preset")
    add_voice(parser)
    add_neural(parser)
    parser.add_argument(
        "--smoothing",
        type=float,
        default=1.0,
        help="of the tracked face over time, pictures (default 1; 0 for none)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Follow the face, redraw the mouth, write the film."""
    from app import folders, parts
    from app.avatars import tools as enrolment_tools
    from app.choices import choose_preset
    from app.dubbing import dub
    from app.progress import Progress, notes
    from audio_io.files import read_audio
    from core import pipeline
    from core.portrait.tracking import track
    from render.provenance import Provenance
    from render.video_reader import read_video
    from render.video_writer import VideoWriter

    video, sound = read_video(args.video), read_audio(args.audio)
    preset = choose_preset(args.preset, folders.presets(), voice=args.voice, neural=args.neural)
    tools = enrolment_tools()
    looking = Progress(video.num_frames, "following the face", enabled=not args.quiet)
    followed = track(looking.track(args.interrupt.guard(video)), tools, args.smoothing)
    rate = video.frame_rate_hz
    expressions = pipeline.at_rate(pipeline.express(sound, parts.speech_stage(preset)), float(rate))
    drawing = Progress(len(followed.faces), "redrawing", enabled=not args.quiet)
    height, width = next(iter(video)).shape[:2]
    with VideoWriter(
        args.output, (width, height), rate, audio=sound, provenance=Provenance()
    ) as writer:
        guarded = args.interrupt.guard(video)
        painter = _painter(preset, tools.model, notes(args.quiet))
        pictures = dub(guarded, followed, expressions, tools.model, painter)
        for rgb in drawing.track(pictures):
            writer.write(rgb)
    report = {
        "output": str(args.output),
        "frames": writer.num_frames,
        "lost": followed.lost,
        "engine": parts.engine(painter),
    }
    if args.json:
        print(json.dumps(report))
    elif not args.quiet:
        lost = f", the face was lost in {len(followed.lost)}" if followed.lost else ""
        print(f"{args.output}: {writer.num_frames} pictures{lost} ({report['engine']})")
    return 0


def _painter(
    preset: "Preset", model: "FaceModel", note: Callable[[str], None]
) -> "FilmPainter | None":
    from app import parts

    decoder = parts.neural_decoder(preset.rendering)
    if decoder is None:
        return None
    from app.neural import FilmPainter
    from render.engines.base import EngineSettings

    settings = EngineSettings(threads=parts.threads_for_a_film())
    return FilmPainter(model, decoder, note, settings)
