"""One key on Windows, taken with RegisterHotKey. It has not been run on Windows yet."""

import ctypes
import sys
from ctypes import wintypes
from typing import Any

from ui.global_keys.combination import Combination
from ui.global_keys.listener import Listener, State

_ALT, _CONTROL, _SHIFT, _WIN, _NO_REPEAT = 1, 2, 4, 8, 0x4000
_WM_QUIT, _WM_HOTKEY = 0x12, 0x312
_ID = 1


def modifiers(combination: Combination) -> int:
    """The modifiers as RegisterHotKey takes them, with the wish that a held key does not repeat."""
    held = (
        (_ALT, combination.alt),
        (_CONTROL, combination.ctrl),
        (_SHIFT, combination.shift),
        (_WIN, combination.meta),
    )
    return _NO_REPEAT | sum(bit for bit, on in held if on)


class WindowsKey(Listener):
    """Waits in the message queue of its own thread."""

    def _listen(self) -> None:
        if not self._combination.virtual_key:
            self._report(State.UNKNOWN, "")
            return
        user32, thread = _libraries()
        message = wintypes.MSG()
        # looking for a message makes the queue that the end is posted to
        user32.PeekMessageW(ctypes.byref(message), None, 0, 0, 0)
        self._ends_with(lambda: user32.PostThreadMessageW(thread, _WM_QUIT, 0, 0))
        key = self._combination
        if not user32.RegisterHotKey(None, _ID, modifiers(key), key.virtual_key):
            self._report(State.TAKEN, "")
            return
        self._report(State.WORKS, "")
        try:
            while user32.GetMessageW(ctypes.byref(message), None, 0, 0) > 0:
                if message.message == _WM_HOTKEY:
                    self._heard()
        finally:
            user32.UnregisterHotKey(None, _ID)


def _libraries() -> tuple[Any, int]:
    """The library of keys and windows, and the number of the thread that asks."""
    if sys.platform != "win32":
        raise OSError("not Windows")
    return ctypes.windll.user32, ctypes.windll.kernel32.GetCurrentThreadId()
