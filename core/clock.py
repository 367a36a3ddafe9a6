"""One clock: the audio sample index, tied to monotonic time by a delay-locked loop.

The loop follows F. Adriaensen, "Using a DLL to filter time" (2005): second order, so that it
follows a sample rate that is off by a constant factor without lasting error.
"""

import math
import threading
import time

_SETTLED_BANDWIDTH_HZ = 0.1
_FIRST_BANDWIDTH_HZ = 2.0
_MAX_ERROR_S = 0.02
"""One arrival moves the loop by no more than this error: a stall is not a slow clock."""
_MAX_SKEW = 5e-4
"""No sound card is off by more than this factor."""
_LOST_ERROR_S = 0.25


class SampleClock:
    """Maps sample index to time and back, smoothing the jitter of arrivals.

    Runs at the nominal rate until told otherwise.

    Args:
        rate_hz: Nominal sample rate.
        start_s: `time.monotonic()` of sample 0; now when left out.
        lost_s, lost_count: So many updates in a row that are off by more than this mean that the
            stream paused or lost sound: the clock starts over at the last one.

    Threads: one thread updates, any number read.
    """

    def __init__(
        self,
        rate_hz: float,
        start_s: float | None = None,
        *,
        lost_s: float = _LOST_ERROR_S,
        lost_count: int = 1,
    ) -> None:
        self.nominal_rate_hz = rate_hz
        self._lock = threading.Lock()
        self._start_s = time.monotonic() if start_s is None else start_s
        self._index = 0
        self._time_s = self._start_s
        self._period_s = 1.0 / rate_hz
        self._followed_s = 0.0
        self._lost_s, self._lost_count = lost_s, lost_count
        self._lost = 0

    @property
    def rate_hz(self) -> float:
        """Estimate of the true rate in samples per monotonic second."""
        return 1.0 / self._period_s

    def update(self, index: int, now_s: float) -> float:
        """Take note that the stream reached `index` at `now_s`.

        Returns:
            The error of the prediction in seconds, + when the samples came late.
        """
        with self._lock:
            count = index - self._index
            if count <= 0:
                return 0.0
            predicted_s = self._time_s + count * self._period_s
            error_s = now_s - predicted_s
            self._index = index
            self._lost = self._lost + 1 if abs(error_s) > self._lost_s else 0
            if self._lost >= self._lost_count:
                self._time_s, self._period_s, self._followed_s = now_s, 1 / self.nominal_rate_hz, 0
                self._lost = 0
                return error_s
            self._follow(predicted_s, min(max(error_s, -_MAX_ERROR_S), _MAX_ERROR_S), count)
            return error_s

    def _follow(self, predicted_s: float, error_s: float, count: int) -> None:
        elapsed_s = count * self._period_s
        self._followed_s += elapsed_s
        bandwidth_hz = max(min(_FIRST_BANDWIDTH_HZ, 0.5 / self._followed_s), _SETTLED_BANDWIDTH_HZ)
        omega = min(2 * math.pi * bandwidth_hz * elapsed_s, 0.5)
        self._time_s = predicted_s + math.sqrt(2) * omega * error_s
        period_s = self._period_s + omega * omega * error_s / count
        nominal_s = 1 / self.nominal_rate_hz
        self._period_s = min(
            max(period_s, nominal_s * (1 - _MAX_SKEW)), nominal_s * (1 + _MAX_SKEW)
        )

    def time_of(self, index: float) -> float:
        """When sample `index` arrives, in `time.monotonic()` seconds."""
        with self._lock:
            return self._time_s + (index - self._index) * self._period_s

    def index_at(self, now_s: float) -> float:
        """Index of the sample that arrives at this time."""
        with self._lock:
            return self._index + (now_s - self._time_s) / self._period_s
