import time

import pytest

from app.timing import StageTimes


def slow(items, seconds):
    for item in items:
        time.sleep(seconds)
        yield item


def test_nested_stages_are_counted_once():
    times = StageTimes()
    inner = times.iterate("inner", slow(range(4), 0.02))
    outer = times.iterate("outer", slow(inner, 0.01))
    for _ in outer:
        times.call("sink", time.sleep, 0.005)
        time.sleep(0.005)
    assert times.seconds["inner"] == pytest.approx(0.08, abs=0.04)
    assert times.seconds["outer"] == pytest.approx(0.04, abs=0.03)
    assert times.seconds["sink"] == pytest.approx(0.02, abs=0.02)
    assert sum(times.shares().values()) == pytest.approx(1.0)


def test_a_failing_stage_is_left():
    times = StageTimes()
    with pytest.raises(ZeroDivisionError):
        times.call("sum", lambda: 1 / 0)
    assert list(times.iterate("next", "ab")) == ["a", "b"]
    assert set(times.seconds) == {"sum", "next"}
