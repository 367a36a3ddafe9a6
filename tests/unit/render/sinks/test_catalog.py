import sys
import types

import numpy as np
import pytest

from core.errors import DeviceError
from render.sinks import desktop, diagnose, list_cameras, make_camera, repair_camera
from render.sinks.desktop import DesktopCamera
from render.sinks.memory import MemoryCamera
from render.sinks.pods import header_meta, i420_buffers, i420_format


def test_every_listed_camera_can_be_made():
    listed = list_cameras()
    assert listed[-1].id == "memory"
    for info in listed:
        sink = make_camera(info.id, (640, 480), 30)
        assert (sink.size, sink.frame_rate_hz) == ((640, 480), 30)


def test_memory_camera_keeps_a_copy_of_the_newest():
    sink = make_camera("memory", (64, 32))
    assert isinstance(sink, MemoryCamera)
    rgb = np.full((32, 64, 3), 5, np.uint8)
    with pytest.raises(DeviceError, match="not open"):
        sink.send(rgb)
    sink.open()
    assert sink.newest() is None
    sink.send(rgb)
    rgb[:] = 0
    assert (sink.newest() == 5).all()
    with pytest.raises(TypeError):
        sink.send(rgb.astype(np.float32))
    with pytest.raises(ValueError, match="shape"):
        sink.send(rgb[:16])


@pytest.mark.parametrize("camera_id", ["", "v4l2", "v4l2:", "desktop", "nonsense"])
def test_unknown_cameras_are_named(camera_id):
    with pytest.raises(DeviceError, match="There is no camera"):
        make_camera(camera_id)


def test_what_cannot_be_repaired_says_so():
    with pytest.raises(DeviceError, match="nothing that could be repaired"):
        repair_camera("memory")


def test_every_problem_says_what_to_do():
    for info in diagnose():
        if not info.usable:
            assert any(word in info.problem for word in ("nstall", "start", "run", "close", "use"))


@pytest.fixture
def pyvirtualcam(monkeypatch):
    """A stand-in for the package, whose drivers exist on other systems only."""
    module = types.ModuleType("pyvirtualcam")
    module.frames = []

    class Camera:
        def __init__(self, width, height, fps, backend):
            if backend != "obs":
                raise RuntimeError("not registered")
            self.size = (height, width, 3)

        def send(self, rgb):
            module.frames.append(rgb)

        def close(self):
            module.frames.append(None)

    module.Camera = Camera
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    return module


def test_desktop_camera_sends_through_pyvirtualcam(pyvirtualcam):
    sink = DesktopCamera("obs", (64, 32), 25)
    with pytest.raises(DeviceError, match="not open"):
        sink.send(np.zeros((32, 64, 3), np.uint8))
    sink.open()
    sink.send(np.zeros((32, 64, 3), np.uint8))
    sink.close()
    sink.close()
    assert [f is None for f in pyvirtualcam.frames] == [False, True]


def test_missing_desktop_drivers_are_explained(pyvirtualcam, monkeypatch):
    with pytest.raises(DeviceError, match="Install UnityCapture"):
        DesktopCamera("unitycapture").open()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(desktop.importlib.util, "find_spec", lambda name: None)
    assert [info.usable for info in desktop.find_cameras()] == [False, False]


def test_pods_are_whole():
    """Sizes written into the pods are those of what follows."""
    for pod in (i420_format((1280, 720), 25), i420_buffers((1280, 720)), header_meta()):
        assert len(pod) % 8 == 0
        assert int.from_bytes(pod[:4], "little") == len(pod) - 8
