"""Sound in flight: a fixed ring addressed by absolute sample index."""

import threading
import time

import numpy as np

from core.errors import RealTalkError
from core.types import FloatArray


class BufferClosedError(RealTalkError):
    """The pipeline is shutting down."""


class SamplesLostError(RealTalkError):
    """The reader fell behind by more than the ring holds.

    Attributes:
        oldest: Index of the oldest sample still there.
    """

    def __init__(self, wanted: int, oldest: int) -> None:
        super().__init__(f"sample {wanted} was overwritten; the oldest is {oldest}")
        self.oldest = oldest


class RingBuffer:
    """The last `capacity` mono samples of an endless stream.

    Threads: one writer, any number of readers, each keeping its own index. The lock is held for
    a copy of one block only.

    Args:
        capacity: Samples kept.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be positive, not {capacity}")
        self._data = np.zeros(capacity, np.float32)
        self._written = 0
        self._mark_s = time.monotonic()
        self._closed = False
        self._changed = threading.Condition(threading.Lock())

    @property
    def capacity(self) -> int:
        """Samples kept."""
        return self._data.size

    @property
    def written(self) -> int:
        """Samples written since the start: the index of the next one."""
        return self._written

    @property
    def mark(self) -> tuple[int, float]:
        """`written` and the `time.monotonic()` of the write that reached it."""
        with self._changed:
            return self._written, self._mark_s

    def write(self, samples: FloatArray, now_s: float | None = None) -> None:
        """Append samples, overwriting the oldest.

        Args:
            samples: Shape (N,), float32, range [-1, 1].
            now_s: `time.monotonic()` of arrival; now when left out.

        Raises:
            ValueError: Not one-dimensional.
        """
        if samples.ndim != 1:
            raise ValueError(f"expected shape (N,), got {samples.shape}")
        with self._changed:
            self._copy_in(samples[-self.capacity :], self._written + samples.size)
            self._mark_s = time.monotonic() if now_s is None else now_s
            self._changed.notify_all()

    def skip(self, count: int) -> None:
        """Append silence, however much: no more is written than the ring holds."""
        with self._changed:
            silence = np.zeros(min(count, self.capacity), np.float32)
            self._copy_in(silence, self._written + count)
            self._mark_s = time.monotonic()
            self._changed.notify_all()

    def read(self, start: int, count: int) -> FloatArray:
        """Copy `count` samples from absolute index `start`; samples before index 0 are silence.

        Returns:
            Shape (count,), float32.

        Raises:
            SamplesLostError: Part of it was overwritten.
            IndexError: Part of it is not written yet.
        """
        out = np.zeros(count, np.float32)
        skip = min(max(-start, 0), count)
        start, count = start + skip, count - skip
        with self._changed:
            if start + count > self._written:
                raise IndexError(f"sample {start + count} is not written yet")
            if count and start < self._written - self.capacity:
                raise SamplesLostError(start, self._written - self.capacity)
            at = start % self.capacity
            first = min(count, self.capacity - at)
            out[skip : skip + first] = self._data[at : at + first]
            out[skip + first :] = self._data[: count - first]
        return out

    def wait_for(self, index: int, timeout_s: float) -> bool:
        """Wait until `index` samples were written; False when the time is up.

        Raises:
            BufferClosedError: The ring was closed.
        """
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: self._closed or self._written >= index, max(timeout_s, 0.0)
            )
            if self._closed:
                raise BufferClosedError("the sound buffer was closed")
            return arrived

    def close(self) -> None:
        """Wake every waiting reader with `BufferClosedError`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _copy_in(self, samples: FloatArray, new_written: int) -> None:
        at = (new_written - samples.size) % self.capacity
        first = min(samples.size, self.capacity - at)
        self._data[at : at + first] = samples[:first]
        self._data[: samples.size - first] = samples[first:]
        self._written = new_written
