"""Compares networks with the warp they start from, on clips of people they have not seen.

`python -m weights.training.fia.evaluate CLIPS CHECKPOINT [...]` prints one table.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from render.fia.clips import Clip, clip_files, from_network
from render.fia.scores import mean_scores, score
from weights.training.fia.train import collate, load_network, paint

Painter = Callable[[Clip], np.ndarray]


def evaluate(painter: Painter, clips: Path) -> dict[str, float]:
    """Mean scores over the clips of a folder; see `render.fia.scores.score`."""
    return mean_scores([score(painter(clip), clip) for clip in map(Clip.load, clip_files(clips))])


def warp_painter(clip: Clip) -> np.ndarray:
    """The warp renderer's frames as they are."""
    return clip.base


def network_painter(checkpoint: Path) -> Painter:
    """Frames of a trained network."""
    network = load_network(checkpoint)

    @torch.no_grad()
    def painter(clip: Clip) -> np.ndarray:
        batch = collate([clip], None, np.random.default_rng(0))
        return from_network(paint(network, batch, len(clip)).numpy())

    return painter


def contact_sheet(painters: dict[str, Painter], clips: Path, people: int) -> np.ndarray:
    """Rows of frames, for the eye: each painter's, then the truth, for a few people."""
    rows = []
    for path in clip_files(clips)[:people]:
        clip = Clip.load(path)
        shown = [painter(clip) for painter in painters.values()] + [clip.target]
        rows += [np.concatenate([clip.reference, *frames], axis=1) for frames in shown]
    return np.concatenate(rows)


def main() -> None:
    """Print the table, and write the contact sheet if asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("checkpoints", type=Path, nargs="*")
    parser.add_argument("--sheet", type=Path, help="PNG to write, frames side by side")
    options = parser.parse_args()
    painters: dict[str, Painter] = {"warp": warp_painter}
    painters |= {str(path): network_painter(path) for path in options.checkpoints}
    for number, (name, painter) in enumerate(painters.items()):
        scores = evaluate(painter, options.clips)
        if number == 0:
            print(f"| | {' | '.join(scores)} |\n|---{'|---' * len(scores)}|")
        print(f"| {name} | {' | '.join(f'{value:.3f}' for value in scores.values())} |")
    if options.sheet:
        sheet = contact_sheet(painters, options.clips, people=6)
        cv2.imwrite(str(options.sheet), sheet[..., ::-1])


if __name__ == "__main__":
    main()
