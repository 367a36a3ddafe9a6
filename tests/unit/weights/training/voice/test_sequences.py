"""Which stretches of the training data are drawn."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")

from weights.training.voice.coarticulation import CHANNELS
from weights.training.voice.sequences import Sequences
from weights.training.voice.settings import TrainConfig

TOKENS = 40


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Human and formant voices in turn; the label says which."""
    human = np.repeat(np.arange(60) % 2, 200).astype(np.uint8)
    np.save(tmp_path / "human.npy", human)
    np.save(tmp_path / "labels.npy", human)
    np.save(tmp_path / "speech.npy", np.ones(len(human), np.uint8))
    np.save(tmp_path / "mel.npy", np.zeros((len(human), 80), np.float16))
    np.save(tmp_path / "curves.npy", np.ones((len(human), len(CHANNELS)), np.float16))
    np.save(tmp_path / "noise.npy", np.zeros((2, 50, 80), np.float16))
    return tmp_path


@pytest.mark.parametrize(("wanted", "low", "high"), [(1.0, 1, 1), (0.8, 0.7, 0.9), (0.0, 0, 0)])
def test_human_voices_have_their_share(data: Path, wanted: float, low: float, high: float) -> None:
    config = TrainConfig(batch=400, tokens=TOKENS, rest_share=0.0, human_share=wanted)
    labels = Sequences(data, config, np.random.default_rng(0)).draw().labels
    assert low <= float(labels[:, 0].float().mean()) <= high


def test_without_a_wish_all_are_drawn_alike(data: Path) -> None:
    (data / "human.npy").unlink()
    config = TrainConfig(batch=400, tokens=TOKENS, rest_share=0.0)
    labels = Sequences(data, config, np.random.default_rng(0)).draw().labels
    assert 0.4 < float(labels[:, 0].float().mean()) < 0.6
