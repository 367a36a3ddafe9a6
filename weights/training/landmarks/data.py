"""Training pictures on disk: `python -m weights.training.landmarks.data face FOLDER --shards 20`.

Shards that are already there are kept, so the command can be stopped and run again.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from core.face_model import FaceModel
from weights import store
from weights.training.faces import FaceRenderer

SHARD = 1000
PICTURE_PX = {"face": 144, "mouth": 120}
"""Stored size; the networks see a smaller, randomly placed crop of it."""
_SEEDS_A_KIND = 100_000_000


def write_shard(renderer: FaceRenderer, kind: str, index: int, folder: Path) -> Path:
    """Render shard `index` of a kind ("face" or "mouth")."""
    file = folder / f"{kind}_{index:03d}.npz"
    if file.exists():
        return file
    first = (kind == "mouth") * _SEEDS_A_KIND + index * SHARD
    samples = [renderer.draw(seed, mouth=kind == "mouth") for seed in range(first, first + SHARD)]
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(
            stream,
            images=np.stack([s.image for s in samples]),
            points=np.stack([s.points for s in samples]),
            state=np.array([[s.gap_cm, s.teeth, s.open] for s in samples], np.float32),
        )
    part.rename(file)
    return file


def main() -> None:
    """Render the shards that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=PICTURE_PX)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--shards", type=int, default=20)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    model = FaceModel.load(store.path("face_model.npz"))
    renderer = FaceRenderer(model, PICTURE_PX[arguments.kind])
    for index in range(arguments.first, arguments.first + arguments.shards):
        print(write_shard(renderer, arguments.kind, index, arguments.folder), flush=True)


if __name__ == "__main__":
    main()
