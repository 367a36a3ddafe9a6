"""Trains small variants of one network alike and compares them on people they have not seen.

    python -m weights.training.fia.ablation CLIPS HELD_OUT --out DIR [--steps N] [--frames N]

CLIPS and HELD_OUT are folders of synthetic clips (`realtalk-train fia-clips`) of different people.
Trained variants are kept in DIR, so that a run which was stopped goes on. Prints one table; all
rows are scored inside the mask that follows the jaw. `--train-only` needs no HELD_OUT; variants of
which DIR holds the weights alone (NAME.weights, from another machine) are scored as they are.
"""

import argparse
import dataclasses
import math
from pathlib import Path

from render.fia.config import PRESETS, FiaConfig
from weights.training.fia.losses import LossWeights
from weights.training.fia.train import Recipe, Trainer, weights_path

DEFAULT_STEPS = 160

GUIDED = PRESETS["pocket"]
PAPER = dataclasses.replace(GUIDED, guided=False)
VARIANTS: dict[str, FiaConfig] = {
    "guided, detail alone": dataclasses.replace(GUIDED, detail_px=8),
    "guided": GUIDED,
    "paper-style": PAPER,
    "paper-style, naive mask": dataclasses.replace(PAPER, mask="naive"),
    "paper-style, flow": dataclasses.replace(PAPER, alignment="flow"),
    "paper-style, deformation": dataclasses.replace(PAPER, alignment="deformation"),
    "paper-style, no alignment": dataclasses.replace(PAPER, aligned_levels=0),
}
"""By name, the most wanted first."""


def recipe(options: argparse.Namespace) -> Recipe:
    """The same small budget for all; without the discriminator, which needs more."""
    by_time = options.minutes_each is not None and options.steps is None
    return Recipe(
        steps=math.inf if by_time else options.steps or DEFAULT_STEPS,
        minutes=options.minutes_each if by_time else math.inf,
        people=options.people,
        frames=options.batch_frames,
        learning_rate=options.learning_rate,
        device=options.device,
        weights=LossWeights(adversarial=0, teeth=0.3),
        growing=options.growing,
    )


def trained(name: str, options: argparse.Namespace) -> Path:
    """Train a variant, or go on with it; returns its checkpoint, or weights from elsewhere."""
    checkpoint = options.out / f"{name.replace(', ', '_').replace(' ', '_')}.pt"
    if weights_path(checkpoint).exists() and not checkpoint.exists():
        return weights_path(checkpoint)
    trainer = Trainer(VARIANTS[name], recipe(options), options.clips)
    if checkpoint.exists():
        trainer.resume(checkpoint)
    trainer.train(checkpoint)
    return checkpoint


def main() -> None:
    """Train what is missing, compare, print."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name in options.variant or VARIANTS:
        print(name, flush=True)
        paths[name] = trained(name, options)
    if not options.train_only:
        _compare(paths, options)


def _compare(paths: dict[str, Path], options: argparse.Namespace) -> None:
    # Scoring finds faces, which training does not: a machine that trains may lack what that needs.
    from weights.training.fia import evaluate as scoring

    painters = {"warp alone": scoring.warp_painter}
    painters |= {name: scoring.network_painter(path) for name, path in paths.items()}
    scores = scoring.evaluate(painters, options.held_out, scoring.lip_reader(), options.frames)
    print(scoring.table(scores))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("held_out", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--variant", choices=list(VARIANTS), action="append", help="only this one")
    parser.add_argument("--train-only", action="store_true", help="score nothing")
    parser.add_argument("--steps", type=int, help=f"of each (default: {DEFAULT_STEPS})")
    parser.add_argument("--minutes-each", type=float, help="instead of steps")
    parser.add_argument("--people", type=int, default=4, help="people in a batch")
    parser.add_argument("--batch-frames", type=int, default=1, help="frames of each in a batch")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--growing", type=int, default=0, metavar="N", help="begin with N clips, take in later ones"
    )
    parser.add_argument("--frames", type=int, default=0, help="of each held-out clip (default all)")
    options = parser.parse_args()
    if options.held_out is None and not options.train_only:
        parser.error("HELD_OUT is needed, or --train-only")
    return options


if __name__ == "__main__":
    main()
