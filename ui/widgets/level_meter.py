"""Loudness of the microphone as a bar with a peak mark."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.session import Level
from ui.theme import Theme

FLOOR_DBFS = -60.0
_PEAK_FALL_DB = 1.5
"""How far the peak mark falls at each update."""


class LevelMeter(QWidget):
    """Shows a `Level`: bar = loudness, mark = recent peak, line = noise gate.

    The bar is grey while the gate is closed, and red after clipping.
    """

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self._name = name
        self._level = Level()
        self._peak_dbfs = FLOOR_DBFS
        self._gate_dbfs: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    @property
    def shown_peak_dbfs(self) -> float:
        """Where the peak mark stands."""
        return self._peak_dbfs

    def sizeHint(self) -> QSize:
        """A flat bar."""
        return QSize(120, 14)

    def show_level(self, level: Level, gate_dbfs: float | None = None) -> None:
        """Update; call at a steady pace, so that the peak mark falls evenly."""
        peak = max(level.peak_dbfs, self._peak_dbfs - _PEAK_FALL_DB, FLOOR_DBFS)
        if (level, peak, gate_dbfs) == (self._level, self._peak_dbfs, self._gate_dbfs):
            return
        self._level, self._peak_dbfs, self._gate_dbfs = level, peak, gate_dbfs
        self.setAccessibleDescription(f"{level.rms_dbfs:.0f} dB")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ground, bar, gate line and peak mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        bar = QRectF(0, self.height() / 2 - 4, self.width(), 8)
        painter.setBrush(self._theme.colour("sunken"))
        painter.drawRoundedRect(bar, 4, 4)
        name = "danger" if self._level.clipped else "success"
        painter.setBrush(self._theme.colour(name if self._level.gate_open else "border_strong"))
        filled = QRectF(bar)
        filled.setWidth(self._x(self._level.rms_dbfs))
        painter.drawRoundedRect(filled, 4, 4)
        if self._peak_dbfs > FLOOR_DBFS:
            x = min(self._x(self._peak_dbfs), self.width() - 2.0)
            painter.drawRect(QRectF(x, bar.top(), 2, bar.height()))
        if self._gate_dbfs is not None:
            painter.setBrush(self._theme.colour("muted"))
            painter.drawRect(QRectF(self._x(self._gate_dbfs), bar.top() - 3, 1.5, 14))

    def _x(self, dbfs: float) -> float:
        return max(0.0, min(1.0, 1 - dbfs / FLOOR_DBFS)) * self.width()
