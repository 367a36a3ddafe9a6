"""Sound into a named sink of PulseAudio or PipeWire, with an exact idea of when it is heard.

libpulse's own estimate of the latency (`pa_stream_get_latency`) runs away for seconds after an
underrun on PipeWire's server (pipewire-pulse 0.3.65: it answers 0, or drifts by 1 %). So the raw
timing figures are asked for and smoothed by our own clock.
"""

import ctypes
import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from core.clock import SampleClock
from core.errors import DeviceError
from core.types import FloatArray

_BUFFER_S = 0.04
_CONNECT_TIMEOUT_S = 3.0
_WRITE_TIMEOUT_S = 2.0
_ASK_S = 0.05
_POLL_S = 0.004
_LOST_S = 0.012
_LOST_COUNT = 3
_FLOAT32LE, _UNSET, _SEEK_RELATIVE = 5, 0xFFFFFFFF, 0
_NO_AUTOSPAWN = 1
_AUTO_TIMING, _DONT_MOVE, _ADJUST_LATENCY = 0x0008, 0x0200, 0x2000
_CONTEXT_READY, _STREAM_READY = 4, 2
_OVER_CONTEXT, _OVER_STREAM = (5, 6), (3, 4)


class _SampleSpec(ctypes.Structure):
    _fields_ = (
        ("format", ctypes.c_int),
        ("rate", ctypes.c_uint32),
        ("channels", ctypes.c_uint8),
    )


class _BufferAttributes(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint32) for name in ("maxlength", "tlength", "prebuf", "minreq", "fragsize")
    )


class _TimingInfo(ctypes.Structure):
    """struct pa_timing_info; the timestamp is of the wall clock."""

    _fields_ = (
        ("timestamp_s", ctypes.c_long),
        ("timestamp_us", ctypes.c_long),
        ("synchronized_clocks", ctypes.c_int),
        ("sink_us", ctypes.c_uint64),
        ("source_us", ctypes.c_uint64),
        ("transport_us", ctypes.c_uint64),
        ("playing", ctypes.c_int),
        ("write_index_corrupt", ctypes.c_int),
        ("write_index", ctypes.c_int64),
        ("read_index_corrupt", ctypes.c_int),
        ("read_index", ctypes.c_int64),
    )


class PulsePlayback:
    """A sink of PulseAudio or PipeWire, chosen by name (see `Playback`).

    Args:
        sink: Name of the sink; when it goes, the stream ends rather than move to another one.
        rate_hz: Sample rate.

    Raises:
        DeviceError: No libpulse, no server, or no such sink.
    """

    def __init__(self, sink: str, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._library = _load_library()
        self._sink = sink
        self._context: int | None = None
        self._stream: int | None = None
        self._written = 0
        self._clock: SampleClock | None = None
        self._asked_s = self._last_stamp_s = 0.0
        self._loop: int | None = self._library.pa_threaded_mainloop_new()
        try:
            self._library.pa_threaded_mainloop_start(self._loop)
            self._connect()
        except BaseException:
            self.close()
            raise

    def write(self, samples: FloatArray) -> None:
        """See `Playback.write`."""
        data = np.ascontiguousarray(samples, np.float32)
        done = 0
        while done < data.size:
            done += self._write_what_fits(data[done:])

    def latency_s(self) -> float:
        """See `Playback.latency_s`."""
        self._follow()
        if self._clock is None:
            return self._written / self.rate_hz if self._written else _BUFFER_S
        return self._clock.time_of(self._written) - time.monotonic()

    def close(self) -> None:
        """See `Playback.close`."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        library = self._library
        library.pa_threaded_mainloop_lock(loop)
        if self._stream:
            library.pa_stream_disconnect(self._stream)
            library.pa_stream_unref(self._stream)
        if self._context:
            library.pa_context_disconnect(self._context)
            library.pa_context_unref(self._context)
        library.pa_threaded_mainloop_unlock(loop)
        library.pa_threaded_mainloop_stop(loop)
        library.pa_threaded_mainloop_free(loop)
        self._stream = self._context = None

    def _connect(self) -> None:
        library = self._library
        with _Locked(library, self._loop):
            api = library.pa_threaded_mainloop_get_api(self._loop)
            self._context = library.pa_context_new(api, b"RealTalk Cam")
            if library.pa_context_connect(self._context, None, _NO_AUTOSPAWN, None) < 0:
                raise self._refused()
        self._await(lambda: library.pa_context_get_state(self._context), _CONTEXT_READY)
        spec = _SampleSpec(_FLOAT32LE, self.rate_hz, 1)
        target = round(_BUFFER_S * self.rate_hz) * 4
        buffers = _BufferAttributes(_UNSET, target, _UNSET, target // 4, _UNSET)
        with _Locked(library, self._loop):
            self._stream = library.pa_stream_new(self._context, b"voice", ctypes.byref(spec), None)
            flags = _AUTO_TIMING | _DONT_MOVE | _ADJUST_LATENCY
            if not self._stream or library.pa_stream_connect_playback(
                self._stream, self._sink.encode(), ctypes.byref(buffers), flags, None, None
            ):
                raise self._refused()
        self._await(lambda: library.pa_stream_get_state(self._stream), _STREAM_READY)

    def _await(self, state: Any, ready: int) -> None:
        """Wait until a context or stream is ready."""
        deadline_s = time.monotonic() + _CONNECT_TIMEOUT_S
        while True:
            with _Locked(self._library, self._loop):
                now = state()
                if now == ready:
                    return
                if now > ready or time.monotonic() > deadline_s:
                    raise self._refused()
            time.sleep(0.005)

    def _write_what_fits(self, data: FloatArray) -> int:
        """Wait for room, write, and return the number of samples written."""
        deadline_s = time.monotonic() + _WRITE_TIMEOUT_S
        while time.monotonic() < deadline_s:
            with self._running():
                room = int(self._library.pa_stream_writable_size(self._stream)) // 4
                if room:
                    count = min(room, data.size)
                    self._library.pa_stream_write(
                        self._stream, data.ctypes.data, 4 * count, None, 0, _SEEK_RELATIVE
                    )
                    self._written += count
                    return count
            time.sleep(_POLL_S)
        raise DeviceError("The sound server takes no sound any more.")

    def _follow(self) -> None:
        """Ask for new timing figures, and take in those that came."""
        now_s = time.monotonic()
        with self._running():
            if now_s >= self._asked_s + _ASK_S:
                self._asked_s = now_s
                operation = self._library.pa_stream_update_timing_info(self._stream, None, None)
                if operation:
                    self._library.pa_operation_unref(operation)
            pointer = self._library.pa_stream_get_timing_info(self._stream)
            if not pointer:
                return
            info = _TimingInfo.from_buffer_copy(pointer.contents)
        stamp_s = info.timestamp_s + info.timestamp_us / 1e6
        if stamp_s != self._last_stamp_s and info.playing and info.read_index > 0:
            self._last_stamp_s = stamp_s
            behind_s = (info.sink_us - info.transport_us) / 1e6
            heard = info.read_index // 4 - behind_s * self.rate_hz
            self._take(round(heard), now_s - (time.time() - stamp_s))

    def _take(self, heard: int, now_s: float) -> None:
        """The sample `heard` is heard at `now_s`."""
        if self._clock is None:
            start_s = now_s - heard / self.rate_hz
            self._clock = SampleClock(self.rate_hz, start_s, lost_s=_LOST_S, lost_count=_LOST_COUNT)
        self._clock.update(heard, now_s)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Hold the lock of a stream that still plays."""
        with _Locked(self._library, self._loop):
            if self._library.pa_stream_get_state(self._stream) != _STREAM_READY:
                raise DeviceError(
                    "The sound server stopped playing ({reason}).", reason=self._say()
                )
            yield

    def _refused(self) -> DeviceError:
        return DeviceError(
            "The sound server refused to play into “{sink}” ({reason}).",
            sink=self._sink, reason=self._say(),
        )  # fmt: skip

    def _say(self) -> str:
        code = self._library.pa_context_errno(self._context) if self._context else 0
        return bytes(self._library.pa_strerror(code)).decode(errors="replace")


class _Locked:
    """Holds the lock of libpulse's thread."""

    def __init__(self, library: ctypes.CDLL, loop: int | None) -> None:
        if loop is None:
            raise DeviceError("The sound output is closed.")
        self._library, self._loop = library, loop

    def __enter__(self) -> None:
        self._library.pa_threaded_mainloop_lock(self._loop)

    def __exit__(self, *_error: object) -> None:
        self._library.pa_threaded_mainloop_unlock(self._loop)


_P, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "pa_threaded_mainloop_new": (_P, ()),
    "pa_threaded_mainloop_start": (_INT, (_P,)),
    "pa_threaded_mainloop_stop": (None, (_P,)),
    "pa_threaded_mainloop_free": (None, (_P,)),
    "pa_threaded_mainloop_lock": (None, (_P,)),
    "pa_threaded_mainloop_unlock": (None, (_P,)),
    "pa_threaded_mainloop_get_api": (_P, (_P,)),
    "pa_context_new": (_P, (_P, _TEXT)),
    "pa_context_connect": (_INT, (_P, _TEXT, _INT, _P)),
    "pa_context_disconnect": (None, (_P,)),
    "pa_context_unref": (None, (_P,)),
    "pa_context_get_state": (_INT, (_P,)),
    "pa_context_errno": (_INT, (_P,)),
    "pa_stream_new": (_P, (_P, _TEXT, _P, _P)),
    "pa_stream_connect_playback": (_INT, (_P, _TEXT, _P, _INT, _P, _P)),
    "pa_stream_disconnect": (_INT, (_P,)),
    "pa_stream_unref": (None, (_P,)),
    "pa_stream_get_state": (_INT, (_P,)),
    "pa_stream_writable_size": (ctypes.c_size_t, (_P,)),
    "pa_stream_write": (_INT, (_P, _P, ctypes.c_size_t, _P, ctypes.c_int64, _INT)),
    "pa_stream_update_timing_info": (_P, (_P, _P, _P)),
    "pa_stream_get_timing_info": (ctypes.POINTER(_TimingInfo), (_P,)),
    "pa_operation_unref": (None, (_P,)),
    "pa_strerror": (_TEXT, (_INT,)),
}


@functools.cache
def _load_library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libpulse.so.0")
    except OSError as error:
        raise DeviceError(
            "The library libpulse is missing; install the package libpulse0."
        ) from error
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
