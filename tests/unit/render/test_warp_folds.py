"""A smile deepens the folds beside it."""

import numpy as np
import pytest

from render.warp import WarpRenderer
from tests.synthetic_avatar import face_model, frame_of, synthetic_avatar


def shade(smile: float, monkeypatch: pytest.MonkeyPatch, **portrait: float) -> np.ndarray:
    """By how much a smile's folds darken each pixel, grey levels."""
    renderer = WarpRenderer(synthetic_avatar(**portrait), face_model(), (320, 320))
    frame = frame_of(mouthSmile=smile)
    shaded = renderer.render(frame).rgb.astype(float)
    monkeypatch.setattr(renderer, "_folds", [])
    return (renderer.render(frame).rgb.astype(float) - shaded).mean(axis=-1)


def test_it_darkens_both_sides_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    darker = shade(0.9, monkeypatch)
    assert darker.min() > -1.0
    assert 4.0 < darker.max() < 40.0
    rows, columns = np.nonzero(darker > 2.0)
    assert (columns < 160).any() and (columns > 160).any()
    assert rows.min() > 150 and rows.max() < 250
    assert len(rows) < 0.04 * darker.size


def test_it_grows_with_the_smile_and_is_not_there_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shade(0.0, monkeypatch).max() == 0.0
    assert 0.0 < shade(0.5, monkeypatch).max() < shade(0.9, monkeypatch).max()


def test_speech_alone_draws_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shade(0.2, monkeypatch).max() == 0.0


def test_a_smiling_portrait_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shade(0.6, monkeypatch, mouthSmile=0.8).max() == 0.0
    assert shade(0.6, monkeypatch).max() > 3.0
