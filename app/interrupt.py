"""Ctrl-C and SIGTERM, remembered until a loop can stop cleanly.

Raising from the signal handler itself can hit a compiler or a media library halfway, so the
handler only remembers; a second signal ends the process the ordinary way.
"""

import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TypeVar

Item = TypeVar("Item")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Remembers that the user wants to stop; a context manager that owns the handlers."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._previous: dict[int, signal.Handlers] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._previous[number] = signal.signal(number, self._remember)  # type: ignore[assignment]
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    @property
    def requested(self) -> bool:
        """Whether a signal came."""
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until a signal comes or the time is over; True if one came."""
        return self._event.wait(timeout_s)

    def guard(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on.

        Raises:
            KeyboardInterrupt: Between two items, once a signal came.
        """
        for item in items:
            if self.requested:
                raise KeyboardInterrupt
            yield item

    def _remember(self, number: int, stack: FrameType | None) -> None:
        if self.requested:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._event.set()
