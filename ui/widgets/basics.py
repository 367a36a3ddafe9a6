"""Labels, cards, buttons and lines in the window's style."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.theme import Theme

SPACING_PX = 8
MARGIN_PX = 16


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget one of the style sheet's roles."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        restyle(widget)


def restyle(widget: QWidget) -> None:
    """Apply the style sheet again after a property it looks at has changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def label(text: str, role: str = "", *, wrap: bool = False) -> QLabel:
    """A text; `role` is "title", "heading", "muted", "small", "value" or empty for body."""
    result = QLabel(text)
    result.setProperty("role", role)
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setWordWrap(wrap)
    return result


class ElidedLabel(QLabel):
    """One line that ends in … when there is no room, with the whole text as tool tip."""

    def __init__(self, text: str = "", role: str = "") -> None:
        super().__init__(text)
        self.setProperty("role", role)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        """Show this text."""
        super().setText(text)
        self._update_tip()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the tool tip to when it is needed."""
        super().resizeEvent(event)
        self._update_tip()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the elided text."""
        painter = QPainter(self)
        rect = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, rect.width())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(rect, self.alignment() | Qt.AlignmentFlag.AlignVCenter, text)

    def _update_tip(self) -> None:
        too_long = self.fontMetrics().horizontalAdvance(self.text()) > self.width()
        self.setToolTip(self.text() if too_long else "")


def button(text: str, role: str = "", *, tip: str = "") -> QPushButton:
    """A push button; `role` is "primary", "flat", "danger", "golive" or empty."""
    result = QPushButton(text)
    result.setProperty("role", role)
    result.setToolTip(tip)
    return result


def signed(value: float) -> str:
    """A whole number with its sign, a true minus; "0" without one."""
    return f"{value:+.0f}".replace("-", "−") if round(value) else "0"


def icon_button(theme: Theme, icon: str, name: str) -> QToolButton:
    """A square button with an icon alone; `name` is its tool tip and accessible name."""
    result = QToolButton()
    result.setIconSize(QSize(20, 20))
    result.setToolTip(name)
    result.setAccessibleName(name)
    theme.bind_icon(result.setIcon, icon, result)
    return result


class IconLabel(QLabel):
    """An icon that follows the theme."""

    def __init__(self, theme: Theme, icon: str, colour: str = "muted", size: int = 20) -> None:
        super().__init__()
        self._theme = theme
        self._look = (icon, colour, size)
        self.setFixedSize(size, size)
        self._draw()
        theme.changed.connect(self._draw)

    def _draw(self) -> None:
        self.setPixmap(self._theme.pixmap(*self._look))


def line() -> QFrame:
    """A hairline between groups."""
    result = QFrame()
    result.setProperty("role", "line")
    result.setFixedHeight(1)
    return result


def row(*widgets: QWidget, stretch: int = -1, spacing: int = SPACING_PX) -> QHBoxLayout:
    """Widgets side by side; the one at index `stretch` takes the room left."""
    layout = QHBoxLayout()
    layout.setSpacing(spacing)
    for index, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if index == stretch else 0)
    return layout


class Card(QFrame):
    """A rounded panel with an optional heading; add to `body`."""

    def __init__(self, heading: str = "") -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(14, 12, 14, 14)
        self.body.setSpacing(10)
        self.header = QHBoxLayout()
        self.header.setSpacing(SPACING_PX)
        if heading:
            self.header.addWidget(label(heading, "heading"), 1)
            self.body.addLayout(self.header)
            self.setAccessibleName(heading)
