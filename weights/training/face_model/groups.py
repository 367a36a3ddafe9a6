"""Named vertex groups of the model, found on the source mesh."""

import numpy as np

from core.face_model.model import PART_INDEX
from weights.training.face_model.source import FloatArray, Source

_INNER_FACE = slice(17, 68)


def named_groups(source: Source) -> dict[str, list[int]]:
    """All groups in source numbering; curves run from the subject's right to the left."""
    marks = source.landmarks68.tolist()
    rim = source.lip_rim.tolist()
    left_corner = rim.index(marks[64])
    groups = {
        "lip_rim_upper": rim[: left_corner + 1],
        "lip_rim_lower": [*rim[left_corner:], rim[0]][::-1],
        "lip_outer_upper": _curve(source, marks[48:55], 17),
        "lip_outer_lower": _curve(source, [marks[48], *marks[59:54:-1], marks[54]], 17),
        "eye_right_upper": source.path(marks[36:40]),
        "eye_right_lower": source.path([marks[36], marks[41], marks[40], marks[39]]),
        "brow_right": _curve(source, marks[17:22], 9),
        "nose": marks[27:36],
        "jaw": marks[:17],
        "chin": [marks[8]],
        "landmarks68": marks,
        "inner_face68": marks[_INNER_FACE],
        "iris_right": [_front_of_eye(source)],
    }
    for name in ("eye_right_upper", "eye_right_lower", "brow_right", "iris_right"):
        mirrored = source.mirror[groups[name]].tolist()
        groups[name.replace("right", "left")] = mirrored[::-1]
    return groups


def network_points(source: Source, groups: dict[str, list[int]]) -> dict[str, int]:
    """The vertices that the landmark network predicts, by name, in the order of its output."""
    points: dict[str, int] = {}
    for side in ("right", "left"):
        points |= _named(f"eye_{side}_upper", _spread(source, groups[f"eye_{side}_upper"], 7))
        lower = _spread(source, groups[f"eye_{side}_lower"], 7)[1:-1]
        points |= _named(f"eye_{side}_lower", lower)
        points[f"iris_{side}"] = groups[f"iris_{side}"][0]
        points |= _named(f"brow_{side}", _spread(source, groups[f"brow_{side}"], 5))
    points |= _named("nose", groups["nose"])
    points |= _named("nose_wing", _nose_wings(source))
    points |= _named("lip_outer_upper", _spread(source, groups["lip_outer_upper"], 9))
    points |= _named("lip_outer_lower", _spread(source, groups["lip_outer_lower"], 9)[1:-1])
    points |= _named("lip_rim_upper", _spread(source, groups["lip_rim_upper"], 9))
    points |= _named("lip_rim_lower", _spread(source, groups["lip_rim_lower"], 9)[1:-1])
    points |= _named("jaw", groups["jaw"])
    return points


def _named(name: str, vertices: list[int]) -> dict[str, int]:
    return {f"{name}_{i}": vertex for i, vertex in enumerate(vertices)}


def _spread(source: Source, curve: list[int], count: int) -> list[int]:
    """`count` vertices at about equal distances along a symmetric or one-sided curve."""
    steps = np.linalg.norm(np.diff(source.mean[curve], axis=0), axis=1)
    along = np.concatenate([[0], np.cumsum(steps)])
    picks = [int(np.argmin(np.abs(along - s))) for s in np.linspace(0, along[-1], count)]
    return [curve[i] for i in picks]


def _curve(source: Source, stops: list[int], count: int) -> list[int]:
    """Distinct vertices nearest to a smooth curve through some vertices of the face.

    Mirror-symmetric when the stops are.
    """
    points = source.mean[stops].astype(np.float64)
    knots = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    where = np.linspace(0, knots[-1], count)
    smooth = np.stack([_catmull_rom(knots, points[:, axis], where) for axis in range(3)], 1)
    face = np.flatnonzero((source.part == PART_INDEX["face"]) & ~(source.lip_coord > 0))
    symmetric = source.mirror[stops[0]] == stops[-1]
    chosen = [_nearest(source.mean, face, point) for point in smooth]
    chosen[0], chosen[-1] = stops[0], stops[-1]
    if symmetric:
        for i in range(count // 2):
            chosen[count - 1 - i] = int(source.mirror[chosen[i]])
        middle = face[source.mirror[face] == face]
        chosen[count // 2] = _nearest(source.mean, middle, smooth[count // 2])
    return list(dict.fromkeys(chosen))


def _catmull_rom(knots: np.ndarray, values: np.ndarray, where: np.ndarray) -> np.ndarray:
    slopes = np.gradient(values, knots)
    i = np.clip(np.searchsorted(knots, where, "right") - 1, 0, len(knots) - 2)
    width = knots[i + 1] - knots[i]
    t = (where - knots[i]) / width
    return (
        (1 + 2 * t) * (1 - t) ** 2 * values[i]
        + t * (1 - t) ** 2 * width * slopes[i]
        + t**2 * (3 - 2 * t) * values[i + 1]
        + t**2 * (t - 1) * width * slopes[i + 1]
    )


def _nearest(mean: FloatArray, among: np.ndarray, point: np.ndarray) -> int:
    return int(among[np.argmin(np.linalg.norm(mean[among] - point, axis=1))])


def _front_of_eye(source: Source) -> int:
    """The middle of the subject's right pupil."""
    eye = np.flatnonzero(source.part == PART_INDEX["eye_right"])
    axis = source.mean[eye] - source.mean[eye].mean(0)
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    return int(eye[np.argmax(axis[:, 2])])


def _nose_wings(source: Source) -> list[int]:
    """The widest points of the nose wings, right then left."""
    face = np.flatnonzero(source.part == PART_INDEX["face"])
    right = _nearest(source.mean, face, source.mean[source.landmarks68[31]] + [-0.5, 0.47, -0.1])
    return [right, int(source.mirror[right])]
