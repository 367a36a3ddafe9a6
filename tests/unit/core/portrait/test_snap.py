"""The residual snap: through the points, smooth, lips and lids on their own."""

import numpy as np

from core.portrait.snap import snap_offsets
from tests.unit.core.portrait.faces import model

SCALE = 12.0


def snap(residual: np.ndarray, certainty: float = 1.0) -> np.ndarray:
    vertices = model().landmarks["network"]
    trust = np.full(len(vertices), certainty, np.float32)
    return snap_offsets(model(), vertices, residual.astype(np.float32), trust, SCALE)


def members(prefix: str) -> np.ndarray:
    return np.array([i for i, n in enumerate(model().landmark_names) if n.startswith(prefix)])


def test_the_mesh_goes_through_certain_points() -> None:
    rng = np.random.default_rng(0)
    smooth = model().mean[model().landmarks["network"], :2] @ rng.normal(0, 0.6, (2, 2))
    offsets = snap(smooth)
    error = np.abs(offsets[model().landmarks["network"]] - smooth).max()
    assert error < 0.12 * np.abs(smooth).max()


def test_lips_do_not_tie_each_other() -> None:
    residual = np.zeros((len(model().landmark_names), 2))
    lower = np.concatenate([members("lip_rim_lower"), members("lip_outer_lower")])
    residual[lower, 1] = 8.0
    offsets = snap(residual)
    upper_rim = model().landmarks["lip_rim_upper"][10:-10]
    lower_rim = model().landmarks["lip_rim_lower"][10:-10]
    assert np.abs(offsets[upper_rim, 1]).max() < 1.0
    assert offsets[lower_rim, 1].min() > 6.0


def test_lids_do_not_tie_each_other() -> None:
    residual = np.zeros((len(model().landmark_names), 2))
    residual[members("eye_right_upper")[1:-1], 1] = -4.0
    offsets = snap(residual)
    assert offsets[model().landmarks["eye_right_upper"][6:-6], 1].max() < -2.5
    assert np.abs(offsets[model().landmarks["eye_right_lower"][6:-6], 1]).max() < 1.2
    assert np.abs(offsets[model().landmarks["eye_left_upper"], 1]).max() < 0.5


def test_smooth_along_the_lips_and_still_far_away() -> None:
    rng = np.random.default_rng(1)
    residual = rng.normal(0, 3, (len(model().landmark_names), 2))
    offsets = snap(residual, 0.3)
    rim = offsets[model().landmarks["lip_outer_upper"]]
    assert np.abs(np.diff(rim, axis=0)).max() < 6
    back = model().mean[:, 2] < -6
    assert np.abs(offsets[back]).max() < 1.5


def test_rigid_parts_move_as_one() -> None:
    rng = np.random.default_rng(1)
    offsets = snap(rng.normal(0, 3, (len(model().landmark_names), 2)))
    for part in ("teeth_upper", "teeth_lower", "eye_left", "eye_right"):
        assert np.ptp(offsets[model().vertices_of(part)], axis=0).max() == 0


def test_uncertain_points_are_ignored() -> None:
    residual = np.zeros((len(model().landmark_names), 2))
    residual[members("lip")] = 20.0
    vertices = model().landmarks["network"]
    trust = np.ones(len(vertices), np.float32)
    trust[members("lip")] = 0.0
    offsets = snap_offsets(model(), vertices, residual.astype(np.float32), trust, SCALE)
    assert np.abs(offsets).max() < 2.0
