"""A camera read back as a call program reads it, where that can be done from here."""

import ctypes
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from core.errors import DeviceError
from core.types import ImageArray
from render.sinks import libpipewire as pw
from render.sinks import pipewire

OnFrame = Callable[[float, ImageArray], None]
"""Called with the `time.monotonic()` of a frame's arrival and its luma, shape (H, W), uint8, which
is valid during the call only. The thread is the reader's own."""

_POLL_S = 0.1


def can_read_back(camera_id: str) -> bool:
    """Whether `read_back` knows how to read this kind of camera."""
    return camera_id.partition(":")[0] in ("pipewire", "v4l2")


@contextmanager
def read_back(
    camera_id: str, size: tuple[int, int], frame_rate_hz: int, on_frame: OnFrame
) -> Iterator[None]:
    """Read a camera while the block runs.

    Args:
        camera_id: `CameraInfo.id` of a camera that is open.
        size: Its width and height in pixels.
        frame_rate_hz: Its frames per second.
        on_frame: Takes every frame.

    Raises:
        DeviceError: This kind of camera cannot be read back, or this one refuses.
    """
    kind, _, rest = camera_id.partition(":")
    if kind == "pipewire":
        with _pipewire(size, frame_rate_hz, on_frame):
            yield
    elif kind == "v4l2":
        with _device(Path(rest), size, on_frame):
            yield
    else:
        raise DeviceError("The camera “{camera_id}” cannot be read back.", camera_id=camera_id)


@contextmanager
def _pipewire(size: tuple[int, int], frame_rate_hz: int, on_frame: OnFrame) -> Iterator[None]:
    properties = {
        "media.type": "Video",
        "media.category": "Capture",
        "media.role": "Camera",
        "node.name": "realtalk_readback",
        "target.object": pipewire.NODE,
    }
    stream = pw.VideoStream(
        "RealTalk read back", properties, size, frame_rate_hz,
        process=lambda stream: _take(stream, size, on_frame),
    )  # fmt: skip
    stream.open(pw.DIRECTION_INPUT, pw.FLAG_AUTOCONNECT)
    try:
        yield
    finally:
        stream.close()


def _take(stream: pw.VideoStream, size: tuple[int, int], on_frame: OnFrame) -> None:
    now_s = time.monotonic()
    while buffer := stream.dequeue():
        data = buffer.contents.buffer.contents.datas[0]
        count = size[0] * size[1]
        if data.data and data.chunk.contents.size >= count:
            address = data.data + data.chunk.contents.offset
            luma = np.ctypeslib.as_array((ctypes.c_uint8 * count).from_address(address))
            on_frame(now_s, luma.reshape(size[1], size[0]))
        stream.queue(buffer)


@contextmanager
def _device(path: Path, size: tuple[int, int], on_frame: OnFrame) -> Iterator[None]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise DeviceError(
            "{path} cannot be read back: {reason}.", path=path, reason=error.strerror
        ) from error
    ended = threading.Event()
    thread = threading.Thread(
        target=_read_device, args=(descriptor, size, on_frame, ended), name="read back"
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        os.close(descriptor)


def _read_device(
    descriptor: int, size: tuple[int, int], on_frame: OnFrame, ended: threading.Event
) -> None:
    num_bytes, count = size[0] * size[1] * 3 // 2, size[0] * size[1]
    while not ended.is_set():
        if not select.select([descriptor], [], [], _POLL_S)[0]:
            continue
        try:
            frame = os.read(descriptor, num_bytes)
        except BlockingIOError:
            continue
        if len(frame) == num_bytes:
            luma = np.frombuffer(frame, np.uint8)[:count]
            on_frame(time.monotonic(), luma.reshape(size[1], size[0]))
        elif not frame:
            ended.wait(_POLL_S)
