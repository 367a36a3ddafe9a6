"""A window on a fake session, and ways to wait for it."""

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from core.avatar_library import AvatarLibrary
from core.preset_files import PresetStore
from tests.ui.fake_session import FakeSession, make_avatar
from ui.context import Context
from ui.main_window import MainWindow, Services
from ui.settings import Settings
from ui.tasks import Tasks
from ui.texts import Texts
from ui.theme import Theme

WAIT_S = 5.0


def until(condition: Callable[[], bool], wait_s: float = WAIT_S) -> bool:
    """Process events until the condition holds; False if it never does."""
    end_s = time.monotonic() + wait_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        QTest.qWait(5)
    return True


class Bench:
    """Makes the window and everything it is given."""

    def __init__(
        self,
        theme: Theme,
        folder: Path,
        *,
        language: str = "en",
        first_start_done: bool = True,
        samples: tuple[Path, ...] = (),
    ) -> None:
        self.folder = folder
        self.session = FakeSession()
        self.avatars = AvatarLibrary(folder / "avatars")
        self.presets = PresetStore(folder / "presets")
        self.settings = Settings(folder / "window.json")
        self.settings.set("first_start_done", first_start_done)
        self.settings.set("appearance", "light")
        self.texts = Texts(language)
        self.tasks = Tasks(self.texts.describe)
        self.context = Context(self.texts, theme, self.settings, self.tasks)
        self.services = Services(self.session, self.avatars, self.presets, samples)
        self._window: MainWindow | None = None

    @property
    def window(self) -> MainWindow:
        assert self._window is not None
        return self._window

    def add_avatars(self) -> None:
        first = self.avatars.add(make_avatar("Ada"))
        self.avatars.add(make_avatar("Grace", skin=(150, 104, 80)))
        self.settings.set("avatar", str(first))

    def open(self, size: tuple[int, int] = (1100, 700)) -> MainWindow:
        self._window = MainWindow(self.context, self.services)
        self.window.resize(*size)
        self.window.show()
        self.window.start()
        QTest.qWait(1)
        return self.window

    def close(self) -> None:
        if self._window is not None:
            self.window.close()
            self.window.deleteLater()
        self.tasks.close()

    def show(self, **changes: object) -> None:
        """Let the session show this, and the window see it."""
        self.session.show(**changes)
        self.window.watcher.poll_state()


def press(widget: QWidget, keys: str) -> None:
    """Press a key sequence such as "Ctrl+L"."""
    widget.activateWindow()
    assert until(widget.isActiveWindow)
    QTest.keySequence(widget, keys)


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def drop(widget: QWidget, *paths: Path) -> bool:
    """Drop files on a widget; False if it refuses them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), copy, data, Qt.MouseButton.LeftButton, none)
    enter.ignore()
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    event = QDropEvent(QPointF(5, 5), copy, data, Qt.MouseButton.LeftButton, none)
    QApplication.sendEvent(widget, event)
    return True


def dialog(kind: type[QDialog]) -> QDialog:
    """The dialog of this kind that is open now."""
    assert until(lambda: isinstance(QApplication.activeModalWidget(), kind))
    found = QApplication.activeModalWidget()
    assert isinstance(found, kind)
    return found
