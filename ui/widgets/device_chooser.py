"""A device list with live state: chosen, working, in trouble, gone."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from core.session import Device
from ui.context import Context
from ui.widgets.basics import button, label

NONE = ""
"""Item data of "no device"."""
_DOT_COLOURS = {
    "good": "success",
    "warning": "warning",
    "error": "danger",
    "off": "border_strong",
}


class StateDot(QWidget):
    """A small dot in one of the theme's colours."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._colour = "border_strong"
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        context.theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Dot and some air."""
        return QSize(10, 18)

    def set_colour(self, colour: str) -> None:
        """Change the colour."""
        if colour != self._colour:
            self._colour = colour
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the dot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._context.theme.colour(self._colour))
        painter.drawEllipse(1, (self.height() - 8) // 2, 8, 8)


class StateLine(QWidget):
    """A dot and a sentence: how a device does."""

    def __init__(self, context: Context, role: str = "small") -> None:
        super().__init__()
        self._dot = StateDot(context)
        self._words = label("", role, wrap=True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 0, 0, 0)
        layout.setSpacing(7)
        layout.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._words, 1)
        self.kind = "off"

    @property
    def text(self) -> str:
        """The sentence shown."""
        return self._words.text()

    def show_state(self, kind: str, text: str) -> None:
        """Show "good", "warning", "error" or "off" with a sentence."""
        self.kind = kind
        self._dot.set_colour(_DOT_COLOURS[kind])
        if text != self._words.text():
            self._words.setText(text)
            self.setAccessibleName(text)


class DeviceChooser(QWidget):
    """A list of devices with a line on how the chosen one does.

    A chosen device that vanished stays in the list, marked as gone, until it returns or another
    is chosen. Opening the list emits `opened`, so that fresh devices are looked for.

    Args:
        context: Words and colours.
        name: Accessible name of the list.
        none_text: Words for "no device"; empty if one must be chosen.
    """

    chosen = Signal(str)
    opened = Signal()
    repair = Signal(str)

    def __init__(self, context: Context, name: str, none_text: str) -> None:
        super().__init__()
        self._texts = context.texts
        self._none_text = none_text
        self._devices: tuple[Device, ...] = ()
        self._chosen = NONE
        self.combo = _OpeningCombo(self.opened.emit)
        self.combo.setAccessibleName(name)
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.combo.setMinimumContentsLength(12)
        self.state_line = StateLine(context)
        self.repair_button = button(self._texts("devices.repair"))
        self.repair_button.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(7)
        layout.addWidget(self.combo)
        layout.addWidget(self.state_line)
        layout.addWidget(self.repair_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.combo.activated.connect(self._activated)
        self.repair_button.clicked.connect(lambda: self.repair.emit(self._chosen))
        self._fill()

    @property
    def current(self) -> str:
        """Id of the chosen device, empty for none."""
        return self._chosen

    @property
    def device(self) -> Device | None:
        """The chosen device, None if none is chosen or it is gone."""
        return next((device for device in self._devices if device.id == self._chosen), None)

    def show_devices(self, devices: tuple[Device, ...]) -> None:
        """The devices there are now."""
        if devices != self._devices:
            self._devices = devices
            self._fill()

    def choose(self, device_id: str | None) -> None:
        """Show this one as chosen, without telling anyone."""
        if (device_id or NONE) != self._chosen:
            self._chosen = device_id or NONE
            self._fill()

    def show_state(self, kind: str, text: str) -> None:
        """How the chosen device does; the device's own problem comes first."""
        device = self.device
        if self._chosen and device is None:
            kind, text = "warning", self._texts("devices.gone")
        elif device is not None and device.problem:
            kind, text = "error", self._texts.words(device.problem)
        self.state_line.show_state(kind, text)
        self.repair_button.setVisible(device is not None and device.repairable)

    def _fill(self) -> None:
        self.combo.blockSignals(True)
        self.combo.clear()
        if self._none_text:
            self.combo.addItem(self._none_text, NONE)
        for device in self._devices:
            name, *more = (
                self._texts.words(text) for text in (device.name, device.detail, device.problem)
            )
            words = self._texts("devices.default", name=name) if device.default else name
            self.combo.addItem(words, device.id)
            tip = "\n".join(filter(None, (name, *more)))
            self.combo.setItemData(self.combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        if self._chosen and self.device is None:
            self.combo.addItem(self._texts("devices.missing", name=self._chosen), self._chosen)
        self.combo.setCurrentIndex(self.combo.findData(self._chosen))
        self.combo.setPlaceholderText(self._texts("devices.choose"))
        self.combo.blockSignals(False)

    def _activated(self, index: int) -> None:
        self._chosen = self.combo.itemData(index)
        self.chosen.emit(self._chosen)


class _OpeningCombo(QComboBox):
    """Tells when its list is opened; the wheel does not change it by accident."""

    def __init__(self, opened: Callable[[], None]) -> None:
        super().__init__()
        self._opened = opened
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def showPopup(self) -> None:
        """Open the list."""
        self._opened()
        super().showPopup()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page."""
        event.ignore()
