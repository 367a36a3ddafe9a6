"""Compares networks with the warp they start from, on clips of people they have not seen.

`python -m weights.training.fia.evaluate CLIPS CHECKPOINT [...]` prints one table.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from core.face_model import FaceModel
from core.portrait.landmarks import LandmarkNetwork
from render.fia.clips import Clip, clip_files, from_network
from render.fia.scores import LipReader, mean_scores, score
from weights import store
from weights.training.fia.resident import masked, pack, unpack
from weights.training.fia.train import load_network, paint, paint_calmly

Painter = Callable[[Clip], np.ndarray]


def evaluate(
    painters: dict[str, Painter], clips: Path, lips: LipReader | None = None, frames: int = 0
) -> dict[str, dict[str, float]]:
    """Mean scores of each painter over the clips of a folder; see `render.fia.scores.score`.

    Args:
        painters: By name.
        clips: Folder.
        lips: Adds the landmark distance of the mouth.
        frames: Of each clip, 0 for all.
    """
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in painters}
    for path in clip_files(clips):
        clip = first_frames(Clip.load(path), frames)
        for name, painter in painters.items():
            rows[name].append(score(painter(clip), clip, lips))
    return {name: mean_scores(one) for name, one in rows.items()}


def first_frames(clip: Clip, count: int) -> Clip:
    """The beginning of a clip; all of it where `count` is 0."""
    names = ("beta", "rho", "base", "target", "mask", "teeth")
    return replace(clip, **{name: getattr(clip, name)[: count or None] for name in names})


def lip_reader() -> LipReader:
    """With our own networks."""
    model = FaceModel.load(store.path("face_model.npz"))
    network = LandmarkNetwork(model, store.path("landmarks.onnx"), store.path("mouth.onnx"))
    return LipReader(network)


def table(scores: dict[str, dict[str, float]]) -> str:
    """Markdown, a row for each painter."""
    names = list(next(iter(scores.values())))
    rows = [f"| | {' | '.join(names)} |", f"|---{'|---' * len(names)}|"]
    for painter, values in scores.items():
        cells = " | ".join(f"{values[name]:.3f}" for name in names)
        rows.append(f"| {painter} | {cells} |")
    return "\n".join(rows)


def warp_painter(clip: Clip) -> np.ndarray:
    """The warp renderer's frames as they are."""
    return clip.base


def network_painter(checkpoint: Path, calm: bool = False) -> Painter:
    """Frames of a trained network; `calm`: without what it would change at rest."""
    network = load_network(checkpoint)

    @torch.no_grad()
    def painter(clip: Clip) -> np.ndarray:
        batch = unpack(pack(masked(clip, network.config)))
        painted = (paint_calmly if calm else paint)(network, batch, len(clip))
        return from_network(painted.numpy())

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
    parser.add_argument("--frames", type=int, default=0, help="of each clip (default: all)")
    parser.add_argument(
        "--calm",
        action="store_true",
        help="without what a network would change at rest, as the program shows guided ones",
    )
    parser.add_argument("--sheet", type=Path, help="PNG to write, frames side by side")
    options = parser.parse_args()
    painters: dict[str, Painter] = {"warp": warp_painter}
    painters |= {str(path): network_painter(path, options.calm) for path in options.checkpoints}
    scores = evaluate(painters, options.clips, lip_reader(), options.frames)
    print(table(scores))
    if options.sheet:
        sheet = contact_sheet(painters, options.clips, people=6)
        cv2.imwrite(str(options.sheet), sheet[..., ::-1])


if __name__ == "__main__":
    main()
