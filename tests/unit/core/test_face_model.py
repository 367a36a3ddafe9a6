"""The face model that ships: its shapes, symmetry, named groups and cost."""

import time
from pathlib import Path

import numpy as np
import pytest

from core import blendshapes
from core.errors import ModelError
from core.face_model import PARTS, FaceModel
from weights import store


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.load(store.path("face_model.npz"))


def beta_of(**weights: float) -> np.ndarray:
    beta = np.zeros(blendshapes.NUM, np.float32)
    for name, value in weights.items():
        beta[blendshapes.INDEX[name]] = value
    return beta


def posed(model: FaceModel, **weights: float) -> np.ndarray:
    return model.pose(model.mean, beta_of(**weights))


def rim_gap(model: FaceModel, vertices: np.ndarray) -> float:
    upper, lower = model.landmarks["lip_rim_upper"], model.landmarks["lip_rim_lower"]
    return float(vertices[upper[len(upper) // 2], 1] - vertices[lower[len(lower) // 2], 1])


def test_shapes_and_types(model: FaceModel) -> None:
    count = model.num_vertices
    assert 3000 <= count <= 4500
    assert model.identity.shape == (model.num_identity, count, 3)
    assert model.expression.shape == (blendshapes.NUM, count, 3)
    for array in (model.mean, model.identity, model.expression, model.uv, model.lip_coord):
        assert array.dtype == np.float32
    assert model.triangles.dtype == np.int32
    assert model.triangles.min() == 0
    assert model.triangles.max() == count - 1
    assert set(np.unique(model.part)) == set(range(len(PARTS)))
    assert ((model.uv >= 0) & (model.uv <= 1)).all()


def test_mirror_is_an_involution_and_mirrors(model: FaceModel) -> None:
    mirror = model.mirror
    np.testing.assert_array_equal(mirror[mirror], np.arange(model.num_vertices))
    np.testing.assert_allclose(model.mean[mirror] * [-1, 1, 1], model.mean, atol=0.03)


def test_expressions_mirror_by_their_names(model: FaceModel) -> None:
    """Left shapes are the right ones mirrored: a wrong order of beta would show here."""
    swapped = model.expression[list(blendshapes.MIRROR)][:, model.mirror] * [-1, 1, 1]
    error = np.square(swapped - model.expression).mean(axis=(1, 2)) ** 0.5
    size = np.square(model.expression).mean(axis=(1, 2)) ** 0.5
    assert (error < 0.25 * size).all(), dict(
        zip(blendshapes.NAMES, (error / size).round(2), strict=True)
    )


def test_expressions_do_what_they_say(model: FaceModel) -> None:
    rest = model.mean
    assert abs(rim_gap(model, rest)) < 0.15
    assert rim_gap(model, posed(model, jawOpen=1)) > 2
    corners = model.landmarks["lip_rim_upper"][[0, -1]]
    smile = posed(model, mouthSmileLeft=1, mouthSmileRight=1)
    assert (smile[corners, 1] > rest[corners, 1] + 0.2).all()
    pucker = posed(model, mouthPucker=1)
    assert np.ptp(pucker[corners, 0]) < np.ptp(rest[corners, 0]) - 0.5
    tongue = model.vertices_of("tongue")
    assert posed(model, tongueOut=1)[tongue, 2].max() > rest[tongue, 2].max() + 2
    for side in ("left", "right"):
        blink = posed(model, eyeBlinkLeft=1, eyeBlinkRight=1)
        upper, lower = (model.landmarks[f"eye_{side}_{lid}"] for lid in ("upper", "lower"))
        middle_gap = blink[upper[len(upper) // 2], 1] - blink[lower[len(lower) // 2], 1]
        assert middle_gap < 0.12


def test_curves_run_from_the_subjects_right_to_the_left(model: FaceModel) -> None:
    names = ["lip_rim", "lip_outer", "eye_right", "eye_left"]
    for name in [f"{n}_{side}" for n in names for side in ("upper", "lower")]:
        curve = model.mean[model.landmarks[name], 0]
        assert curve[0] < curve.min() + 0.01, name
        assert curve[-1] > curve.max() - 0.01, name
    for pair in ("lip_rim", "lip_outer", "eye_right", "eye_left"):
        upper, lower = model.landmarks[f"{pair}_upper"], model.landmarks[f"{pair}_lower"]
        assert (upper[0], upper[-1]) == (lower[0], lower[-1])


def test_network_points_are_named_distinct_and_symmetric(model: FaceModel) -> None:
    points = model.landmarks["network"].tolist()
    assert len(points) == len(model.landmark_names) == len(set(model.landmark_names))
    assert len(set(points)) == len(points)
    assert set(model.mirror[points].tolist()) == set(points)


def test_lip_coordinate_is_zero_on_the_rim(model: FaceModel) -> None:
    rim = np.union1d(model.landmarks["lip_rim_upper"], model.landmarks["lip_rim_lower"])
    np.testing.assert_allclose(model.lip_coord[rim], 0, atol=1e-3)
    nose_tip = model.landmarks["nose"][3]
    assert model.lip_coord[nose_tip] < -2
    assert (model.lip_coord > 0.2).sum() > 50  # the inner side of the lips is there
    assert np.isnan(model.lip_coord[model.vertices_of("tongue")]).all()


def test_triangles_face_outwards(model: FaceModel) -> None:
    corners = model.mean[model.triangles_of("face")]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    centre = corners.mean(1)
    cheek = (centre[:, 2] > 6) & (np.abs(centre[:, 1] + 1) < 1) & (np.abs(centre[:, 0]) > 3)
    assert (normal[cheek, 2] > 0).all()


def test_every_triangle_belongs_to_one_part(model: FaceModel) -> None:
    assert sum(len(model.triangles_of(name)) for name in PARTS) == len(model.triangles)


def test_shape_and_pose_are_linear(model: FaceModel) -> None:
    random = np.random.default_rng(0)
    alpha = random.standard_normal(10).astype(np.float32)
    expected = model.mean + np.einsum("k,kvc->vc", alpha, model.identity[:10])
    np.testing.assert_allclose(model.shape(alpha), expected, atol=1e-4)
    beta = random.uniform(0, 1, blendshapes.NUM).astype(np.float32)
    expected = model.mean + np.einsum("k,kvc->vc", beta, model.expression)
    np.testing.assert_allclose(model.pose(model.mean, beta), expected, atol=1e-4)
    resting = model.pose(model.mean, beta * 0)
    np.testing.assert_array_equal(resting, model.mean)
    assert resting is not model.mean


def test_posing_costs_less_than_two_plain_copies_of_its_deltas(model: FaceModel) -> None:
    """A speaking face moves about 15 shapes; the cost is given as a ratio, not a time."""
    beta = np.zeros(blendshapes.NUM, np.float32)
    beta[14:29] = 0.3

    def timed(work) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    def copy() -> None:
        for _ in range(2):
            model.expression[14:29].copy()

    # in turn, so that whatever else the machine does slows both
    pairs = [(timed(lambda: model.pose(model.mean, beta)), timed(copy)) for _ in range(60)]
    pose, copies = (min(column) for column in zip(*pairs, strict=True))
    assert pose < 2 * copies


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "face_model.npz"
    file.write_bytes(b"PK\x03\x04 not a model")
    with pytest.raises(ModelError, match=r"face_model\.npz"):
        FaceModel.load(file)
    np.savez(file, mean=np.zeros((3, 3)))
    with pytest.raises(ModelError, match=r"face_model\.npz"):
        FaceModel.load(file)


def test_the_gap_between_the_lips_follows_jaw_and_seal(model: FaceModel) -> None:
    rest, opened = posed(model), posed(model, jawOpen=0.5)
    assert abs(model.lip_gap(rest)) < 0.2
    assert model.lip_gap(opened) == pytest.approx(rim_gap(model, opened), abs=0.2)
    sealed = posed(model, jawOpen=0.5, mouthClose=0.5)
    assert model.lip_gap(sealed) < 0.5 * model.lip_gap(opened)
