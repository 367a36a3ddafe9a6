"""Our own streaming resampler: what a live face needs is a short delay.

Windowed-sinc interpolation that waits for 1.5 ms of future sound. A general-purpose streaming
resampler holds back 20 to 40 ms, which would be a hop of latency for nothing.
"""

import math
from fractions import Fraction

import numpy as np

from core.types import FloatArray

HALF_WIDTH_S = 0.0015
"""Half the length of the filter: the sound it waits for."""
_KAISER_BETA = 7.0
_ROLLOFF = 0.91
"""Middle of the filter's edge as a fraction of the lower Nyquist frequency."""


def kernel(num_phases: int, half: int, cutoff: float) -> FloatArray:
    """Low-pass filters for `num_phases` sub-sample positions.

    Args:
        num_phases: Positions between two samples.
        half: Taps on either side.
        cutoff: Middle of the edge in cycles per input sample.

    Returns:
        Shape (num_phases, 2 * half), float32. Row p, dotted with samples
        [n - half + 1, n + half], is the signal at n + p / num_phases.
    """
    taps = np.arange(-half + 1, half + 1)
    offsets = np.arange(num_phases)[:, None] / num_phases - taps
    window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1 - (offsets / half) ** 2, 0, 1)))
    rows = np.sinc(2 * cutoff * offsets) * window
    return np.asarray(rows / rows.sum(axis=1, keepdims=True), np.float32)


class StreamResampler:
    """Changes the sample rate of an endless mono stream, block by block.

    Output sample k lies exactly at input sample k * rate_in / rate_out: there is no offset, the
    stream just comes `lag_s` later. However the input is cut into blocks, the output is the same.

    Args:
        rate_in_hz: Rate of what is pushed.
        rate_out_hz: Rate of what comes out.
    """

    def __init__(self, rate_in_hz: int, rate_out_hz: int) -> None:
        if rate_in_hz < 1 or rate_out_hz < 1:
            raise ValueError(f"rates must be positive: {rate_in_hz}, {rate_out_hz}")
        ratio = Fraction(rate_in_hz, rate_out_hz)
        self._step, self._phases = ratio.numerator, ratio.denominator
        self._half = math.ceil(HALF_WIDTH_S * rate_in_hz)
        if ratio == 1:
            self._half = 0
        cutoff = 0.5 * _ROLLOFF * min(1.0, 1 / float(ratio))
        self._kernel = kernel(self._phases, max(self._half, 1), cutoff)
        self._tail = np.zeros(max(self._half - 1, 0), np.float32)
        self._start = -self._tail.size
        self._made = 0
        self.lag_s = self._half / rate_in_hz

    def push(self, samples: FloatArray) -> FloatArray:
        """Resample the next block.

        Args:
            samples: Shape (N,), float32, any N.

        Returns:
            Shape (M,), float32: the samples that became certain.
        """
        if self._half == 0:
            self._made += samples.size
            return samples
        sound = np.concatenate([self._tail, samples.astype(np.float32, copy=False)])
        end = self._start + sound.size
        # The last output k needs input up to floor(k * step / phases) + half.
        last = ((end - self._half) * self._phases - 1) // self._step
        ticks = np.arange(self._made, max(last + 1, self._made), dtype=np.int64) * self._step
        base, phase = ticks // self._phases, ticks % self._phases
        if not ticks.size:
            self._tail = sound
            return np.zeros(0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(sound, 2 * self._half)
        first = base - (self._half - 1) - self._start
        out = np.einsum("nt,nt->n", windows[first], self._kernel[phase])
        self._made += out.size
        keep_from = (self._made * self._step) // self._phases - (self._half - 1)
        self._tail = sound[max(keep_from - self._start, 0) :].copy()
        self._start = end - self._tail.size
        return np.asarray(out, np.float32)

    def finish(self) -> FloatArray:
        """The rest of the stream, as if silence followed."""
        return self.push(np.zeros(self._half, np.float32))
