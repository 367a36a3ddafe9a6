"""What happens to the microphone's sound before anything else hears it: gain, gate, mute, meter."""

from dataclasses import dataclass

import numpy as np

from core.session import Level
from core.types import FloatArray

_SLICE_S = 0.01
_HOLD_S = 0.25
"""The gate stays open this long after the last loud slice, so that word ends survive."""
_HYSTERESIS_DB = 6.0
_RELEASE_PER_SLICE = 0.2
_METER_SLICES = 10
_CLIP_HOLD_SLICES = 100
_SILENCE_DBFS = -120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """How the microphone is treated.

    Attributes:
        gain_db: Amplification, -40 to +40 dB.
        gate_dbfs: Level below which the noise gate closes, -90 to 0 dBFS; None: always open.
        open: Whether sound may pass at all (not muted, push-to-talk held).
    """

    gain_db: float = 0.0
    gate_dbfs: float | None = None
    open: bool = True

    def __post_init__(self) -> None:
        if not -40.0 <= self.gain_db <= 40.0:
            raise ValueError(f"gain must be -40 to +40 dB, not {self.gain_db:g}")
        if self.gate_dbfs is not None and not -90.0 <= self.gate_dbfs <= 0.0:
            raise ValueError(f"the gate must be -90 to 0 dBFS, not {self.gate_dbfs:g}")


class GainGate:
    """Applies `GateSettings` to an endless stream and measures it, 10 ms at a time.

    Gain changes within one slice of 10 ms, so nothing clicks: the gate opens and mutes in one
    slice and closes softly over 50 ms. Sound waits for the end of its slice, never longer.

    Args:
        rate_hz: Sample rate.
    """

    def __init__(self, rate_hz: int) -> None:
        self._slice = round(rate_hz * _SLICE_S)
        self._pending = np.zeros(0, np.float32)
        self._factor = 0.0
        self._hold = 0
        self._loud = False
        self._peaks = np.zeros(_CLIP_HOLD_SLICES, np.float32)
        self._powers = np.zeros(_METER_SLICES, np.float32)
        self._at = 0
        self._ramp = np.arange(1, self._slice + 1, dtype=np.float32) / self._slice

    def process(self, samples: FloatArray, settings: GateSettings) -> FloatArray:
        """Process the next block.

        Args:
            samples: Shape (N,), float32, any N.
            settings: How to treat it; takes effect at the next slice.

        Returns:
            Shape (M,), float32, [-1, 1]: the slices completed so far, in order.
        """
        sound = np.concatenate([self._pending, samples])
        whole = sound.size - sound.size % self._slice
        self._pending = sound[whole:]
        slices = sound[:whole].reshape(-1, self._slice) * np.float32(10 ** (settings.gain_db / 20))
        peaks = np.abs(slices).max(axis=1, initial=0.0)
        powers = np.mean(slices**2, axis=1) if whole else np.zeros(0, np.float32)
        for row, peak, power in zip(slices, peaks, powers, strict=True):
            self._measure(float(peak), float(power))
            target = self._target(float(power), settings)
            row *= self._factor + (target - self._factor) * self._ramp
            self._factor = target
        return np.clip(slices.reshape(-1), -1.0, 1.0)

    def level(self) -> Level:
        """Loudness of the last 100 ms."""
        recent = [(self._at - 1 - i) % _CLIP_HOLD_SLICES for i in range(_METER_SLICES)]
        return Level(
            peak_dbfs=_decibel(float(self._peaks[recent].max())),
            rms_dbfs=_decibel(float(np.sqrt(self._powers.mean()))),
            clipped=bool(self._peaks.max() >= 0.999),
            gate_open=self._factor > 0.5,
        )

    def _measure(self, peak: float, power: float) -> None:
        self._peaks[self._at % _CLIP_HOLD_SLICES] = peak
        self._powers[self._at % _METER_SLICES] = power
        self._at = (self._at + 1) % (_CLIP_HOLD_SLICES * _METER_SLICES)

    def _target(self, power: float, settings: GateSettings) -> float:
        if not settings.open:
            self._loud, self._hold = False, 0
            return 0.0
        if settings.gate_dbfs is None:
            return 1.0
        level_db = _decibel(np.sqrt(power))
        if level_db >= settings.gate_dbfs:
            self._loud, self._hold = True, round(_HOLD_S / _SLICE_S)
        elif level_db < settings.gate_dbfs - _HYSTERESIS_DB and self._hold:
            self._hold -= 1
        self._loud = self._hold > 0
        return 1.0 if self._loud else max(self._factor - _RELEASE_PER_SLICE, 0.0)


def _decibel(amplitude: float) -> float:
    return max(20 * float(np.log10(max(amplitude, 1e-6))), _SILENCE_DBFS)
