"""`python -m weights.training.faces SHEET.png`: a contact sheet of samples with their landmarks."""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from core.face_model import FaceModel
from weights import store
from weights.training.faces import FaceRenderer


def main() -> None:
    """Draw samples side by side, every second one with its landmarks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--mouth", action="store_true", help="mouths seen closer")
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    renderer = FaceRenderer(FaceModel.load(store.path("face_model.npz")), arguments.size)
    renderer.draw(0)
    start = time.perf_counter()
    tiles = []
    for i in range(arguments.rows * 10):
        sample = renderer.draw(arguments.seed + i, arguments.mouth)
        tile = np.ascontiguousarray(sample.image[..., ::-1])
        for x, y in sample.points if i % 2 else []:
            cv2.circle(tile, (int(x), int(y)), 1, (0, 255, 0), -1)
        tiles.append(tile)
    print(f"{(time.perf_counter() - start) / len(tiles) * 1000:.1f} ms a sample")
    rows = [np.hstack(tiles[i : i + 10]) for i in range(0, len(tiles), 10)]
    cv2.imwrite(str(arguments.sheet), np.vstack(rows))


if __name__ == "__main__":
    main()
