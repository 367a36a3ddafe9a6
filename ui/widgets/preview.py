"""The live picture: polls the newest frame on its own timer and paints it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QHideEvent,
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPixmap,
    QShowEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.types import ImageArray, VideoFrame
from ui.theme import Theme

_RADIUS_PX = 14
_GROUND = "#0e1013"
_WORDS = "#c9cdd4"


def image_from_rgb(rgb: ImageArray) -> QImage:
    """A picture that shares the array's memory (the caller keeps the array alive).

    Args:
        rgb: Shape (H, W, 3), uint8.
    """
    rgb = np.ascontiguousarray(rgb)
    height, width = rgb.shape[:2]
    image = QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    image.rgb = rgb  # type: ignore[attr-defined]
    return image


@dataclass(frozen=True)
class Badge:
    """A short word over the picture.

    Attributes:
        text: The word.
        colour, ground: Text and ground as `#rrggbb`.
        dot: Whether a dot stands before the word.
    """

    text: str
    colour: str = "#ffffff"
    ground: str = "#2b2f36"
    dot: bool = False


class Preview(QWidget):
    """Shows the newest frame, letterboxed, with badges; never asks for more than it can paint.

    Args:
        theme: For the icon of the empty state.
        name: Accessible name.
        newest: Gives the newest frame or None; called on the window's thread.
        rate_hz: How often to look.
        at_top: The picture stands at the top of a higher widget, instead of in its middle.
    """

    def __init__(
        self,
        theme: Theme,
        name: str,
        newest: Callable[[], VideoFrame | None],
        rate_hz: int = 30,
        at_top: bool = False,
    ) -> None:
        super().__init__()
        self._at_top = at_top
        self._theme = theme
        self._newest = newest
        self._shown: VideoFrame | None = None
        self._image: QImage | None = None
        self._scaled: QPixmap | None = None
        self._badges: tuple[Badge, ...] = ()
        self._empty_text = ""
        self._mirrored = False
        self.frames_painted = 0
        self.setAccessibleName(name)
        self.setMinimumSize(320, 180)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.poll)
        self.set_rate(rate_hz)

    def sizeHint(self) -> QSize:
        """A widescreen picture."""
        return QSize(640, 360)

    @property
    def shown_index(self) -> int | None:
        """Index of the frame on screen."""
        return None if self._shown is None else self._shown.index

    def set_rate(self, rate_hz: int) -> None:
        """How often to look for a new frame."""
        self._timer.setInterval(round(1000 / rate_hz))

    def set_mirrored(self, mirrored: bool) -> None:
        """Show the picture as in a mirror (here only, never in the camera)."""
        self._mirrored = mirrored
        self._scaled = None
        self.update()

    def set_badges(self, badges: tuple[Badge, ...]) -> None:
        """Words over the picture's upper left corner."""
        if badges != self._badges:
            self._badges = badges
            self.setAccessibleDescription(", ".join(badge.text for badge in badges))
            self.update()

    def set_empty_text(self, text: str) -> None:
        """What to say while there is no picture."""
        if text != self._empty_text:
            self._empty_text = text
            self.update()

    def clear(self) -> None:
        """Forget the picture."""
        self._shown = self._image = self._scaled = None
        self.update()

    def poll(self) -> None:
        """Take the newest frame, if there is a newer one."""
        frame = self._newest()
        if frame is None or frame is self._shown:
            return
        self._shown = frame
        self._image = image_from_rgb(frame.rgb)
        self._scaled = None
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        """Look for frames only while visible."""
        self._timer.start()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop looking."""
        self._timer.stop()
        super().hideEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ground, picture or empty text, and badges."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        picture = None if self._image is None else self._fitted(self._image)
        stage = QRectF(self.rect())
        if picture is not None:
            size = picture.deviceIndependentSize()
            stage = QRectF(0, 0, size.width(), size.height())
            stage.moveCenter(QRectF(self.rect()).center())
            if self._at_top:
                stage.moveTop(0)
        ground = QPainterPath()
        ground.addRoundedRect(stage, _RADIUS_PX, _RADIUS_PX)
        painter.fillPath(ground, QColor(_GROUND))
        if picture is not None:
            painter.setClipPath(ground)
            painter.drawPixmap(stage.topLeft(), picture)
            painter.setClipping(False)
        else:
            self._paint_empty(painter)
        self._paint_badges(painter, stage)
        painter.end()

    def _fitted(self, image: QImage) -> QPixmap:
        """The picture in the size it is shown, kept until picture or room change."""
        ratio = self.devicePixelRatioF()
        room = self.size() * ratio
        fitted = image.size().scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        if self._scaled is None or self._scaled.size() != fitted:
            scaled = image.scaled(
                fitted,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            if self._mirrored:
                scaled = scaled.flipped(Qt.Orientation.Horizontal)
            self._scaled = QPixmap.fromImage(scaled)
            self._scaled.setDevicePixelRatio(ratio)
            self.frames_painted += 1
        return self._scaled

    def _paint_empty(self, painter: QPainter) -> None:
        icon_px = 48
        pixmap = self._theme.pixmap("portrait_fit", "border_strong", icon_px)
        middle = self.rect().center()
        painter.drawPixmap(middle.x() - icon_px // 2, middle.y() - icon_px - 6, pixmap)
        painter.setPen(QColor(_WORDS))
        words = self.rect().adjusted(32, self.height() // 2 + 6, -32, -16)
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
        painter.drawText(words, int(flags) | int(Qt.TextFlag.TextWordWrap), self._empty_text)

    def _paint_badges(self, painter: QPainter, stage: QRectF) -> None:
        font = QFont(self.font())
        font.setPixelSize(12)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        x, y = stage.left() + 12, stage.top() + 12
        for badge in self._badges:
            indent = 14 if badge.dot else 0
            width = metrics.horizontalAdvance(badge.text) + 18 + indent
            box = QRectF(x, y, width, 24)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(badge.ground))
            painter.drawRoundedRect(box, 12, 12)
            if badge.dot:
                painter.setBrush(QColor(badge.colour))
                painter.drawEllipse(QRectF(x + 9, y + 8, 8, 8))
            painter.setPen(QColor(badge.colour))
            text_box = box.adjusted(9 + indent, 0, -9, 0)
            painter.drawText(text_box, Qt.AlignmentFlag.AlignVCenter, badge.text)
            x += width + 6
