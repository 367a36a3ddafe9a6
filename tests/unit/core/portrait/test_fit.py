"""The fit against faces whose truth is known."""

import numpy as np
import pytest

from core.blendshapes import INDEX
from core.camera import euler_from_rotation
from core.errors import PortraitError
from core.portrait.fit import MAX_ALPHA, PortraitFit, fit_portrait, network_weights
from tests.unit.core.portrait.faces import EYES_CM, Face, face, model

EXPRESSIONS = ("mouthSmile", "jawOpen", "browInnerUp", "eyeBlink", "mouthUpperUp", "browDown")


def random_face(seed: int) -> Face:
    rng = np.random.default_rng(seed)
    pitch, yaw, roll = rng.uniform((-20, -25, -15), (10, 25, 15))
    chosen = rng.choice(EXPRESSIONS, 2, replace=False)
    expression = {str(name): float(rng.uniform(0, 0.6)) for name in chosen}
    scale = float(rng.uniform(6, 40))
    return face((pitch, yaw, roll), scale, (300.0, 300.0), seed, **expression)


def fit(shown: Face, noise: float = 0.0, seed: int = 0) -> PortraitFit:
    """Noise as a share of the eye distance; four times as much on the contour."""
    names = model().landmark_names
    spread = np.array([4.0 if name.startswith("jaw") else 1.0 for name in names])[:, None]
    grain = np.random.default_rng(seed).normal(size=shown.points.shape)
    shift = noise * EYES_CM * shown.pose.scale_px_per_cm * spread * grain
    vertices = model().landmarks["network"]
    return fit_portrait(model(), vertices, shown.points + shift, network_weights(model()))


def pose_errors(noise: float, count: int = 16) -> np.ndarray:
    errors = []
    for seed in range(count):
        shown = random_face(seed)
        found = euler_from_rotation(fit(shown, noise, seed).pose.rotation)
        errors.append(np.array(found) - shown.angles_deg)
    return np.array(errors)


@pytest.mark.parametrize(("noise", "limit_deg"), [(0.0, 1.6), (0.012, 2.2), (0.03, 4.0)])
def test_pose_is_right_and_unbiased(noise: float, limit_deg: float) -> None:
    errors = pose_errors(noise)
    assert np.sqrt((errors**2).mean(0)).max() < limit_deg
    assert np.abs(errors.mean(0)).max() < limit_deg / 2


def test_residuals_and_scale() -> None:
    for seed in range(10):
        shown = random_face(seed)
        found = fit(shown)
        inner = np.array([not n.startswith("jaw") for n in model().landmark_names])
        residual = np.linalg.norm(found.residual_px, axis=1)[inner]
        assert residual.mean() < 0.015 * EYES_CM * shown.pose.scale_px_per_cm
        assert found.pose.scale_px_per_cm == pytest.approx(shown.pose.scale_px_per_cm, rel=0.08)


@pytest.mark.parametrize(
    ("channel", "expression", "least"),
    [
        ("jawOpen", {"jawOpen": 0.5}, 0.3),
        ("mouthSmileLeft", {"mouthSmile": 0.6}, 0.25),
        ("eyeBlinkLeft", {"eyeBlink": 0.6}, 0.25),
        ("browInnerUp", {"browInnerUp": 0.6}, 0.1),
        ("eyeLookOutLeft", {"eyeLookOutLeft": 0.6, "eyeLookInRight": 0.6}, 0.08),
    ],
)
def test_expressions_are_told_apart(
    channel: str, expression: dict[str, float], least: float
) -> None:
    with_it = fit(face(seed=4, **expression)).beta[INDEX[channel]]
    without = fit(face(seed=4)).beta[INDEX[channel]]
    assert with_it - without > least


def test_bounds() -> None:
    for seed in range(6):
        found = fit(random_face(seed), 0.1, seed)
        assert np.abs(found.alpha).max() <= MAX_ALPHA
        assert found.beta.min() >= 0
        assert found.beta.max() <= 1
        np.testing.assert_allclose(
            found.pose.rotation @ found.pose.rotation.T, np.eye(3), atol=1e-9
        )


def test_a_gross_outlier_loses_its_weight() -> None:
    shown = face(seed=2)
    points = shown.points.copy()
    corner = model().landmark_names.index("lip_outer_upper_0")
    points[corner] += 3.0 * shown.pose.scale_px_per_cm
    found = fit_portrait(model(), model().landmarks["network"], points, network_weights(model()))
    assert found.trust[corner] < 0.1
    assert np.median(found.trust) > 0.95
    angles = euler_from_rotation(found.pose.rotation)
    assert np.abs(np.array(angles) - shown.angles_deg).max() < 3


def test_residual_is_what_projection_leaves() -> None:
    shown = random_face(5)
    found = fit(shown, 0.02)
    vertices = model().pose(model().shape(found.alpha), found.beta)
    projected = found.pose.project(vertices)[model().landmarks["network"], :2]
    names = model().landmark_names
    spread = np.array([4.0 if name.startswith("jaw") else 1.0 for name in names])[:, None]
    grain = np.random.default_rng(0).normal(size=shown.points.shape)
    points = shown.points + 0.02 * EYES_CM * shown.pose.scale_px_per_cm * spread * grain
    np.testing.assert_allclose(projected + found.residual_px, points, atol=0.05)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_absurd_points_give_a_front_view_not_a_crash(mirror: float) -> None:
    shown = face()
    points = shown.points * [mirror, 1.0]
    grain = np.random.default_rng(1).uniform(0, 300, shown.points.shape)
    for absurd in (points, grain):
        found = fit_portrait(
            model(), model().landmarks["network"], absurd, network_weights(model())
        )
        assert np.isfinite(found.residual_px).all()


def test_too_few_points() -> None:
    vertices = model().landmarks["network"]
    points = face().points
    weights = np.zeros(len(points), np.float32)
    weights[:4] = 1
    with pytest.raises(PortraitError, match="Only 4 points"):
        fit_portrait(model(), vertices, points, weights)
    with pytest.raises(PortraitError, match="one spot"):
        fit_portrait(model(), vertices, np.zeros_like(points), np.ones(len(points)))
