"""Measuring sound against picture, with what comes back computed."""

import time

import numpy as np
import pytest

from app.live.calibration import AIM_S, Heard, Marks, offset_of
from app.live.stages import HOP_VOICE, Picture, Timed
from audio_io.voice_input import VOICE_RATE_HZ
from core.errors import DeviceError
from core.types import ExpressionFrame, VideoFrame
from tests.live_fakes import JAW


class Kept:
    """A camera that keeps the corner's brightness by frame."""

    def __init__(self) -> None:
        self.corner: dict[int, int] = {}
        self.rest: set[int] = set()

    def send(self, picture: Picture, repeated: bool) -> None:
        rgb = picture.video.rgb
        self.corner[picture.video.index] = int(rgb[-1, 0, 0])
        self.rest.add(int(rgb[0, -1, 0]))


def _picture(index: int) -> Picture:
    frame = ExpressionFrame(index, np.zeros(JAW + 1, np.float32), np.zeros(6, np.float32), False)
    return Picture(
        VideoFrame(index, np.full((36, 64, 3), 90, np.uint8)), Timed(frame, 0, 0, 0), 0.0
    )


def _shown() -> Marks:
    marks = Marks(Kept(), 100)
    now_s = time.monotonic()
    marks.shown_s = {hop: now_s + 0.04 * (hop - 100) for hop in marks.hops}
    return marks


def test_clicks_and_blinks_belong_to_the_same_samples() -> None:
    camera = Kept()
    marks = Marks(camera, 100)
    for index in range(marks.hops[0] - 2, marks.hops[-1] + 3):
        marks.send(_picture(index), repeated=False)
    assert [index for index, grey in camera.corner.items() if grey == 255] == marks.hops
    assert {grey for index, grey in camera.corner.items() if index not in marks.hops} == {0}
    assert camera.rest == {90}
    assert sorted(marks.shown_s) == marks.hops
    start = 90 * HOP_VOICE
    blocks = [marks.sound(start + 500 * n, 500) for n in range(1000)]
    loud = np.flatnonzero(np.concatenate(blocks))
    begins = loud[np.diff(loud, prepend=-1000) > 1] + start
    assert (begins // HOP_VOICE).tolist() == marks.hops
    assert set(begins % HOP_VOICE) == {0}


def test_a_repeated_picture_is_no_mark() -> None:
    camera = Kept()
    marks = Marks(camera, 100)
    marks.send(_picture(marks.hops[0]), repeated=True)
    assert camera.corner == {marks.hops[0]: 0}
    assert not marks.shown_s


def test_the_offset_is_that_of_the_middle_marks() -> None:
    marks = _shown()
    shown_s = np.array(list(marks.shown_s.values()))
    late_s = np.full(shown_s.size, 0.02)
    late_s[3] = 0.15  # one frame came late
    offset = offset_of(marks, shown_s + 0.005, shown_s + 0.005 + late_s)
    assert offset.late_s == pytest.approx(0.02)
    assert offset.camera_s == pytest.approx(0.005)
    assert offset.error_s == pytest.approx(0.02 - AIM_S)
    assert offset.marks == len(marks.hops)


def test_too_little_coming_back_is_told() -> None:
    marks = _shown()
    shown_s = np.array(list(marks.shown_s.values()))
    with pytest.raises(DeviceError, match="camera returned 2 and the virtual microphone 9"):
        offset_of(marks, shown_s[:2] + 0.005, shown_s)


@pytest.mark.parametrize("lost_s", [0.0, 0.1])
def test_clicks_are_heard_when_they_arrive(lost_s: float) -> None:
    """Also after the stream lost sound: the times must not trail its clock for seconds."""
    heard = Heard()
    begun_s = time.monotonic()
    block = np.zeros(480, np.float32)
    for number in range(60):
        if number == 30:
            begun_s += lost_s
        time.sleep(max(begun_s + 0.01 * (number + 1) - time.monotonic(), 0))
        block[:] = 0
        if number in (20, 21, 45):
            block[240 if number != 21 else 0 :] = 0.5
        heard.take(block, 0.0, False)
    expected_s = begun_s + np.array([20.5, 45.5]) * 480 / VOICE_RATE_HZ - [lost_s, 0]
    assert np.array(heard.times_s) == pytest.approx(expected_s, abs=0.02)
