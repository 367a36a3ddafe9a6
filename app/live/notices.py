"""What the user should know now."""

import threading
import time

from core.session import Notice, Severity

_FORGET_S = 20.0


class Notices:
    """Keeps at most one lasting notice a source, and passing ones for 20 s.

    Threads: all methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lasting: dict[str, Notice] = {}
        self._passing: dict[str, Notice] = {}

    def show(self, severity: Severity, source: str, text: str) -> None:
        """Show a state that lasts until it is shown with an empty text."""
        with self._lock:
            before = self._lasting.get(source)
            if not text:
                self._lasting.pop(source, None)
            elif before is None or before.text != text:
                self._lasting[source] = Notice(severity, source, text, time.monotonic())

    def tell(self, severity: Severity, source: str, text: str) -> None:
        """Tell of an event; it is forgotten by itself."""
        with self._lock:
            self._passing[source] = Notice(severity, source, text, time.monotonic())

    def over(self, source: str) -> None:
        """Forget the event of this source."""
        with self._lock:
            self._passing.pop(source, None)

    def snapshot(self) -> tuple[Notice, ...]:
        """All notices, oldest first."""
        since_s = time.monotonic() - _FORGET_S
        with self._lock:
            passing = {k: n for k, n in self._passing.items() if n.since_s > since_s}
            self._passing = passing
            found = [*self._lasting.values(), *passing.values()]
        return tuple(sorted(found, key=lambda notice: notice.since_s))
