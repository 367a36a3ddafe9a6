"""An on/off switch."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from ui.theme import Theme
from ui.widgets.basics import label

_WIDTH_PX = 38
_HEIGHT_PX = 22


class Switch(QAbstractButton):
    """A sliding switch; checkable, toggled by click, Space, or `setChecked`."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self.setCheckable(True)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        """Room for the track and the focus ring."""
        return QSize(_WIDTH_PX + 4, _HEIGHT_PX + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw track, knob and focus ring."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(2, (self.height() - _HEIGHT_PX) / 2, _WIDTH_PX, _HEIGHT_PX)
        radius = _HEIGHT_PX / 2
        on = self.isChecked()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("accent" if on else "border_strong"))
        if not self.isEnabled():
            painter.setBrush(self._theme.colour("border"))
        painter.drawRoundedRect(track, radius, radius)
        x = track.right() - radius if on else track.left() + radius
        painter.setBrush(self._theme.colour("on_accent" if on else "surface"))
        painter.drawEllipse(QPointF(x, track.center().y()), radius - 3, radius - 3)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.colour("text"), 1.5))
            painter.drawRoundedRect(track.adjusted(-1, -1, 1, 1), radius + 1, radius + 1)


class SwitchRow(QWidget):
    """A sentence with a switch at its right; clicking the sentence toggles too."""

    def __init__(self, theme: Theme, text: str) -> None:
        super().__init__()
        self.switch = Switch(theme, text)
        words = label(text, wrap=True)
        words.setBuddy(self.switch)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(words, 1)
        layout.addWidget(self.switch)
        words.mouseReleaseEvent = lambda _event: self.switch.click()  # type: ignore[method-assign]
