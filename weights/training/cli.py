"""`realtalk-train`: train a network of RealTalk, on synthetic people or on your own videos."""

import argparse
import dataclasses
import importlib.util
import math
import sys
import time
from pathlib import Path

from core.errors import RealTalkError
from core.face_model import FaceModel
from render.fia.config import PRESETS, FiaConfig
from weights import store

DEFAULT_STEPS = 200_000
STORAGES = ("float16", "float32", "int8")
NEEDS_TRAIN = "Training needs more packages: pip install 'realtalk-cam[train]'"


def main(arguments: list[str] | None = None) -> int:
    """Run one of the recipes; returns the exit code (0 done, 2 something is missing or wrong)."""
    parser = argparse.ArgumentParser(prog="realtalk-train", description=__doc__)
    recipes = parser.add_subparsers(dest="recipe", required=True)
    _add_fia(recipes.add_parser("fia", help="the neural renderer"))
    _add_fia_clips(recipes.add_parser("fia-clips", help="what it is trained on, alone"))
    options = parser.parse_args(arguments)
    if importlib.util.find_spec("torch") is None:
        print(f"realtalk-train: {NEEDS_TRAIN}", file=sys.stderr)
        return 2
    try:
        if options.recipe == "fia":
            run_fia(options)
        else:
            write_clips(options)
    except RealTalkError as error:
        print(f"realtalk-train: {error}", file=sys.stderr)
        return 2
    return 0


def run_fia(options: argparse.Namespace) -> None:
    """Prepare clips, train, export."""
    from weights.training.fia.int8 import write_int8
    from weights.training.fia.losses import LossWeights
    from weights.training.fia.ship import write_pair
    from weights.training.fia.train import Recipe, Trainer, load_network

    config = _config(options)
    options.clips = options.clips or options.out / "clips"
    _prepare_clips(options, config)
    started = time.monotonic()
    checkpoint = options.out / "checkpoint.pt"
    by_time = options.minutes is not None and options.steps is None
    recipe = Recipe(
        steps=math.inf if by_time else DEFAULT_STEPS if options.steps is None else options.steps,
        minutes=options.minutes if by_time else math.inf,
        people=options.people,
        frames=options.batch_frames,
        learning_rate=options.learning_rate,
        seed=options.seed,
        device=options.device,
        weights=LossWeights(
            adversarial=options.adversarial, teeth=options.teeth, restraint=options.restraint
        ),
        vgg=options.vgg,
        growing=options.growing,
        colours=options.colours,
        resting=options.resting,
        teacher=options.teacher,
    )
    trainer = Trainer(config, recipe, options.clips)
    if checkpoint.exists():
        trainer.resume(checkpoint)
        print(f"Going on from step {trainer.step}.")
    elif options.begin_with is not None:
        trainer.begin_with(options.begin_with)
    trainer.train(checkpoint, math.inf if by_time else _deadline(started, options.minutes))
    if options.export:
        network = load_network(checkpoint)
        decoder = write_pair(network, f"fia_{config.name}", options.out, options.storage)
        print(f"Wrote {decoder}.")
        if options.int8:
            psnr_db = write_int8(network, decoder, options.clips)
            print(f"Wrote its file for 8-bit integers ({psnr_db:.0f} dB inside the mask).")


def write_clips(options: argparse.Namespace) -> None:
    """Prepare clips and do no more."""
    _prepare_clips(options, _config(options), _deadline(time.monotonic(), options.minutes))


def _deadline(started: float, minutes: float | None) -> float:
    return math.inf if minutes is None else started + 60 * minutes


def _prepare_clips(
    options: argparse.Namespace, config: FiaConfig, until_s: float = math.inf
) -> None:
    """Fill `options.clips` from films or with synthetic people, if either is asked for."""
    model = FaceModel.load(store.path("face_model.npz"))
    if options.data is not None:
        _prepare_films(options.data, options.clips, model, config)
    elif options.synthetic:
        from weights.training.fia.world import World

        seeds = range(options.seed, options.seed + options.synthetic)
        world = World(model, config)
        world.write(options.clips, seeds, options.frames, options.workers, until_s)


def _prepare_films(data: Path, clips: Path, model: FaceModel, config: FiaConfig) -> None:
    from core.portrait.enrol import EnrolTools
    from core.portrait.landmarks import LandmarkNetwork
    from weights.training.fia.videos import prepare

    network = LandmarkNetwork(model, store.path("landmarks.onnx"), store.path("mouth.onnx"))
    digest = store.sha256(store.path("face_model.npz"))
    for sentence in prepare(
        data, clips, EnrolTools(model, digest, network.look, network.follow), config
    ):
        print(sentence)


def _config(options: argparse.Namespace) -> FiaConfig:
    changes = {
        name: getattr(options, name)
        for name in ("alignment", "mask", "guided", "detail_px", "light_only", "keep_mouth")
        if getattr(options, name) is not None
    }
    return dataclasses.replace(PRESETS[options.preset], **changes)


def _add_fia_clips(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clips", type=Path, help="folder for clips")
    _add_world(parser)
    parser.add_argument("--minutes", type=float, help="begin no more clips after this time")


def _add_world(parser: argparse.ArgumentParser) -> None:
    """Where clips come from, and the network they are for."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--data", type=Path, help="folder of talking-head videos (HDTF, VoxCeleb, MEAD layout)"
    )
    source.add_argument("--synthetic", type=int, default=0, help="number of synthetic people")
    parser.add_argument("--frames", type=int, default=8, help="frames of each synthetic person")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw them")
    parser.add_argument("--seed", type=int, default=0, help="number of the first of them")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="compact")
    parser.add_argument("--alignment", choices=("attention", "flow", "deformation"))
    parser.add_argument("--mask", choices=("learned", "naive"))
    parser.add_argument("--guided", action=argparse.BooleanOptionalAction)
    parser.add_argument(
        "--detail-px", type=int, help="take changes out again that are broader than this"
    )
    parser.add_argument(
        "--light-only",
        action=argparse.BooleanOptionalAction,
        help="make the guide lighter or darker, but keep its hues",
    )
    parser.add_argument(
        "--keep-mouth",
        action=argparse.BooleanOptionalAction,
        help="leave what shows between the lips as the guide draws it",
    )


def _add_fia(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    parser.add_argument("--clips", type=Path, help="folder of clips (default: OUT/clips)")
    _add_world(parser)
    parser.add_argument(
        "--growing",
        type=int,
        default=0,
        metavar="N",
        help="begin with N clips, take in those that somebody adds later",
    )
    parser.add_argument("--begin-with", type=Path, help="weights of a network alike (NAME.weights)")
    parser.add_argument(
        "--teacher",
        type=Path,
        help="weights of a network to learn from, instead of from the true pictures",
    )
    parser.add_argument("--steps", type=int, help=f"default: {DEFAULT_STEPS}, or what time allows")
    parser.add_argument(
        "--minutes",
        type=float,
        help="stop after this time; without --steps, it is the training's whole length, over all "
        "runs, and the learning rate falls with it",
    )
    parser.add_argument("--people", type=int, default=4, help="people in a batch")
    parser.add_argument("--batch-frames", type=int, default=4, help="frames of each in a batch")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--adversarial", type=float, default=0.1, help="weight; 0 leaves it out")
    parser.add_argument("--teeth", type=float, default=1.0, help="weight of the teeth (eq. 10)")
    parser.add_argument(
        "--restraint", type=float, default=0.0, help="weight against changing the guide"
    )
    parser.add_argument(
        "--resting",
        type=float,
        default=0.0,
        help="share of pictures that are the portrait at rest, which must stay as it is",
    )
    parser.add_argument("--vgg", type=Path, help="VGG-19 weights for the perceptual loss")
    parser.add_argument(
        "--colours",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="vary gain, tint and gamma of each person",
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--export", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--storage", choices=STORAGES, default="float32")
    parser.add_argument(
        "--int8",
        action="store_true",
        help="also write what computes in 8-bit integers on processors, if it is good enough",
    )


if __name__ == "__main__":
    raise SystemExit(main())
