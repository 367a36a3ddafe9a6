"""The landmark networks on rendered faces whose landmarks are known."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.camera import HeadPose, rotation_from_euler
from core.errors import ModelError
from core.portrait.detect import FaceBox
from core.portrait.landmarks import LandmarkNetwork, _crop
from tests.faces import face_model, rendered_face
from weights import store

_BOX = FaceBox(240, 235, 265)
_SMILE = {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}


@pytest.fixture(scope="module")
def network() -> LandmarkNetwork:
    paths = (store.path("landmarks.onnx"), store.path("mouth.onnx"))
    return LandmarkNetwork(face_model(), *paths)


def rows(start: str) -> list[int]:
    return [i for i, name in enumerate(face_model().landmark_names) if name.startswith(start)]


def error_percent(found: np.ndarray, true: np.ndarray, *starts: str) -> float:
    """Mean distance in percent of the outer-eye distance."""
    names = face_model().landmark_names
    right, left = names.index("eye_right_upper_0"), names.index("eye_left_upper_6")
    unit = np.linalg.norm(true[right] - true[left])
    chosen = [i for start in starts for i in rows(start)]
    return float(np.linalg.norm(found[chosen] - true[chosen], axis=1).mean() / unit * 100)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("beta", [{}, {"jawOpen": 0.5}, _SMILE])
def test_landmarks_of_a_rendered_face(
    network: LandmarkNetwork, seed: int, beta: dict[str, float]
) -> None:
    picture, true = rendered_face(seed, beta)
    seen = network.locate(picture, _BOX)
    assert seen.points.shape == true.shape
    assert error_percent(seen.points, true, "eye", "nose", "lip") < 4
    assert error_percent(seen.points, true, "jaw") < 12
    assert ((seen.confidence > 0) & (seen.confidence <= 1)).all()


def test_tilted_and_turned_heads(network: LandmarkNetwork) -> None:
    for pitch, yaw, roll in ((0, 25, 0), (0, -25, 0), (12, 0, 0), (-12, 0, 0), (0, 0, 35)):
        rotation = rotation_from_euler(pitch, yaw, roll)
        picture, true = rendered_face(5, pose=HeadPose(15, rotation, np.array([240.0, 250.0])))
        seen = network.locate(picture, FaceBox(240, 240, 250, roll))
        assert error_percent(seen.points, true, "eye", "nose", "lip") < 6, (pitch, yaw, roll)


def test_a_poor_box_is_made_good(network: LandmarkNetwork) -> None:
    picture, _ = rendered_face(1)
    good = network.locate(picture, _BOX).points
    poor = network.locate(picture, FaceBox(255, 225, 300)).points
    assert error_percent(poor, good, "eye", "nose", "lip") < 1.5


def test_the_mirror_image_has_mirrored_landmarks(network: LandmarkNetwork) -> None:
    model = face_model()
    picture, _ = rendered_face(4, {"mouthSmileLeft": 0.8})
    seen = network.locate(picture, _BOX).points
    mirrored = network.locate(picture[:, ::-1].copy(), FaceBox(240, 235, 265)).points
    vertices = model.landmarks["network"]
    order = [int(np.flatnonzero(vertices == model.mirror[v])[0]) for v in vertices]
    back = mirrored[order] * [-1, 1] + [picture.shape[1], 0]
    np.testing.assert_allclose(back, seen, atol=1.5)


def test_an_open_mouth_is_seen_open(network: LandmarkNetwork) -> None:
    names = face_model().landmark_names
    upper, lower = names.index("lip_rim_upper_4"), names.index("lip_rim_lower_3")
    gaps = []
    for value in (0.0, 0.3, 0.7):
        points = network.locate(rendered_face(6, {"jawOpen": value})[0], _BOX).points
        gaps.append(points[lower, 1] - points[upper, 1])
    assert gaps[0] < 6
    assert gaps[0] + 5 < gaps[1] < gaps[2] - 10


def test_the_mouth_network_tells_open_from_closed(network: LandmarkNetwork) -> None:
    closed = network.locate(rendered_face(6)[0], _BOX).mouth
    opened = network.locate(rendered_face(6, {"jawOpen": 0.7})[0], _BOX).mouth
    assert closed.open_share < 0.12 < 0.2 < opened.open_share
    smile = _SMILE | {"mouthUpperUpLeft": 1.0, "mouthUpperUpRight": 1.0, "jawOpen": 0.1}
    toothy = network.locate(rendered_face(6, smile)[0], _BOX).mouth
    assert toothy.teeth_share > closed.teeth_share + 0.1


def test_the_mouth_network_is_optional_and_helps(network: LandmarkNetwork) -> None:
    alone = LandmarkNetwork(face_model(), store.path("landmarks.onnx"), None)
    with_it, without = [], []
    for seed in range(4):
        picture, true = rendered_face(seed, _SMILE)
        with_it.append(error_percent(network.locate(picture, _BOX).points, true, "lip"))
        without.append(error_percent(alone.locate(picture, _BOX).points, true, "lip"))
    assert np.mean(with_it) < np.mean(without) + 0.2


def test_look_counts_faces_and_takes_the_largest(network: LandmarkNetwork) -> None:
    picture, true = rendered_face(1)
    small = cv2.resize(rendered_face(2)[0], (240, 240))
    both = np.full((480, 720, 3), 160, np.uint8)
    both[:, :480] = picture
    both[120:360, 480:] = small
    count, seen = network.look(both)
    assert count == 2
    assert seen is not None
    assert error_percent(seen.points, true, "eye", "nose", "lip") < 5


def test_look_sees_no_face_on_a_wall(network: LandmarkNetwork) -> None:
    assert network.look(np.full((300, 400, 3), 90, np.uint8)) == (0, None)


def test_large_and_small_pictures_give_the_same_landmarks(network: LandmarkNetwork) -> None:
    picture, _ = rendered_face(1)
    points = network.locate(picture, _BOX).points
    large = cv2.resize(picture, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    again = network.locate(large, FaceBox(720, 705, 795)).points / 3
    assert error_percent(again, points, "eye", "nose", "lip") < 1


def test_crops_keep_places() -> None:
    """A point drawn in the picture lies where the matrix says in the crop, large or small."""
    picture = np.zeros((400, 600, 3), np.uint8)
    cv2.circle(picture, (300, 200), 16, (255, 255, 255), -1)
    for scale in (0.2, 0.5, 1.3):
        matrix = np.array([[scale, 0, 50 - scale * 300.5], [0, scale, 50 - scale * 200.5]])
        crop = _crop(picture, matrix, 100).astype(float).mean(2)
        y, x = np.mgrid[:100, :100] + 0.5
        centre = [(crop * x).sum() / crop.sum(), (crop * y).sum() / crop.sum()]
        np.testing.assert_allclose(centre, [50, 50], atol=0.15)


def test_a_face_is_located_within_a_second(network: LandmarkNetwork) -> None:
    picture, _ = rendered_face(1)
    start = time.process_time()
    network.locate(picture, _BOX)
    assert time.process_time() - start < 1


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nothing\.onnx"):
        LandmarkNetwork(face_model(), tmp_path / "nothing.onnx", None)
