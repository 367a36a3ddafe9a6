import numpy as np
import pytest

from core.pacing import MAX_DELAY_S, DisplayDelay


def test_settles_just_above_the_slow_frames() -> None:
    delay = DisplayDelay(0.2)
    random = np.random.default_rng(0)
    ready = 0.14 + 0.01 * random.random(1500)
    for value in ready:
        delay.observe(float(value))
    assert delay.value_s == pytest.approx(0.154, abs=0.01)
    assert np.mean(ready < delay.value_s) > 0.95


def test_what_came_while_warming_up_is_forgotten() -> None:
    delay = DisplayDelay(0.2)
    for index in range(50):
        delay.observe(0.4 if index < 20 else 0.14)
    assert delay.value_s < 0.15


def test_moves_slower_than_the_voice_can_follow() -> None:
    delay = DisplayDelay(0.2)
    for _ in range(300):
        delay.observe(0.14)
    values = []
    for _ in range(500):
        delay.observe(0.24)
        values.append(delay.value_s)
    # The voice slews by 5 ms a second; frames come at 25 a second.
    assert np.diff(values).max() * 25 <= 0.005
    assert values[-1] > 0.2


def test_never_waits_longer_than_its_limit() -> None:
    delay = DisplayDelay(0.2)
    for _ in range(60):
        delay.observe(3.0)
    assert delay.value_s <= MAX_DELAY_S
