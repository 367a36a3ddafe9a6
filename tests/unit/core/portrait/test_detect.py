"""The detector on rendered faces: upright, tilted, small, and where there is none."""

import cv2
import numpy as np
import pytest

from core.portrait.detect import FaceBox, _merged, find_faces
from tests.faces import face_on_wall


def hit(box: FaceBox, x: float, y: float, size: float) -> bool:
    near = np.hypot(box.x - x, box.y - y) < 0.35 * size
    return bool(near and 0.5 * size < box.size < 1.6 * size)


@pytest.mark.parametrize("tilt_deg", [0, 30, -30])
def test_a_face_is_found_where_it_is(tilt_deg: float) -> None:
    picture, x, y, size = face_on_wall(seed=3, tilt_deg=tilt_deg)
    assert any(hit(box, x, y, size) for box in find_faces(picture))


def test_a_small_face_is_found() -> None:
    picture, x, y, size = face_on_wall(seed=3, zoom=0.3)
    assert size < 0.2 * picture.shape[0]
    assert any(hit(box, x, y, size) for box in find_faces(picture))


def test_an_empty_wall_has_no_face() -> None:
    wall = np.full((300, 400, 3), 128, np.uint8)
    assert find_faces(wall) == []


def test_any_size_of_picture_is_searched() -> None:
    picture, *_ = face_on_wall(seed=3)
    for width, height in ((64, 64), (2000, 90), (70, 1500)):
        find_faces(cv2.resize(picture, (width, height)))


def test_finds_of_one_face_become_one_with_their_votes() -> None:
    finds = [FaceBox(100, 100, 80), FaceBox(104, 98, 84), FaceBox(300, 100, 60)]
    merged = _merged(finds)
    assert [box.votes for box in merged] == [2, 1]
    assert merged[0].x == pytest.approx(102)
