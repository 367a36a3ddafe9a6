"""`realtalk visemes`: a picture of every mouth shape that a portrait can make."""

import argparse
import json
from pathlib import Path


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "visemes",
        help="draw every mouth shape of a portrait, to judge it before it speaks",
        description="Draw every mouth shape of a portrait, to judge it before it speaks.",
    )
    parser.add_argument("portrait", type=Path, help="picture of a face, or an .avatar file")
    parser.add_argument("-o", "--output", type=Path, required=True, help="picture to write")
    parser.add_argument("--size", type=int, default=384, help="width of a tile in pixels")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Open the avatar, draw the chart, write it."""
    import sys

    from app import parts
    from app.avatars import open_avatar
    from app.pictures import write_picture
    from render.warp import Framing, WarpRenderer
    from render.warp.chart import VISEMES, viseme_chart

    def note(text: str) -> None:
        if not args.quiet:
            print(text, file=sys.stderr)

    avatar = open_avatar(args.portrait, note)
    renderer = WarpRenderer(avatar, parts.face_model(), (args.size, args.size), Framing(0.6))
    write_picture(args.output, viseme_chart(renderer))
    if args.json:
        print(json.dumps({"chart": str(args.output), "visemes": list(VISEMES)}))
    elif not args.quiet:
        print(f"{args.output}: {', '.join(VISEMES)}")
    return 0
