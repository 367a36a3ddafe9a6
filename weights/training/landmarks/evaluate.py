"""Hold our landmarks against an outside tracker's on portraits that were never trained on.

`python -m weights.training.landmarks.evaluate --portraits ../shared/portraits [--sheet OUT.png]`

The folder holds pictures and `landmarks_mediapipe478.npz`: for each file stem the MediaPipe
face-mesh points (478, 3). The two meshes have no vertices in common, so curves are compared as
curves; `docs/landmarks.md` says how.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from core.face_model import FaceModel
from core.portrait.landmarks import LandmarkNetwork, Landmarks
from core.portrait.picture import read_picture
from core.types import FloatArray
from weights import store

NO_HUMAN_FACE = ("drawing_anime", "render_robot_suit")
"""Portraits left out of the medians: the tracker itself is lost on them."""
_OUTER_EYES = (33, 263)
# Curves of the outside tracker, from the subject's right to the left.
_CURVES = {
    "eye_right_upper": (33, 246, 161, 160, 159, 158, 157, 173, 133),
    "eye_right_lower": (33, 7, 163, 144, 145, 153, 154, 155, 133),
    "eye_left_upper": (362, 398, 384, 385, 386, 387, 388, 466, 263),
    "eye_left_lower": (362, 382, 381, 380, 374, 373, 390, 249, 263),
    "brow_right": (70, 63, 105, 66, 107),
    "brow_left": (336, 296, 334, 293, 300),
    "lip_outer_upper": (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    "lip_outer_lower": (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
    "lip_rim_upper": (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    "lip_rim_lower": (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
}
_NOSE = {
    "nose_bridge": (0, 4, (168, 6, 197, 195, 5, 4)),
    "nose_base": (4, 9, (75, 97, 2, 326, 305)),
}
"""First and last of our points (exclusive), and the tracker's curve."""
_POINTS = {
    "iris_right": 468,
    "iris_left": 473,
}
_GAP_COLUMNS = ((82, 87, 3), (13, 14, 4), (312, 317, 5))
"""Upper and lower point of the tracker, and the step along our rim, near the middle of the lips."""
_STEPS = 41


@dataclass(frozen=True)
class Comparison:
    """Differences in percent of the tracker's outer-eye distance.

    Attributes:
        inner: Mean over eyes, irises, brows, nose and lips, curves compared as curves.
        strict: The same with curves compared point by point at equal shares of their length.
        eyes, brows, nose, mouth: Parts of `inner`.
        gap: Error of the distance between the lips, mean of three columns.
        seconds: Processor time taken, detection included.
    """

    inner: float
    strict: float
    eyes: float
    brows: float
    nose: float
    mouth: float
    gap: float
    seconds: float


def compare(model: FaceModel, points: FloatArray, theirs: FloatArray, seconds: float) -> Comparison:
    """Compare our points (L, 2) with the tracker's (478, 2 or 3), all in pixels."""
    theirs = theirs[:, :2]
    scale = 100 / np.linalg.norm(theirs[_OUTER_EYES[0]] - theirs[_OUTER_EYES[1]])
    named = dict(zip(model.landmark_names, points, strict=True))
    as_curves, strict = {}, {}
    for name, indices in _CURVES.items():
        ours = _our_curve(named, name)
        as_curves[name] = scale * _curve_distance(ours, theirs[list(indices)])
        strict[name] = scale * _pointwise(ours, theirs[list(indices)])
    for name, (first, last, indices) in _NOSE.items():
        ours = np.array([named[f"nose_{i}"] for i in range(first, last)])
        as_curves[name] = scale * _curve_distance(ours, theirs[list(indices)])
        strict[name] = scale * _pointwise(ours, theirs[list(indices)])
    for name, index in _POINTS.items():
        strict[name] = as_curves[name] = scale * float(np.linalg.norm(named[name] - theirs[index]))
    return Comparison(
        inner=_mean(as_curves, ""),
        strict=_mean(strict, ""),
        eyes=_mean(as_curves, "eye"),
        brows=_mean(as_curves, "brow"),
        nose=_mean(as_curves, "nose"),
        mouth=_mean(as_curves, "lip"),
        gap=scale * _gap_error(named, theirs),
        seconds=seconds,
    )


def _our_curve(named: dict[str, FloatArray], name: str) -> FloatArray:
    """Our points of a curve; the lower curves share their ends with the upper ones."""
    own = [p for key, p in named.items() if key.rpartition("_")[0] == name]
    if name.endswith("lower"):
        upper = _our_curve(named, name.replace("lower", "upper"))
        own = [upper[0], *own, upper[-1]]
    return np.array(own)


def _mean(parts: dict[str, float], start: str) -> float:
    """Mean over curves and points, weighted by how many points of ours each stands for."""
    chosen = {name: value for name, value in parts.items() if name.startswith(start)}
    weights = [
        1 if name in _POINTS else (5 if name.startswith(("brow", "nose")) else 7) for name in chosen
    ]
    return float(np.average(list(chosen.values()), weights=weights))


def _resampled(curve: FloatArray, count: int) -> FloatArray:
    """`count` points at equal steps along a polyline."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    where = np.linspace(0, along[-1], count)
    return np.stack([np.interp(where, along, curve[:, axis]) for axis in range(2)], 1)


def _curve_distance(ours: FloatArray, theirs: FloatArray) -> float:
    """Mean distance from each curve to the nearest place of the other, both ways."""
    a, b = _resampled(ours, _STEPS), _resampled(theirs, _STEPS)
    apart = np.linalg.norm(a[:, None] - b[None], axis=2)
    return float((apart.min(0).mean() + apart.min(1).mean()) / 2)


def _pointwise(ours: FloatArray, theirs: FloatArray) -> float:
    count = len(ours)
    apart = _resampled(ours, count) - _resampled(theirs, count)
    return float(np.linalg.norm(apart, axis=1).mean())


def _gap_error(named: dict[str, FloatArray], theirs: FloatArray) -> float:
    errors = []
    for upper, lower, step in _GAP_COLUMNS:
        ours = np.linalg.norm(named[f"lip_rim_upper_{step}"] - named[f"lip_rim_lower_{step - 1}"])
        errors.append(abs(ours - np.linalg.norm(theirs[upper] - theirs[lower])))
    return float(np.mean(errors))


def evaluate(
    folder: Path, network: LandmarkNetwork, model: FaceModel, stems: tuple[str, ...] = ()
) -> dict[str, tuple[Comparison | None, Landmarks | None]]:
    """Compare on portraits of a folder (all, or some stems); None where no face was found."""
    tracked = np.load(folder / "landmarks_mediapipe478.npz")
    results: dict[str, tuple[Comparison | None, Landmarks | None]] = {}
    for stem in stems or sorted(tracked.files):
        picture = read_picture(next(folder.glob(f"{stem}.[jp]*")))
        start = time.process_time()
        seen = network.look(picture.rgb)[1]
        seconds = time.process_time() - start
        theirs = tracked[stem]
        found = None if seen is None else compare(model, seen.points, theirs, seconds)
        results[stem] = (found, seen)
    return results


def table(results: dict[str, tuple[Comparison | None, Landmarks | None]]) -> str:
    """One line a portrait, then medians and the worst."""
    columns = ("inner", "strict", "eyes", "brows", "nose", "mouth", "gap", "seconds")
    lines = [f"{'portrait':26s}" + "".join(f"{name:>9s}" for name in columns)]
    human = []
    for stem, (found, _) in results.items():
        if found is None:
            lines.append(f"{stem:26s}  no face found")
            continue
        values = [getattr(found, name) for name in columns]
        lines.append(f"{stem:26s}" + "".join(f"{value:9.2f}" for value in values))
        if stem not in NO_HUMAN_FACE:
            human.append(values)
    for name, reduce in (("median, human faces", np.median), ("worst, human faces", np.max)):
        values = reduce(np.array(human), axis=0)
        lines.append(f"{name:26s}" + "".join(f"{value:9.2f}" for value in values))
    return "\n".join(lines)


def sheet(
    folder: Path, results: dict[str, tuple[Comparison | None, Landmarks | None]]
) -> np.ndarray:
    """Contact sheet (BGR): the tracker's points red, ours green."""
    tracked, tiles = np.load(folder / "landmarks_mediapipe478.npz"), []
    for stem, (found, seen) in results.items():
        picture = read_picture(next(folder.glob(f"{stem}.[jp]*")))
        theirs = tracked[stem][:, :2]
        middle, reach = theirs[:468].mean(0), np.ptp(theirs[:468], axis=0).max() * 0.6
        scale = 150 / reach
        matrix = np.array(
            [[scale, 0, 150 - scale * middle[0]], [0, scale, 150 - scale * middle[1]]]
        )
        tile = cv2.warpAffine(picture.rgb[..., ::-1], matrix, (300, 300), flags=cv2.INTER_AREA)
        curves = [i for indices in _CURVES.values() for i in indices] + list(_POINTS.values())
        for point in theirs[curves] * scale + matrix[:, 2]:
            cv2.circle(tile, (int(point[0]), int(point[1])), 1, (0, 0, 255), -1)
        if seen is not None:
            for point in seen.points * scale + matrix[:, 2]:
                cv2.circle(tile, (int(point[0]), int(point[1])), 1, (0, 255, 0), -1)
        text = f"{stem} {found.inner:.1f}" if found else f"{stem} none"
        cv2.putText(tile, text, (4, 294), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 255, 255), 1)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 6)
    return np.vstack([np.hstack(tiles[i : i + 6]) for i in range(0, len(tiles), 6)])


def main() -> None:
    """Print the table; write the sheet if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--face", type=Path, help="another network than the one that ships")
    parser.add_argument("--mouth", type=Path, help="another network than the one that ships")
    parser.add_argument("--sheet", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    model = FaceModel.load(store.path("face_model.npz"))
    network = LandmarkNetwork(
        model,
        arguments.face or store.path("landmarks.onnx"),
        arguments.mouth or store.path("mouth.onnx"),
    )
    results = evaluate(arguments.portraits, network, model)
    print(table(results))
    if arguments.sheet:
        cv2.imwrite(str(arguments.sheet), sheet(arguments.portraits, results))


if __name__ == "__main__":
    main()
