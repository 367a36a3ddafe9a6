"""A queue of sound files that the avatar speaks or that are rendered to videos."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.session import Device, DeviceKind, Job, JobKind, JobStatus, Session, SessionState
from ui.context import Context
from ui.dialogs import ask_open_files, ask_save_file
from ui.watcher import Watcher
from ui.widgets.banner import BannerStack
from ui.widgets.basics import Card, ElidedLabel, IconLabel, button, icon_button, label, set_role
from ui.widgets.device_chooser import DeviceChooser
from ui.widgets.drop_zone import SOUNDS, DropZone, dropped_files
from ui.widgets.preview import Preview
from ui.widgets.segments import Segments

_ICONS = {JobKind.PLAY: "play", JobKind.RENDER: "camera", JobKind.CALIBRATE: "settings"}
_OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)


class JobRow(QFrame):
    """One job: title, how it does, progress, cancel, open the result."""

    def __init__(self, context: Context, job: Job, cancel: Callable[[int], None]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._texts = context.texts
        self._job = job
        title = context.texts.words(job.title)
        self.words = ElidedLabel(title)
        self.state = label("", "small", wrap=True)
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self._texts("files.progress", name=title))
        self.cancel = icon_button(context.theme, "close", self._texts("files.cancel"))
        self.cancel.clicked.connect(lambda: cancel(job.id))
        self.open = button(self._texts("files.open"))
        self.open.clicked.connect(self._open)
        middle = QVBoxLayout()
        middle.setSpacing(4)
        for widget in (self.words, self.progress, self.state):
            middle.addWidget(widget)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 10, 8, 10)
        layout.setSpacing(12)
        layout.addWidget(IconLabel(context.theme, _ICONS[job.kind], "accent_text", 22))
        layout.addLayout(middle, 1)
        layout.addWidget(self.open)
        layout.addWidget(self.cancel)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.show_job(job)

    def show_job(self, job: Job) -> None:
        """Follow the job."""
        self._job = job
        self.progress.setValue(round(job.progress * 1000))
        self.progress.setVisible(job.status is JobStatus.RUNNING)
        self.state.setText(self._words(job))
        set_role(self.state, "error" if job.status is JobStatus.FAILED else "small")
        self.cancel.setVisible(job.status in _OPEN)
        self.open.setVisible(job.status is JobStatus.DONE and job.output is not None)
        self.setAccessibleName(f"{self._texts.words(job.title)}: {self.state.text()}")

    def _words(self, job: Job) -> str:
        if job.status is JobStatus.RUNNING:
            percent = round(job.progress * 100)
            if job.remaining_s is None:
                return self._texts("files.running", percent=percent)
            return self._texts(
                "files.running_left", percent=percent, left=duration(self._texts, job.remaining_s)
            )
        if job.message:
            return self._texts.words(job.message)
        return self._texts(f"files.status.{job.status.value}")

    def _open(self) -> None:
        if self._job.output is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._job.output)))


class FilesPage(QWidget):
    """Drop zone, queue, and the picture."""

    cancel_asked = Signal(int)

    def __init__(self, context: Context, watcher: Watcher) -> None:
        super().__init__()
        self._context = context
        self._texts = context.texts
        self._session: Session = watcher.session
        self._rows: dict[int, JobRow] = {}
        self.setAcceptDrops(True)
        self.banners = BannerStack(context)
        self.action = Segments(
            self._texts("files.action"),
            {"play": self._texts("files.play"), "render": self._texts("files.render")},
        )
        self.drop_zone = DropZone(
            context.theme,
            "files",
            self._texts("files.drop"),
            self._texts("files.drop.about"),
            SOUNDS,
        )
        self.drop_zone.setFixedHeight(136)
        self.drop_zone.dropped.connect(self.add)
        self.drop_zone.clicked.connect(self.ask_for_sounds)
        self.preview = Preview(
            context.theme,
            self._texts("live.preview"),
            self._session.latest_frame,
            context.settings.get("preview_rate_hz"),
            at_top=True,
        )
        self.preview.set_empty_text(self._texts("files.preview.empty"))
        self.output = DeviceChooser(
            context, self._texts("files.output"), self._texts("files.output.default")
        )
        self.output.state_line.hide()
        self.output.opened.connect(self._session.refresh_devices)
        self.output.chosen.connect(self._choose_output)
        self._build()
        watcher.state.connect(self.show_session)
        watcher.devices.connect(self._show_devices)
        self._show_devices(DeviceKind.OUTPUT, watcher.known_devices(DeviceKind.OUTPUT))

    @property
    def rows(self) -> dict[int, JobRow]:
        """The rows shown, by job id."""
        return self._rows

    def ask_for_sounds(self) -> None:
        """Let the user choose sound files."""
        ask_open_files(
            self, self._texts("files.drop"), self._texts("files.sounds"), SOUNDS, self.add
        )

    def add(self, sounds: list[Path]) -> None:
        """Queue these files for what is chosen: play or render."""
        self.banners.clear_own()
        if self._state.avatar_name is None:
            self.banners.say("error", self._texts("files.no_avatar"))
        elif self.action.current == "play":
            for sound in sounds:
                self._session.play_file(sound)
        elif len(sounds) == 1:
            ask_save_file(
                self,
                self._texts("files.save"),
                self._texts("files.videos"),
                sounds[0].with_name(f"{sounds[0].stem} (avatar).mp4"),
                lambda video: self._render(sounds[0], video),
            )
        else:
            for sound in sounds:
                self._render(sound, free_name(sound.with_name(f"{sound.stem} (avatar).mp4")))

    def cancel_all(self) -> None:
        """Cancel every job that is not over."""
        for job in self._state.jobs:
            if job.status in _OPEN:
                self._session.cancel_job(job.id)

    def show_session(self, state: SessionState) -> None:
        """Follow a snapshot."""
        self._state = state
        self.output.choose(state.output)
        jobs = {job.id: job for job in state.jobs}
        for gone in self._rows.keys() - jobs.keys():
            row = self._rows.pop(gone)
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        for job in state.jobs:
            if job.id in self._rows:
                self._rows[job.id].show_job(job)
            else:
                self._rows[job.id] = JobRow(self._context, job, self._session.cancel_job)
                self._list.insertWidget(self._list.count() - 1, self._rows[job.id])
        self.empty.setVisible(not jobs)
        self.clear.setEnabled(any(job.status not in _OPEN for job in state.jobs))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """The whole page takes sounds."""
        if dropped_files(event.mimeData(), SOUNDS):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Queue what was dropped."""
        self.add(dropped_files(event.mimeData(), SOUNDS))

    def _render(self, sound: Path, video: Path) -> None:
        self._session.render_file(sound, video)

    def _choose_output(self, device_id: str) -> None:
        self._context.settings.set("output", device_id)
        self._session.set_output(device_id or None)

    def _show_devices(self, kind: DeviceKind, devices: tuple[Device, ...]) -> None:
        if kind is DeviceKind.OUTPUT:
            self.output.show_devices(devices)

    def _build(self) -> None:
        texts = self._texts
        self._state = SessionState()
        self.empty = label(texts("files.empty"), "muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setContentsMargins(20, 24, 20, 24)
        self.clear = button(texts("files.clear"), "flat")
        self.clear.clicked.connect(self._session.clear_jobs)
        queue = QWidget()
        self._list = QVBoxLayout(queue)
        self._list.setContentsMargins(0, 0, 4, 0)
        self._list.setSpacing(8)
        self._list.addWidget(self.empty)
        self._list.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(queue)
        header = QHBoxLayout()
        header.addWidget(label(texts("files.queue"), "heading"), 1)
        header.addWidget(self.clear)
        left = QVBoxLayout()
        left.setSpacing(10)
        left.addWidget(self.action)
        left.addWidget(self.drop_zone)
        left.addLayout(header)
        left.addWidget(scroll, 1)
        card = Card(texts("files.output"))
        card.body.addWidget(self.output)
        right = QVBoxLayout()
        right.setSpacing(12)
        right.addWidget(self.preview, 1)
        right.addWidget(card)
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addLayout(left, 1)
        body.addLayout(right, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(label(texts("files.title"), "title"))
        layout.addWidget(self.banners)
        layout.addLayout(body, 1)


def duration(texts: Callable[..., str], seconds: float) -> str:
    """Words for a time left."""
    if seconds < 60:
        return texts("unit.seconds", count=max(1, round(seconds)))
    return texts("unit.minutes", count=round(seconds / 60))


def free_name(path: Path) -> Path:
    """The path, numbered if a file of that name is there already."""
    number, free = 2, path
    while free.exists():
        free = path.with_name(f"{path.stem} {number}{path.suffix}")
        number += 1
    return free
