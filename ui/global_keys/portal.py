"""One key through the desktop's portal (`org.freedesktop.portal.GlobalShortcuts`), as on Wayland.

The desktop asks its user, decides on the keys, and tells us when they are pressed.
"""

import contextlib
import itertools
from collections import deque
from typing import Any

from ui.global_keys.combination import Combination
from ui.global_keys.listener import Listener, State, hang_up

SHORTCUT = "panic"
APPLICATION = "realtalk-cam"
"""Name of the menu entry, by which desktops know programs that run in no sandbox."""

_NAME = "org.freedesktop.portal.Desktop"
_PATH = "/org/freedesktop/portal/desktop"
_KEYS = "org.freedesktop.portal.GlobalShortcuts"
_REGISTRY = "org.freedesktop.host.portal.Registry"
_CALL_S = 30.0
"""Starting a desktop's portal can take long; its answer to a question may take any time."""


def trigger(combination: Combination) -> str:
    """The key as the freedesktop shortcuts specification writes it; empty if it cannot."""
    held = {
        "CTRL": combination.ctrl,
        "ALT": combination.alt,
        "SHIFT": combination.shift,
        "LOGO": combination.meta,
    }
    names = [name for name, on in held.items() if on]
    return "+".join([*names, combination.keysym]) if combination.keysym else ""


class _VanishedError(Exception):
    """The portal ended."""


class _RefusedError(Exception):
    """The desktop or its user said no."""


class PortalKey(Listener):
    """Holds a session of the portal, and makes a new one when the portal was started again."""

    def _listen(self) -> None:
        from jeepney.io.blocking import open_dbus_connection

        try:
            self._connection = open_dbus_connection("SESSION")
        except (OSError, KeyError, RuntimeError):
            self._report(State.NO_PORTAL, "")
            return
        with self._connection:
            self._ends_with(lambda: hang_up(self._connection.sock))
            self._subscribe()
            try:
                while self._present():
                    self._hold()
            except _RefusedError:
                self._report(State.REFUSED, "")

    def _subscribe(self) -> None:
        from jeepney import MatchRule, message_bus

        self._signals: deque[Any] = deque()
        self._tokens = (f"realtalk{number}" for number in itertools.count())
        self._connection.filter(MatchRule(type="signal"), queue=self._signals)
        portal = MatchRule(type="signal", sender=_NAME, path_namespace=_PATH)
        owner = MatchRule(type="signal", sender="org.freedesktop.DBus", member="NameOwnerChanged")
        owner.add_arg_condition(0, _NAME)
        for rule in (portal, owner):
            self._send(message_bus.AddMatch(rule))

    def _present(self) -> bool:
        """Whether the portal knows of keys; starts it where the desktop has one."""
        from jeepney import DBusErrorResponse

        try:
            self._call("org.freedesktop.DBus.Properties", "Get", "ss", _KEYS, "version")
        except DBusErrorResponse:
            self._report(State.NO_PORTAL, "")
            return False
        return True

    def _hold(self) -> None:
        """Ask for the key and tell of every press, until the portal ended and came back."""
        try:
            self._introduce()
            session = self._ask("CreateSession", "", session_handle_token=next(self._tokens))
            path = session["session_handle"][1]
            shortcuts = [(SHORTCUT, self._options())]
            bound = self._ask("BindShortcuts", "oa(sa{sv})s", path, shortcuts, "")
            self._show(bound["shortcuts"][1] if "shortcuts" in bound else [])
            self._follow(path)
        except _VanishedError:
            self._report(State.NO_PORTAL, "")
            while not self._came_back():
                pass

    def _introduce(self) -> None:
        """Say who we are, as programs outside a sandbox must where the portal is new."""
        from jeepney import DBusErrorResponse

        # an older portal, a sandbox or no menu entry: CreateSession tells if that matters
        with contextlib.suppress(DBusErrorResponse):
            self._call(_REGISTRY, "Register", "sa{sv}", APPLICATION, {})

    def _options(self) -> dict[str, tuple[str, str]]:
        options = {"description": ("s", self._description)}
        if keys := trigger(self._combination):
            options["preferred_trigger"] = ("s", keys)
        return options

    def _show(self, shortcuts: list[tuple[str, dict[str, tuple[str, Any]]]]) -> None:
        keys = dict(shortcuts).get(SHORTCUT, {}).get("trigger_description", ("s", ""))[1]
        self._report(State.DESKTOP if keys else State.UNBOUND, keys)

    def _follow(self, session: str) -> None:
        while True:
            signal = self._signal()
            path, member = _path(signal), _member(signal)
            if path == session and member == "Closed":
                raise _RefusedError
            if path != _PATH or signal.body[:1] != (session,):
                continue
            if member == "Activated" and signal.body[1] == SHORTCUT:
                self._heard()
            elif member == "ShortcutsChanged":
                self._show(signal.body[1])

    def _ask(self, method: str, signature: str, *body: object, **options: str) -> dict[str, Any]:
        """Call a method that answers with a signal; returns the answer's results.

        Raises:
            _RefusedError: The answer is no.
            _VanishedError: There will be no answer.
        """
        given = {"handle_token": ("s", next(self._tokens))}
        given |= {name: ("s", value) for name, value in options.items()}
        (request,) = self._call(_KEYS, method, signature + "a{sv}", *body, given)
        while True:
            signal = self._signal()
            if _path(signal) == request and _member(signal) == "Response":
                code, results = signal.body
                if code:
                    raise _RefusedError
                return dict(results)

    def _call(self, interface: str, method: str, signature: str, *body: object) -> tuple[Any, ...]:
        from jeepney import DBusAddress, new_method_call

        address = DBusAddress(_PATH, _NAME, interface)
        return self._send(new_method_call(address, method, signature, body))

    def _send(self, message: Any) -> tuple[Any, ...]:
        from jeepney.wrappers import unwrap_msg

        reply = self._connection.send_and_get_reply(message, timeout=_CALL_S)
        answer: tuple[Any, ...] = unwrap_msg(reply)
        return answer

    def _signal(self) -> Any:
        """The next signal.

        Raises:
            _VanishedError: It says that the portal ended.
        """
        signal = self._connection.recv_until_filtered(self._signals)
        if _member(signal) == "NameOwnerChanged" and not signal.body[2]:
            raise _VanishedError
        return signal

    def _came_back(self) -> bool:
        signal = self._connection.recv_until_filtered(self._signals)
        return bool(_member(signal) == "NameOwnerChanged" and signal.body[2])


def _path(signal: Any) -> str:
    from jeepney import HeaderFields

    return str(signal.header.fields[HeaderFields.path])


def _member(signal: Any) -> str:
    from jeepney import HeaderFields

    return str(signal.header.fields[HeaderFields.member])
