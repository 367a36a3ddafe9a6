"""The key that works whatever program has the keyboard, for the window's thread."""

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from os import environ

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication

from ui.global_keys.combination import Combination, parse
from ui.global_keys.listener import Listener, State
from ui.global_keys.portal import PortalKey
from ui.global_keys.windows import WindowsKey
from ui.global_keys.x11 import X11Key
from ui.texts import Texts

logger = logging.getLogger(__name__)

STOP_S = 0.4
_FINE = (State.STARTING, State.WORKS, State.DESKTOP, State.UNBOUND)


@dataclass(frozen=True)
class Status:
    """How the key does.

    Attributes:
        state: What happened.
        keys: The keys wished for, as people write them here.
        detail: Keys of the desktop, name of a package or reason, by state.
    """

    state: State = State.OFF
    keys: str = ""
    detail: str = ""

    @property
    def look(self) -> str:
        """Colour of the state: "good", "warning" or "off"."""
        if self.state in (State.WORKS, State.DESKTOP):
            return "good"
        return "off" if self.state in (State.OFF, State.STARTING) else "warning"

    def words(self, texts: Texts) -> str:
        """What it is, and what to do if it does not work; empty while no key is wished for."""
        if self.state is State.OFF:
            return ""
        return texts(f"global_key.{self.state.value}", keys=self.keys, detail=self.detail)


class GlobalKey(QObject):
    """Listens for one key in every program; all signals come on the thread of this object.

    Signals:
        pressed: The key went down.
        changed(Status): It works, or it does not, and why.

    Args:
        description: What the key does, in the user's language, for desktops that show it.
    """

    pressed = Signal()
    changed = Signal(object)
    _heard = Signal(object)
    _reported = Signal(object, object, str)

    def __init__(self, description: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._description = description
        self._wish = ""
        self._listener: Listener | None = None
        self._listening = False
        self.status = Status()
        queued = Qt.ConnectionType.QueuedConnection
        self._heard.connect(self._take_press, queued)
        self._reported.connect(self._take_report, queued)

    def start(self, keys: str) -> None:
        """Listen for these keys from now on; returns at once.

        Args:
            keys: Key sequence in Qt's portable form; empty for none.
        """
        if keys == self._wish and self.status.state in _FINE:
            return
        self._wish = keys
        self._release()
        combination = parse(keys)
        chosen = choose(combination, sys.platform, QGuiApplication.platformName(), environ)
        shown = combination.shown if combination else ""
        if combination is None or isinstance(chosen, State):
            self._show(Status(chosen if isinstance(chosen, State) else State.OFF, shown))
            return
        self._show(Status(State.STARTING, shown))
        before, self._listener = self._listener, self._listen_with(chosen, combination)
        self._listener.start(before)
        self._listening = True

    def stop(self) -> None:
        """Give the key back; waits for that, 0.4 s at most. Safe to call twice."""
        self._release()
        self._wish = ""
        self._show(Status())
        if self._listener is not None and not self._listener.join(STOP_S):
            logger.info("the key for every program was not given back within %s s", STOP_S)

    def _release(self) -> None:
        self._listening = False
        if self._listener is not None:
            self._listener.stop()

    def _listen_with(self, kind: type[Listener], combination: Combination) -> Listener:
        listener = kind(
            combination,
            self._description,
            lambda: self._heard.emit(listener),
            lambda state, detail: self._reported.emit(listener, state, detail),
        )
        return listener

    def _take_press(self, listener: Listener) -> None:
        if self._listening and listener is self._listener:
            self.pressed.emit()

    def _take_report(self, listener: Listener, state: State, detail: str) -> None:
        if self._listening and listener is self._listener:
            self._show(Status(state, self.status.keys, detail))

    def _show(self, status: Status) -> None:
        if status != self.status:
            self.status = status
            logger.info("key for every program: %s %s", status.state.value, status.detail)
            self.changed.emit(status)


def choose(
    combination: Combination | None, system: str, platform: str, environment: Mapping[str, str]
) -> type[Listener] | State:
    """What listens here, or why nothing does.

    Under Wayland a grab on X11 would be heard only while an X11 program has the keyboard, and in
    a sandbox there is no way but the portal.

    Args:
        combination: The key; None for none.
        system: `sys.platform`.
        platform: Name of Qt's platform plugin.
        environment: Environment variables.
    """
    if combination is None:
        return State.OFF
    if combination.types:
        return State.TYPES
    if system == "win32":
        return WindowsKey
    if system == "darwin":
        return State.MACOS
    if platform != "xcb" and not platform.startswith("wayland"):
        return State.NO_PORTAL
    if combination.changes_console:
        return State.CONSOLE
    wayland = platform != "xcb" or environment.get("XDG_SESSION_TYPE") == "wayland"
    inside = ("WAYLAND_DISPLAY", "FLATPAK_ID", "SNAP")
    return PortalKey if wayland or any(map(environment.get, inside)) else X11Key
