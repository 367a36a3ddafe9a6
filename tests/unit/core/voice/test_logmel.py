"""Features heard hop by hop are those of the whole sound."""

import numpy as np

from core.types import HOP_SAMPLES
from core.voice.logmel import HISTORY_SAMPLES, TOKEN_SIZE, LogMelStream, log_mel, mel_matrix


def test_stream_equals_whole() -> None:
    sound = np.random.default_rng(0).standard_normal(20 * HOP_SAMPLES).astype(np.float32) * 0.1
    whole = log_mel(np.pad(sound, (HISTORY_SAMPLES, 0)))
    stream = LogMelStream()
    hops = [stream.push(hop) for hop in sound.reshape(-1, HOP_SAMPLES)]
    assert whole.shape == (40, TOKEN_SIZE)
    np.testing.assert_allclose(np.concatenate(hops), whole, atol=1e-5)


def test_a_tone_lights_its_band() -> None:
    time = np.arange(HISTORY_SAMPLES + HOP_SAMPLES) / 16000
    features = log_mel((0.1 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32))
    band = int(features[-1, : TOKEN_SIZE // 2].argmax())
    bins = np.linspace(0, 8000, len(mel_matrix()))
    centre = float((mel_matrix()[:, band] * bins).sum())
    assert abs(centre - 1000) < 80


def test_silence_is_finite() -> None:
    features = log_mel(np.zeros(HISTORY_SAMPLES + HOP_SAMPLES, np.float32))
    assert np.isfinite(features).all()
