"""A camera of the v4l2loopback kernel module, and what can be wrong with one.

Frames are written with write(2) as I420. Module 0.12.7 (Debian 12) has a trap: a writer that never
streamed is not known to the module as a writer, so that with exclusive_caps=1 the device takes no
further writer once that one has closed it. Streaming on and off before closing avoids that, and
revives a device that another program left so.
"""

import errno
import fcntl
import os
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import DeviceError
from core.messages import Message
from core.types import ImageArray
from render.frames import check_frame, to_i420
from render.sinks.base import CameraInfo, FixedMode

_CAPTURE, _OUTPUT, _DEVICE_CAPS = 0x1, 0x2, 0x80000000
_TYPE_OUTPUT = 2
_FOURCC_I420 = struct.unpack("<I", b"YU12")[0]
_FIELD_NONE, _COLORSPACE_SMPTE170M = 1, 1
_QUERYCAP_BYTES, _FORMAT_BYTES = 104, 208
_QUERYCAP = 0x80685600
_S_FMT = 0xC0D05605
_STREAMON, _STREAMOFF = 0x40045612, 0x40045613
_DRIVER = "v4l2 loopback"
_MODULE = Path("/sys/module/v4l2loopback")
_BUSY = "{path} is in use by another program: close it, or choose another camera."

LOAD_COMMAND = "sudo modprobe v4l2loopback devices=1 exclusive_caps=1 card_label='RealTalk Cam'"

Ioctl = Callable[[int, int, Any], Any]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a video device says it can do.

    Attributes:
        driver: Name of the driver.
        card: Name of the device.
        capture: Whether frames can be read from it now.
        output: Whether frames can be written to it now.
    """

    driver: str
    card: str
    capture: bool
    output: bool


def query(descriptor: int, ioctl: Ioctl = fcntl.ioctl) -> Capabilities:
    """Ask an open video device what it can do; OSError when it is none."""
    answer = bytearray(_QUERYCAP_BYTES)
    ioctl(descriptor, _QUERYCAP, answer)
    driver, card = (answer[a:b].split(b"\0")[0].decode(errors="replace") for a, b in _NAMES)
    everything, device = struct.unpack_from("<II", answer, 84)
    flags = device if everything & _DEVICE_CAPS else everything
    return Capabilities(driver, card, bool(flags & _CAPTURE), bool(flags & _OUTPUT))


_NAMES = ((0, 16), (16, 48))


class V4l2Camera(FixedMode):
    """A v4l2loopback device (see `CameraSink`).

    Args:
        path: The device, such as /dev/video10.
        size: Width and height in pixels, even.
        frame_rate_hz: Frames per second.
        ioctl: The system call, replaceable for tests without the kernel module.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int] = (1280, 720),
        frame_rate_hz: int = 25,
        ioctl: Ioctl = fcntl.ioctl,
    ) -> None:
        super().__init__(size, frame_rate_hz)
        self._path = path
        self._ioctl = ioctl
        self._descriptor: int | None = None
        self._yuv = np.empty((size[1] * 3 // 2, size[0]), np.uint8)

    def open(self) -> None:
        """Open the device and fix its mode; see `CameraSink.open`."""
        if self._descriptor is not None:
            return
        info = inspect(self._path, self._ioctl)
        if not info.usable:
            raise DeviceError(info.problem)
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
            self._set_format()
        except OSError as error:
            self.close()
            raise DeviceError(_os_problem(self._path, error)) from error
        except DeviceError:
            self.close()
            raise

    def send(self, rgb: ImageArray) -> None:
        """Write one frame; see `CameraSink.send`."""
        check_frame(rgb, self._size)
        if self._descriptor is None:
            raise DeviceError("The camera {path} is not open: open it first.", path=self._path)
        to_i420(rgb, self._yuv)
        try:
            os.write(self._descriptor, self._yuv.data)
            self.frames_sent += 1
        except BlockingIOError:
            return  # no room: readers keep the last frame
        except OSError as error:
            raise DeviceError(_os_problem(self._path, error)) from error

    def close(self) -> None:
        """Close the device so that it can be opened again; see `CameraSink.close`."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            _stop_streaming(descriptor, self._ioctl)
            os.close(descriptor)

    def _set_format(self) -> None:
        assert self._descriptor is not None
        answer = bytearray(_format(self._size))
        self._ioctl(self._descriptor, _S_FMT, answer)
        width, height, fourcc = struct.unpack_from("<III", answer, 8)
        if (width, height) != self._size or fourcc != _FOURCC_I420:
            raise DeviceError(
                "{path} keeps the mode {width}x{height}: another program has fixed it. Close "
                "the programs that use this camera, or choose that size.",
                path=self._path,
                width=width,
                height=height,
            )


def _format(size: tuple[int, int]) -> bytes:
    """struct v4l2_format for I420 output."""
    width, height = size
    pix = struct.pack(
        "<8I", width, height, _FOURCC_I420, _FIELD_NONE, width, width * height * 3 // 2,
        _COLORSPACE_SMPTE170M, 0,
    )  # fmt: skip
    head = struct.pack("<II", _TYPE_OUTPUT, 0)  # the union that follows is aligned to 8 bytes
    return (head + pix).ljust(_FORMAT_BYTES, b"\0")


def _stop_streaming(descriptor: int, ioctl: Ioctl) -> None:
    kind = struct.pack("<i", _TYPE_OUTPUT)
    for request in (_STREAMON, _STREAMOFF):
        try:
            ioctl(descriptor, request, kind)
        except OSError:
            continue  # later versions refuse what they do not need


def find_devices() -> list[Path]:
    """Devices of the v4l2loopback module, in order."""
    if not sys.platform.startswith("linux"):
        return []
    found = []
    for entry in Path("/sys/class/video4linux").glob("video*"):
        # real cameras hang on a bus; loopback devices are virtual
        if "virtual" in os.path.realpath(entry):
            found.append(Path("/dev") / entry.name)
    return sorted(found, key=lambda path: (len(path.name), path.name))


def module_loaded() -> bool:
    """Whether the kernel module is there."""
    return _MODULE.exists()


def missing_module() -> CameraInfo:
    """What to say when the kernel module is not loaded."""
    return CameraInfo(
        "v4l2",
        "v4l2loopback camera",
        problem=Message(
            "The kernel module v4l2loopback is not loaded. Install the package v4l2loopback-dkms "
            "and run: {command}. With Secure Boot it must be signed; the PipeWire camera "
            "needs no module.",
            command=LOAD_COMMAND,
        ),
        usable=False,
    )


def inspect(path: Path, ioctl: Ioctl = fcntl.ioctl) -> CameraInfo:
    """Find out whether a device can be used, and what is wrong with it."""
    identity = f"v4l2:{path}"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        return CameraInfo(identity, path.name, problem=_os_problem(path, error), usable=False)
    try:
        capabilities = query(descriptor, ioctl)
    except OSError as error:
        return CameraInfo(identity, path.name, problem=_os_problem(path, error), usable=False)
    finally:
        os.close(descriptor)
    return _judge(identity, path, capabilities)


def _judge(identity: str, path: Path, capabilities: Capabilities) -> CameraInfo:
    name, detail = capabilities.card or path.name, str(path)
    if not capabilities.driver.startswith(_DRIVER[:15]):
        problem = Message(
            "{path} is a real camera ({driver}), not a virtual one.",
            path=path, driver=capabilities.driver,
        )  # fmt: skip
        return CameraInfo(identity, name, detail, problem, usable=False)
    if capabilities.output and capabilities.capture:
        problem = Message(
            "{path} was made with exclusive_caps=0: browsers will not list it. Reload the module: "
            "sudo modprobe -r v4l2loopback; {command}",
            path=path, command=LOAD_COMMAND,
        )  # fmt: skip
        return CameraInfo(identity, name, detail, problem)
    if capabilities.output:
        return CameraInfo(identity, name, detail)
    if capabilities.capture:
        problem = Message(_BUSY, path=path)
        return CameraInfo(identity, name, detail, problem, usable=False)
    problem = Message(
        "{path} takes no pictures since the last program closed it (a fault of v4l2loopback "
        "0.12.7): use Repair, or reload the module: sudo modprobe -r v4l2loopback; {command}",
        path=path, command=LOAD_COMMAND,
    )  # fmt: skip
    return CameraInfo(identity, name, detail, problem, usable=False, repairable=True)


def repair(path: Path, ioctl: Ioctl = fcntl.ioctl) -> str:
    """Try to revive a device that takes no writer; returns the result in words.

    Raises:
        DeviceError: It could not be opened, or is as dead as before.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        raise DeviceError(_os_problem(path, error)) from error
    _stop_streaming(descriptor, ioctl)
    os.close(descriptor)
    info = inspect(path, ioctl)
    if not info.usable:
        raise DeviceError(info.problem)
    return Message("{path} works again.", path=path)


def _os_problem(path: Path, error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return Message(
            "{path} may not be opened: add yourself to its group with "
            "'sudo usermod -aG video $USER', then log out and in again.",
            path=path,
        )
    if error.errno == errno.EBUSY:
        return Message(_BUSY, path=path)
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return Message(
            "The camera {path} is gone: was the module unloaded? Run: {command}",
            path=path, command=LOAD_COMMAND,
        )  # fmt: skip
    return Message("The camera {path} cannot be used: {reason}.", path=path, reason=error.strerror)
