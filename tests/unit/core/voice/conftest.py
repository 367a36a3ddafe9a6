"""The shipped voice network, and sounds to hear."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.types import SAMPLE_RATE_HZ
from core.voice import VoiceModel
from weights import store


@pytest.fixture(scope="session")
def model() -> VoiceModel:
    return VoiceModel.load(store.path("voice.onnx"))


@pytest.fixture(scope="session")
def speech() -> NDArray[np.float32]:
    """Three seconds that open the gate: a buzz through two moving resonances, in syllables."""
    count = 3 * SAMPLE_RATE_HZ
    time = np.arange(count) / SAMPLE_RATE_HZ
    first = 500 + 250 * np.sin(2 * np.pi * 2.2 * time)
    second = 1500 + 600 * np.sin(2 * np.pi * 1.3 * time)
    sound = np.zeros(count)
    for k in range(1, 40):
        pitch = 120 * k
        gain = 1 / (1 + ((pitch - first) / 120) ** 2) + 0.4 / (1 + ((pitch - second) / 160) ** 2)
        sound += gain * np.sin(2 * np.pi * pitch * time)
    syllables = np.clip(np.sin(2 * np.pi * 3.5 * time) + 0.4, 0, 1)
    sound *= syllables * (time > 0.5) * (time < 2.5)
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)
