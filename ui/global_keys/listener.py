"""What waits for a key on a thread of its own, and how it does."""

import contextlib
import logging
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum

from ui.global_keys.combination import Combination

logger = logging.getLogger(__name__)


class State(Enum):
    """How a key for every program does; its words are the text `global_key.VALUE`."""

    OFF = "off"
    STARTING = "starting"
    WORKS = "works"
    DESKTOP = "desktop"
    """Works, on keys that the desktop decides."""
    UNBOUND = "unbound"
    """The desktop would tell us, but has no keys for it."""
    TAKEN = "taken"
    UNKNOWN = "unknown"
    TYPES = "types"
    CONSOLE = "console"
    REFUSED = "refused"
    NO_PORTAL = "no_portal"
    NO_PACKAGE = "no_package"
    MACOS = "macos"
    FAILED = "failed"


Report = Callable[[State, str], None]


class Listener(ABC):
    """Waits for one key until it is stopped.

    Args:
        combination: The key.
        description: What it does, in the user's language, for desktops that show it.
        heard: Called on the listener's thread whenever the key goes down.
        report: Called on the listener's thread with a state and its detail (keys of the desktop,
            name of a package, reason).
    """

    def __init__(
        self,
        combination: Combination,
        description: str,
        heard: Callable[[], None],
        report: Report,
    ) -> None:
        self._combination = combination
        self._description = description
        self._heard = heard
        self._report = report
        self._lock = threading.Lock()
        self._stopping = False
        self._end: Callable[[], object] | None = None
        self._thread: threading.Thread | None = None

    def start(self, after: "Listener | None" = None) -> None:
        """Begin, once the listener before has given its key back; returns at once."""
        self._thread = threading.Thread(
            target=self._run, args=(after,), name="global key", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Give the key back; returns at once, safe to call twice."""
        with self._lock:
            self._stopping = True
            if self._end is not None:
                self._end()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait until the key is given back; False if that takes longer."""
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @abstractmethod
    def _listen(self) -> None:
        """Ask for the key, report, and wait; calls `_ends_with` before it waits."""

    def _ends_with(self, end: Callable[[], object]) -> None:
        """Say what makes `_listen` end, by return or error, from any thread and at any time."""
        with self._lock:
            self._end = end
            if self._stopping:
                end()

    def _run(self, after: "Listener | None") -> None:
        if after is not None:
            after.join()
        try:
            if not self._stopping:
                self._listen()
        except Exception as error:
            if not self._stopping:
                logger.info("the key for every program ended", exc_info=True)
                self._report(*_reason(error))
        finally:
            with self._lock:
                self._end = None


def _reason(error: Exception) -> tuple[State, str]:
    if isinstance(error, ImportError):
        return State.NO_PACKAGE, error.name or str(error)
    return State.FAILED, str(error) or type(error).__name__


def hang_up(connection: socket.socket) -> None:
    """End a connection while another thread waits on it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
