"""Trains small variants of one network alike and compares them on people they have not seen.

    python -m weights.training.fia.ablation CLIPS HELD_OUT --out DIR [--steps N] [--frames N]

CLIPS and HELD_OUT are folders of synthetic clips (`realtalk-train fia --synthetic N`) of different
people. Trained variants are kept in DIR, so that a run which was stopped goes on. Prints one table;
all rows are scored inside the mask that follows the jaw.
"""

import argparse
import dataclasses
from pathlib import Path

from render.fia.config import PRESETS, FiaConfig
from weights.training.fia.evaluate import (
    Painter,
    evaluate,
    lip_reader,
    network_painter,
    table,
    warp_painter,
)
from weights.training.fia.losses import LossWeights
from weights.training.fia.train import Recipe, Trainer

GUIDED = PRESETS["pocket"]
PAPER = dataclasses.replace(GUIDED, guided=False)
VARIANTS: dict[str, FiaConfig] = {
    "paper-style": PAPER,
    "paper-style, naive mask": dataclasses.replace(PAPER, mask="naive"),
    "paper-style, flow": dataclasses.replace(PAPER, alignment="flow"),
    "paper-style, deformation": dataclasses.replace(PAPER, alignment="deformation"),
    "paper-style, no alignment": dataclasses.replace(PAPER, aligned_levels=0),
    "guided": GUIDED,
    "guided, detail alone": dataclasses.replace(GUIDED, detail_px=8),
}


def recipe(steps: int) -> Recipe:
    """The same small budget for all; without the discriminator, which needs more."""
    weights = LossWeights(adversarial=0, teeth=0.3)
    return Recipe(
        steps=steps, people=4, frames=1, learning_rate=1e-3, weights=weights, save_every=20
    )


def trained(config: FiaConfig, checkpoint: Path, clips: Path, steps: int) -> Path:
    """Train a variant, or go on with it; returns its checkpoint."""
    trainer = Trainer(config, recipe(steps), clips)
    if checkpoint.exists():
        trainer.resume(checkpoint)
    trainer.train(checkpoint)
    return checkpoint


def main() -> None:
    """Train what is missing, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--steps", type=int, default=160)
    parser.add_argument("--frames", type=int, default=0, help="of each held-out clip (default all)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    painters: dict[str, Painter] = {"warp alone": warp_painter}
    for name, config in VARIANTS.items():
        print(name, flush=True)
        path = options.out / f"{name.replace(', ', '_').replace(' ', '_')}.pt"
        painters[name] = network_painter(trained(config, path, options.clips, options.steps))
    print(table(evaluate(painters, options.held_out, lip_reader(), options.frames)))


if __name__ == "__main__":
    main()
