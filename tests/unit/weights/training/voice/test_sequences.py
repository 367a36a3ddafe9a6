"""Which stretches of the training data are drawn."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from core.voice.logmel import TOKEN_SAMPLES  # noqa: E402
from weights.training.voice import phones  # noqa: E402
from weights.training.voice.coarticulation import CHANNELS  # noqa: E402
from weights.training.voice.sequences import Sequences, early  # noqa: E402
from weights.training.voice.settings import TrainConfig  # noqa: E402

TOKENS = 40


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Human and formant voices in turn; the label says which."""
    human = np.repeat(np.arange(60) % 2, 200).astype(np.uint8)
    np.save(tmp_path / "human.npy", human)
    np.save(tmp_path / "labels.npy", human)
    np.save(tmp_path / "speech.npy", np.ones(len(human), np.uint8))
    rng = np.random.default_rng(0)
    np.save(tmp_path / "mel.npy", rng.random((len(human), 80)).astype(np.float16))
    np.save(tmp_path / "curves.npy", rng.random((len(human), len(CHANNELS))).astype(np.float16))
    np.save(tmp_path / "noise.npy", rng.random((2, 25, 80)).astype(np.float16))
    samples = len(human) * TOKEN_SAMPLES
    np.save(tmp_path / "sound.npy", rng.integers(-9000, 9000, samples).astype(np.int16))
    noise = rng.integers(-9000, 9000, (2, 25 * TOKEN_SAMPLES)).astype(np.int16)
    np.save(tmp_path / "noise_sound.npy", noise)
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


def test_a_batch_is_what_lies_in_the_files(data: Path) -> None:
    config = TrainConfig(batch=8, tokens=TOKENS, rest_share=0.25)
    batch = Sequences(data, config, np.random.default_rng(5), "sound", with_mel=True).draw()
    rng = np.random.default_rng(5)
    labels = np.load(data / "labels.npy")
    starts = [int(rng.integers(len(labels) - TOKENS)) for _ in range(8)]
    pieces = [int(rng.integers(2)) for _ in range(2)]
    files = {name: np.load(data / f"{name}.npy") for name in ("sound", "mel", "curves")}
    noise_sound, noise = (np.load(data / f"{name}.npy") for name in ("noise_sound", "noise"))
    for i, start in enumerate(starts):
        sound = files["sound"][start * TOKEN_SAMPLES :][: TOKENS * TOKEN_SAMPLES]
        mel, curves = files["mel"][start:][:TOKENS], files["curves"][start:][:TOKENS]
        label, speech = labels[start:][:TOKENS], 1.0
        if i < 2:
            sound = np.resize(noise_sound[pieces[i]], TOKENS * TOKEN_SAMPLES)
            mel, curves = np.resize(noise[pieces[i]], (TOKENS, 80)), 0 * curves
            label, speech = np.full(TOKENS, phones.CLASSES.index(phones.REST)), 0.0
        np.testing.assert_array_equal(batch.heard[i], sound.astype(np.float32) / np.float32(32767))
        np.testing.assert_array_equal(batch.mel[i], mel.astype(np.float32))
        np.testing.assert_array_equal(batch.curves[i], curves.astype(np.float32))
        np.testing.assert_array_equal(batch.labels[i], label)
        assert (batch.speech[i] == speech).all()


def test_the_gate_opens_early() -> None:
    speech = torch.tensor([[0, 0, 0, 0, 0, 0, 1, 0, 0]], dtype=torch.uint8)
    assert early(speech).tolist() == [[0, 0, 1, 1, 1, 1, 1, 0, 0]]
