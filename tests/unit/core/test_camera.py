"""Signs and order of the head's angles, and the projection."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.camera import HeadPose, euler_from_rotation, rotation_from_euler

OUT, UP, LEFT = np.eye(3)[[2, 1, 0]]


def test_signs() -> None:
    assert (rotation_from_euler(10, 0, 0) @ OUT)[1] > 0.1  # chin up: the face looks up
    assert (rotation_from_euler(0, 10, 0) @ OUT)[0] > 0.1  # to the subject's left: image right
    assert (rotation_from_euler(0, 0, 10) @ UP)[0] > 0.1  # the crown leans to the left shoulder


@pytest.mark.parametrize("angles", [(0, 0, 0), (10, -25, 7), (-40, 60, -80), (5, 170, 20)])
def test_angles_come_back(angles: tuple[float, float, float]) -> None:
    rotation = rotation_from_euler(*angles)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(euler_from_rotation(rotation), angles, atol=1e-9)


def test_projection() -> None:
    pose = HeadPose(10.0, rotation_from_euler(0, 0, 0), np.array([100.0, 50.0]))
    points = np.array([[1, 2, 3], [0, 0, 0]], np.float32)
    np.testing.assert_allclose(pose.project(points), [[110, 30, 30], [100, 50, 0]])
    assert pose.project(points).dtype == np.float32


@given(
    st.floats(-80, 80),
    st.floats(-170, 170),
    st.floats(-170, 170),
    st.floats(-500, 500),
    st.floats(0.5, 300),
)
def test_rho_comes_back(pitch: float, yaw: float, roll: float, x: float, scale: float) -> None:
    rho = np.array([pitch, yaw, roll, x, -x / 2, scale])
    np.testing.assert_allclose(HeadPose.from_rho(rho).to_rho(), rho, atol=1e-6)
