"""What we use of libpipewire-0.3, through ctypes: a video stream on a loop thread of its own."""

import ctypes
import functools
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from core.errors import DeviceError
from render.sinks import pods

_logger = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S = 3.0
DIRECTION_INPUT, DIRECTION_OUTPUT = 0, 1
_ID_ANY = 0xFFFFFFFF
FLAG_AUTOCONNECT, FLAG_MAP_BUFFERS, FLAG_DRIVER = 1 << 0, 1 << 2, 1 << 3
STATE_ERROR, STATE_UNCONNECTED, STATE_PAUSED, STATE_STREAMING = -1, 0, 2, 3
_EVENTS_VERSION = 2

_StateChanged = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_char_p)
_Process = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
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
        ("process", _Process),
        ("drained", ctypes.c_void_p),
        ("command", ctypes.c_void_p),
        ("trigger_done", ctypes.c_void_p),
    )


class Chunk(ctypes.Structure):
    _fields_ = (
        ("offset", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("stride", ctypes.c_int32),
        ("flags", ctypes.c_int32),
    )


class Data(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("fd", ctypes.c_int64),
        ("mapoffset", ctypes.c_uint32),
        ("maxsize", ctypes.c_uint32),
        ("data", ctypes.c_void_p),
        ("chunk", ctypes.POINTER(Chunk)),
    )


class MetaHeader(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint32),
        ("offset", ctypes.c_uint32),
        ("pts", ctypes.c_int64),
        ("dts_offset", ctypes.c_int64),
        ("seq", ctypes.c_uint64),
    )


class Meta(ctypes.Structure):
    _fields_ = (("type", ctypes.c_uint32), ("size", ctypes.c_uint32), ("data", ctypes.c_void_p))


class SpaBuffer(ctypes.Structure):
    _fields_ = (
        ("n_metas", ctypes.c_uint32),
        ("n_datas", ctypes.c_uint32),
        ("metas", ctypes.POINTER(Meta)),
        ("datas", ctypes.POINTER(Data)),
    )


class Buffer(ctypes.Structure):
    _fields_ = (
        ("buffer", ctypes.POINTER(SpaBuffer)),
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
    "pw_stream_dequeue_buffer": (ctypes.POINTER(Buffer), (ctypes.c_void_p,)),
    "pw_stream_queue_buffer": (ctypes.c_int, (ctypes.c_void_p, ctypes.POINTER(Buffer))),
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
            "The PipeWire library cannot be used ({reason}): install the package "
            "libpipewire-0.3-0, version 0.3.40 or later.",
            reason=error,
        ) from error
    library.pw_init(None, None)
    return library


class VideoStream:
    """One stream of I420 video, either way; its callbacks run on the stream's own thread.

    Args:
        name: Name of the stream.
        properties: PipeWire's properties of its node.
        size: Width and height in pixels.
        frame_rate_hz: Frames per second.
        process: Called when a buffer may be dequeued; left out for a stream that drives itself.

    Attributes:
        state: One of `STATE_*`.
        error: What PipeWire complained of last.
    """

    def __init__(
        self,
        name: str,
        properties: Mapping[str, str],
        size: tuple[int, int],
        frame_rate_hz: int,
        process: Callable[["VideoStream"], None] | None = None,
    ) -> None:
        self.state, self.error = STATE_UNCONNECTED, ""
        self._name, self._properties = name, properties
        self._size, self._frame_rate_hz = size, frame_rate_hz
        self._changed = threading.Condition()
        self._loop: int | None = None
        self._stream: int | None = None
        # kept alive by self: the library calls into them until the stream is destroyed
        self._events = _Events(
            version=_EVENTS_VERSION,
            state_changed=_StateChanged(_guarded(self._on_state)),
            param_changed=_ParamChanged(_guarded(self._on_param)),
        )
        if process is not None:
            self._events.process = _Process(_guarded(lambda _data: process(self)))

    def open(self, direction: int, flags: int) -> None:
        """Connect, and wait until PipeWire has taken the stream in.

        Raises:
            DeviceError: It does not answer.
        """
        library = load_library()
        self._loop = library.pw_thread_loop_new(b"realtalk-camera", None)
        if not self._loop:
            raise DeviceError("PipeWire could not start a thread: close other programs.")
        try:
            library.pw_thread_loop_start(self._loop)
            with self.locked():
                self._connect(library, direction, flags)
            self._await_node()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Disconnect; a second call does nothing."""
        if not self._loop:
            return
        library = load_library()
        library.pw_thread_loop_stop(self._loop)
        if self._stream is not None:
            library.pw_stream_destroy(self._stream)
        library.pw_thread_loop_destroy(self._loop)
        self._loop = self._stream = None
        self.state, self.error = STATE_UNCONNECTED, ""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the stream's thread off; needed around everything below, except in `process`."""
        library = load_library()
        library.pw_thread_loop_lock(self._loop)
        try:
            yield
        finally:
            library.pw_thread_loop_unlock(self._loop)

    @property
    def driving(self) -> bool:
        """Whether the stream is to run the graph."""
        return bool(load_library().pw_stream_is_driving(self._stream))

    def trigger(self) -> None:
        """Run the graph once."""
        load_library().pw_stream_trigger_process(self._stream)

    def dequeue(self) -> Any:
        """A pointer to the next `Buffer`, false when there is none."""
        return load_library().pw_stream_dequeue_buffer(self._stream)

    def queue(self, buffer: Any) -> None:
        """Give a buffer back."""
        load_library().pw_stream_queue_buffer(self._stream, buffer)

    def _connect(self, library: ctypes.CDLL, direction: int, flags: int) -> None:
        words = " ".join(f'{key}="{_escaped(value)}"' for key, value in self._properties.items())
        stream = library.pw_stream_new_simple(
            library.pw_thread_loop_get_loop(self._loop),
            self._name.encode(),
            library.pw_properties_new_string(words.encode()),
            ctypes.byref(self._events),
            None,
        )
        if not stream:
            raise DeviceError("PipeWire could not make a camera: is it set up on this machine?")
        self._stream = stream
        params, _keep = _pod_array(pods.i420_format(self._size, self._frame_rate_hz))
        result = library.pw_stream_connect(
            stream, direction, _ID_ANY, flags | FLAG_MAP_BUFFERS, params, len(params)
        )
        if result < 0:
            raise _not_running(f"error {-result}")

    def _await_node(self) -> None:
        def decided() -> bool:
            return bool(self.error) or self.state >= STATE_PAUSED

        with self._changed:
            self._changed.wait_for(decided, _CONNECT_TIMEOUT_S)
        if self.state < STATE_PAUSED:
            raise _not_running(self.error or "no answer")

    def _on_state(self, _data: int, _old: int, state: int, error: bytes | None) -> None:
        with self._changed:
            self.state = state
            if error:
                self.error = error.decode(errors="replace")
            elif state == STATE_UNCONNECTED:
                self.error = self.error or "disconnected"
            self._changed.notify_all()

    def _on_param(self, _data: int, param: int, pod: int | None) -> None:
        if param != pods.Param.FORMAT or not pod:
            return
        params, _keep = _pod_array(pods.i420_buffers(self._size), pods.header_meta())
        load_library().pw_stream_update_params(self._stream, params, len(params))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _pod_array(*bodies: bytes) -> tuple[Any, list[Any]]:
    """A C array of pointers to pods, and what must be kept alive while it is used."""
    buffers = [ctypes.create_string_buffer(body, len(body)) for body in bodies]
    pointers = (ctypes.c_void_p * len(buffers))(*(ctypes.addressof(b) for b in buffers))
    return pointers, buffers


def _not_running(reason: str) -> DeviceError:
    return DeviceError(
        "PipeWire does not answer ({reason}): start it with 'systemctl --user start "
        "pipewire wireplumber', or choose another camera.",
        reason=reason,
    )


def _guarded(function: Callable[..., None]) -> Callable[..., None]:
    """An exception must not cross into C: log it."""

    @functools.wraps(function)
    def call(*arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception:
            _logger.exception("PipeWire: a notification failed")

    return call
