"""`realtalk enroll`: a portrait becomes an avatar file, with a picture of the fit for the eye."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.avatar import Style


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "enroll",
        help="make an avatar of a portrait, and a picture of how the face was found",
        description="Make an avatar of a portrait, and a picture of how the face was found.",
    )
    parser.add_argument("portrait", type=Path, help="picture of a face")
    parser.add_argument("-o", "--output", type=Path, required=True, help=".avatar file to write")
    parser.add_argument("--name", help="shown in menus (default: the picture's name)")
    parser.add_argument(
        "--points", type=Path, help="JSON file of points set by hand: {name: [x, y]} in pixels"
    )
    parser.add_argument(
        "--save-points", type=Path, help="write the points that were found, to edit them"
    )
    parser.add_argument(
        "--mask", type=Path, help="picture that is white where the person is (default: found)"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--style",
        choices=("neutral", "lively", "subtle"),
        default="neutral",
        help="how the person speaks (default neutral)",
    )
    how.add_argument(
        "--style-from", type=Path, metavar="FILM", help="learn it from a film of them speaking"
    )
    parser.add_argument(
        "--preview", type=Path, help="picture of the fit (default: beside the avatar, .fit.png)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Enrol, save, draw the fit and say what was found."""
    from dataclasses import replace

    from app import parts
    from app.avatars import AVATAR_SUFFIX, enrol_picture
    from app.pictures import write_picture
    from core.errors import ConfigError
    from core.portrait.points import read_points, write_points
    from core.portrait.preview import draw_fit

    if args.output.suffix != AVATAR_SUFFIX:
        raise ConfigError(f"{args.output} does not end in {AVATAR_SUFFIX}; name the file so.")
    points = read_points(args.points) if args.points else None
    avatar = enrol_picture(args.portrait, points, args.mask)
    avatar = replace(avatar, name=args.name or avatar.name, style=_style(args))
    avatar.save(args.output)
    preview = args.preview or args.output.with_suffix(".fit.png")
    write_picture(preview, draw_fit(avatar, parts.face_model()))
    if args.save_points:
        write_points(args.save_points, avatar.points)
    verdict = avatar.verdict
    if args.json:
        report = {"avatar": str(args.output), "preview": str(preview), "ok": verdict.ok}
        print(json.dumps({**report, "reasons": list(verdict.reasons)}, ensure_ascii=False))
    elif not args.quiet:
        print(f"{args.output}: {'good' if verdict.ok else 'usable with care'}; see {preview}")
        for reason in verdict.reasons:
            print(f"  {reason}")
        if args.style_from:
            print(f"  Speaks with {avatar.style.amplitude:.0%} of the usual movement.")
    return 0


def _style(args: argparse.Namespace) -> "Style":
    from app.progress import Progress
    from app.speaking import NAMED, learn

    if args.style_from is None:
        return NAMED[args.style]
    return learn(args.style_from, Progress(None, "following the face", enabled=not args.quiet))
