"""A row of exclusive choices, as tabs or as a setting."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QSizePolicy, QToolButton


class Segments(QFrame):
    """Exclusive choices side by side; `chosen(key)` when the user picks one."""

    chosen = Signal(str)

    def __init__(self, name: str, choices: dict[str, str]) -> None:
        """
        Args:
            name: Accessible name of the whole row.
            choices: Words by key, in order; the first is chosen.
        """
        super().__init__()
        self.setProperty("role", "segments")
        self.setAccessibleName(name)
        self._buttons: dict[str, QToolButton] = {}
        self._group = QButtonGroup(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(3, 3, 3, 3)
        layout.setSpacing(2)
        for key, words in choices.items():
            segment = _Segment(words)
            segment.clicked.connect(lambda _checked, key=key: self.chosen.emit(key))
            self._group.addButton(segment)
            layout.addWidget(segment, 1)
            self._buttons[key] = segment
        self.choose(next(iter(choices)))

    @property
    def current(self) -> str:
        """Key of the chosen segment."""
        return next(key for key, item in self._buttons.items() if item.isChecked())

    def choose(self, key: str) -> None:
        """Choose without telling anyone."""
        self._buttons[key].setChecked(True)

    def button(self, key: str) -> QToolButton:
        """The button of a choice."""
        return self._buttons[key]

    def enable(self, key: str, enabled: bool) -> None:
        """Offer a choice or grey it out."""
        self._buttons[key].setEnabled(enabled)


class _Segment(QToolButton):
    def __init__(self, words: str) -> None:
        super().__init__()
        self.setProperty("role", "segment")
        self.setText(words)
        self.setAccessibleName(words)
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return activates like Space."""
        if event.key() in (0x01000004, 0x01000005):
            self.click()
        else:
            super().keyPressEvent(event)
