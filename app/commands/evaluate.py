"""`realtalk evaluate`: figures of quality, on a real film or on recorded clips."""

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from app.choices import add_neural


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "evaluate",
        help="measure how close the result comes to a real video",
        description="Make a video again from its first picture, its sound and its head pose, and "
        "compare; or compare recorded clips with their truth.",
    )
    add_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what `realtalk evaluate` and `realtalk-eval` understand."""
    parser.add_argument("video", type=Path, nargs="?", help="video of one person who speaks")
    parser.add_argument("--clips", type=Path, help="folder of clips that realtalk-train wrote")
    add_neural(parser)
    for name, what in (("identity", "face embedding"), ("fid", "features"), ("lpips", "distance")):
        text = f"also score by this network ({what}) of your own, ONNX; videos only"
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=text)
    parser.add_argument(
        "--mediapipe", action="store_true", help="also by MediaPipe's landmarks; videos only"
    )
    parser.add_argument("--pictures", type=int, default=250, help="at most so many (default 250)")


def main() -> int:
    """`realtalk-eval`."""
    from app.cli import main as realtalk

    return realtalk(["evaluate", *sys.argv[1:]])


def run(args: argparse.Namespace) -> int:
    """Measure, and print one table."""
    from core.errors import ConfigError

    if (args.video is None) == (args.clips is None):
        raise ConfigError("Give either a video or --clips FOLDER.")
    from app.choices import parse_neural
    from app.parts import neural_decoder

    decoder = neural_decoder(parse_neural(args.neural or "off"))
    scores = _film(args, decoder) if args.clips is None else _clips(args.clips, decoder)
    if args.json:
        print(json.dumps(scores))
        return 0
    names = list(next(iter(scores.values())))
    print("| | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for painter, values in scores.items():
        print(f"| {painter} | " + " | ".join(f"{values[name]:.3f}" for name in names) + " |")
    return 0


def _clips(folder: Path, decoder: Path | None) -> dict[str, dict[str, float]]:
    from app.evaluation import score_clips

    scores = {"warp": score_clips(folder, None)}
    if decoder is not None:
        scores[decoder.stem] = score_clips(folder, decoder)
    return scores


def _film(args: argparse.Namespace, decoder: Path | None) -> dict[str, dict[str, float]]:
    from app import folders, parts
    from app.avatars import tools as enrolment_tools
    from app.choices import find_preset
    from app.evaluation import FilmScores, follow_pose
    from app.judges import judges
    from app.neural import neural_renderer
    from app.progress import notes
    from audio_io.files import read_audio
    from core import pipeline
    from core.portrait.tracking import track
    from core.renderer import Renderer
    from core.types import ImageArray
    from render.video_reader import read_video
    from render.warp import Framing, WarpRenderer

    video, sound, tools = read_video(args.video), read_audio(args.video), enrolment_tools()

    def filmed() -> Iterator[ImageArray]:
        yield from args.interrupt.guard(itertools.islice(video, args.pictures))

    followed = track(filmed(), tools)
    first = next(iter(video))
    avatar = followed.avatar(0, first)
    size = (first.shape[1], first.shape[0])
    renderers: dict[str, Renderer] = {
        "warp": WarpRenderer(avatar, tools.model, size, Framing(face_height=None))
    }
    if decoder is not None:
        warp = WarpRenderer(avatar, tools.model, size, Framing(face_height=None))
        renderers[decoder.stem] = neural_renderer(
            avatar, warp, tools.model, decoder, notes(args.quiet)
        )
    preset = find_preset(None, folders.presets())
    speech = pipeline.express(sound, parts.speech_stage(preset))
    frames = list(follow_pose(followed, pipeline.at_rate(speech, float(video.frame_rate_hz))))
    scores = {}
    for name, renderer in renderers.items():
        chosen = judges(args.identity, args.fid, args.lpips, args.mediapipe)
        collected = FilmScores(tools, chosen)
        for truth, frame in zip(filmed(), frames, strict=False):
            collected.add(renderer.render(frame).rgb, truth)
        scores[name] = collected.means()
    return scores
