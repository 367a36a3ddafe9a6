"""The points of a face that people can set and move by hand."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import PortraitError
from core.face_model import FaceModel
from core.types import FloatArray

EDITABLE: dict[str, str] = {
    "eye_right_outer": "eye_right_upper_0",
    "eye_right_top": "eye_right_upper_3",
    "eye_right_inner": "eye_right_upper_6",
    "eye_right_bottom": "eye_right_lower_2",
    "eye_left_inner": "eye_left_upper_0",
    "eye_left_top": "eye_left_upper_3",
    "eye_left_outer": "eye_left_upper_6",
    "eye_left_bottom": "eye_left_lower_2",
    "nose_tip": "nose_3",
    "mouth_corner_right": "lip_outer_upper_0",
    "mouth_corner_left": "lip_outer_upper_8",
    "upper_lip_top": "lip_outer_upper_4",
    "upper_lip_bottom": "lip_rim_upper_4",
    "lower_lip_top": "lip_rim_lower_3",
    "lower_lip_bottom": "lip_outer_lower_3",
    "chin": "jaw_8",
}
"""Name of each editable point and the landmark it stands for. Right and left are the subject's:
`eye_right_outer` lies on the left side of the picture."""
_START: dict[str, tuple[float, float]] = {
    "eye_right_outer": (-0.52, -0.22),
    "eye_right_top": (-0.36, -0.28),
    "eye_right_inner": (-0.20, -0.20),
    "eye_right_bottom": (-0.36, -0.16),
    "eye_left_inner": (0.20, -0.20),
    "eye_left_top": (0.36, -0.28),
    "eye_left_outer": (0.52, -0.22),
    "eye_left_bottom": (0.36, -0.16),
    "nose_tip": (0.0, 0.16),
    "mouth_corner_right": (-0.28, 0.46),
    "mouth_corner_left": (0.28, 0.46),
    "upper_lip_top": (0.0, 0.38),
    "upper_lip_bottom": (0.0, 0.45),
    "lower_lip_top": (0.0, 0.47),
    "lower_lip_bottom": (0.0, 0.56),
    "chin": (0.0, 0.92),
}
"""A face from the front, 2 high, around the middle."""
_START_SHARE, _START_HEIGHT = 0.3, 0.43
_FEATURES = ("eye_right", "eye_left", "nose", "lip", "jaw")
_REACH_CM = 1.1

Points = Mapping[str, tuple[float, float]]


def start_points(width: int, height: int) -> dict[str, tuple[float, float]]:
    """All editable points as a face in the middle of a picture, for setting them by hand."""
    half = _START_SHARE * min(width, height)
    middle = (0.5 * width, _START_HEIGHT * height)
    return {name: (middle[0] + half * x, middle[1] + half * y) for name, (x, y) in _START.items()}


def read_points(path: Path) -> dict[str, tuple[float, float]]:
    """Read hand-set points: a JSON object of names with [x, y] in pixels of the upright picture.

    Raises:
        PortraitError: The file cannot be read, or it names no or unknown points.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PortraitError(
            "The points file {path} cannot be read ({reason}).", path=path, reason=error
        ) from error
    if isinstance(content, dict) and isinstance(content.get("points"), dict):
        content = content["points"]
    if not isinstance(content, dict) or not content:
        raise PortraitError(
            'The points file {path} holds no points. Write, for example, {{"chin": [210, 340]}}.',
            path=path,
        )
    try:
        points = {str(name): (float(x), float(y)) for name, (x, y) in content.items()}
    except (TypeError, ValueError) as error:
        raise PortraitError(
            "The points file {path} has a point that is not two numbers [x, y].", path=path
        ) from error
    _check(points, str(path))
    return points


def write_points(path: Path, points: Points) -> None:
    """Write points so that `read_points` reads them, as a start for editing by hand."""
    rounded = {name: [round(x, 2), round(y, 2)] for name, (x, y) in points.items()}
    Path(path).write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")


def check_points(points: Points, width: int, height: int) -> None:
    """Make sure hand-set points have known names and lie in the picture.

    Raises:
        PortraitError: Says which point is wrong.
    """
    _check(points, "the points")
    for name, (x, y) in points.items():
        if not (0 <= x <= width and 0 <= y <= height):
            raise PortraitError(
                "The point '{name}' at ({x:g}, {y:g}) lies outside the picture "
                "({width}x{height} pixels).",
                name=name,
                x=x,
                y=y,
                width=width,
                height=height,
            )


def _check(points: Points, source: str) -> None:
    unknown = sorted(set(points) - set(EDITABLE))
    if unknown:
        raise PortraitError(
            "Unknown point '{unknown}' in {source}. Points are: {names}.",
            unknown=unknown[0],
            source=source,
            names=", ".join(EDITABLE),
        )
    for name, place in points.items():
        if not np.isfinite(place).all():
            raise PortraitError(
                "The point '{name}' in {source} is not a place in the picture.",
                name=name,
                source=source,
            )


def editable_points(model: FaceModel, vertices_px: FloatArray) -> dict[str, tuple[float, float]]:
    """Where the editable points lie on a fitted model with vertices (V, >= 2) in pixels."""
    places = dict(zip(model.landmark_names, model.landmarks["network"].tolist(), strict=True))
    chosen = {name: vertices_px[places[landmark]] for name, landmark in EDITABLE.items()}
    return {name: (float(place[0]), float(place[1])) for name, place in chosen.items()}


def landmark_indices(model: FaceModel, points: Points) -> NDArray[np.intp]:
    """Index among the model's landmarks of each point, in the points' order."""
    order = {name: i for i, name in enumerate(model.landmark_names)}
    return np.array([order[EDITABLE[name]] for name in points], np.intp)


def move_landmarks(model: FaceModel, landmarks_px: FloatArray, points: Points) -> FloatArray:
    """Landmarks with those set by hand in their place, and their neighbours drawn along.

    Args:
        model: The face model.
        landmarks_px: What the network found, shape (L, 2).
        points: Set by hand.

    Returns:
        Shape (L, 2), float32. Only landmarks of the same feature (an eye, the mouth, …) follow.
    """
    moved = np.asarray(landmarks_px, np.float64).copy()
    chosen = landmark_indices(model, points)
    targets = np.array(list(points.values()), np.float64).reshape(-1, 2)
    shifts = targets - moved[chosen]
    places = model.mean[model.landmarks["network"]].astype(np.float64)
    names = np.array(model.landmark_names)
    for feature in _FEATURES:
        members = np.flatnonzero(np.char.startswith(names, feature))
        here = np.isin(chosen, members)
        if not here.any():
            continue
        anchors = places[chosen[here]]
        gram = _nearness(anchors, anchors) + 1e-6 * np.eye(len(anchors))
        follow = _nearness(places[members], anchors) @ np.linalg.solve(gram, shifts[here])
        moved[members] += follow
    moved[chosen] = targets
    return moved.astype(np.float32)


def _nearness(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = ((a[:, None] - b[None]) ** 2).sum(-1)
    return np.asarray(np.exp(-squares / (2.0 * _REACH_CM**2)))
