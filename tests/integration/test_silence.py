"""The shipped voice network keeps the mouth shut when nobody speaks."""

import numpy as np
import pytest

from app.parts import SAMPLE_SPEECH
from core.types import SAMPLE_RATE_HZ
from tests.benchmark.live_silence import fan, onset_ms, openings_px, typing

COUNT = 6 * SAMPLE_RATE_HZ


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(COUNT, np.float32),
        fan(COUNT, -50.0),
        fan(COUNT, -35.0),
        np.concatenate([np.zeros(COUNT // 2, np.float32), fan(COUNT // 2, -40.0)]),
        typing(COUNT),
    ],
    ids=["silence", "fan", "loud fan", "fan that sets in", "typing"],
)
def test_the_mouth_stays_shut(sound: np.ndarray) -> None:
    gap_px = openings_px(sound)
    assert len(gap_px) == 150
    assert gap_px.std() < 0.5


def test_speech_opens_it_in_time() -> None:
    # Lips may part a little before the sound, as people's do.
    assert -120 <= onset_ms(SAMPLE_SPEECH) <= 160
