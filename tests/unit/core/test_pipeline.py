import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import pipeline
from core.types import AudioBlock, ExpressionFrame


def frame(index: int, value: float = 0.0, voiced: bool = False) -> ExpressionFrame:
    return ExpressionFrame(
        index, np.full(52, value, np.float32), np.full(6, value, np.float32), voiced
    )


class Speech:
    """Two frames for each block, one at the end."""

    def __init__(self):
        self.count = 0

    def _next(self):
        self.count += 1
        return frame(self.count - 1, 0.1)

    def push(self, samples):
        return [self._next(), self._next()]

    def finish(self):
        return [self._next()]


class Motion:
    def apply(self, frame_):
        return ExpressionFrame(frame_.index, frame_.beta + 1, frame_.pose, frame_.voiced)


def test_express_runs_every_stage_in_order():
    blocks = [AudioBlock(np.zeros(7, np.float32), 0), AudioBlock(np.zeros(3, np.float32), 7)]
    frames = list(pipeline.express(blocks, Speech(), Motion()))
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    assert all(np.allclose(f.beta, 1.1) for f in frames)


def test_express_without_motion_passes_frames_on():
    assert len(list(pipeline.express([], Speech()))) == 1


@given(st.integers(0, 80), st.sampled_from([10.0, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0]))
def test_rate_keeps_duration(count, rate):
    frames = list(pipeline.at_rate((frame(i, i) for i in range(count)), rate))
    assert [f.index for f in frames] == list(range(len(frames)))
    assert len(frames) == math.ceil(count * rate / 25 - 1e-9)


def test_rate_interpolates_between_neighbours():
    frames = list(pipeline.at_rate([frame(0, 0.0), frame(1, 1.0), frame(2, 0.0)], 50))
    assert [float(f.beta[0]) for f in frames] == pytest.approx([0, 0.5, 1, 0.5, 0, 0])
    assert frames[0].beta.dtype == np.float32


def test_rate_of_the_source_counts():
    frames = list(pipeline.at_rate((frame(i, i) for i in range(30)), 25, source_rate_hz=30))
    assert len(frames) == 25
    assert float(frames[10].beta[0]) == pytest.approx(12.0)
