"""`python -m weights.training.face_model --source ../shared/facekit`: learn, write and measure."""

import argparse
import time
from pathlib import Path

import numpy as np

from core.face_model.model import FaceModel
from weights.training.face_model import build, evaluate, source


def save(model: FaceModel, file: Path) -> None:
    """Write what `FaceModel.load` reads: deltas in float16 of a common scale, all else exact."""
    scale = np.array([np.abs(model.identity).max(), np.abs(model.expression).max()], np.float32)
    groups = model.landmarks
    np.savez_compressed(
        file,
        mean=model.mean,
        identity=_rounded(model.identity / scale[0]),
        expression=_rounded(model.expression / scale[1]),
        scale_cm=scale,
        triangles=model.triangles.astype(np.uint16),
        part=model.part,
        uv=model.uv.astype(np.float16),
        mirror=model.mirror.astype(np.uint16),
        lip_coord=model.lip_coord.astype(np.float16),
        lip_side=model.lip_side,
        group_names=np.array(list(groups)),
        group_sizes=np.array([len(group) for group in groups.values()], np.int32),
        group_members=np.concatenate(list(groups.values())).astype(np.uint16),
        landmark_names=np.array(model.landmark_names),
    )


def _rounded(deltas: np.ndarray) -> np.ndarray:
    """float16 with what lies below a ten-thousandth of the largest delta set to zero."""
    return np.where(np.abs(deltas) < 1e-4, 0, deltas).astype(np.float16)


def main() -> None:
    """Learn the model, write it, and print its errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="folder of the source pack")
    parser.add_argument("--output", type=Path, default=Path("weights/face_model.npz"))
    arguments = parser.parse_args()
    start = time.monotonic()
    data = source.load(arguments.source)
    model, kept = build.build(data)
    save(model, arguments.output)
    print(
        f"{model.num_vertices} vertices, {len(model.triangles)} triangles, "
        f"{model.num_identity} identity modes, {arguments.output.stat().st_size / 1e6:.2f} MB, "
        f"{time.monotonic() - start:.0f} s"
    )
    print(evaluate.report(FaceModel.load(arguments.output), kept, data))


if __name__ == "__main__":
    main()
