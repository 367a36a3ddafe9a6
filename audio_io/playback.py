"""Sound out, in blocking writes that pace the writer (see also `audio_io.pulse_playback`)."""

from typing import Any, Protocol

import numpy as np

from audio_io.devices import SoundSystem
from core.errors import DeviceError
from core.types import FloatArray


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
            raise DeviceError("The sound output failed ({reason}).", reason=error) from error

    def latency_s(self) -> float:
        """See `Playback.latency_s`."""
        queued = max(self._capacity - int(self._stream.write_available), 0)
        device_s = max(float(self._stream.latency) - self._capacity / self.rate_hz, 0.0)
        return queued / self.rate_hz + device_s

    def close(self) -> None:
        """See `Playback.close`."""
        self._system.close_output(self._stream)
