"""The window put together with a live session; `main` runs until it is closed."""

import faulthandler
import logging
import logging.handlers
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING

from app import folders
from core.errors import RealTalkError

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from core.session import Session

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 1.9
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOG_BYTES = 1_000_000
_INSTALL = (
    "The window needs PySide6. Install it with 'pip install \"realtalk-cam[app]\"', or use the "
    "command line (realtalk --help)."
)


def main() -> int:
    """Open the window; returns the exit code.

    Raises:
        RealTalkError: The window's packages are missing.
    """
    crash_log = start_logging(folders.log_file())
    try:
        return _run()
    finally:
        if crash_log is not None:
            faulthandler.disable()
            crash_log.close()


def _run() -> int:
    try:
        from PySide6.QtWidgets import QApplication

        from ui import remote
    except ImportError as error:
        raise RealTalkError(_INSTALL) from error
    from app.live.parts import ShippedParts
    from app.live.session import LiveSession

    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    follow_qt_messages()
    name_application(application)
    if remote.tell("show"):
        return 0
    session = LiveSession(ShippedParts())
    try:
        Composition(application, session).run()
    finally:
        close_in_time(session)
    return 0


class Composition:
    """One application, one session, and a window that is made anew when the language changes.

    Args:
        application: The Qt application.
        session: What the window drives; its owner closes it.
        settings_path: The window's settings file; None for the user's own.
        avatars: Folder of the library; None for the user's own.
        presets: Folder of the presets; None for the user's own.
    """

    def __init__(
        self,
        application: "QApplication",
        session: "Session",
        settings_path: Path | None = None,
        avatars: Path | None = None,
        presets: Path | None = None,
    ) -> None:
        from app.parts import SAMPLE_PORTRAIT
        from core.avatar_library import AvatarLibrary
        from core.preset_files import PresetStore
        from ui.main_window import MainWindow, Services
        from ui.remote import Remote
        from ui.settings import Settings
        from ui.theme import Theme

        self._application = application
        self._services = Services(
            session,
            AvatarLibrary(avatars or folders.avatars()),
            PresetStore(presets or folders.presets()),
            (SAMPLE_PORTRAIT,) if SAMPLE_PORTRAIT.exists() else (),
        )
        self.settings = Settings(settings_path or folders.window_settings())
        self._theme = Theme(application, self.settings.get("appearance"))
        self._remote = Remote()
        self._remote.command.connect(self._obey)
        self._make_window = MainWindow
        self.window: MainWindow | None = None

    def run(self) -> None:
        """Show the window until it is closed."""
        self._remote.listen()
        previous = {number: signal.signal(number, self._quit) for number in _SIGNALS}
        try:
            self.open()
            self._application.exec()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            self.close()

    def open(self) -> None:
        """Make and show the window in the chosen language."""
        from PySide6.QtCore import QLocale

        from ui.context import Context
        from ui.tasks import Tasks
        from ui.texts import Texts, language_for

        chosen = self.settings.get("language")
        texts = Texts(language_for(chosen, QLocale.system().name()))
        self._tasks = Tasks(texts.describe)
        context = Context(texts, self._theme, self.settings, self._tasks)
        window = self._make_window(context, self._services)
        window.closing.connect(self._window_closed)
        window.language_changed.connect(self._reopen)
        self.window = window
        window.show()
        window.start()

    def close(self) -> None:
        """Let go of the window; safe to call twice."""
        self._remote.close()
        window, self.window = self.window, None
        if window is not None:
            window.shut_down()
            window.deleteLater()
            self._tasks.close()

    def _window_closed(self) -> None:
        if self.window is not None:
            self._application.quit()

    def _reopen(self) -> None:
        """Build the window anew once the event that asked for it is over."""
        from PySide6.QtCore import QTimer

        old, self.window = self.window, None
        if old is None:
            return

        def replace() -> None:
            self._application.setQuitOnLastWindowClosed(False)
            old.shut_down()
            old.hide()
            old.deleteLater()
            self._tasks.close()
            self.open()
            self._application.setQuitOnLastWindowClosed(True)

        QTimer.singleShot(0, replace)

    def _obey(self, command: str) -> None:
        if self.window is not None:
            self.window.obey(command)

    def _quit(self, number: int, stack: FrameType | None) -> None:
        self._application.quit()


def close_in_time(session: "Session", timeout_s: float = CLOSE_TIMEOUT_S) -> bool:
    """Close the session; after the timeout say so in the log and go on without it."""
    closer = threading.Thread(target=session.close, name="close session", daemon=True)
    closer.start()
    closer.join(timeout_s)
    if closer.is_alive():
        logger.warning("the session did not close within %s s", timeout_s)
    return not closer.is_alive()


def start_logging(path: Path) -> "IO[str] | None":
    """Log to a file that is kept small; crashes of native code go to a file beside it.

    Returns:
        The open crash log, which must stay open, or None where nothing can be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=_LOG_BYTES, backupCount=2, encoding="utf-8"
        )
        crash_log = path.with_suffix(".crash").open("w", encoding="utf-8")
    except OSError as error:
        print(f"No log can be written to {path} ({error}).", file=sys.stderr)
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    faulthandler.enable(crash_log)
    return crash_log


def follow_qt_messages() -> None:
    """Put Qt's own messages into the log."""
    from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

    levels = {
        QtMsgType.QtDebugMsg: logging.DEBUG,
        QtMsgType.QtInfoMsg: logging.INFO,
        QtMsgType.QtWarningMsg: logging.WARNING,
    }

    def log(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        logging.getLogger("qt").log(levels.get(kind, logging.ERROR), "%s", message)

    qInstallMessageHandler(log)


def name_application(application: "QApplication") -> None:
    """Tell the desktop who this is, so that windows, icons and sound streams are grouped."""
    from ui.theme import application_icon

    application.setApplicationName("RealTalk Cam")
    application.setApplicationDisplayName("RealTalk Cam")
    application.setDesktopFileName("realtalk-cam")
    application.setWindowIcon(application_icon())
