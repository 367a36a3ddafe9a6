"""The PipeWire camera read by a real program from a real, private PipeWire."""

import json
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from app.live.camera_stage import CameraStage
from core.errors import DeviceError
from core.types import VideoFrame
from render.sinks import list_cameras, make_camera
from render.sinks.pipewire import PipeWireCamera
from tests.integration.pipewire_server import PipeWireServer, dump, numbered, reader
from tests.integration.session_bus import wait_for

SIZE = (640, 360)
RATE_HZ = 25


@pytest.fixture
def server():
    with PipeWireServer() as running:
        yield running


class Presenter:
    """The app's camera stage, fed with numbered frames at the content rate."""

    def __init__(self, sink, frame=numbered):
        self.stage = CameraStage(lambda camera_id: sink)
        self.stage.set_camera("pipewire")
        self._size, self._frame = sink.size, frame
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        number, due = 0, time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            number += 1
            video = VideoFrame(number, self._frame(self._size, number))
            self.stage.send(SimpleNamespace(video=video), repeated=False)
            due += 1 / RATE_HZ

    def __enter__(self):
        self.stage.start()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.stage.stop()
        self.stage.join(5.0)


def test_node_is_a_camera_of_fixed_mode(server):
    with Presenter(PipeWireCamera(SIZE, RATE_HZ, 'A "quoted" name')):
        wait_for(lambda: "realtalk_cam" in dump(), "the camera")
        (node,) = [
            entry["info"]
            for entry in json.loads(dump())
            if entry["type"] == "PipeWire:Interface:Node"
            and entry["info"]["props"].get("node.name") == "realtalk_cam"
        ]
    assert node["props"]["media.class"] == "Video/Source"
    assert node["props"]["media.role"] == "Camera"
    assert node["props"]["node.description"] == 'A "quoted" name'
    assert node["params"]["EnumFormat"] == [
        {
            "mediaType": "video",
            "mediaSubtype": "raw",
            "format": "I420",
            "size": {"width": SIZE[0], "height": SIZE[1]},
            "framerate": {"num": RATE_HZ, "denom": 1},
        }
    ]
    wait_for(lambda: "realtalk_cam" not in dump(), "the end of the camera")


def test_reader_sees_every_frame_at_the_content_rate(server):
    sink = PipeWireCamera(SIZE, RATE_HZ)
    with Presenter(sink), reader(SIZE) as program:
        numbers, times, luma = program.read(100)
        assert sink.has_reader
    numbers, times = numbers[10:], times[10:]  # the first ones queued while the reader started
    rate_hz = (len(times) - 1) / (times[-1] - times[0])
    unique = len(set(numbers))
    print(f"{len(numbers)} frames, {unique} unique, {rate_hz:.2f} fps")
    assert unique >= 0.9 * len(numbers)
    assert numbers == sorted(numbers)
    assert rate_hz == pytest.approx(RATE_HZ, rel=0.1)
    assert abs(int(np.median(luma[SIZE[1] // 2 :])) - 126) <= 2  # grey 128 in limited range


def test_readers_come_and_go(server):
    sink = PipeWireCamera(SIZE, RATE_HZ)
    with Presenter(sink) as presenter:
        wait_for(lambda: presenter.stage.alive, "the camera")
        assert sink.has_reader is False
        for _ in range(3):
            with reader(SIZE) as program:
                numbers, _, _ = program.read(10)
            assert len(set(numbers)) > 5
        wait_for(lambda: not sink.has_reader, "the reader's end")
        assert not presenter.stage.problem


def test_camera_comes_back_with_pipewire(server):
    sink = PipeWireCamera(SIZE, RATE_HZ)
    with Presenter(sink) as presenter:
        wait_for(lambda: presenter.stage.alive, "the camera")
        server.kill("wireplumber")
        server.kill("pipewire")
        wait_for(lambda: "PipeWire" in presenter.stage.problem, "the notice")
        server.start()
        wait_for(lambda: not presenter.stage.problem, "the camera's return")
        with reader(SIZE) as program:
            numbers, _, _ = program.read(15)
        assert len(set(numbers)) > 8


def test_camera_is_listed_and_opens_by_id(server):
    (info,) = [info for info in list_cameras() if info.id == "pipewire"]
    assert info.usable
    assert not info.problem
    sink = make_camera("pipewire", SIZE, RATE_HZ)
    sink.open()
    sink.send(numbered(SIZE, 1))  # nobody watches: returns at once
    with pytest.raises(ValueError, match="shape"):
        sink.send(numbered((64, 64), 1))
    sink.close()
    sink.close()
    with pytest.raises(DeviceError, match="not open"):
        sink.send(numbered(SIZE, 1))


def test_without_pipewire_the_error_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("PIPEWIRE_RUNTIME_DIR", raising=False)
    (info,) = [info for info in list_cameras() if info.id == "pipewire"]
    assert not info.usable
    with pytest.raises(DeviceError, match="PipeWire"):
        make_camera("pipewire", SIZE, RATE_HZ).open()
