"""The procedural faces: repeatable, varied, and with labels that lie where they should."""

import numpy as np
import pytest

from tests.faces import face_model
from weights.training.faces import FaceRenderer, Sample
from weights.training.faces.noise import NoiseTiles
from weights.training.faces.surface import Fields

_SIZE = 96


@pytest.fixture(scope="module")
def renderer() -> FaceRenderer:
    return FaceRenderer(face_model(), _SIZE)


@pytest.fixture(scope="module")
def samples(renderer: FaceRenderer) -> list[Sample]:
    return [renderer.draw(seed) for seed in range(24)]


def test_the_same_seed_draws_the_same_face(renderer: FaceRenderer) -> None:
    first, other, again = renderer.draw(11), renderer.draw(12), renderer.draw(11)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.points, again.points)
    assert not np.array_equal(first.image, other.image)


def test_pictures_and_labels_have_their_shapes(samples: list[Sample]) -> None:
    count = len(face_model().landmark_names)
    for sample in samples:
        assert sample.image.shape == (_SIZE, _SIZE, 3)
        assert sample.image.dtype == np.uint8
        assert sample.points.shape == (count, 2)
        assert np.isfinite(sample.points).all()
        assert 0 <= sample.teeth <= sample.open <= 1


def test_faces_lie_in_the_picture(samples: list[Sample]) -> None:
    eyes = [i for i, name in enumerate(face_model().landmark_names) if name.startswith("eye")]
    places = np.stack([sample.points[eyes] for sample in samples])
    assert (places > 0).mean() > 0.99
    assert (places < _SIZE).mean() > 0.99
    middle = places.mean((0, 1))
    assert abs(middle[0] - _SIZE / 2) < 0.06 * _SIZE
    assert 0.2 * _SIZE < middle[1] < 0.45 * _SIZE


def test_pictures_vary_and_are_exposed(samples: list[Sample]) -> None:
    levels = np.array([sample.image.mean() for sample in samples])
    assert levels.std() > 15
    assert (levels > 8).all()
    assert np.median([sample.image.std() for sample in samples]) > 25


def test_mouths_are_open_and_closed_and_show_teeth(samples: list[Sample]) -> None:
    opened = np.array([sample.open for sample in samples])
    assert (opened < 0.05).any()
    assert (opened > 0.2).any()
    assert max(sample.teeth for sample in samples) > 0.1
    gaps = np.array([sample.gap_cm for sample in samples])
    assert gaps[opened > 0.3].mean() > gaps[opened < 0.05].mean() + 0.5


def test_a_mouth_is_seen_closer(renderer: FaceRenderer) -> None:
    lips = [i for i, n in enumerate(face_model().landmark_names) if n.startswith("lip_outer")]
    near = renderer.draw(5, mouth=True).points[lips]
    far = renderer.draw(5).points[lips]
    assert np.ptp(near[:, 0]) > 1.5 * np.ptp(far[:, 0])


def test_pupils_are_darker_than_the_white_of_the_eye() -> None:
    """Where the labels say pupil, the undisturbed painting is dark: labels and paint agree."""
    renderer = FaceRenderer(face_model(), 160)
    names = face_model().landmark_names
    darker = 0
    for seed in range(40, 52):
        sample = renderer.draw(seed)
        grey = sample.image.mean(2)
        for side in ("left", "right"):
            x, y = (int(v) for v in sample.points[names.index(f"iris_{side}")])
            around = grey[max(y - 8, 0) : y + 9, max(x - 8, 0) : x + 9]
            spot = grey[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
            darker += bool(spot.size and spot.mean() < around.mean())
    assert darker > 16  # of 24; some are shut, covered, or turned away


def test_noise_is_normalised_and_repeatable() -> None:
    noise = NoiseTiles()
    for kind in ("white", "soft", "cloud", "hair"):
        field = noise.field(kind, 256, 1.0, np.random.default_rng(0))
        assert abs(field.mean()) < 1.2
        assert 0.3 < field.std() < 2
    places = np.linspace(-900, 900, 5000, dtype=np.float32)
    one = noise.at("white", places, places, np.random.default_rng(1))
    two = noise.at("white", places, places, np.random.default_rng(1))
    np.testing.assert_array_equal(one, two)


def test_fields_of_the_face() -> None:
    model, fields = face_model(), Fields.of(face_model())
    nose, marks = model.landmarks["nose"][3], model.landmarks
    assert fields.openness[nose] > 0.9
    assert np.median(fields.openness[model.vertices_of("mouth_socket")]) < 0.2
    assert fields.vermilion[nose] < -1
    assert (fields.vermilion[marks["lip_rim_upper"][10:-10]] > 0).all()
    assert fields.lash[marks["eye_left_upper"][10:14]].max() < 1e-3
