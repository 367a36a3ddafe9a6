"""`realtalk demo`: the shipped portrait says the shipped sentence."""

import argparse
from pathlib import Path

from app.commands import render


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "demo",
        help="make demo.mp4 from the sample portrait and speech, or from your own",
        description="Make demo.mp4 from the sample portrait and speech, or from your own.",
    )
    parser.add_argument("--portrait", type=Path, help="your picture or .avatar file")
    parser.add_argument("--audio", type=Path, help="your sound file")
    parser.add_argument("-o", "--output", type=Path, default=Path("demo.mp4"))
    render.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fill in the samples and render."""
    from app import parts

    args.portrait = args.portrait or parts.SAMPLE_PORTRAIT
    args.audio = args.audio or parts.SAMPLE_SPEECH
    return render.run(args)
