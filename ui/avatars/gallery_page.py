"""The user's avatars as cards: choose, rename, remove, drop a new picture."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDropEvent,
    QFont,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from core.avatar_library import AvatarEntry, AvatarLibrary
from ui.context import Context
from ui.dialogs import ask_open_file, ask_text, ask_yes
from ui.widgets.banner import BannerStack
from ui.widgets.basics import button, label
from ui.widgets.drop_zone import PICTURES, DropZone, dropped_files
from ui.widgets.preview import image_from_rgb

_ENTRY = Qt.ItemDataRole.UserRole
_PICTURE = Qt.ItemDataRole.UserRole + 1
_CARD = QSize(156, 196)
_PICTURE_PX = 140


class GalleryPage(QWidget):
    """Cards of all avatars.

    Signals:
        chosen: An `AvatarEntry` the user wants to be.
        picture_given: Path of a picture to enrol.
    """

    chosen = Signal(object)
    picture_given = Signal(object)

    def __init__(self, context: Context, library: AvatarLibrary) -> None:
        super().__init__()
        self._context = context
        self._texts = context.texts
        self._library = library
        self._entries: tuple[AvatarEntry, ...] = ()
        self._in_use: Path | None = None
        self.setAcceptDrops(True)
        self.banners = BannerStack(context)
        self.cards = _Cards(self._show_menu)
        self.cards.setAccessibleName(self._texts("gallery.title"))
        self.cards.setItemDelegate(_CardDelegate(context, self.is_in_use, self.cards))
        self.cards.itemActivated.connect(self._activated)
        self.cards.itemClicked.connect(self._activated)
        self.drop_zone = DropZone(
            context.theme,
            "plus",
            self._texts("gallery.drop"),
            self._texts("gallery.drop.about"),
            PICTURES,
        )
        self.drop_zone.setFixedHeight(136)
        self.drop_zone.dropped.connect(self._dropped)
        self.drop_zone.clicked.connect(self.ask_for_picture)
        self._build()
        self.reload()

    @property
    def entries(self) -> tuple[AvatarEntry, ...]:
        """The avatars shown."""
        return self._entries

    def is_in_use(self, path: Path) -> bool:
        """Whether this is the avatar being drawn."""
        return path == self._in_use

    def set_in_use(self, path: Path | None) -> None:
        """Mark the avatar being drawn."""
        self._in_use = path
        self.cards.viewport().update()

    def reload(self, then: Callable[[], None] | None = None) -> None:
        """Read the library again."""

        def done(entries: tuple[AvatarEntry, ...]) -> None:
            self._show(entries)
            if then is not None:
                then()

        self._context.tasks.run(self, self._library.entries, done, self._fail)

    def neighbour(self, step: int) -> AvatarEntry | None:
        """The usable avatar `step` places from the one in use, around the end."""
        usable = [entry for entry in self._entries if not entry.problem]
        if not usable:
            return None
        paths = [entry.path for entry in usable]
        place = paths.index(self._in_use) if self._in_use in paths else (-1 if step > 0 else 0)
        return usable[(place + step) % len(usable)]

    def ask_for_picture(self) -> None:
        """Let the user choose a picture file."""
        ask_open_file(
            self,
            self._texts("gallery.add"),
            self._texts("files.pictures"),
            PICTURES,
            self.picture_given.emit,
        )

    def rename(self, entry: AvatarEntry) -> None:
        """Ask for another name and use it."""

        def done(name: str) -> None:
            if name != entry.name:
                self._context.tasks.run(
                    self,
                    lambda: self._library.rename(entry.path, name),
                    lambda path: self._renamed(entry.path, path),
                    self._fail,
                )

        title, words = self._texts("gallery.rename"), self._texts("gallery.rename.ask")
        ask_text(self, self._texts, title, words, entry.name, done)

    def remove(self, entry: AvatarEntry) -> None:
        """Ask, then delete an avatar."""

        def done() -> None:
            self._context.tasks.run(
                self,
                lambda: self._library.remove(entry.path),
                lambda _none: self.reload(),
                self._fail,
            )

        words = self._texts("gallery.remove.ask", name=entry.name)
        remove = self._texts("gallery.remove")
        ask_yes(self, self._texts, remove, words, remove, done)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """The whole page takes pictures."""
        if dropped_files(event.mimeData(), PICTURES):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Enrol the picture dropped anywhere on the page."""
        self._dropped(dropped_files(event.mimeData(), PICTURES))

    def _build(self) -> None:
        header = QHBoxLayout()
        header.addWidget(label(self._texts("gallery.title"), "title"), 1)
        add = button(self._texts("gallery.add"), "primary")
        add.clicked.connect(self.ask_for_picture)
        header.addWidget(add)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(12)
        layout.addLayout(header)
        layout.addWidget(self.banners)
        layout.addWidget(self.drop_zone)
        layout.addWidget(self.cards, 1)

    def _show(self, entries: tuple[AvatarEntry, ...]) -> None:
        self._entries = entries
        self.cards.clear()
        for entry in entries:
            item = QListWidgetItem(entry.name)
            item.setData(_ENTRY, entry)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, entry.name)
            item.setToolTip(self._context.texts.words(entry.problem) or entry.name)
            if entry.thumbnail_rgb is not None:
                item.setData(_PICTURE, QPixmap.fromImage(image_from_rgb(entry.thumbnail_rgb)))
            self.cards.addItem(item)

    def _renamed(self, old: Path, new: Path) -> None:
        if self.is_in_use(old):
            self.set_in_use(new)
        self.reload()

    def _activated(self, item: QListWidgetItem) -> None:
        entry: AvatarEntry = item.data(_ENTRY)
        if entry.problem:
            self._fail(self._context.texts.words(entry.problem))
        elif not self.is_in_use(entry.path):
            self.chosen.emit(entry)

    def _dropped(self, paths: list[Path]) -> None:
        if paths:
            self.picture_given.emit(paths[0])

    def _fail(self, words: str) -> None:
        self.banners.say("error", words)

    def _show_menu(self, event: QContextMenuEvent) -> None:
        item = self.cards.itemAt(self.cards.viewport().mapFromGlobal(event.globalPos()))
        if item is None:
            return
        entry: AvatarEntry = item.data(_ENTRY)
        menu = QMenu(self)
        use = menu.addAction(self._texts("gallery.use"), lambda: self._activated(item))
        use.setEnabled(not entry.problem)
        rename = menu.addAction(self._texts("gallery.rename"), lambda: self.rename(entry))
        rename.setEnabled(not entry.problem)
        menu.addAction(self._texts("gallery.remove"), lambda: self.remove(entry))
        menu.popup(event.globalPos())


class _Cards(QListWidget):
    """A wrapping grid of cards."""

    def __init__(self, menu: Callable[[QContextMenuEvent], None]) -> None:
        super().__init__()
        self._menu = menu
        self.setViewMode(QListWidget.ViewMode.IconMode)
        self.setMovement(QListWidget.Movement.Static)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setUniformItemSizes(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSpacing(6)
        self.setMouseTracking(True)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with a card."""
        self._menu(event)


class _CardDelegate(QStyledItemDelegate):
    def __init__(
        self, context: Context, in_use: Callable[[Path], bool], parent: QListWidget
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._in_use = in_use

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """All cards are equal."""
        return _CARD

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draw picture, name, and whether it is in use or broken."""
        theme = self._context.theme
        entry: AvatarEntry = index.data(_ENTRY)
        rect: QRect = option.rect.adjusted(2, 2, -2, -2)
        state: QStyle.StateFlag = option.state
        chosen = self._in_use(entry.path)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        ground = "accent_soft" if chosen else "surface"
        if state & QStyle.StateFlag.State_MouseOver and not chosen:
            ground = "sunken"
        edge = "accent" if chosen else "border"
        if state & QStyle.StateFlag.State_HasFocus:
            edge = "text"
        painter.setBrush(theme.colour(ground))
        painter.setPen(QPen(theme.colour(edge), 2 if edge != "border" else 1))
        painter.drawRoundedRect(QRectF(rect).adjusted(1, 1, -1, -1), 12, 12)
        self._paint_picture(painter, rect, index.data(_PICTURE))
        self._paint_words(painter, rect, entry, chosen)
        painter.restore()

    def _paint_picture(self, painter: QPainter, rect: QRect, picture: QPixmap | None) -> None:
        box = QRectF(rect.left() + 6, rect.top() + 6, _PICTURE_PX, _PICTURE_PX - 2)
        path = QPainterPath()
        path.addRoundedRect(box, 9, 9)
        painter.fillPath(path, self._context.theme.colour("sunken"))
        if picture is not None:
            painter.save()
            painter.setClipPath(path)
            painter.drawPixmap(box, picture, QRectF(picture.rect()))
            painter.restore()
        else:
            warning = self._context.theme.pixmap("warning", "danger", 32)
            painter.drawPixmap(box.center().toPoint() - warning.rect().center() / 2, warning)

    def _paint_words(
        self, painter: QPainter, rect: QRect, entry: AvatarEntry, chosen: bool
    ) -> None:
        theme = self._context.theme
        font = QFont(painter.font())
        font.setPixelSize(13)
        font.setWeight(QFont.Weight.DemiBold if chosen else QFont.Weight.Normal)
        painter.setFont(font)
        colour = "danger" if entry.problem else ("accent_text" if chosen else "text")
        painter.setPen(theme.colour(colour))
        box = rect.adjusted(10, _PICTURE_PX + 8, -10, -4)
        words = painter.fontMetrics().elidedText(
            entry.name, Qt.TextElideMode.ElideRight, box.width()
        )
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
