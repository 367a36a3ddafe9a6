"""The voice again, later: a reader of the voice ring that keeps a set distance to its clock."""

import math

import numpy as np

from audio_io.resample import kernel
from core.clock import SampleClock
from core.ring_buffer import RingBuffer, SamplesLostError
from core.types import FloatArray

MAX_SLEW = 5e-3
"""Largest change of pitch while catching up: 0.5 %, which nobody hears."""
_JUMP_S = 0.03
"""Beyond this distance the reader jumps, with a cross-fade: the lips would be seen to be early."""
_QUIET_JUMP_S, _QUIET = 0.008, 0.003
"""In silence nobody hears a jump, so a smaller error is corrected at once."""
_SETTLE_READS, _SETTLE_EVERY = 180, 30
_SETTLE_JUMP_S = 0.008
"""While a player fills its buffers, an error beyond this is jumped every so many blocks."""
_LOOP_HZ = 0.15
_PHASES = 256
_HALF = 16


class DelayLine:
    """Plays a ring at a steady delay, whatever the clocks of both ends do.

    The ring and the player run on different crystals. A proportional-integral loop compares
    where the reader is with where the ring's clock says it should be, and resamples by the
    fraction that closes the gap.

    Args:
        ring: The voice.
        clock: The clock of `ring`: index to monotonic time.
        rate_out_hz: The player's sample rate.
        delay_s: Time from a sample's arrival in the ring to its being heard.
    """

    def __init__(
        self, ring: RingBuffer, clock: SampleClock, rate_out_hz: int, delay_s: float
    ) -> None:
        self.delay_s = delay_s
        self.starved_blocks = 0
        self.jumps = 0
        self.error_s = 0.0
        self._ring = ring
        self._clock = clock
        self._nominal_step = clock.nominal_rate_hz / rate_out_hz
        self._rate_out_hz = rate_out_hz
        self._last_delay_s = delay_s
        self._position: float | None = None
        self._reads = 0
        self._skew = 0.0
        self._kernel = kernel(_PHASES, _HALF, 0.475 * min(1.0, 1 / self._nominal_step))
        self._kernel = np.vstack([self._kernel, np.roll(self._kernel[:1], 1, axis=1)])

    @property
    def skew(self) -> float:
        """Learnt rate difference of both clocks, as a factor minus one."""
        return self._skew

    def read(self, count: int, heard_s: float) -> FloatArray:
        """The next block to play.

        Args:
            count: Samples wanted.
            heard_s: `time.monotonic()` at which the first of them will be heard.

        Returns:
            Shape (count,), float32. Silence where the voice is missing.
        """
        wanted = self._clock.index_at(heard_s - self.delay_s)
        if self._position is None:
            self._position = wanted
        self.error_s = (wanted - self._position) / self._clock.nominal_rate_hz
        self._reads += 1
        settling = self._reads <= _SETTLE_READS and self._reads % _SETTLE_EVERY == 0
        limit_s = _SETTLE_JUMP_S if settling else _JUMP_S
        if abs(self.error_s) > limit_s:
            return self._jump(wanted, count)
        elapsed_s = count / self._rate_out_hz
        step = self._nominal_step * (1 + self._correction(elapsed_s) + self._growth(elapsed_s))
        sound = self._interpolate(self._position, step, count)
        if abs(self.error_s) > _QUIET_JUMP_S and float(np.abs(sound).max(initial=0)) < _QUIET:
            return self._jump(wanted, count)
        self._position += step * count
        return sound

    def restart(self) -> None:
        """The player was opened anew: begin where the voice should be."""
        self._position, self._reads = None, 0

    def _correction(self, elapsed_s: float) -> float:
        omega = 2 * math.pi * _LOOP_HZ
        correction = self._skew + 2 * omega * self.error_s
        if abs(correction) <= MAX_SLEW:
            skew = self._skew + omega * omega * self.error_s * elapsed_s
            self._skew = min(max(skew, -2e-3), 2e-3)
        return min(max(correction, -MAX_SLEW), MAX_SLEW)

    def _growth(self, elapsed_s: float) -> float:
        """What a delay that grows or shrinks asks for by itself."""
        grown_s, self._last_delay_s = self.delay_s - self._last_delay_s, self.delay_s
        return min(max(-grown_s / elapsed_s, -MAX_SLEW), MAX_SLEW)

    def _jump(self, wanted: float, count: int) -> FloatArray:
        """Cross-fade from where the reader was to where it should be, within one block."""
        assert self._position is not None
        fade = np.arange(1, count + 1, dtype=np.float32) / count
        old = self._interpolate(self._position, self._nominal_step, count)
        new = self._interpolate(wanted, self._nominal_step, count)
        self._last_delay_s = self.delay_s
        self._position = wanted + self._nominal_step * count
        self.jumps += 1
        return np.asarray(old * (1 - fade) + new * fade, np.float32)

    def _interpolate(self, position: float, step: float, count: int) -> FloatArray:
        positions = position + step * np.arange(count)
        base = np.floor(positions).astype(np.int64)
        start = int(base[0]) - _HALF + 1
        try:
            sound = self._ring.read(start, int(base[-1]) + _HALF + 1 - start)
        except (IndexError, SamplesLostError):
            self.starved_blocks += 1
            return np.zeros(count, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(sound, 2 * _HALF)[base - base[0]]
        phase = (positions - base) * _PHASES
        row = phase.astype(np.int64)
        blend = (phase - row).astype(np.float32)[:, None]
        weights = self._kernel[row] * (1 - blend) + self._kernel[row + 1] * blend
        return np.asarray(np.einsum("nt,nt->n", windows, weights), np.float32)
