"""The live page: the picture large, the switch below, choices at the side."""

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from core.session import Mode, Notice, SessionState
from ui.actions import Actions
from ui.context import Context
from ui.live.controls import Controls
from ui.live.devices_panel import DevicesPanel
from ui.live.preset_bar import PresetBar
from ui.live.preset_panels import MotionPanel, PicturePanel, RecordingPanel
from ui.preset_model import PresetModel
from ui.watcher import Watcher
from ui.widgets.banner import BannerStack
from ui.widgets.basics import ElidedLabel
from ui.widgets.drop_zone import PICTURES, dropped_files
from ui.widgets.preview import Badge, Preview
from ui.widgets.segments import Segments

PANELS = ("devices", "motion", "picture", "recording")
_PANEL_PX = 332
_SAID_FOR_MS = 6000


class LivePage(QWidget):
    """Preview, controls, presets and the four panels.

    Signals:
        picture_given: Path of a picture dropped on the preview, to enrol.
        avatars_wanted: The user has no avatar yet and wants one.
    """

    picture_given = Signal(object)
    avatars_wanted = Signal()

    def __init__(
        self, context: Context, watcher: Watcher, presets: PresetModel, actions: Actions
    ) -> None:
        super().__init__()
        self._context = context
        self._texts = context.texts
        self._preview_keys = actions.shown_keys("preview")
        self.setAcceptDrops(True)
        self.banners = BannerStack(context)
        self.preview = Preview(
            context.theme,
            self._texts("live.preview"),
            watcher.session.latest_frame,
            context.settings.get("preview_rate_hz"),
        )
        self.preview.set_mirrored(context.settings.get("mirror_preview"))
        self.avatar_name = ElidedLabel("", "title")
        self.preset_bar = PresetBar(context, presets, actions)
        self.controls = Controls(context, actions)
        self.controls.connect_talk(watcher.session.set_talking)
        self.devices = DevicesPanel(context, watcher)
        self.motion = MotionPanel(context, presets)
        self.picture = PicturePanel(context, presets)
        self.recording = RecordingPanel(context, presets)
        self.tabs = Segments(
            self._texts("live.panels"), {name: self._texts(f"panel.{name}") for name in PANELS}
        )
        self._build()
        self.devices.failed.connect(self.fail)
        self.devices.said.connect(self.say)
        presets.failed.connect(self.fail)
        presets.said.connect(self.say)
        watcher.state.connect(self.show_session)
        context.settings.changed.connect(self._setting_changed)

    def fail(self, words: str) -> None:
        """Say what went wrong."""
        self.banners.say("error", words)

    def say(self, words: str) -> None:
        """Say what was done; it goes away by itself."""
        self.banners.say("good", words)
        QTimer.singleShot(_SAID_FOR_MS, self.banners, lambda: self.banners.forget(words))

    def show_panel(self, name: str) -> None:
        """Show one of `PANELS`."""
        self.tabs.choose(name)
        self._panels.setCurrentIndex(PANELS.index(name))

    def show_session(self, state: SessionState) -> None:
        """Follow a snapshot."""
        self.controls.show_session(state)
        self.avatar_name.setText(state.avatar_name or self._texts("live.no_avatar"))
        if state.avatar_name is None:
            self.preview.set_empty_text(self._texts("live.empty.no_avatar"))
        elif state.mode is Mode.OFF:
            self.preview.clear()
            self.preview.set_empty_text(self._texts("live.empty.off", keys=self._preview_keys))
        else:
            self.preview.set_empty_text(self._texts("live.empty.starting"))
        self.preview.set_badges(badges(self._context, state))
        self.banners.follow(state.notices, self._help_for)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A picture dropped on the live page is enrolled."""
        if dropped_files(event.mimeData(), PICTURES):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Enrol the first picture."""
        self.picture_given.emit(dropped_files(event.mimeData(), PICTURES)[0])

    def _help_for(self, notice: Notice) -> tuple[str, Callable[[], None]] | None:
        if notice.source in ("microphone", "camera", "virtual microphone"):
            return self._texts("live.show_devices"), lambda: self.show_panel("devices")
        if notice.source == "avatar":
            return self._texts("live.choose_avatar"), self.avatars_wanted.emit
        return None

    def _setting_changed(self, key: str) -> None:
        if key == "mirror_preview":
            self.preview.set_mirrored(self._context.settings.get(key))
        elif key == "preview_rate_hz":
            self.preview.set_rate(self._context.settings.get(key))

    def _build(self) -> None:
        header = QHBoxLayout()
        header.setSpacing(12)
        header.addWidget(self.avatar_name, 1)
        header.addWidget(self.preset_bar)
        left = QVBoxLayout()
        left.setSpacing(12)
        left.addLayout(header)
        left.addWidget(self.banners)
        left.addWidget(self.preview, 1)
        left.addWidget(self.controls)
        self._panels = QStackedWidget()
        for panel in (self.devices, self.motion, self.picture, self.recording):
            scroll = QScrollArea()
            scroll.setWidgetResizable(True)
            scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            scroll.setWidget(_padded(panel))
            self._panels.addWidget(scroll)
        self.tabs.chosen.connect(self.show_panel)
        side = QWidget()
        side.setFixedWidth(_PANEL_PX)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.tabs)
        column.addWidget(self._panels, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 16, 12, 16)
        layout.setSpacing(16)
        layout.addLayout(left, 1)
        layout.addWidget(side)


def badges(context: Context, state: SessionState) -> tuple[Badge, ...]:
    """The words over the picture."""
    texts = context.texts
    shown = []
    if state.mode is Mode.LIVE:
        shown.append(Badge(texts("badge.live"), "#ffffff", "#c72f3a", dot=True))
    if state.panicked:
        shown.append(Badge(texts("badge.frozen"), "#ffffff", "#3657d3"))
    elif state.muted:
        shown.append(Badge(texts("badge.muted"), "#ffd9a0", "#3d2f14"))
    if state.recording is not None:
        seconds = int(state.recording.duration_s)
        clock = f"{seconds // 3600:d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        shown.append(Badge(texts("badge.recording", time=clock), "#ff9a9d", "#33191c", dot=True))
    return tuple(shown)


def _padded(panel: QWidget) -> QWidget:
    """Room for the scroll bar beside a panel."""
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 8, 0)
    layout.addWidget(panel)
    return box
