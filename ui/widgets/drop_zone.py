"""A place to drop files on, or to click for a file dialog."""

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
)
from PySide6.QtWidgets import QFrame, QVBoxLayout

from ui.theme import Theme
from ui.widgets.basics import IconLabel, label, restyle

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".bmp", ".tif", ".tiff")
SOUNDS = (
    ".wav",
    ".mp3",
    ".m4a",
    ".aac",
    ".flac",
    ".ogg",
    ".opus",
    ".wma",
    ".aiff",
    ".mp4",
    ".mkv",
    ".webm",
    ".mov",
)


def dropped_files(data: QMimeData, suffixes: Iterable[str]) -> list[Path]:
    """Local files with one of these suffixes among dragged things."""
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    return [path for path in paths if path.suffix.lower() in suffixes]


class DropZone(QFrame):
    """`dropped(paths)` when files of the right kind fall on it, `clicked` to choose them."""

    dropped = Signal(list)
    clicked = Signal()

    def __init__(
        self, theme: Theme, icon: str, text: str, detail: str, suffixes: tuple[str, ...]
    ) -> None:
        super().__init__()
        self._suffixes = suffixes
        self.setProperty("role", "dropzone")
        self.setProperty("active", "false")
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(text)
        self.setAccessibleDescription(detail)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 14, 20, 14)
        layout.setSpacing(4)
        centre = Qt.AlignmentFlag.AlignHCenter
        layout.addStretch(1)
        layout.addWidget(IconLabel(theme, icon, "accent_text", 28), 0, centre)
        for words, role in ((text, "heading"), (detail, "small")):
            line = label(words, role, wrap=True)
            line.setAlignment(centre)
            layout.addWidget(line)
        layout.addStretch(1)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Welcome files of the right kind."""
        if dropped_files(event.mimeData(), self._suffixes):
            event.acceptProposedAction()
            self._set_active(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """The files went elsewhere."""
        self._set_active(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Take the files."""
        self._set_active(False)
        self.dropped.emit(dropped_files(event.mimeData(), self._suffixes))
        event.acceptProposedAction()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Click to choose."""
        if self.rect().contains(event.position().toPoint()):
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space and Return choose, too."""
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clicked.emit()
        else:
            super().keyPressEvent(event)

    def _set_active(self, active: bool) -> None:
        self.setProperty("active", "true" if active else "false")
        restyle(self)
