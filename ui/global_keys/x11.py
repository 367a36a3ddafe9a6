"""One key on X11, taken with XGrabKey: the server tells us of this key and of no other."""

from dataclasses import dataclass
from typing import Any

from ui.global_keys.listener import Listener, State, hang_up

_ALT, _NUM_LOCK, _META = 1 << 3, 1 << 4, 1 << 6
"""Mod1, Mod2 and Mod4: where these are on keyboards that do not say."""


@dataclass(frozen=True)
class Grab:
    """A key as it is laid out now.

    Attributes:
        keycode: The server's number of the key.
        held: Mask of the modifiers that must be held.
        locks: Masks of CapsLock and NumLock, which do not matter.
    """

    keycode: int
    held: int
    locks: tuple[int, int]

    def take(self, display: Any) -> bool:
        """Ask the server for it; False, and nothing taken, if another program holds it."""
        from Xlib import X, error

        refused = error.CatchError(error.BadAccess)
        for mask in self._masks():
            display.screen().root.grab_key(
                self.keycode, mask, False, X.GrabModeAsync, X.GrabModeAsync, onerror=refused
            )
        display.sync()
        if refused.get_error() is None:
            return True
        self.release(display)
        return False

    def release(self, display: Any) -> None:
        """Give it back."""
        for mask in self._masks():
            display.screen().root.ungrab_key(self.keycode, mask)

    def _masks(self) -> set[int]:
        caps, num = self.locks
        return {self.held | locks for locks in (0, caps, num, caps | num)}


class X11Key(Listener):
    """Holds the key, follows changes of the keyboard's layout, and tells of every press."""

    def _listen(self) -> None:
        from Xlib.display import Display

        display = Display()
        try:
            self._ends_with(lambda: hang_up(display.display.socket))
            grab = self._find(display)
            self._report(self._take(display, grab), "")
            while True:
                self._follow(display, grab)
                moved = self._find(display)
                if moved != grab:
                    if grab is not None:
                        grab.release(display)
                    grab = moved
                    self._report(self._take(display, grab), "")
        finally:
            display.close()

    def _take(self, display: Any, grab: Grab | None) -> State:
        if grab is None:
            return State.UNKNOWN
        return State.WORKS if grab.take(display) else State.TAKEN

    def _find(self, display: Any) -> Grab | None:
        """Where the key is on the keyboard now; None if it has no such key."""
        from Xlib import XK, X

        wanted = self._combination
        keysym = XK.string_to_keysym(wanted.keysym)
        places = list(display.keysym_to_keycodes(keysym)) if keysym else []
        if not places:
            return None
        keycode, column = min(places, key=lambda place: place[1])
        modifiers = (
            (X.ShiftMask, wanted.shift or column % 2 == 1),
            (X.ControlMask, wanted.ctrl),
            (_mask(display, XK.XK_Alt_L, _ALT), wanted.alt),
            (_mask(display, XK.XK_Super_L, _META), wanted.meta),
        )
        held = 0
        for mask, on in modifiers:
            held |= mask if on else 0
        return Grab(keycode, held, (X.LockMask, _mask(display, XK.XK_Num_Lock, _NUM_LOCK)))

    def _follow(self, display: Any, grab: Grab | None) -> None:
        """Tell of every press until the keyboard's layout changes.

        A key held down repeats as pairs of release and press with one time; those are no presses.
        """
        from Xlib import X

        released_ms = None
        while (event := display.next_event()).type != X.MappingNotify:
            if grab is None or getattr(event, "detail", None) != grab.keycode:
                continue
            if event.type == X.KeyRelease:
                released_ms = event.time
            elif event.type == X.KeyPress and event.time != released_ms:
                self._heard()
        display.refresh_keyboard_mapping(event)


def _mask(display: Any, keysym: int, default: int) -> int:
    """The mask of the modifier that a key is."""
    keycodes = {keycode for keycode, _ in display.keysym_to_keycodes(keysym)}
    for bit, members in enumerate(display.get_modifier_mapping()):
        if keycodes & set(members):
            return 1 << bit
    return default
