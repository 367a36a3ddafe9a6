"""The portrait with its fit and the points a user may drag."""

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.types import ImageArray
from ui.texts import Texts
from ui.theme import Theme
from ui.widgets.preview import image_from_rgb

Point = tuple[float, float]

_RADIUS_PX = 7.0
_REACH_PX = 16.0
_CORNER_PX = 14
_FACE_MARGIN = 0.75
"""Room around the points when zoomed to the face, as a share of their extent."""
_MINIMUM_SIDE_PX = 32.0


class PointEditor(QWidget):
    """Shows a portrait; its points move by mouse, or by Tab and the arrow keys.

    Signals:
        moved: A point was put down at another place.
        selected: Name of the point under the hand, empty for none.
    """

    moved = Signal()
    selected = Signal(str)

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme = theme
        self._texts = texts
        self._image: QImage | None = None
        self._overlay: QImage | None = None
        self._points: dict[str, Point] = {}
        self._moved: set[str] = set()
        self._current = ""
        self._dragging = False
        self._before_drag: Point = (0.0, 0.0)
        self._whole = False
        self._view = QRectF()
        self.show_overlay = True
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(280, 280)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(texts("enrol.editor"))
        self.setAccessibleDescription(texts("enrol.editor.about"))

    def sizeHint(self) -> QSize:
        """A portrait's shape."""
        return QSize(420, 480)

    @property
    def points(self) -> dict[str, Point]:
        """Where the points are, in image pixels."""
        return dict(self._points)

    @property
    def moved_points(self) -> dict[str, Point]:
        """Where the points are that the user has moved since the portrait was shown."""
        return {name: self._points[name] for name in self._moved if name in self._points}

    @property
    def has_picture(self) -> bool:
        """Whether a picture is shown."""
        return self._image is not None

    @property
    def current(self) -> str:
        """Name of the selected point, empty for none."""
        return self._current

    def show_portrait(self, rgb: ImageArray, points: Mapping[str, Point]) -> None:
        """Show a picture, shape (H, W, 3) uint8, with points in its pixels."""
        self._image = image_from_rgb(rgb)
        self._overlay = None
        self._moved.clear()
        self.set_points(points)

    def clear(self) -> None:
        """Show nothing."""
        self._image = self._overlay = None
        self._points = {}
        self._view = QRectF()
        self._select("")

    def set_points(self, points: Mapping[str, Point]) -> None:
        """Put the points elsewhere, as after a new fit."""
        self._points = {name: (float(x), float(y)) for name, (x, y) in points.items()}
        if self._current not in self._points:
            self._select("")
        self._look_at()

    def forget_moves(self) -> None:
        """Hold no point any more."""
        self._moved.clear()

    def set_overlay(self, rgb: ImageArray) -> None:
        """The fit drawn over the picture, of the same shape."""
        self._overlay = image_from_rgb(rgb)
        self.update()

    def set_show_overlay(self, shown: bool) -> None:
        """Show the fit or the bare picture."""
        self.show_overlay = shown
        self.update()

    def set_whole(self, whole: bool) -> None:
        """Show the whole picture or zoom to the face."""
        self._whole = whole
        self._look_at()

    def to_widget(self, point: Point) -> QPointF:
        """Widget position of a place in the image."""
        scale, origin = self._mapping()
        return QPointF(origin.x() + point[0] * scale, origin.y() + point[1] * scale)

    def to_image(self, position: QPointF) -> Point:
        """Place in the image, kept inside it, of a widget position."""
        scale, origin = self._mapping()
        size = self._image.size() if self._image else QSize(1, 1)
        x = (position.x() - origin.x()) / scale
        y = (position.y() - origin.y()) / scale
        return (min(max(x, 0.0), size.width()), min(max(y, 0.0), size.height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the view."""
        self._look_at()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take up the nearest point."""
        name = self._nearest(event.position())
        self._select(name)
        if name and event.button() is Qt.MouseButton.LeftButton:
            self._dragging = True
            self._before_drag = self._points[name]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Carry the point, or show that there is one."""
        if self._dragging:
            self._points[self._current] = self.to_image(event.position())
            self._moved.add(self._current)
            self.update()
            return
        name = self._nearest(event.position())
        self.setCursor(Qt.CursorShape.OpenHandCursor if name else Qt.CursorShape.ArrowCursor)
        self.setToolTip(self.point_name(name) if name else "")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Put the point down."""
        if self._dragging:
            self._dragging = False
            if self._points[self._current] != self._before_drag:
                self.moved.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tab chooses a point, arrows move it by a pixel, with Shift by ten."""
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        key = Qt.Key(event.key())
        if key in steps and self._current:
            by = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            x, y = self._points[self._current]
            dx, dy = steps[key]
            self._points[self._current] = self._inside((x + dx * by, y + dy * by))
            self._moved.add(self._current)
            self.update()
        elif key is Qt.Key.Key_Escape and self._current:
            self._select("")
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Fit again once the arrow key is let go."""
        arrows = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)
        if self._current and not event.isAutoRepeat() and Qt.Key(event.key()) in arrows:
            self.moved.emit()
        super().keyReleaseEvent(event)

    def focusNextPrevChild(self, next_child: bool) -> bool:
        """Tab goes through the points before it leaves the picture."""
        names = list(self._points)
        place = names.index(self._current) if self._current else (-1 if next_child else len(names))
        place += 1 if next_child else -1
        if 0 <= place < len(names):
            self._select(names[place])
            return True
        self._select("")
        return super().focusNextPrevChild(next_child)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Draw without the focus mark."""
        self.update()
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw picture or fit, and the points."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        image = self._overlay if self.show_overlay and self._overlay else self._image
        ground = QRectF(self.rect())
        if image is None:
            painter.fillPath(_rounded(ground), QColor("#0e1013"))
            return
        scale, origin = self._mapping()
        place = QRectF(origin.x(), origin.y(), image.width() * scale, image.height() * scale)
        painter.setClipPath(_rounded(ground.intersected(place)))
        painter.drawImage(place, image)
        painter.setClipping(False)
        for name, point in self._points.items():
            self._paint_point(painter, self.to_widget(point), name == self._current)
        painter.end()

    def point_name(self, name: str) -> str:
        """Words for a point."""
        key = f"point.{name}"
        return self._texts(key) if self._texts.has(key) else name.replace("_", " ")

    def _paint_point(self, painter: QPainter, at: QPointF, chosen: bool) -> None:
        painter.setBrush(QColor(255, 255, 255, 60))
        painter.setPen(QPen(QColor(0, 0, 0, 160), 4))
        painter.drawEllipse(at, _RADIUS_PX, _RADIUS_PX)
        colour = self._theme.colour("accent") if chosen else QColor("#ffffff")
        painter.setPen(QPen(colour, 3 if chosen else 2))
        painter.drawEllipse(at, _RADIUS_PX, _RADIUS_PX)
        painter.setBrush(colour)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawEllipse(at, 1.8, 1.8)

    def _select(self, name: str) -> None:
        if name != self._current:
            self._current = name
            self.selected.emit(name)
        self.update()

    def _nearest(self, position: QPointF) -> str:
        best, name = _REACH_PX, ""
        for candidate, point in self._points.items():
            offset = self.to_widget(point) - position
            distance = (offset.x() ** 2 + offset.y() ** 2) ** 0.5
            if distance < best:
                best, name = distance, candidate
        return name

    def _inside(self, point: Point) -> Point:
        size = self._image.size() if self._image else QSize(1, 1)
        return (min(max(point[0], 0.0), size.width()), min(max(point[1], 0.0), size.height()))

    def _look_at(self) -> None:
        """Choose what part of the image is shown."""
        if self._image is None:
            return
        self._view = QRectF(self._image.rect())
        if self._points and not self._whole and not self._dragging:
            xs = [x for x, _ in self._points.values()]
            ys = [y for _, y in self._points.values()]
            side = max(max(xs) - min(xs), max(ys) - min(ys), _MINIMUM_SIDE_PX)
            room = side * _FACE_MARGIN
            face = QRectF(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
            self._view = face.adjusted(-room, -room, room, room * 0.6).intersected(self._view)
        self.update()

    def _mapping(self) -> tuple[float, QPointF]:
        """Scale and origin from image to widget."""
        view = self._view
        if view.isEmpty():
            return 1.0, QPointF(0, 0)
        scale = min(self.width() / view.width(), self.height() / view.height())
        middle = QPointF(self.width() / 2, self.height() / 2) - view.center() * scale
        return scale, middle


def _rounded(place: QRectF) -> QPainterPath:
    path = QPainterPath()
    path.addRoundedRect(place, _CORNER_PX, _CORNER_PX)
    return path
