"""The picture metrics, on pictures whose score is known."""

import numpy as np
import pytest

from render import metrics


@pytest.fixture
def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(40, 200, (32, 32, 3), np.uint8)


def test_equal_pictures_are_perfect(picture: np.ndarray) -> None:
    assert metrics.psnr_db(picture, picture) == float("inf")
    assert metrics.ssim(picture, picture) == pytest.approx(1, abs=1e-5)


def test_psnr_of_a_known_error(picture: np.ndarray) -> None:
    assert metrics.psnr_db(picture + np.uint8(16), picture) == pytest.approx(24.05, abs=0.01)


def test_only_the_region_counts(picture: np.ndarray) -> None:
    changed = picture.copy()
    changed[:16] += 16
    region = np.zeros((32, 32), np.float32)
    region[16:] = 1
    assert metrics.psnr_db(changed, picture, region) == float("inf")
    assert metrics.psnr_db(changed, picture, 1 - region) == pytest.approx(24.05, abs=0.01)
    assert metrics.ssim(changed, picture, 1 - region) < metrics.ssim(changed, picture)


def test_blur_lowers_sharpness_and_similarity(picture: np.ndarray) -> None:
    flat = np.full_like(picture, 120)
    assert metrics.sharpness(flat) == 0
    assert metrics.sharpness(picture) > 1000
    assert metrics.ssim(flat, picture) < 0.1


def test_flicker_ignores_true_movement_and_constant_errors(picture: np.ndarray) -> None:
    truth = np.stack([picture, picture + np.uint8(20), picture])
    assert metrics.flicker(truth + np.uint8(5), truth) == 0
    jumping = truth.copy()
    jumping[1] += 8
    assert metrics.flicker(jumping, truth) == pytest.approx(8)


def test_landmark_distance_ignores_the_place_of_the_face() -> None:
    points = np.array([[0, 0], [10, 0], [0, 10], [10, 10]], np.float32)
    assert metrics.landmark_distance(points + 7, points, 10) == pytest.approx(0)
    stretched = points * [1.2, 1.0]
    assert metrics.landmark_distance(stretched, points, 10) == pytest.approx(0.1)
