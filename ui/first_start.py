"""The first start: portrait, microphone, camera, each tried out live."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from core.avatar_library import AvatarLibrary
from core.session import Device, DeviceKind, Mode, Session, SessionState
from ui.avatars.enrol_page import EnrolPage
from ui.context import Context
from ui.dialogs import ask_open_file
from ui.live.devices_panel import camera_state, microphone_state
from ui.watcher import Watcher
from ui.widgets.banner import BannerStack
from ui.widgets.basics import Card, button, label, restyle, set_role
from ui.widgets.device_chooser import DeviceChooser, StateLine
from ui.widgets.drop_zone import PICTURES, DropZone
from ui.widgets.level_meter import LevelMeter
from ui.widgets.preview import Preview

STEPS = ("portrait", "microphone", "camera")
HEARD_DBFS = -45.0
HEARD_UPDATES = 5
"""So many snapshots (of a tenth of a second) above HEARD_DBFS count as a voice."""
SEEN_FRAMES = 10
"""So many frames taken by the camera count as working."""


class FirstStart(QWidget):
    """Three steps; each says by itself when it has worked, and each can be skipped.

    Signals:
        kept: The file of an avatar added to the library.
        finished: All steps are done or skipped.
    """

    kept = Signal(object)
    finished = Signal()

    def __init__(
        self,
        context: Context,
        watcher: Watcher,
        library: AvatarLibrary,
        samples: tuple[Path, ...],
    ) -> None:
        super().__init__()
        self._context = context
        self._texts = context.texts
        self._session: Session = watcher.session
        self._samples = samples
        self._heard = 0
        self._frames_before: int | None = None
        self._has_avatar = False
        self._passed: set[str] = set()
        self.enrol = EnrolPage(context, self._session, library)
        self.enrol.kept.connect(self._kept)
        self.enrol.left.connect(lambda: self.portrait_stack.setCurrentIndex(0))
        self.enrol.other_wanted.connect(self._ask_for_picture)
        self._build()
        self.go_to("portrait")
        watcher.state.connect(self.show_session)
        watcher.devices.connect(self._show_devices)
        for kind in (DeviceKind.MICROPHONE, DeviceKind.CAMERA):
            self._show_devices(kind, watcher.known_devices(kind))

    @property
    def step(self) -> str:
        """The step shown."""
        return STEPS[self.pages.currentIndex()]

    @property
    def passed(self) -> frozenset[str]:
        """Steps that have worked."""
        return frozenset(self._passed)

    def go_to(self, step: str) -> None:
        """Show a step; the pipeline runs as far as the step needs."""
        self.pages.setCurrentIndex(STEPS.index(step))
        self._frames_before = None
        if self._has_avatar or step != "portrait":
            self._session.set_mode(Mode.LIVE if step == "camera" else Mode.PREVIEW)
        self._show_steps()

    def show_session(self, state: SessionState) -> None:
        """Follow a snapshot while this page is on screen."""
        if not self.isVisible():
            return
        self._has_avatar = state.avatar_name is not None
        if self._has_avatar:
            self._pass("portrait")
        self._follow_microphone(state)
        self._follow_camera(state)
        self._show_steps()

    def _follow_microphone(self, state: SessionState) -> None:
        self.microphone.choose(state.microphone)
        self.microphone.show_state(*microphone_state(self._context, state))
        self.meter.show_level(state.level)
        if self.step != "microphone":
            return
        self._heard = self._heard + 1 if state.level.rms_dbfs > HEARD_DBFS else self._heard
        if self._heard >= HEARD_UPDATES:
            self._pass("microphone")
        done = "microphone" in self._passed
        words = "first.microphone.heard" if done else "first.microphone.speak"
        self.microphone_result.show_state("good" if done else "off", self._texts(words))

    def _follow_camera(self, state: SessionState) -> None:
        self.camera.choose(state.camera)
        self.camera.show_state(*camera_state(self._context, state))
        if self.step != "camera":
            return
        if self._frames_before is None or state.frames_sent < self._frames_before:
            self._frames_before = state.frames_sent
        taken = state.frames_sent - self._frames_before
        if state.camera_alive and taken >= SEEN_FRAMES:
            self._pass("camera")
        done = "camera" in self._passed
        words = "first.camera.works" if done else "first.camera.waiting"
        self.camera_result.show_state("good" if done else "off", self._texts(words))

    def _pass(self, step: str) -> None:
        self._passed.add(step)

    def _show_devices(self, kind: DeviceKind, devices: tuple[Device, ...]) -> None:
        if kind is DeviceKind.MICROPHONE:
            self.microphone.show_devices(devices)
        elif kind is DeviceKind.CAMERA:
            self.camera.show_devices(devices)

    def _kept(self, path: Path) -> None:
        self.portrait_stack.setCurrentIndex(0)
        self.kept.emit(path)
        self.go_to("microphone")

    def enrol_picture(self, picture: Path) -> None:
        """Enrol this picture in the first step."""
        self.portrait_stack.setCurrentIndex(1)
        self.enrol.start(picture)

    def _ask_for_picture(self) -> None:
        texts = self._texts
        ask_open_file(
            self, texts("gallery.add"), texts("files.pictures"), PICTURES, self.enrol_picture
        )

    def _next(self) -> None:
        place = STEPS.index(self.step) + 1
        if place < len(STEPS):
            self.go_to(STEPS[place])
        else:
            self._session.set_mode(Mode.PREVIEW)
            self.finished.emit()

    def _back(self) -> None:
        self.go_to(STEPS[max(0, STEPS.index(self.step) - 1)])

    def _skip_all(self) -> None:
        self._session.set_mode(Mode.PREVIEW)
        self.finished.emit()

    def _show_steps(self) -> None:
        done = self.step in self._passed
        last = self.step == STEPS[-1]
        key = "first.finish" if last else ("first.next" if done else "first.skip_step")
        self.next.setText(self._texts(key))
        role = "primary" if done or last else ""
        set_role(self.next, role)
        self.back.setVisible(self.step != STEPS[0])
        for step, (number, words) in self._markers.items():
            current = step == self.step
            number.setText("✓" if step in self._passed else str(STEPS.index(step) + 1))
            look = "current" if current else ("done" if step in self._passed else "open")
            for widget in (number, words):
                if widget.property("look") != look:
                    widget.setProperty("look", look)
                    restyle(widget)

    def _build(self) -> None:
        texts = self._texts
        self._markers: dict[str, tuple[QLabel, QLabel]] = {}
        markers = QHBoxLayout()
        markers.setSpacing(10)
        for number, step in enumerate(STEPS, 1):
            circle = label(str(number), "step")
            circle.setAlignment(Qt.AlignmentFlag.AlignCenter)
            circle.setFixedSize(28, 28)
            words = label(texts(f"first.{step}"), "stepname")
            self._markers[step] = (circle, words)
            markers.addWidget(circle)
            markers.addWidget(words)
            markers.addSpacing(18)
        markers.addStretch(1)
        skip = button(texts("first.skip_all"), "flat")
        skip.clicked.connect(self._skip_all)
        markers.addWidget(skip)
        self.pages = QStackedWidget()
        for page in (self._portrait_page(), self._microphone_page(), self._camera_page()):
            self.pages.addWidget(page)
        self.back = button(texts("first.back"))
        self.back.clicked.connect(self._back)
        self.next = button("", "primary")
        self.next.clicked.connect(self._next)
        footer = QHBoxLayout()
        footer.addWidget(self.back)
        footer.addStretch(1)
        footer.addWidget(self.next)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(32, 22, 32, 20)
        layout.setSpacing(14)
        layout.addLayout(markers)
        layout.addWidget(self.pages, 1)
        layout.addLayout(footer)

    def _portrait_page(self) -> QWidget:
        texts = self._texts
        drop = DropZone(
            self._context.theme,
            "portrait_fit",
            texts("gallery.drop"),
            texts("gallery.drop.about"),
            PICTURES,
        )
        drop.dropped.connect(lambda paths: self.enrol_picture(paths[0]))
        drop.clicked.connect(self._ask_for_picture)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(label(texts("first.portrait.title"), "title"))
        layout.addWidget(label(texts("first.portrait.about"), "muted", wrap=True))
        layout.addWidget(drop, 1)
        if self._samples:
            samples = QHBoxLayout()
            samples.addWidget(label(texts("first.portrait.samples"), "muted"))
            for sample in self._samples:
                use = button(sample.stem.replace("_", " ").capitalize())
                use.clicked.connect(lambda _checked, path=sample: self.enrol_picture(path))
                samples.addWidget(use)
            samples.addStretch(1)
            layout.addLayout(samples)
        self.portrait_stack = QStackedWidget()
        self.portrait_stack.addWidget(page)
        self.portrait_stack.addWidget(self.enrol)
        return self.portrait_stack

    def _microphone_page(self) -> QWidget:
        texts = self._texts
        self.microphone = DeviceChooser(
            self._context, texts("devices.microphone"), texts("devices.no_microphone")
        )
        self.microphone.opened.connect(self._session.refresh_devices)
        self.microphone.chosen.connect(self._choose_microphone)
        self.meter = LevelMeter(self._context.theme, texts("devices.level"))
        self.microphone_result = StateLine(self._context, "heading")
        return self._device_page(
            "microphone", (self.microphone, self.meter, self.microphone_result)
        )

    def _camera_page(self) -> QWidget:
        texts = self._texts
        self.banners = BannerStack(self._context)
        self.camera = DeviceChooser(
            self._context, texts("devices.camera"), texts("devices.no_camera")
        )
        self.camera.opened.connect(self._session.refresh_devices)
        self.camera.chosen.connect(self._choose_camera)
        self.camera.repair.connect(self._repair)
        self.camera_result = StateLine(self._context, "heading")
        return self._device_page("camera", (self.banners, self.camera, self.camera_result))

    def _device_page(self, step: str, widgets: tuple[QWidget, ...]) -> QWidget:
        texts = self._texts
        card = Card()
        card.setFixedWidth(340)
        for widget in widgets:
            card.body.addWidget(widget)
        preview = Preview(
            self._context.theme,
            texts("live.preview"),
            self._session.latest_frame,
            self._context.settings.get("preview_rate_hz"),
            at_top=True,
        )
        preview.set_empty_text(texts("first.no_picture"))
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addWidget(card, 0, Qt.AlignmentFlag.AlignTop)
        body.addWidget(preview, 1)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(label(texts(f"first.{step}.title"), "title"))
        layout.addWidget(label(texts(f"first.{step}.about"), "muted", wrap=True))
        layout.addLayout(body, 1)
        return page

    def _choose_microphone(self, device_id: str) -> None:
        self._heard = 0
        self._passed.discard("microphone")
        self._context.settings.set("microphone", device_id)
        self._session.set_microphone(device_id or None)

    def _choose_camera(self, device_id: str) -> None:
        self._frames_before = None
        self._passed.discard("camera")
        self._context.settings.set("camera", device_id)
        self._session.set_camera(device_id or None)

    def _repair(self, device_id: str) -> None:
        self._context.tasks.watch(
            self,
            self._session.repair_camera(device_id),
            lambda words: self.banners.say("good", words),
            lambda words: self.banners.say("error", words),
        )
