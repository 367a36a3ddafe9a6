"""The measure itself: zero for equal curves, in percent of the eye distance, blind to sampling."""

import numpy as np
import pytest

from tests.faces import face_model, rendered_face
from weights.training.landmarks import evaluate
from weights.training.landmarks.evaluate import compare


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    """Our points, and a tracker's that lie on the same curves."""
    ours = rendered_face(1, {"jawOpen": 0.4})[1]
    named = dict(zip(face_model().landmark_names, ours, strict=True))
    theirs = np.zeros((478, 3), np.float32)
    for name, indices in evaluate._CURVES.items():
        curve = evaluate._our_curve(named, name)
        theirs[list(indices), :2] = evaluate._resampled(curve, len(indices))
    for first, last, indices in evaluate._NOSE.values():
        curve = np.array([named[f"nose_{i}"] for i in range(first, last)])
        theirs[list(indices), :2] = evaluate._resampled(curve, len(indices))
    for name, index in evaluate._POINTS.items():
        theirs[index, :2] = named[name]
    return ours, theirs


def test_equal_curves_differ_by_nearly_nothing(pair: tuple[np.ndarray, np.ndarray]) -> None:
    found = compare(face_model(), *pair, seconds=0.0)
    assert found.inner < 0.6
    assert found.mouth < 0.6


def test_a_shift_counts_in_percent_of_the_eye_distance(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    ours, theirs = pair
    unit = np.linalg.norm(theirs[33, :2] - theirs[263, :2])
    moved = ours + np.array([0, 0.05 * unit])
    found = compare(face_model(), moved, theirs, seconds=0.0)
    assert found.strict == pytest.approx(5, abs=0.7)
    assert 2 < found.inner <= found.strict + 0.1
    twice = compare(face_model(), moved * 2, theirs * 2, seconds=0.0)
    assert twice.inner == pytest.approx(found.inner, rel=1e-3)


def test_the_gap_of_the_lips_is_compared(pair: tuple[np.ndarray, np.ndarray]) -> None:
    ours, theirs = pair
    unit = np.linalg.norm(theirs[33, :2] - theirs[263, :2])
    wider = ours.copy()
    for i, name in enumerate(face_model().landmark_names):
        if name.startswith("lip_rim_lower"):
            wider[i, 1] += 0.04 * unit
    before = compare(face_model(), ours, theirs, seconds=0.0).gap
    after = compare(face_model(), wider, theirs, seconds=0.0).gap
    assert after == pytest.approx(4, abs=0.2 + float(before))
