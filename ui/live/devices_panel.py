"""Microphone, camera and virtual microphone: choice, live state, level."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.session import Device, DeviceKind, Mode, Session, SessionState
from core.stage import StageState
from ui.context import Context
from ui.watcher import Watcher
from ui.widgets.basics import Card, IconLabel, button, icon_button, label, signed
from ui.widgets.device_chooser import DeviceChooser
from ui.widgets.level_meter import LevelMeter
from ui.widgets.slider_row import SliderRow
from ui.widgets.switch import SwitchRow


class DevicesPanel(QWidget):
    """Three cards that follow the session and send it the user's choices.

    Signals:
        failed: Words for a repair that failed. said: Words for one that helped.
        measure_wanted: Sound is to be measured against the picture.
    """

    failed = Signal(str)
    said = Signal(str)
    measure_wanted = Signal()

    def __init__(self, context: Context, watcher: Watcher) -> None:
        super().__init__()
        self._context = context
        self._session: Session = watcher.session
        texts = context.texts
        self.microphone = DeviceChooser(
            context, texts("devices.microphone"), texts("devices.no_microphone")
        )
        self.camera = DeviceChooser(context, texts("devices.camera"), texts("devices.no_camera"))
        self.virtual_microphone = DeviceChooser(
            context, texts("devices.virtual_microphone"), texts("devices.no_virtual_microphone")
        )
        self.meter = LevelMeter(context.theme, texts("devices.level"))
        self.gain = SliderRow(
            texts("devices.gain"), -40, 40, 0, 1, _decibels, texts("devices.gain.about")
        )
        self.gate_switch = SwitchRow(context.theme, texts("devices.gate"))
        self.gate_switch.setToolTip(texts("devices.gate.about"))
        self.gate = SliderRow(
            texts("devices.gate_level"), -90, 0, -50, 1, _decibels, texts("devices.gate.about")
        )
        self.push_to_talk = SwitchRow(context.theme, texts("devices.push_to_talk"))
        self.sound_shift = SliderRow(
            texts("devices.sound_shift"), -200, 200, 0, 1, _milliseconds,
            texts("devices.sound_shift.about"),
        )  # fmt: skip
        self.measure = button(texts("devices.measure"))
        self.measure.setToolTip(texts("devices.measure.about"))
        self.measure.setAccessibleDescription(texts("devices.measure.about"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self._microphone_card())
        layout.addWidget(self._card("camera", texts("devices.camera"), self.camera))
        virtual = self._card("cable", texts("devices.virtual_microphone"), self.virtual_microphone)
        virtual.body.addWidget(label(texts("devices.virtual_microphone.about"), "small", wrap=True))
        virtual.body.addWidget(self.sound_shift)
        virtual.header.addWidget(self.measure)
        layout.addWidget(virtual)
        layout.addStretch(1)
        self._show_settings()
        self._connect(watcher)

    def _microphone_card(self) -> Card:
        card = self._card("microphone", self._context.texts("devices.microphone"), self.microphone)
        refresh = icon_button(
            self._context.theme, "refresh", self._context.texts("command.refresh")
        )
        refresh.clicked.connect(self._session.refresh_devices)
        card.header.addWidget(refresh)
        for widget in (self.meter, self.gain, self.gate_switch, self.gate, self.push_to_talk):
            card.body.addWidget(widget)
        return card

    def _card(self, icon: str, heading: str, chooser: DeviceChooser) -> Card:
        card = Card(heading)
        card.header.insertWidget(0, IconLabel(self._context.theme, icon))
        card.body.addWidget(chooser)
        chooser.opened.connect(self._session.refresh_devices)
        chooser.repair.connect(self._repair)
        return card

    def _connect(self, watcher: Watcher) -> None:
        watcher.state.connect(self.show_session)
        watcher.devices.connect(self.show_devices)
        for kind in DeviceKind:
            self.show_devices(kind, watcher.known_devices(kind))
        self.microphone.chosen.connect(self._choose_microphone)
        self.camera.chosen.connect(self._choose_camera)
        self.virtual_microphone.chosen.connect(self._choose_virtual_microphone)
        self.gain.changed.connect(self._set_gain)
        self.gate_switch.switch.toggled.connect(self._set_gate)
        self.gate.changed.connect(self._set_gate)
        self.push_to_talk.switch.clicked.connect(self._set_push_to_talk)
        self.sound_shift.changed.connect(self._set_sound_shift)
        self.measure.clicked.connect(self.measure_wanted)

    def _show_settings(self) -> None:
        settings = self._context.settings
        self.gain.set_value(settings.get("gain_db"))
        self.gate.set_value(settings.get("gate_dbfs"))
        self.gate_switch.switch.setChecked(settings.get("gate_enabled"))
        self.gate.setEnabled(settings.get("gate_enabled"))
        self.sound_shift.set_value(settings.get("sound_shift_ms"))
        self.push_to_talk.switch.setChecked(settings.get("push_to_talk"))

    def show_devices(self, kind: DeviceKind, devices: tuple[Device, ...]) -> None:
        """The devices of one kind there are now."""
        chooser = {
            DeviceKind.MICROPHONE: self.microphone,
            DeviceKind.CAMERA: self.camera,
            DeviceKind.VIRTUAL_MICROPHONE: self.virtual_microphone,
        }.get(kind)
        if chooser is not None:
            chooser.show_devices(devices)

    def show_session(self, state: SessionState) -> None:
        """Follow a snapshot."""
        self.microphone.choose(state.microphone)
        self.camera.choose(state.camera)
        self.virtual_microphone.choose(state.virtual_microphone)
        gate = self.gate.value if self.gate_switch.switch.isChecked() else None
        self.meter.show_level(state.level, gate)
        self.push_to_talk.switch.setChecked(state.push_to_talk)
        self.microphone.show_state(*microphone_state(self._context, state))
        self.camera.show_state(*camera_state(self._context, state))
        self.virtual_microphone.show_state(*virtual_microphone_state(self._context, state))
        self.measure.setEnabled(state.virtual_microphone_alive and state.camera_alive)
        if state.sound_shift_ms != self._context.settings.get("sound_shift_ms"):
            # It was measured: keep it for the next start.
            self._context.settings.set("sound_shift_ms", state.sound_shift_ms)
            self.sound_shift.set_value(state.sound_shift_ms)

    def _choose_microphone(self, device_id: str) -> None:
        self._context.settings.set("microphone", device_id)
        self._session.set_microphone(device_id or None)

    def _choose_camera(self, device_id: str) -> None:
        self._context.settings.set("camera", device_id)
        self._session.set_camera(device_id or None)

    def _choose_virtual_microphone(self, device_id: str) -> None:
        self._context.settings.set("virtual_microphone", device_id)
        self._session.set_virtual_microphone(device_id or None)

    def _set_gain(self, gain_db: float) -> None:
        self._context.settings.set("gain_db", gain_db)
        self._session.set_gain_db(gain_db)

    def _set_sound_shift(self, shift_ms: float) -> None:
        self._context.settings.set("sound_shift_ms", shift_ms)
        self._session.set_sound_shift_ms(shift_ms)

    def _set_gate(self, _changed: object = None) -> None:
        enabled = self.gate_switch.switch.isChecked()
        self.gate.setEnabled(enabled)
        self._context.settings.set("gate_enabled", enabled)
        self._context.settings.set("gate_dbfs", self.gate.value)
        self._session.set_noise_gate_db(self.gate.value if enabled else None)

    def _set_push_to_talk(self, enabled: bool) -> None:
        self._context.settings.set("push_to_talk", enabled)
        self._session.set_push_to_talk(enabled)

    def _repair(self, device_id: str) -> None:
        self._context.tasks.watch(
            self,
            self._session.repair_camera(device_id),
            lambda words: self.said.emit(self._context.texts.words(words)),
            self.failed.emit,
        )


def microphone_state(context: Context, state: SessionState) -> tuple[str, str]:
    """Kind and words for the microphone's state line."""
    texts = context.texts
    if state.microphone is None:
        return "off", texts("state.no_microphone")
    if state.mode is Mode.OFF:
        return "off", texts("state.waiting")
    if not state.microphone_alive:
        starting = state.stages.get("capture") is StageState.STARTING
        return (
            ("off", texts("state.opening"))
            if starting
            else (
                "warning",
                texts("state.microphone_dead"),
            )
        )
    if state.level.clipped:
        return "warning", texts("state.clipped")
    return "good", texts("state.microphone_good")


def camera_state(context: Context, state: SessionState) -> tuple[str, str]:
    """Kind and words for the camera's state line."""
    texts = context.texts
    if state.camera is None:
        return "off", texts("state.no_camera")
    if state.camera_alive:
        if state.mode is Mode.LIVE:
            return "good", texts("state.camera_live", fps=round(state.fps))
        return "good", texts("state.camera_ready")
    if state.mode is Mode.LIVE:
        return "warning", texts("state.camera_dead")
    return "off", texts("state.camera_waiting")


def virtual_microphone_state(context: Context, state: SessionState) -> tuple[str, str]:
    """Kind and words for the virtual microphone's state line."""
    texts = context.texts
    if state.virtual_microphone is None:
        return "off", texts("state.no_virtual_microphone")
    if state.virtual_microphone_alive:
        if state.delay_ms is None:
            return "good", texts("state.virtual_microphone_good")
        return "good", texts("state.virtual_microphone_delay", delay=round(state.delay_ms))
    if state.mode is Mode.LIVE:
        return "warning", texts("state.virtual_microphone_dead")
    return "off", texts("state.camera_waiting")


def _milliseconds(value: float) -> str:
    return f"{signed(value)} ms"


def _decibels(value: float) -> str:
    return f"{signed(value)} dB"
