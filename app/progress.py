"""A progress line on the terminal, with the time left."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO, TypeVar

Item = TypeVar("Item")
REFRESH_S = 0.1
WIDTH = 28


class Progress:
    """Counts items and now and then redraws one line; silent where nobody watches.

    Args:
        total: Expected number of items, or None if unknown.
        label: Word in front of the bar.
        stream: Where to draw; nothing is drawn unless it is a terminal.
        enabled: False silences it on a terminal too.
    """

    def __init__(
        self,
        total: int | None,
        label: str,
        stream: TextIO | None = None,
        enabled: bool = True,
    ) -> None:
        self._total = total
        self._label = label
        self._stream = stream or sys.stderr
        self._enabled = enabled and self._stream.isatty()
        self._started = time.monotonic()
        self._drawn = 0.0

    def track(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on while counting them."""
        count = 0
        for count, item in enumerate(items, 1):
            yield item
            if time.monotonic() - self._drawn >= REFRESH_S:
                self._draw(count)
        self._draw(count)
        self._write("\n")

    def _draw(self, count: int) -> None:
        self._drawn = time.monotonic()
        self._write("\r" + self.line(count, self._drawn - self._started) + "\x1b[K")

    def line(self, count: int, elapsed_s: float) -> str:
        """The text after `count` items and `elapsed_s` seconds."""
        if not self._total:
            return f"{self._label} {count} frames"
        share = min(count / self._total, 1.0)
        filled = round(share * WIDTH)
        left_s = elapsed_s * (1 - share) / share if share else 0.0
        bar = "█" * filled + "·" * (WIDTH - filled)
        return f"{self._label} {bar} {share:4.0%}  {clock(left_s)} left"

    def _write(self, text: str) -> None:
        if self._enabled:
            self._stream.write(text)
            self._stream.flush()


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are some."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def notes(quiet: bool) -> Callable[[str], None]:
    """What takes sentences for the user: it prints them to standard error, unless `quiet`."""

    def note(text: str) -> None:
        if not quiet:
            print(text, file=sys.stderr)

    return note
