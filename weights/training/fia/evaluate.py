"""Compares networks with the warp they start from, on clips of people they have not seen.

`python -m weights.training.fia.evaluate CLIPS CHECKPOINT [...]` prints one table.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from render import metrics
from render.fia.clips import Clip, clip_files, from_network
from weights.training.fia.train import collate, load_network, paint

Painter = Callable[[Clip], np.ndarray]
COLUMNS = ("PSNR dB", "SSIM", "sharpness share", "teeth L1", "flicker")
REGION_LEVEL = 128


def evaluate(painter: Painter, clips: Path) -> dict[str, float]:
    """Mean scores over all frames, inside the region that may be repainted.

    Sharpness is given as a share of the truth's; `teeth L1` in levels of 255.
    """
    rows = [_scores(painter(clip), clip) for clip in map(Clip.load, clip_files(clips))]
    means = np.nanmean(np.array(rows), axis=0)
    return dict(zip(COLUMNS, map(float, means), strict=True))


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
    print(f"| | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
    for name, painter in painters.items():
        scores = evaluate(painter, options.clips)
        print(f"| {name} | {' | '.join(f'{value:.3f}' for value in scores.values())} |")
    if options.sheet:
        sheet = contact_sheet(painters, options.clips, people=6)
        cv2.imwrite(str(options.sheet), sheet[..., ::-1])


def _scores(painted: np.ndarray, clip: Clip) -> tuple[float, ...]:
    region = (clip.mask < REGION_LEVEL).astype(np.float32)
    frames = range(len(clip))
    similar = [metrics.ssim(painted[i], clip.target[i], region[i]) for i in frames]
    sharp = [
        metrics.sharpness(painted[i], region[i]) / metrics.sharpness(clip.target[i], region[i])
        for i in frames
    ]
    teeth = clip.teeth.astype(np.float32)
    error = np.abs(painted.astype(np.float32) - clip.target).mean(axis=-1)
    shown = teeth.sum()
    return (
        metrics.psnr_db(painted, clip.target, region),
        float(np.mean(similar)),
        float(np.mean(sharp)),
        float((error * teeth).sum() / shown) if shown > 0 else float("nan"),
        metrics.flicker(painted, clip.target, np.minimum(region[1:], region[:-1])),
    )


if __name__ == "__main__":
    main()
