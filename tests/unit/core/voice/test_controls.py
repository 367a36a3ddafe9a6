"""Expressiveness stays within what lips can do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import blendshapes
from core.blendshapes import INDEX
from core.errors import ConfigError
from core.face_model import FaceModel
from core.voice.controls import ControlFilter, ExpressionControls, bounded
from weights import store

BETAS = arrays(np.float32, (blendshapes.NUM,), elements=st.floats(-0.5, 1.5, width=32))
CONTROLS = st.builds(
    ExpressionControls,
    amplitude=st.floats(0, 2),
    crispness=st.floats(0, 2),
    smile=st.floats(-0.5, 0.5),
    asymmetry=st.floats(-1, 1),
)


@settings(max_examples=60, deadline=None)
@given(controls=CONTROLS, frames=st.lists(BETAS, min_size=1, max_size=4))
def test_always_bounded(controls: ExpressionControls, frames: list[np.ndarray]) -> None:
    control = ControlFilter(controls)
    for beta in frames:
        out = control.apply(beta, 1.0)
        assert out.dtype == np.float32
        assert out.min() >= 0
        assert out.max() <= 1


def test_neutral_controls_change_nothing() -> None:
    beta = np.zeros(blendshapes.NUM, np.float32)
    beta[[INDEX["jawOpen"], INDEX["mouthPucker"], INDEX["mouthClose"]]] = 0.5, 0.4, 0.3
    control = ControlFilter()
    for _ in range(3):
        np.testing.assert_array_equal(control.apply(beta, 1.0), beta)


def test_amplitude_scales_and_zero_stills() -> None:
    beta = np.zeros(blendshapes.NUM, np.float32)
    beta[INDEX["jawOpen"]] = 0.3
    jaw = INDEX["jawOpen"]
    doubled = ControlFilter(ExpressionControls(amplitude=2)).apply(beta, 1.0)
    assert doubled[jaw] == pytest.approx(0.6)
    assert np.all(ControlFilter(ExpressionControls(amplitude=0)).apply(beta, 1.0) == 0)


def test_crispness_exaggerates_changes() -> None:
    jaw = INDEX["jawOpen"]
    still, open_ = np.zeros((2, blendshapes.NUM), np.float32)
    open_[jaw] = 0.4
    peaks = {}
    for crispness in (0.0, 1.0, 2.0):
        control = ControlFilter(ExpressionControls(crispness=crispness))
        control.apply(still, 1.0)
        peaks[crispness] = control.apply(open_, 1.0)[jaw]
    assert peaks[0.0] < peaks[1.0] < peaks[2.0]


def test_smile_holds_at_rest_and_closed_gate_stills_everything_else() -> None:
    beta = np.full(blendshapes.NUM, 0.4, np.float32)
    out = ControlFilter(ExpressionControls(smile=0.2)).apply(beta, 0.0)
    smiles = [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]
    np.testing.assert_allclose(out[smiles], 0.2, atol=1e-6)
    assert np.delete(out, smiles).max() == 0


def test_asymmetry_moves_the_left_more() -> None:
    beta = np.zeros(blendshapes.NUM, np.float32)
    beta[[INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]] = 0.4
    out = ControlFilter(ExpressionControls(asymmetry=0.5)).apply(beta, 1.0)
    assert out[INDEX["mouthSmileLeft"]] > out[INDEX["mouthSmileRight"]]


@settings(max_examples=60, deadline=None)
@given(
    jaw=st.floats(0, 1, width=32),
    close=st.floats(0, 1, width=32),
    controls=CONTROLS,
)
def test_a_seal_never_crosses_the_lips(
    jaw: float, close: float, controls: ExpressionControls
) -> None:
    face = _face()
    beta = np.zeros(blendshapes.NUM, np.float32)
    beta[INDEX["jawOpen"]], beta[INDEX["mouthClose"]] = jaw, close
    posed = face.pose(face.mean, ControlFilter(controls).apply(beta, 1.0))
    upper, lower = (face.landmarks[f"lip_rim_{side}"] for side in ("upper", "lower"))
    gap = posed[upper[len(upper) // 2], 1] - posed[lower[len(lower) // 2], 1]
    assert gap > -0.05  # cm; the rims rest in touch


def _face() -> FaceModel:
    if not hasattr(_face, "model"):
        _face.model = FaceModel.load(store.path("face_model.npz"))  # type: ignore[attr-defined]
    return _face.model  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    "setting", [{"amplitude": 2.1}, {"crispness": -0.1}, {"smile": 0.6}, {"asymmetry": 1.5}]
)
def test_refuses_controls_out_of_range(setting: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        ExpressionControls(**setting)


def test_sealed_lips_follow_the_jaw() -> None:
    beta = np.zeros(blendshapes.NUM, np.float32)
    beta[[INDEX["jawOpen"], INDEX["mouthClose"]]] = 0.2, 0.9
    assert bounded(beta)[INDEX["mouthClose"]] < 0.2
