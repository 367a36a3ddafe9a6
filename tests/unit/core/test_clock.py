import numpy as np
import pytest

from core.clock import SampleClock


def _follow(clock: SampleClock, rate_hz: float, seconds: float, jitter_s: float) -> float:
    """Feed arrivals every 10 ms, late by half-normal jitter; returns the last true time."""
    random = np.random.default_rng(0)
    now_s = 0.0
    for block in range(1, int(seconds * 100)):
        index = block * 480
        now_s = index / rate_hz
        clock.update(index, now_s + abs(random.normal(0, jitter_s)))
    return now_s


def test_runs_at_the_nominal_rate_until_told() -> None:
    clock = SampleClock(48_000, start_s=5.0)
    assert clock.time_of(48_000) == pytest.approx(6.0)
    assert clock.index_at(6.5) == pytest.approx(72_000)


@pytest.mark.parametrize("skew", [-100e-6, 0.0, 100e-6])
def test_follows_a_skewed_clock_through_jitter(skew: float) -> None:
    clock = SampleClock(48_000, start_s=0.0)
    rate_hz = 48_000 * (1 + skew)
    now_s = _follow(clock, rate_hz, 120, jitter_s=0.005)
    index = now_s * rate_hz
    # Late arrivals average 4 ms; nothing else may remain of 12 ms accumulated skew.
    assert clock.time_of(index) - now_s == pytest.approx(0.004, abs=0.001)
    assert clock.index_at(clock.time_of(1e6)) == pytest.approx(1e6)


def test_one_late_arrival_moves_it_by_less_than_a_millisecond() -> None:
    clock = SampleClock(48_000, start_s=0.0)
    now_s = _follow(clock, 48_000, 30, jitter_s=0.0)
    index = round(now_s * 48_000) + 480
    clock.update(index, now_s + 0.2)
    assert clock.time_of(index) == pytest.approx(now_s + 0.01, abs=0.001)


def test_starts_over_when_the_timeline_jumped() -> None:
    clock = SampleClock(48_000, start_s=0.0)
    _follow(clock, 48_000, 5, jitter_s=0.0)
    clock.update(5 * 48_000, 20.0)
    assert clock.time_of(5 * 48_000) == pytest.approx(20.0)


def test_an_old_index_changes_nothing() -> None:
    clock = SampleClock(48_000, start_s=0.0)
    clock.update(480, 0.01)
    before = clock.time_of(0)
    assert clock.update(480, 0.5) == 0.0
    assert clock.time_of(0) == before


def test_starts_over_after_some_answers_that_are_off() -> None:
    clock = SampleClock(48_000, 0.0, lost_s=0.01, lost_count=3)
    for block in range(1, 50):
        clock.update(480 * block, 0.01 * block)
    for block in range(50, 53):
        clock.update(480 * block, 0.01 * block + 0.1)
    assert clock.time_of(480 * 52) == pytest.approx(0.62)
    for block in range(53, 56):
        clock.update(480 * block, 0.01 * block + (0.1 if block == 54 else 0.0))
    assert clock.time_of(480 * 55) == pytest.approx(0.65, abs=0.02)
