"""The window: pages at the left, the status strip below, commands wired to the session."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QSystemTrayIcon,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.avatar import Avatar
from core.avatar_library import AvatarEntry, AvatarLibrary
from core.preset_files import PresetStore
from core.session import DeviceKind, Mode, Session
from ui.actions import Actions
from ui.avatars.enrol_page import EnrolPage
from ui.avatars.gallery_page import GalleryPage
from ui.context import Context
from ui.files.files_page import FilesPage
from ui.first_start import FirstStart
from ui.global_keys.global_key import GlobalKey, Status
from ui.help_sheet import HelpSheet
from ui.live.live_page import PANELS, LivePage
from ui.preset_model import PresetModel
from ui.settings_dialog import SettingsDialog
from ui.status_bar import StatusBar
from ui.theme import application_icon
from ui.tray import Tray
from ui.watcher import Watcher

logger = logging.getLogger(__name__)

MINIMUM_SIZE = QSize(960, 600)
PAGES = ("live", "avatars", "files")


@dataclass(frozen=True)
class Services:
    """What the window drives.

    Attributes:
        session: The running system.
        avatars: The user's avatars.
        presets: The user's presets.
        samples: Portraits to start with.
    """

    session: Session
    avatars: AvatarLibrary
    presets: PresetStore
    samples: tuple[Path, ...] = ()


class MainWindow(QMainWindow):
    """Everything the user sees.

    Signals:
        closing: The window is going; sent once, before the session is closed.
        language_changed: The texts must be made anew; the composition builds a new window.
    """

    closing = Signal()
    language_changed = Signal()

    def __init__(self, context: Context, services: Services) -> None:
        super().__init__()
        self._context = context
        self._texts = context.texts
        self._services = services
        self._session = services.session
        self._closed = False
        self._avatar_path: Path | None = None
        self.setWindowTitle("RealTalk Cam")
        self.setWindowIcon(application_icon())
        self.setMinimumSize(MINIMUM_SIZE)
        self.watcher = Watcher(services.session)
        self.actions_ = Actions(self, context.texts, context.settings.shortcuts())
        self.global_key = GlobalKey(context.texts("command.panic"), self)
        self.presets = PresetModel(context, services.session, services.presets)
        self.live = LivePage(context, self.watcher, self.presets, self.actions_)
        self.gallery = GalleryPage(context, services.avatars)
        self.enrol = EnrolPage(context, services.session, services.avatars)
        self.files = FilesPage(context, self.watcher)
        self.status = StatusBar(context)
        self.first_start: FirstStart | None = None
        self.tray: Tray | None = None
        self._build()
        self._connect()
        self._connect_commands()
        self._restore_geometry()

    def start(self) -> None:
        """Give the session the user's choices and begin to follow it."""
        settings, session = self._context.settings, self._session
        session.set_microphone(settings.get("microphone") or self._default_microphone())
        session.set_camera(settings.get("camera") or None)
        session.set_virtual_microphone(settings.get("virtual_microphone") or None)
        session.set_output(settings.get("output") or None)
        session.set_gain_db(settings.get("gain_db"))
        session.set_sound_shift_ms(settings.get("sound_shift_ms"))
        gate = settings.get("gate_dbfs") if settings.get("gate_enabled") else None
        session.set_noise_gate_db(gate)
        session.set_push_to_talk(settings.get("push_to_talk"))
        self.presets.start()
        self.watcher.start()
        self._start_tray()
        for problem in settings.problems:
            self.live.fail(problem)
        if settings.get("first_start_done"):
            self._listen_everywhere()
        else:
            self.show_first_start()
        if settings.get("avatar"):
            self._load_avatar(Path(settings.get("avatar")))
        elif settings.get("first_start_done"):
            self.show_page("avatars")

    def show_page(self, name: str) -> None:
        """Show one of `PAGES`."""
        self._nav[name].setChecked(True)
        self._pages.setCurrentWidget(
            {"live": self.live, "avatars": self.avatar_stack, "files": self.files}[name]
        )

    @property
    def page(self) -> str:
        """The page shown: one of `PAGES`, or "first_start"."""
        if self.first_start is not None:
            return "first_start"
        return next(name for name, item in self._nav.items() if item.isChecked())

    def show_first_start(self) -> None:
        """Go through the three steps (again)."""
        if self.first_start is None:
            self.first_start = FirstStart(
                self._context, self.watcher, self._services.avatars, self._services.samples
            )
            self.first_start.kept.connect(self._kept)
            self.first_start.finished.connect(self._first_start_done)
            self._outer.addWidget(self.first_start)
        self._outer.setCurrentWidget(self.first_start)

    def show_settings(self) -> SettingsDialog:
        """Open the settings dialog."""
        dialog = SettingsDialog(self._context, self.global_key, self)
        dialog.keys_changed.connect(self._apply_keys)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
        return dialog

    def show_help(self) -> HelpSheet:
        """Open the help sheet."""
        notes = {"panic_everywhere": self.global_key.status.words(self._texts)}
        sheet = HelpSheet(self._texts, self.actions_, notes, self)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.open()
        return sheet

    def obey(self, command: str) -> None:
        """Carry out a command of `ui.remote.COMMANDS`."""
        if command == "show":
            self._come_back()
        elif command == "panic":
            self._run(self._session.panic)
        else:
            self.actions_[command].trigger()

    def panic(self) -> None:
        """Freeze and mute now, or go on."""
        if self.watcher.latest.panicked:
            self._session.resume()
        else:
            self._session.panic()
        self.watcher.poll_state()

    def use_avatar(self, path: Path) -> None:
        """Draw the avatar of this file from now on."""
        self._load_avatar(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Hide in the tray if the user wants that, else end."""
        keep = self._context.settings.get("close_to_tray") and self.tray is not None
        if keep and not self._closed and event.spontaneous():
            event.ignore()
            self.hide()
            return
        self.shut_down()
        super().closeEvent(event)

    def shut_down(self) -> None:
        """Stop following the session and say goodbye; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        geometry = bytes(self.saveGeometry().toBase64().data()).decode("ascii")
        self._context.settings.set("window_geometry", geometry)
        self.watcher.stop()
        self.global_key.stop()
        if self.tray is not None:
            self.tray.hide()
        self.closing.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Push-to-talk while the key is down; text fields keep the keys they want."""
        if self._is_talk_key(event):
            self._session.set_talking(True)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """The push-to-talk key came up."""
        if self._is_talk_key(event):
            self._session.set_talking(False)
        else:
            super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """A window that loses the keyboard would miss the key coming up."""
        if event.type() is QEvent.Type.ActivationChange and not self.isActiveWindow():
            self._session.set_talking(False)
        super().changeEvent(event)

    def _is_talk_key(self, event: QKeyEvent) -> bool:
        wanted = self.actions_.keys("talk")
        pressed = QKeySequence(event.keyCombination())
        return not event.isAutoRepeat() and not wanted.isEmpty() and pressed == wanted

    def _default_microphone(self) -> str | None:
        found = self._session.devices(DeviceKind.MICROPHONE)
        return found[0].id if found else None

    def _build(self) -> None:
        self.avatar_stack = QStackedWidget()
        self.avatar_stack.addWidget(self.gallery)
        self.avatar_stack.addWidget(self.enrol)
        self._pages = QStackedWidget()
        for page in (self.live, self.avatar_stack, self.files):
            self._pages.addWidget(page)
        upper = QHBoxLayout()
        upper.setContentsMargins(0, 0, 0, 0)
        upper.setSpacing(0)
        upper.addWidget(self._rail())
        upper.addWidget(self._pages, 1)
        main = QWidget()
        layout = QVBoxLayout(main)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(upper, 1)
        layout.addWidget(self.status)
        self._outer = QStackedWidget()
        self._outer.addWidget(main)
        self.setCentralWidget(self._outer)

    def _rail(self) -> QWidget:
        rail = QFrame()
        rail.setProperty("role", "rail")
        rail.setAccessibleName(self._texts("commands.pages"))
        column = QVBoxLayout(rail)
        column.setContentsMargins(8, 14, 8, 12)
        column.setSpacing(6)
        self._nav: dict[str, QToolButton] = {}
        group = QButtonGroup(self)
        for name in PAGES:
            self._nav[name] = self._nav_button(name, f"page_{name}")
            self._nav[name].setCheckable(True)
            self._nav[name].clicked.connect(lambda _checked, name=name: self.show_page(name))
            group.addButton(self._nav[name])
            column.addWidget(self._nav[name])
        self._nav["live"].setChecked(True)
        column.addStretch(1)
        for name, slot in (("settings", self.show_settings), ("help", self.show_help)):
            item = self._nav_button(name, name)
            item.clicked.connect(slot)
            column.addWidget(item)
        return rail

    def _nav_button(self, icon: str, command: str) -> QToolButton:
        item = QToolButton()
        item.setProperty("role", "nav")
        item.setText(self._texts(f"nav.{icon}"))
        item.setToolTip(self.actions_.tip(command))
        item.setAccessibleName(self._texts(f"nav.{icon}"))
        item.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        item.setIconSize(QSize(24, 24))
        self._context.theme.bind_icon(item.setIcon, icon, item)
        return item

    def _connect(self) -> None:
        self.watcher.state.connect(self.status.show_session)
        self.gallery.chosen.connect(self._chosen)
        self.gallery.picture_given.connect(self.enrol_picture)
        self.live.picture_given.connect(self.enrol_picture)
        self.live.devices.measure_wanted.connect(self._calibrate)
        self.live.avatars_wanted.connect(lambda: self.show_page("avatars"))
        self.enrol.kept.connect(self._kept)
        self.enrol.other_wanted.connect(self.gallery.ask_for_picture)
        self.enrol.left.connect(lambda: self.avatar_stack.setCurrentWidget(self.gallery))
        self.presets.avatar_wanted.connect(
            lambda name: self._load_avatar(self._services.avatars.folder / name)
        )
        self._context.settings.changed.connect(self._setting_changed)
        self.global_key.pressed.connect(self.actions_["panic_everywhere"].trigger)
        self.global_key.changed.connect(self._show_global_key)

    def _connect_commands(self) -> None:
        session = self._session
        commands: dict[str, Callable[[], object]] = {
            "go_live": self._toggle_live,
            "panic": self.panic,
            "panic_everywhere": self.panic,
            "mute": lambda: session.set_muted(not self.watcher.latest.muted),
            "record": self._toggle_recording,
            "preview": self._toggle_preview,
            "refresh": session.refresh_devices,
            "calibrate": self._calibrate,
            "next_avatar": lambda: self._step_avatar(1),
            "previous_avatar": lambda: self._step_avatar(-1),
            "open_picture": self._open_picture,
            "open_audio": self._open_audio,
            "cancel_jobs": self.files.cancel_all,
            "full_screen": self._toggle_full_screen,
            "appearance": self._toggle_appearance,
            "settings": self.show_settings,
            "first_start": self.show_first_start,
            "help": self.show_help,
            "quit": self.close,
        }
        commands |= {f"page_{name}": partial(self.show_page, name) for name in PAGES}
        commands |= {f"panel_{name}": partial(self._show_panel, name) for name in PANELS}
        for name, command in commands.items():
            self.actions_[name].triggered.connect(lambda _checked, run=command: self._run(run))

    def _run(self, command: Callable[[], object]) -> None:
        command()
        if not self._closed:
            self.watcher.poll_state()

    def _toggle_live(self) -> None:
        state = self.watcher.latest
        if state.mode is Mode.LIVE:
            self._session.set_mode(Mode.PREVIEW)
        elif state.avatar_name is None:
            self.show_page("avatars")
        else:
            self._session.set_mode(Mode.LIVE)

    def _toggle_preview(self) -> None:
        mode = self.watcher.latest.mode
        if mode is not Mode.LIVE:
            self._session.set_mode(Mode.PREVIEW if mode is Mode.OFF else Mode.OFF)

    def _toggle_recording(self) -> None:
        if self.watcher.latest.recording is None:
            self._session.start_recording()
        else:
            self._session.stop_recording()

    def _calibrate(self) -> None:
        self._session.calibrate()
        self.show_page("files")

    def _open_picture(self) -> None:
        self.show_page("avatars")
        self.gallery.ask_for_picture()

    def _open_audio(self) -> None:
        self.show_page("files")
        self.files.ask_for_sounds()

    def _show_panel(self, name: str) -> None:
        self.show_page("live")
        self.live.show_panel(name)

    def _toggle_full_screen(self) -> None:
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def _toggle_appearance(self) -> None:
        dark = self._context.theme.is_dark
        self._context.settings.set("appearance", "light" if dark else "dark")

    def enrol_picture(self, picture: Path) -> None:
        """Show enrolment and begin with this picture."""
        self.show_page("avatars")
        self.avatar_stack.setCurrentWidget(self.enrol)
        self.enrol.start(picture)

    def _kept(self, path: Path) -> None:
        self.avatar_stack.setCurrentWidget(self.gallery)
        self.gallery.reload()
        self._load_avatar(path)
        if self.first_start is None:
            self.show_page("live")

    def _chosen(self, entry: AvatarEntry) -> None:
        self._load_avatar(entry.path)

    def _step_avatar(self, step: int) -> None:
        entry = self.gallery.neighbour(step)
        if entry is not None:
            self._load_avatar(entry.path)

    def _load_avatar(self, path: Path) -> None:
        def done(avatar: Avatar) -> None:
            self._avatar_path = path
            self._session.set_avatar(avatar)
            self._context.settings.set("avatar", str(path))
            self.presets.set_avatar(path.name)
            self.gallery.set_in_use(path)
            wanted = self._context.settings
            if self.watcher.latest.mode is Mode.OFF and wanted.get("preview_at_start"):
                live = wanted.get("live_at_start") and wanted.get("first_start_done")
                self._session.set_mode(Mode.LIVE if live else Mode.PREVIEW)

        def failed(words: str) -> None:
            self.live.fail(words)
            self.gallery.banners.say("error", words)
            if self.first_start is None:
                self.show_page("avatars")

        load = self._services.avatars.load
        self._context.tasks.run(self, lambda: load(path), done, failed)

    def _first_start_done(self) -> None:
        self._context.settings.set("first_start_done", True)
        assert self.first_start is not None
        self._outer.removeWidget(self.first_start)
        self.first_start.hide()
        self.first_start.deleteLater()
        self.first_start = None
        self.show_page("live" if self._avatar_path else "avatars")
        self._listen_everywhere()

    def _apply_keys(self) -> None:
        self.actions_.apply_keys(self._context.settings.shortcuts())
        self._listen_everywhere()

    def _listen_everywhere(self) -> None:
        keys = self.actions_.keys("panic_everywhere")
        self.global_key.start(keys.toString(QKeySequence.SequenceFormat.PortableText))

    def _show_global_key(self, status: Status) -> None:
        self.live.controls.show_global_key(status.words(self._texts))

    def _setting_changed(self, key: str) -> None:
        settings = self._context.settings
        if key == "appearance":
            self._context.theme.set_appearance(settings.get(key))
        elif key == "language":
            self.language_changed.emit()
        elif key == "push_to_talk":
            self._session.set_push_to_talk(settings.get(key))

    def _start_tray(self) -> None:
        if QSystemTrayIcon.isSystemTrayAvailable():
            self.tray = Tray(self._context, self.actions_, self)
            self.tray.window_wanted.connect(self._come_back)
            self.watcher.state.connect(self.tray.show_session)
            self.tray.show()

    def _come_back(self) -> None:
        self.showNormal()
        self.raise_()
        self.activateWindow()

    def _restore_geometry(self) -> None:
        stored = self._context.settings.get("window_geometry")
        geometry = QByteArray.fromBase64(stored.encode("ascii", "ignore"))
        if geometry.isEmpty() or not self.restoreGeometry(geometry):
            self.resize(1200, 760)
