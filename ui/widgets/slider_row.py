"""A named slider that shows its value and returns to its default on double click."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from ui.widgets.basics import label


class CalmSlider(QSlider):
    """A horizontal slider that leaves the wheel to the scroll area unless it has focus."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(20)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the page rather than change the value by accident."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class SliderRow(QWidget):
    """Name and value above a slider.

    Args:
        name: What it sets; also its accessible name.
        minimum, maximum, default: In the value's own unit.
        step: Smallest change.
        show: Words for a value.
        about: Tool tip.
    """

    changed = Signal(float)

    def __init__(
        self,
        name: str,
        minimum: float,
        maximum: float,
        default: float,
        step: float,
        show: Callable[[float], str],
        about: str = "",
    ) -> None:
        super().__init__()
        self._minimum = minimum
        self._step = step
        self._default = default
        self._show = show
        self.slider = CalmSlider()
        self.slider.setRange(0, round((maximum - minimum) / step))
        self.slider.setPageStep(max(1, self.slider.maximum() // 10))
        self.slider.setAccessibleName(name)
        self.slider.setAccessibleDescription(about)
        self.slider.installEventFilter(self)
        self._value = label("", "value")
        self.setToolTip(about)
        top = QHBoxLayout()
        words = label(name)
        words.setBuddy(self.slider)
        top.addWidget(words, 1)
        top.addWidget(self._value)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(top)
        layout.addWidget(self.slider)
        self.set_value(default)
        self.slider.valueChanged.connect(self._moved)

    @property
    def value(self) -> float:
        """The value in its own unit."""
        return self._minimum + self.slider.value() * self._step

    def set_value(self, value: float) -> None:
        """Move the slider without telling anyone."""
        self.slider.blockSignals(True)
        self.slider.setValue(round((value - self._minimum) / self._step))
        self.slider.blockSignals(False)
        self._show_value()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Double click: back to the default."""
        if event.type() is QEvent.Type.MouseButtonDblClick:
            self.slider.setValue(round((self._default - self._minimum) / self._step))
            return True
        return super().eventFilter(watched, event)

    def _moved(self) -> None:
        self._show_value()
        self.changed.emit(self.value)

    def _show_value(self) -> None:
        self._value.setText(self._show(self.value))
