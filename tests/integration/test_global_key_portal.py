"""The key for every program through the real portal, on a desktop of our own behind it."""

import contextlib
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6", reason="the window's packages are not installed")
pytest.importorskip("jeepney", reason="needs jeepney")

from jeepney import (
    DBusAddress,
    HeaderFields,
    MessageType,
    message_bus,
    new_error,
    new_method_return,
    new_signal,
)
from jeepney.io.blocking import open_dbus_connection

from tests.integration.session_bus import SessionBus, wait_for
from ui.global_keys.combination import parse
from ui.global_keys.listener import State, hang_up
from ui.global_keys.portal import SHORTCUT, PortalKey

PORTAL = Path("/usr/libexec/xdg-desktop-portal")
NAME = "org.freedesktop.impl.portal.desktop.test"
PATH = "/org/freedesktop/portal/desktop"
SHORTCUTS = "org.freedesktop.impl.portal.GlobalShortcuts"
KEY = "Ctrl+Alt+Shift+F8"
WAIT_S = 10.0


class Desktop(threading.Thread):
    """What a desktop does behind its portal: is asked for keys, and tells of presses.

    Attributes:
        answer: 0 for yes, 1 for a user who says no, None for one who has not decided.
        keys: How it describes the keys that it gives.
        bound: Shortcuts it was asked for, with the session.
    """

    def __init__(self) -> None:
        super().__init__(name="desktop", daemon=True)
        self.answer: int | None = 0
        self.keys = "Ctrl+Alt+Shift+F8"
        self.bound: queue.Queue[tuple[str, list[tuple[str, dict[str, Any]]]]] = queue.Queue()
        self.closed: queue.Queue[str] = queue.Queue()
        self._connection = open_dbus_connection("SESSION")
        self._connection.send_and_get_reply(message_bus.RequestName(NAME))
        self.start()

    def emit(self, member: str, signature: str, *body: object) -> None:
        """Send a signal of the backend."""
        address = DBusAddress(PATH, interface=SHORTCUTS)
        self._connection.send(new_signal(address, member, signature, body))

    def press(self, session: str, shortcut: str = SHORTCUT) -> None:
        """The user presses the key and lets it go."""
        for member in ("Activated", "Deactivated"):
            self.emit(member, "osta{sv}", session, shortcut, 0, {})

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                message = self._connection.receive()
                if message.header.message_type is MessageType.method_call:
                    self._answer(message)

    def close(self) -> None:
        hang_up(self._connection.sock)
        self.join(WAIT_S)
        self._connection.close()

    def _answer(self, message: Any) -> None:
        reply = self._reply(message)
        if reply is not None:
            self._connection.send(reply)

    def _reply(self, message: Any) -> Any:
        fields = message.header.fields
        member = fields[HeaderFields.member]
        if member == "CreateSession":
            return new_method_return(message, "ua{sv}", (0, {}))
        if member == "BindShortcuts":
            session, shortcuts = message.body[1], message.body[2]
            self.bound.put((session, shortcuts))
            if self.answer is None:
                return None
            return new_method_return(message, "ua{sv}", (self.answer, self._given(shortcuts)))
        if member == "Close":
            self.closed.put(fields[HeaderFields.path])
            return new_method_return(message)
        return new_error(message, "org.freedesktop.DBus.Error.UnknownMethod")

    def _given(self, shortcuts: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        trigger = {"trigger_description": ("s", self.keys)}
        given = [(name, {**options, **trigger}) for name, options in shortcuts]
        return {"shortcuts": ("a(sa{sv})", given)}


class Ears:
    """A listener and what it said."""

    def __init__(self, keys: str = KEY) -> None:
        combination = parse(keys)
        assert combination is not None
        self.presses: queue.Queue[None] = queue.Queue()
        self.states: queue.Queue[tuple[State, str]] = queue.Queue()
        self.listener = PortalKey(
            combination,
            "Freeze the face and mute",
            lambda: self.presses.put(None),
            lambda state, detail: self.states.put((state, detail)),
        )
        self.listener.start()

    def state(self) -> tuple[State, str]:
        return self.states.get(timeout=WAIT_S)

    def close(self) -> float:
        """Stop; returns how long that took, in seconds."""
        begun_s = time.monotonic()
        self.listener.stop()
        assert self.listener.join(WAIT_S)
        return time.monotonic() - begun_s


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionBus]:
    if not PORTAL.exists():
        pytest.skip("needs the Debian package xdg-desktop-portal")
    with SessionBus() as made:
        (made.folder / "portals").mkdir()
        monkeypatch.setenv("XDG_DESKTOP_PORTAL_DIR", str(made.folder / "portals"))
        monkeypatch.setenv("XDG_CURRENT_DESKTOP", "test")
        yield made


def start_portal(bus: SessionBus, interfaces: str = SHORTCUTS) -> None:
    """Start the real portal for a desktop that offers these interfaces."""
    words = f"[portal]\nDBusName={NAME}\nInterfaces={interfaces}\nUseIn=test\n"
    (bus.folder / "portals" / "test.portal").write_text(words, encoding="utf-8")
    bus.run("portal", PORTAL, "--verbose")
    wait_for(lambda: "Desktop acquired" in bus.log("portal"), "the portal")


@pytest.fixture
def desktop(bus: SessionBus) -> Iterator[Desktop]:
    made = Desktop()
    start_portal(bus)
    yield made
    made.close()


def test_asked_given_pressed_and_given_back(desktop: Desktop) -> None:
    ears = Ears()
    session, shortcuts = desktop.bound.get(timeout=WAIT_S)
    assert ears.state() == (State.DESKTOP, "Ctrl+Alt+Shift+F8")
    (name, options) = shortcuts[0]
    assert name == SHORTCUT and len(shortcuts) == 1
    assert options["preferred_trigger"] == ("s", "CTRL+ALT+SHIFT+F8")
    assert options["description"] == ("s", "Freeze the face and mute")
    desktop.press(session, "another")
    desktop.press(session)
    ears.presses.get(timeout=WAIT_S)
    desktop.press(session)
    ears.presses.get(timeout=WAIT_S)
    changed = [(SHORTCUT, {"trigger_description": ("s", "Meta+F1")})]
    desktop.emit("ShortcutsChanged", "oa(sa{sv})", session, changed)
    assert ears.state() == (State.DESKTOP, "Meta+F1")
    assert ears.close() < 0.5
    assert desktop.closed.get(timeout=WAIT_S) == session
    assert ears.presses.empty()


def test_a_desktop_without_keys_for_it_says_where_to_set_them(desktop: Desktop) -> None:
    desktop.keys = ""
    ears = Ears()
    assert ears.state() == (State.UNBOUND, "")
    ears.close()


def test_a_user_who_says_no(desktop: Desktop) -> None:
    desktop.answer = 1
    ears = Ears()
    assert ears.state() == (State.REFUSED, "")
    ears.close()


def test_stopping_while_the_desktop_still_asks_withdraws_the_question(desktop: Desktop) -> None:
    desktop.answer = None
    ears = Ears()
    session, _ = desktop.bound.get(timeout=WAIT_S)
    assert ears.close() < 0.5
    assert ears.states.empty()
    question, closed = sorted(desktop.closed.get(timeout=WAIT_S) for _ in range(2))
    assert closed == session and "/request/" in question


def test_a_portal_that_was_started_again(bus: SessionBus, desktop: Desktop) -> None:
    ears = Ears()
    assert ears.state()[0] is State.DESKTOP
    bus.kill("portal")
    assert ears.state()[0] is State.NO_PORTAL
    start_portal(bus)
    assert ears.state()[0] is State.DESKTOP
    desktop.bound.get(timeout=WAIT_S)
    session, _ = desktop.bound.get(timeout=WAIT_S)
    desktop.press(session)
    ears.presses.get(timeout=WAIT_S)
    ears.close()


def test_a_desktop_whose_portal_knows_no_keys(bus: SessionBus) -> None:
    start_portal(bus, "org.freedesktop.impl.portal.Lockdown")
    ears = Ears()
    assert ears.state() == (State.NO_PORTAL, "")
    ears.close()


@pytest.mark.parametrize(
    "address", [None, "unix:path=/nowhere/at/all", "tcp:host=localhost,port=1"]
)
def test_no_session_bus(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    if address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    ears = Ears()
    assert ears.state() == (State.NO_PORTAL, "")
    ears.close()
