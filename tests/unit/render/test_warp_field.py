"""The coarse map spread over pixels, against OpenCV."""

import cv2
import numpy as np
import pytest

from render.warp import field_kernels as kernels

RING = 2


def grid(rows: int, columns: int, spacing: int) -> np.ndarray:
    """Sources of a grid's nodes, moved at random by up to the spacing."""
    y, x = np.mgrid[:rows, :columns]
    home = np.stack([x, y], -1) * 2.0 * spacing
    moved = np.random.default_rng(spacing).uniform(-spacing, spacing, home.shape)
    return (home + moved).astype(np.float32)


@pytest.mark.parametrize("spacing", [3, 6, 9])
def test_a_window_is_the_grid_enlarged(spacing: int) -> None:
    nodes = grid(11, 14, spacing)
    size = (14 * spacing, 11 * spacing)
    whole = cv2.resize(nodes, size, interpolation=cv2.INTER_LINEAR)
    left, top, width, height = 1, 5, 8 * spacing - 2, 5 * spacing
    out = np.zeros((height, width, 2), np.float32)
    pair = np.zeros((2, 2, width + 7), np.float32)
    kernels.stretch(nodes, left, top, spacing, RING, pair, out)
    y, x = top + RING * spacing, left + RING * spacing
    np.testing.assert_allclose(out, whole[y : y + height, x : x + width], atol=2e-4)


def test_fixed_places_are_those_of_opencv() -> None:
    spacing = 9
    nodes = grid(9, 12, spacing)
    shape = (40, 60)
    places = np.zeros((*shape, 2), np.float32)
    pair = np.zeros((2, 2, 60), np.float32)
    kernels.stretch(nodes, 0, 0, spacing, RING, pair, places)
    packed, fraction = np.zeros(shape, np.int32), np.zeros(shape, np.uint16)
    kernels.stretch_fixed(nodes, 0, 0, spacing, RING, pair, packed, fraction)
    again, again_fraction = np.zeros(shape, np.int32), np.zeros(shape, np.uint16)
    kernels.fix(places[4:, 5:], 5, 4, again, again_fraction)
    kernels.fix(places[:9], 0, 0, again, again_fraction)
    kernels.fix(places[:, :9], 0, 0, again, again_fraction)

    def picture(whole: np.ndarray, part: np.ndarray) -> np.ndarray:
        source = np.random.default_rng(0).integers(0, 255, (240, 300, 3)).astype(np.uint8)
        source = cv2.GaussianBlur(source, (0, 0), 3.0)
        return cv2.remap(source, whole, part, cv2.INTER_LINEAR).astype(int)

    whole, part = cv2.convertMaps(places, None, cv2.CV_16SC2)
    theirs = picture(whole, part)
    for ours, share in ((packed, fraction), (again, again_fraction)):
        assert np.abs(picture(ours.view(np.int16).reshape(*shape, 2), share) - theirs).max() <= 2
    exact = packed.view(np.int16).reshape(*shape, 2)
    assert (exact == whole).mean() > 0.99
