"""A camera offered by PipeWire itself: no kernel module, no administrator rights.

Programs that ask PipeWire for cameras (browsers through the camera portal, OBS, GStreamer) see it
beside the real ones. It speaks to libpipewire-0.3 through ctypes: GStreamer's pipewiresink, the
usual way, gives no picture to a second reader in Debian 12's version (1.22 with PipeWire 0.3.65).
"""

import ctypes
import time

import numpy as np

from core.errors import DeviceError
from core.types import ImageArray
from render.frames import check_frame, to_i420
from render.sinks import libpipewire as pw
from render.sinks import pods
from render.sinks.base import FixedMode

NODE = "realtalk_cam"
"""Name of the camera's node."""


class PipeWireCamera(FixedMode):
    """A camera node of the running PipeWire (see `CameraSink`).

    Frames go out as I420: browsers get no picture from RGB. Without a reader `send` returns at
    once.

    Args:
        size: Width and height in pixels, even.
        frame_rate_hz: Frames per second that readers are promised.
        name: Name that readers show.
    """

    def __init__(
        self,
        size: tuple[int, int] = (1280, 720),
        frame_rate_hz: int = 25,
        name: str = "RealTalk Cam",
    ) -> None:
        super().__init__(size, frame_rate_hz)
        self._name = name
        self._yuv = np.empty((size[1] * 3 // 2, size[0]), np.uint8)
        self._stream: pw.VideoStream | None = None
        self._sequence = 0
        self.frames_dropped = 0
        """Frames that a slow reader had no buffer for."""

    @property
    def has_reader(self) -> bool | None:
        """Whether a program is watching."""
        stream = self._stream
        return stream is not None and stream.state == pw.STATE_STREAMING

    def open(self) -> None:
        """Make the camera appear; see `CameraSink.open`."""
        if self._stream is not None:
            return
        properties = {
            "media.type": "Video",
            "media.category": "Capture",
            "media.role": "Camera",
            "media.class": "Video/Source",
            "node.name": NODE,
            "node.description": self._name,
            "node.nick": self._name,
        }
        stream = pw.VideoStream(self._name, properties, self._size, self._frame_rate_hz)
        stream.open(pw.DIRECTION_OUTPUT, pw.FLAG_DRIVER)
        self._stream = stream

    def send(self, rgb: ImageArray) -> None:
        """Hand over one frame; see `CameraSink.send`."""
        check_frame(rgb, self._size)
        stream = self._stream
        if stream is None or stream.state in (pw.STATE_ERROR, pw.STATE_UNCONNECTED):
            reason = (stream.error if stream else "") or "not open"
            raise DeviceError(
                "The PipeWire camera is gone ({reason}): open it again when PipeWire runs.",
                reason=reason,
            )
        if stream.state != pw.STATE_STREAMING:
            return
        to_i420(rgb, self._yuv)
        with stream.locked():
            self._queue(stream)

    def close(self) -> None:
        """Take the camera away; see `CameraSink.close`."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _queue(self, stream: pw.VideoStream) -> None:
        """Fill the next free buffer and run the graph once; the stream is locked."""
        if not stream.driving:
            return
        buffer = stream.dequeue()
        if not buffer:
            self.frames_dropped += 1
            stream.trigger()
            return
        spa = buffer.contents.buffer.contents
        data = spa.datas[0]
        if data.data and data.maxsize >= self._yuv.nbytes:
            ctypes.memmove(data.data, self._yuv.ctypes.data, self._yuv.nbytes)
            chunk = data.chunk.contents
            chunk.offset, chunk.size = 0, self._yuv.nbytes
            chunk.stride, chunk.flags = self._size[0], 0
            self._stamp(spa)
            self.frames_sent += 1
        stream.queue(buffer)
        stream.trigger()

    def _stamp(self, spa: pw.SpaBuffer) -> None:
        for meta in spa.metas[: spa.n_metas]:
            if meta.type == pods.META_HEADER and meta.size >= ctypes.sizeof(pw.MetaHeader):
                header = pw.MetaHeader.from_address(meta.data)
                header.flags = header.offset = header.dts_offset = 0
                header.pts, header.seq = time.monotonic_ns(), self._sequence
        self._sequence += 1
