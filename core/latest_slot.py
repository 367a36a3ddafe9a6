"""Hand-over between stages: short, bounded, newest wins."""

import threading
from collections import deque
from typing import Generic, TypeVar

from core.ring_buffer import BufferClosedError

T = TypeVar("T")


class NewestQueue(Generic[T]):
    """A queue of at most `depth` items; when full, the oldest is dropped and counted.

    Args:
        depth: Items held. At 25 frames a second each holds back 40 ms at most.
    """

    def __init__(self, depth: int) -> None:
        if depth < 1:
            raise ValueError(f"depth must be positive, not {depth}")
        self._depth = depth
        self._items: deque[T] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._closed = False
        self.dropped = 0

    def put(self, item: T) -> None:
        """Add an item; never waits. Items put after `close` are ignored."""
        with self._changed:
            if self._closed:
                return
            if len(self._items) == self._depth:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify()

    def get(self, timeout_s: float) -> T | None:
        """Take the oldest item; None when nothing came in time.

        Raises:
            BufferClosedError: The queue was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._items), max(timeout_s, 0.0))
            if self._closed:
                raise BufferClosedError("the queue was closed")
            return self._items.popleft() if self._items else None

    def clear(self) -> None:
        """Forget waiting items without counting them as dropped."""
        with self._changed:
            self._items.clear()

    def close(self) -> None:
        """Wake waiting readers with `BufferClosedError`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class LatestSlot(Generic[T]):
    """The newest value of something, for readers that only look (a preview, a status bar)."""

    def __init__(self) -> None:
        self._value: T | None = None

    def put(self, value: T | None) -> None:
        """Replace the value."""
        self._value = value

    def peek(self) -> T | None:
        """The newest value, left in place; None before the first."""
        return self._value
