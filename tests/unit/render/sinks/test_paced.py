import threading
import time

import numpy as np
import pytest

from core.errors import DeviceError
from render.sinks import MemoryCamera, PacedCamera

SIZE = (32, 16)


def frame(value):
    return np.full((16, 32, 3), value, np.uint8)


class RecordingCamera(MemoryCamera):
    """Notes what was sent and when; fails where told to."""

    def __init__(self, frame_rate_hz=50):
        super().__init__(SIZE, frame_rate_hz)
        self.sent = []
        self.threads = set()
        self.openings = 0
        self.fail_open = self.fail_send = False
        self.slow_s = 0.0

    def open(self):
        self.threads.add(threading.get_ident())
        self.openings += 1
        if self.fail_open:
            raise DeviceError("no camera: plug one in")
        super().open()

    def send(self, rgb):
        self.threads.add(threading.get_ident())
        time.sleep(self.slow_s)
        if self.fail_send:
            self.fail_send = False
            raise DeviceError("unplugged: plug it in")
        super().send(rgb)
        self.sent.append((int(rgb[0, 0, 0]), time.monotonic()))

    def close(self):
        self.threads.add(threading.get_ident())
        super().close()


def wait_for(condition, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_heartbeats_fill_the_gaps():
    sink = RecordingCamera(frame_rate_hz=50)
    with PacedCamera(sink, frame(1)) as camera:
        wait_for(lambda: len(sink.sent) >= 6)
    assert {value for value, _ in sink.sent} == {1}
    assert camera.frames_new == 1
    gaps = np.diff([t for _, t in sink.sent])
    assert np.median(gaps) == pytest.approx(0.03, abs=0.02)


def test_new_frames_go_out_at_once_and_once():
    sink = RecordingCamera(frame_rate_hz=1)  # heartbeats far apart
    with PacedCamera(sink, frame(0)) as camera:
        wait_for(lambda: sink.sent)
        for value in range(1, 6):
            shown = time.monotonic()
            camera.show(frame(value))
            wait_for(lambda value=value: sink.sent[-1][0] == value)
            assert sink.sent[-1][1] - shown < 0.1
    assert [value for value, _ in sink.sent] == [0, 1, 2, 3, 4, 5]
    assert camera.frames_repeated == 0


def test_a_slow_camera_gets_the_newest():
    sink = RecordingCamera()
    sink.slow_s = 0.1
    with PacedCamera(sink, frame(0)) as camera:
        for value in range(1, 30):
            begun = time.monotonic()
            camera.show(frame(value))
            assert time.monotonic() - begun < 0.05
            time.sleep(0.005)
        wait_for(lambda: sink.sent and sink.sent[-1][0] == 29)
    assert camera.frames_skipped > 20


def test_the_callers_frame_may_be_reused():
    sink = RecordingCamera(frame_rate_hz=1)
    rgb = frame(7)
    with PacedCamera(sink, frame(0)) as camera:
        camera.show(rgb)
        rgb[:] = 99
        wait_for(lambda: sink.sent and sink.sent[-1][0] == 7)


def test_everything_touches_the_camera_from_one_thread():
    sink = RecordingCamera()
    with PacedCamera(sink, frame(0)) as camera:
        camera.show(frame(1))
        wait_for(lambda: len(sink.sent) > 2)
    assert len(sink.threads) == 1
    assert threading.get_ident() not in sink.threads


def test_failure_to_open_is_raised_and_leaves_no_thread():
    sink = RecordingCamera()
    sink.fail_open = True
    before = threading.active_count()
    with pytest.raises(DeviceError, match="plug one in"):
        PacedCamera(sink, frame(0)).open()
    assert threading.active_count() == before


def test_a_lost_camera_is_opened_again():
    sink = RecordingCamera()
    with PacedCamera(sink, frame(3)) as camera:
        wait_for(lambda: sink.sent)
        sink.fail_send = True
        wait_for(lambda: "unplugged" in camera.problem)
        sent = len(sink.sent)
        wait_for(lambda: len(sink.sent) > sent and not camera.problem)
    assert sink.openings == 2


def test_closing_is_quick_even_while_the_camera_is_lost():
    sink = RecordingCamera()
    camera = PacedCamera(sink, frame(0))
    camera.open()
    sink.fail_open = sink.fail_send = True
    wait_for(lambda: camera.problem)
    begun = time.monotonic()
    camera.close()
    camera.close()
    assert time.monotonic() - begun < 0.5


def test_wrong_frames_are_refused():
    with PacedCamera(RecordingCamera(), frame(0)) as camera:
        with pytest.raises(TypeError):
            camera.show(frame(0).astype(np.float32))
        with pytest.raises(ValueError, match="shape"):
            camera.show(np.zeros((8, 8, 3), np.uint8))


def test_memory_camera_keeps_the_newest():
    sink = MemoryCamera(SIZE)
    with pytest.raises(DeviceError, match="not open"):
        sink.send(frame(1))
    sink.open()
    assert sink.newest() is None
    rgb = frame(5)
    sink.send(rgb)
    rgb[:] = 0
    assert (sink.newest() == 5).all()
