"""`realtalk-train`: train a network of RealTalk, on synthetic people or on your own videos."""

import argparse
import dataclasses
import importlib.util
import sys
import time
from pathlib import Path

from core.errors import RealTalkError
from core.face_model import FaceModel
from render.fia.config import PRESETS, FiaConfig
from weights import store

STORAGES = ("float16", "float32", "int8")
NEEDS_TRAIN = "Training needs more packages: pip install 'realtalk-cam[train]'"


def main(arguments: list[str] | None = None) -> int:
    """Run one of the recipes; returns the exit code (0 done, 2 something is missing or wrong)."""
    parser = argparse.ArgumentParser(prog="realtalk-train", description=__doc__)
    recipes = parser.add_subparsers(dest="recipe", required=True)
    _add_fia(recipes.add_parser("fia", help="the neural renderer"))
    options = parser.parse_args(arguments)
    if importlib.util.find_spec("torch") is None:
        print(f"realtalk-train: {NEEDS_TRAIN}", file=sys.stderr)
        return 2
    try:
        run_fia(options)
    except RealTalkError as error:
        print(f"realtalk-train: {error}", file=sys.stderr)
        return 2
    return 0


def run_fia(options: argparse.Namespace) -> None:
    """Prepare clips, train, export."""
    from weights.training.fia.losses import LossWeights
    from weights.training.fia.ship import write_pair
    from weights.training.fia.train import Recipe, Trainer

    config = _config(options)
    clips = options.out / "clips"
    model = FaceModel.load(store.path("face_model.npz"))
    if options.data is not None:
        _prepare_films(options.data, clips, model, config)
    elif options.synthetic:
        from weights.training.fia.world import World

        seeds = range(options.seed, options.seed + options.synthetic)
        World(model, config).write(clips, seeds, options.frames)
    checkpoint = options.out / "checkpoint.pt"
    recipe = Recipe(
        steps=options.steps,
        people=options.people,
        frames=options.batch_frames,
        learning_rate=options.learning_rate,
        seed=options.seed,
        device=options.device,
        weights=LossWeights(
            adversarial=options.adversarial, teeth=options.teeth, restraint=options.restraint
        ),
        vgg=options.vgg,
    )
    trainer = Trainer(config, recipe, clips)
    if checkpoint.exists():
        trainer.resume(checkpoint)
        print(f"Going on from step {trainer.step}.")
    limit = time.monotonic() + options.minutes * 60 if options.minutes else float("inf")
    trainer.train(checkpoint, limit)
    decoder = write_pair(trainer.network, f"fia_{config.name}", options.out, options.storage)
    print(f"Wrote {decoder}.")


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
        for name in ("alignment", "mask", "guided", "detail_px", "light_only")
        if getattr(options, name) is not None
    }
    return dataclasses.replace(PRESETS[options.preset], **changes)


def _add_fia(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, help="folder for clips and results")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--data", type=Path, help="folder of talking-head videos (HDTF, VoxCeleb, MEAD layout)"
    )
    source.add_argument("--synthetic", type=int, default=0, help="number of synthetic people")
    parser.add_argument("--frames", type=int, default=8, help="frames of each synthetic person")
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
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--minutes", type=float, help="stop after this time")
    parser.add_argument("--people", type=int, default=4, help="people in a batch")
    parser.add_argument("--batch-frames", type=int, default=4, help="frames of each in a batch")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--adversarial", type=float, default=0.1, help="weight; 0 leaves it out")
    parser.add_argument("--teeth", type=float, default=1.0, help="weight of the teeth (eq. 10)")
    parser.add_argument(
        "--restraint", type=float, default=0.0, help="weight against changing the guide"
    )
    parser.add_argument("--vgg", type=Path, help="VGG-19 weights for the perceptual loss")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--storage", choices=STORAGES, default="float32")


if __name__ == "__main__":
    raise SystemExit(main())
