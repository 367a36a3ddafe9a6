"""A key sequence of Qt as X11, Wayland's portal and Windows name it."""

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence

_KEY_BITS = 0x01FFFFFF

# Qt's key: name of the X keysym, virtual key of Windows
_NAMED: dict[int, tuple[str, int]] = {
    Qt.Key.Key_Space: ("space", 0x20),
    Qt.Key.Key_Escape: ("Escape", 0x1B),
    Qt.Key.Key_Tab: ("Tab", 0x09),
    Qt.Key.Key_Backspace: ("BackSpace", 0x08),
    Qt.Key.Key_Return: ("Return", 0x0D),
    Qt.Key.Key_Insert: ("Insert", 0x2D),
    Qt.Key.Key_Delete: ("Delete", 0x2E),
    Qt.Key.Key_Pause: ("Pause", 0x13),
    Qt.Key.Key_Print: ("Print", 0x2C),
    Qt.Key.Key_Home: ("Home", 0x24),
    Qt.Key.Key_End: ("End", 0x23),
    Qt.Key.Key_Left: ("Left", 0x25),
    Qt.Key.Key_Up: ("Up", 0x26),
    Qt.Key.Key_Right: ("Right", 0x27),
    Qt.Key.Key_Down: ("Down", 0x28),
    Qt.Key.Key_PageUp: ("Prior", 0x21),
    Qt.Key.Key_PageDown: ("Next", 0x22),
    Qt.Key.Key_ScrollLock: ("Scroll_Lock", 0x91),
    Qt.Key.Key_Menu: ("Menu", 0x5D),
}
_SILENT = {Qt.Key.Key_Pause, Qt.Key.Key_ScrollLock}
_F1, _F12, _F24 = int(Qt.Key.Key_F1), int(Qt.Key.Key_F12), int(Qt.Key.Key_F24)
_VIRTUAL_F1 = 0x70


@dataclass(frozen=True)
class Combination:
    """One key with its modifiers.

    Attributes:
        shown: As people write it here.
        key: Qt's number of the key.
        ctrl, alt, shift, meta: Modifiers that are held.
    """

    shown: str
    key: int
    ctrl: bool = False
    alt: bool = False
    shift: bool = False
    meta: bool = False

    @property
    def keysym(self) -> str:
        """Name of the X keysym; empty if the key has none that is known."""
        if self.key in _NAMED:
            return _NAMED[self.key][0]
        if _F1 <= self.key <= _F24:
            return f"F{self.key - _F1 + 1}"
        return chr(self.key).lower() if self._is_letter_or_digit else ""

    @property
    def virtual_key(self) -> int:
        """Virtual key of Windows; 0 if the key has none that is known."""
        if self.key in _NAMED:
            return _NAMED[self.key][1]
        if _F1 <= self.key <= _F24:
            return _VIRTUAL_F1 + self.key - _F1
        return self.key if self._is_letter_or_digit else 0

    @property
    def _is_letter_or_digit(self) -> bool:
        return self.key < 0x80 and chr(self.key).isalnum()

    @property
    def types(self) -> bool:
        """Whether people press it to write or to move about, so that other programs need it."""
        silent = self.key in _SILENT or _F1 <= self.key <= _F24
        return not (silent or self.ctrl or self.alt or self.meta)

    @property
    def changes_console(self) -> bool:
        """Whether Linux itself acts on it before any program can."""
        return self.ctrl and self.alt and not self.shift and _F1 <= self.key <= _F12


def parse(keys: str) -> Combination | None:
    """The first key of a sequence in Qt's portable form; None if there is none."""
    sequence = QKeySequence(keys, QKeySequence.SequenceFormat.PortableText)
    if sequence.isEmpty():
        return None
    bits: int = sequence[0].toCombined()  # type: ignore[index]
    held = Qt.KeyboardModifier
    return Combination(
        shown=sequence.toString(QKeySequence.SequenceFormat.NativeText),
        key=bits & _KEY_BITS,
        ctrl=bool(bits & held.ControlModifier.value),
        alt=bool(bits & held.AltModifier.value),
        shift=bool(bits & held.ShiftModifier.value),
        meta=bool(bits & held.MetaModifier.value),
    )
