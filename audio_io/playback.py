"""Sound out, in blocking writes that pace the writer: PortAudio, or libpulse by device name."""

import ctypes
import ctypes.util
from typing import Any, Protocol

import numpy as np

from audio_io.devices import SoundSystem
from core.errors import DeviceError
from core.types import FloatArray

_BUFFER_S = 0.04


class Playback(Protocol):
    """An open output.

    Attributes:
        rate_hz: Its sample rate.
    """

    rate_hz: int

    def write(self, samples: FloatArray) -> None:
        """Play shape (N,) float32, [-1, 1]; waits until there is room.

        Raises:
            DeviceError: The device is gone.
        """
        ...

    def latency_s(self) -> float:
        """How long from now the next written sample will be heard."""
        ...

    def close(self) -> None:
        """Stop at once and release the device."""
        ...


class PortAudioPlayback:
    """An output opened through PortAudio.

    Args:
        system: The machine's sound.
        device_id: Which output; None for the default.
        rate_hz: Sample rate.

    Raises:
        DeviceError: It is gone or refuses.
    """

    def __init__(self, system: SoundSystem, device_id: str | None, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._system = system
        self._stream: Any = system.open_output(device_id, rate_hz)
        self._capacity = max(int(self._stream.write_available), 1)

    def write(self, samples: FloatArray) -> None:
        """See `Playback.write`."""
        if not self._stream.active:
            raise DeviceError("The sound output was disconnected.")
        try:
            self._stream.write(np.ascontiguousarray(samples, np.float32)[:, None])
        except self._system.error as error:
            raise DeviceError(f"The sound output failed ({error}).") from error

    def latency_s(self) -> float:
        """See `Playback.latency_s`."""
        queued = max(self._capacity - int(self._stream.write_available), 0)
        device_s = max(float(self._stream.latency) - self._capacity / self.rate_hz, 0.0)
        return queued / self.rate_hz + device_s

    def close(self) -> None:
        """See `Playback.close`."""
        self._system.close_output(self._stream)


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


_FLOAT32LE = 5
_STREAM_PLAYBACK = 1
_UNSET = 0xFFFFFFFF


class PulsePlayback:
    """A sink of PulseAudio or PipeWire, chosen by name, with the server's own word on latency.

    Uses the simple API of libpulse, which comes with every sound server we drive.

    Args:
        sink: Name of the sink.
        rate_hz: Sample rate.

    Raises:
        DeviceError: No libpulse, no server, or no such sink.
    """

    def __init__(self, sink: str, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._library = _load_library()
        spec = _SampleSpec(_FLOAT32LE, rate_hz, 1)
        target = round(_BUFFER_S * rate_hz) * 4
        buffers = _BufferAttributes(_UNSET, target, _UNSET, target // 4, _UNSET)
        error = ctypes.c_int(0)
        self._handle = self._library.pa_simple_new(
            None, b"RealTalk Cam", _STREAM_PLAYBACK, sink.encode(), b"voice",
            ctypes.byref(spec), None, ctypes.byref(buffers), ctypes.byref(error),
        )  # fmt: skip
        if not self._handle:
            raise DeviceError(
                f"The sound server refused to play into “{sink}” ({self._say(error)})."
            )

    def write(self, samples: FloatArray) -> None:
        """See `Playback.write`."""
        data = np.ascontiguousarray(samples, np.float32)
        error = ctypes.c_int(0)
        pointer = ctypes.c_void_p(data.ctypes.data)
        if self._library.pa_simple_write(self._handle, pointer, data.nbytes, ctypes.byref(error)):
            raise DeviceError(f"The sound server stopped playing ({self._say(error)}).")

    def latency_s(self) -> float:
        """See `Playback.latency_s`."""
        error = ctypes.c_int(0)
        latency_us = self._library.pa_simple_get_latency(self._handle, ctypes.byref(error))
        if error.value:
            raise DeviceError(f"The sound server does not answer ({self._say(error)}).")
        return int(latency_us) / 1e6

    def close(self) -> None:
        """See `Playback.close`."""
        if self._handle:
            self._library.pa_simple_free(self._handle)
            self._handle = None

    def _say(self, error: ctypes.c_int) -> str:
        return bytes(self._library.pa_strerror(error)).decode(errors="replace")


def _load_library() -> Any:
    try:
        simple = ctypes.CDLL("libpulse-simple.so.0")
    except OSError as error:
        raise DeviceError(
            "The library libpulse-simple is missing; install the package libpulse0."
        ) from error
    simple.pa_simple_new.restype = ctypes.c_void_p
    text, pointer = ctypes.c_char_p, ctypes.c_void_p
    simple.pa_simple_new.argtypes = [
        text, text, ctypes.c_int, text, text, pointer, pointer, pointer, pointer,
    ]  # fmt: skip
    simple.pa_simple_write.argtypes = [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p,
    ]  # fmt: skip
    simple.pa_simple_get_latency.restype = ctypes.c_uint64
    simple.pa_simple_get_latency.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    simple.pa_simple_free.argtypes = [ctypes.c_void_p]
    simple.pa_strerror.restype = ctypes.c_char_p
    return simple
