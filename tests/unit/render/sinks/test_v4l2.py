"""The v4l2loopback camera against a model of the module, written after its source (0.12.7)."""

import errno
import os
import struct

import numpy as np
import pytest

from core.errors import DeviceError
from render.sinks import v4l2
from render.sinks.v4l2 import V4l2Camera, inspect, repair

SIZE = (64, 32)


class LoopbackModule:
    """What the kernel module remembers of one device, and its answers to system calls.

    `writes` counts write(2) as the module does: it makes the device readable but, in version
    0.12.7, does not make the opener known as a writer.
    """

    def __init__(self, path, exclusive_caps=True, driver=b"v4l2 loopback"):
        path.touch()
        self.path = path
        self.exclusive_caps = exclusive_caps
        self.driver = driver
        self.ready_for_capture, self.ready_for_output = False, True
        self.writers = set()
        self.calls = []

    def ioctl(self, descriptor, request, argument):
        self.calls.append(request)
        if request == v4l2._QUERYCAP:
            return self._query(argument)
        if request == v4l2._S_FMT:
            assert len(argument) == 208
            return 0
        if request == v4l2._STREAMON:
            self.writers.add(descriptor)
            self.ready_for_output = False
            self.ready_for_capture = True
        return 0

    def _query(self, answer):
        answer[0 : len(self.driver)] = self.driver
        answer[16:22] = b"My cam"
        capture = self.ready_for_capture or not self.exclusive_caps
        output = self.ready_for_output or not self.exclusive_caps
        struct.pack_into("<II", answer, 84, 0x80000000, capture * 1 | output * 2 | 0x05000000)
        return 0

    def written(self):
        self.ready_for_output, self.ready_for_capture = False, True

    def closed(self, descriptor):
        self.ready_for_capture = False
        if descriptor in self.writers:
            self.writers.discard(descriptor)
            self.ready_for_output = True


@pytest.fixture
def module(tmp_path, monkeypatch):
    device = LoopbackModule(tmp_path / "video10")
    real_close, real_write = os.close, os.write

    def close(descriptor):
        ours = os.path.realpath(f"/proc/self/fd/{descriptor}") == str(device.path)
        real_close(descriptor)
        if ours:
            device.closed(descriptor)

    def write(descriptor, data):
        device.written()
        return real_write(descriptor, data)

    monkeypatch.setattr(v4l2.os, "close", close)
    monkeypatch.setattr(v4l2.os, "write", write)
    return device


def camera(module):
    return V4l2Camera(module.path, SIZE, 25, module.ioctl)


def test_frames_are_written_as_i420(module):
    sink = camera(module)
    sink.open()
    sink.send(np.full((32, 64, 3), (255, 0, 0), np.uint8))
    sink.close()
    data = np.frombuffer(module.path.read_bytes(), np.uint8)
    assert len(data) == 64 * 32 * 3 // 2
    luma, u, v = data[: 64 * 32], data[64 * 32 : 64 * 40], data[64 * 40 :]
    for plane, value in ((luma, 82), (u, 90), (v, 240)):  # red in BT.601, limited range
        assert abs(int(plane[0]) - value) <= 1
        assert (plane == plane[0]).all()


def test_the_device_lives_after_closing(module):
    for _ in range(3):
        sink = camera(module)
        sink.open()
        sink.send(np.zeros((32, 64, 3), np.uint8))
        sink.close()
        assert inspect(module.path, module.ioctl).usable
    assert module.calls.index(v4l2._STREAMON) < module.calls.index(v4l2._STREAMOFF)


def test_a_dead_device_is_recognised_and_revived(module):
    module.ready_for_output = False  # as a program leaves it that only wrote
    info = inspect(module.path, module.ioctl)
    assert not info.usable
    assert info.repairable
    assert "Repair" in info.problem
    with pytest.raises(DeviceError, match="takes no pictures"):
        camera(module).open()
    assert "works again" in repair(module.path, module.ioctl)
    camera(module).open()


def test_repair_that_does_not_help_says_what_does(module):
    module.ready_for_output = False

    def ioctl(descriptor, request, argument):
        if request in (v4l2._STREAMON, v4l2._STREAMOFF):
            raise OSError(errno.EINVAL, "Invalid argument")
        return module.ioctl(descriptor, request, argument)

    with pytest.raises(DeviceError, match="modprobe -r v4l2loopback"):
        repair(module.path, ioctl)


def test_a_busy_device_is_recognised(module):
    module.written()
    info = inspect(module.path, module.ioctl)
    assert not info.usable
    assert not info.repairable
    assert "in use by another program" in info.problem


def test_wrong_exclusive_caps_is_a_warning(module):
    module.exclusive_caps = False
    info = inspect(module.path, module.ioctl)
    assert info.usable
    assert "exclusive_caps=0" in info.problem
    camera(module).open()


def test_real_cameras_are_left_alone(module):
    module.driver = b"uvcvideo"
    info = inspect(module.path, module.ioctl)
    assert not info.usable
    assert "real camera" in info.problem


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.EACCES, "usermod -aG video"), (errno.EBUSY, "in use"), (errno.ENOENT, "is gone"),
     (errno.EIO, "cannot be used")],
)  # fmt: skip
def test_what_the_system_refuses_is_explained(module, monkeypatch, code, words):
    def refuse(path, flags):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(v4l2.os, "open", refuse)
    info = inspect(module.path, module.ioctl)
    assert not info.usable
    assert words in info.problem
    with pytest.raises(DeviceError, match=words):
        camera(module).open()
    with pytest.raises(DeviceError, match=words):
        repair(module.path, module.ioctl)


def test_a_file_that_is_no_device_is_explained(tmp_path):
    path = tmp_path / "video9"
    path.touch()
    assert "cannot be used" in inspect(path).problem


def test_a_mode_fixed_by_others_is_explained(module):
    def ioctl(descriptor, request, argument):
        if request == v4l2._S_FMT:
            struct.pack_into("<II", argument, 8, 1920, 1080)
            return 0
        return module.ioctl(descriptor, request, argument)

    sink = V4l2Camera(module.path, SIZE, 25, ioctl)
    with pytest.raises(DeviceError, match="keeps the mode 1920x1080"):
        sink.open()
    assert inspect(module.path, module.ioctl).usable


def test_sending_needs_an_open_camera(module):
    with pytest.raises(DeviceError, match="not open"):
        camera(module).send(np.zeros((32, 64, 3), np.uint8))
    with pytest.raises(ValueError, match="even"):
        V4l2Camera(module.path, (63, 32))
