"""A camera offered by PipeWire itself: no kernel module, no administrator rights.

Programs that ask PipeWire for cameras (browsers through the camera portal, OBS, GStreamer) see it
beside the real ones. It speaks to libpipewire-0.3 through ctypes: GStreamer's pipewiresink, the
usual way, crashes in Debian 12's version (1.22 with PipeWire 0.3.65) when a reader leaves.
"""

import ctypes
import ctypes.util
import functools
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from core.errors import DeviceError
from core.types import ImageArray
from render.frames import check_frame, to_i420
from render.sinks import pods
from render.sinks.base import FixedMode

_log = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S = 3.0
_DIRECTION_OUTPUT = 1
_ID_ANY = 0xFFFFFFFF
_FLAG_MAP_BUFFERS, _FLAG_DRIVER = 1 << 2, 1 << 3
_STATE_ERROR, _STATE_UNCONNECTED, _STATE_PAUSED, _STATE_STREAMING = -1, 0, 2, 3
_EVENTS_VERSION = 2

_StateChanged = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_char_p)
_ParamChanged = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)


class _Events(ctypes.Structure):
    """struct pw_stream_events; the members without a type here are left empty."""

    _fields_ = (
        ("version", ctypes.c_uint32),
        ("destroy", ctypes.c_void_p),
        ("state_changed", _StateChanged),
        ("control_info", ctypes.c_void_p),
        ("io_changed", ctypes.c_void_p),
        ("param_changed", _ParamChanged),
        ("add_buffer", ctypes.c_void_p),
        ("remove_buffer", ctypes.c_void_p),
        ("process", ctypes.c_void_p),
        ("drained", ctypes.c_void_p),
        ("command", ctypes.c_void_p),
        ("trigger_done", ctypes.c_void_p),
    )


class _Chunk(ctypes.Structure):
    _fields_ = (
        ("offset", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("stride", ctypes.c_int32),
        ("flags", ctypes.c_int32),
    )


class _Data(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("fd", ctypes.c_int64),
        ("mapoffset", ctypes.c_uint32),
        ("maxsize", ctypes.c_uint32),
        ("data", ctypes.c_void_p),
        ("chunk", ctypes.POINTER(_Chunk)),
    )


class _MetaHeader(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint32),
        ("offset", ctypes.c_uint32),
        ("pts", ctypes.c_int64),
        ("dts_offset", ctypes.c_int64),
        ("seq", ctypes.c_uint64),
    )


class _Meta(ctypes.Structure):
    _fields_ = (("type", ctypes.c_uint32), ("size", ctypes.c_uint32), ("data", ctypes.c_void_p))


class _SpaBuffer(ctypes.Structure):
    _fields_ = (
        ("n_metas", ctypes.c_uint32),
        ("n_datas", ctypes.c_uint32),
        ("metas", ctypes.POINTER(_Meta)),
        ("datas", ctypes.POINTER(_Data)),
    )


class _Buffer(ctypes.Structure):
    _fields_ = (
        ("buffer", ctypes.POINTER(_SpaBuffer)),
        ("user_data", ctypes.c_void_p),
        ("size", ctypes.c_uint64),
    )


_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "pw_init": (None, (ctypes.c_void_p, ctypes.c_void_p)),
    "pw_properties_new_string": (ctypes.c_void_p, (ctypes.c_char_p,)),
    "pw_thread_loop_new": (ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_void_p)),
    "pw_thread_loop_get_loop": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "pw_thread_loop_start": (ctypes.c_int, (ctypes.c_void_p,)),
    "pw_thread_loop_stop": (None, (ctypes.c_void_p,)),
    "pw_thread_loop_destroy": (None, (ctypes.c_void_p,)),
    "pw_thread_loop_lock": (None, (ctypes.c_void_p,)),
    "pw_thread_loop_unlock": (None, (ctypes.c_void_p,)),
    "pw_stream_new_simple": (
        ctypes.c_void_p,
        (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pw_stream_connect": (
        ctypes.c_int,
        (ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_int, ctypes.c_void_p,
         ctypes.c_uint32),
    ),
    "pw_stream_destroy": (None, (ctypes.c_void_p,)),
    "pw_stream_update_params": (
        ctypes.c_int, (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32),
    ),
    "pw_stream_dequeue_buffer": (ctypes.POINTER(_Buffer), (ctypes.c_void_p,)),
    "pw_stream_queue_buffer": (ctypes.c_int, (ctypes.c_void_p, ctypes.POINTER(_Buffer))),
    "pw_stream_is_driving": (ctypes.c_bool, (ctypes.c_void_p,)),
    "pw_stream_trigger_process": (ctypes.c_int, (ctypes.c_void_p,)),
    "pw_stream_get_node_id": (ctypes.c_uint32, (ctypes.c_void_p,)),
}  # fmt: skip


@functools.cache
def load_library() -> ctypes.CDLL:
    """libpipewire, initialised.

    Raises:
        DeviceError: It is not installed, or too old.
    """
    if not sys.platform.startswith("linux"):
        raise DeviceError("PipeWire exists on Linux only: choose another camera.")
    try:
        library = ctypes.CDLL("libpipewire-0.3.so.0")
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise DeviceError(
            f"The PipeWire library cannot be used ({error}): install the package "
            f"libpipewire-0.3-0, version 0.3.40 or later."
        ) from error
    library.pw_init(None, None)
    return library


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
        self._changed = threading.Condition()
        self._state, self._error = _STATE_UNCONNECTED, ""
        self._loop: int | None = None
        self._stream: int | None = None
        self._events: _Events | None = None
        self._sequence = 0
        self.frames_dropped = 0
        """Frames that a slow reader had no buffer for."""

    @property
    def has_reader(self) -> bool | None:
        """Whether a program is watching."""
        return self._state == _STATE_STREAMING

    def open(self) -> None:
        """Make the camera appear; see `CameraSink.open`."""
        if self._loop is not None:
            return
        try:
            self._start()
            self._await_node()
        except BaseException:
            self.close()
            raise

    def send(self, rgb: ImageArray) -> None:
        """Hand over one frame; see `CameraSink.send`."""
        check_frame(rgb, self._size)
        if self._state in (_STATE_ERROR, _STATE_UNCONNECTED) or self._loop is None:
            raise DeviceError(
                f"The PipeWire camera is gone ({self._error or 'not open'}): open it again when "
                f"PipeWire runs."
            )
        if self._state != _STATE_STREAMING:
            return
        to_i420(rgb, self._yuv)
        library = load_library()
        library.pw_thread_loop_lock(self._loop)
        try:
            self._queue(library)
        finally:
            library.pw_thread_loop_unlock(self._loop)

    def close(self) -> None:
        """Take the camera away; see `CameraSink.close`."""
        if self._loop is None:
            return
        library = load_library()
        library.pw_thread_loop_stop(self._loop)
        if self._stream is not None:
            library.pw_stream_destroy(self._stream)
        library.pw_thread_loop_destroy(self._loop)
        self._loop = self._stream = self._events = None
        self._state, self._error = _STATE_UNCONNECTED, ""

    def _properties(self) -> bytes:
        words = {
            "media.type": "Video",
            "media.category": "Capture",
            "media.role": "Camera",
            "media.class": "Video/Source",
            "node.name": "realtalk_cam",
            "node.description": self._name,
            "node.nick": self._name,
        }
        return " ".join(f'{key}="{_escaped(value)}"' for key, value in words.items()).encode()

    def _start(self) -> None:
        library = load_library()
        loop = library.pw_thread_loop_new(b"realtalk-camera", None)
        if not loop:
            raise DeviceError("PipeWire could not start a thread: close other programs.")
        self._loop = loop
        self._state, self._error = _STATE_UNCONNECTED, ""
        # kept alive by self: the library calls into them until the stream is destroyed
        self._events = events = _Events(
            version=_EVENTS_VERSION,
            state_changed=_StateChanged(_guarded(self._on_state)),
            param_changed=_ParamChanged(_guarded(self._on_param)),
        )
        library.pw_thread_loop_start(loop)
        library.pw_thread_loop_lock(loop)
        try:
            self._connect(library, loop, events)
        finally:
            library.pw_thread_loop_unlock(loop)

    def _connect(self, library: ctypes.CDLL, loop: int, events: _Events) -> None:
        properties = library.pw_properties_new_string(self._properties())
        stream = library.pw_stream_new_simple(
            library.pw_thread_loop_get_loop(loop),
            self._name.encode(),
            properties,
            ctypes.byref(events),
            None,
        )
        if not stream:
            raise DeviceError("PipeWire could not make a camera: is it set up on this machine?")
        self._stream = stream
        params, _keep = _pod_array(pods.i420_format(self._size, self._frame_rate_hz))
        flags = _FLAG_DRIVER | _FLAG_MAP_BUFFERS
        result = library.pw_stream_connect(
            stream, _DIRECTION_OUTPUT, _ID_ANY, flags, params, len(params)
        )
        if result < 0:
            raise _not_running(f"error {-result}")

    def _await_node(self) -> None:
        def decided() -> bool:
            return bool(self._error) or self._state >= _STATE_PAUSED

        with self._changed:
            self._changed.wait_for(decided, _CONNECT_TIMEOUT_S)
        if self._state < _STATE_PAUSED:
            raise _not_running(self._error or "no answer")

    def _on_state(self, _data: int, _old: int, state: int, error: bytes | None) -> None:
        with self._changed:
            self._state = state
            if error:
                self._error = error.decode(errors="replace")
            elif state == _STATE_UNCONNECTED:
                self._error = self._error or "disconnected"
            self._changed.notify_all()

    def _on_param(self, _data: int, param: int, pod: int | None) -> None:
        if param != pods.Param.FORMAT or not pod:
            return
        params, _keep = _pod_array(pods.i420_buffers(self._size), pods.header_meta())
        load_library().pw_stream_update_params(self._stream, params, len(params))

    def _queue(self, library: ctypes.CDLL) -> None:
        """Fill the next free buffer and run the graph once; the loop is locked."""
        if not library.pw_stream_is_driving(self._stream):
            return
        buffer = library.pw_stream_dequeue_buffer(self._stream)
        if not buffer:
            self.frames_dropped += 1
            library.pw_stream_trigger_process(self._stream)
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
        library.pw_stream_queue_buffer(self._stream, buffer)
        library.pw_stream_trigger_process(self._stream)

    def _stamp(self, spa: _SpaBuffer) -> None:
        for meta in spa.metas[: spa.n_metas]:
            if meta.type == pods.META_HEADER and meta.size >= ctypes.sizeof(_MetaHeader):
                header = _MetaHeader.from_address(meta.data)
                header.flags = header.offset = header.dts_offset = 0
                header.pts, header.seq = time.monotonic_ns(), self._sequence
        self._sequence += 1


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _pod_array(*bodies: bytes) -> tuple[Any, list[Any]]:
    """A C array of pointers to pods, and what must be kept alive while it is used."""
    buffers = [ctypes.create_string_buffer(body, len(body)) for body in bodies]
    pointers = (ctypes.c_void_p * len(buffers))(*(ctypes.addressof(b) for b in buffers))
    return pointers, buffers


def _not_running(reason: str) -> DeviceError:
    return DeviceError(
        f"PipeWire does not answer ({reason}): start it with 'systemctl --user start pipewire "
        f"wireplumber', or choose another camera."
    )


def _guarded(function: Callable[..., None]) -> Callable[..., None]:
    """An exception must not cross into C: log it."""

    @functools.wraps(function)
    def call(*arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception:
            _log.exception("PipeWire camera: a notification failed")

    return call
