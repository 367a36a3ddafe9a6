"""The row under the picture: mute, talk, panic, the big switch, record."""

from collections.abc import Callable
from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QWidget

from core.session import Mode, SessionState
from core.stage import StageState
from ui.actions import Actions
from ui.context import Context
from ui.widgets.basics import restyle


class ControlButton(QToolButton):
    """An icon over a short word; red while on."""

    def __init__(self, context: Context, icon: str, icon_on: str, words: str, tip: str) -> None:
        super().__init__()
        self._context = context
        self._icons = (icon, icon_on)
        self.setProperty("role", "control")
        self.setText(words)
        self.setToolTip(tip)
        self.setAccessibleName(words)
        self.setAccessibleDescription(tip)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.setIconSize(QSize(22, 22))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self._draw)
        context.theme.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        on = self.isChecked()
        icon = self._context.theme.icon(self._icons[on], "danger" if on else "text")
        self.setIcon(QIcon(icon))


class Controls(QWidget):
    """Buttons that run the window's commands and show the session's state."""

    def __init__(self, context: Context, actions: Actions) -> None:
        super().__init__()
        self._context = context
        self._texts = context.texts
        self._actions = actions
        self.mute = self._button("microphone", "microphone_off", "mute", actions, checkable=True)
        self.talk = self._button("talk", "talk", "talk", actions, checkable=False)
        self.panic = self._button("panic", "panic", "panic", actions, checkable=True)
        self.record = self._button("record", "stop", "record", actions, checkable=True)
        self.go_live = QPushButton(self._texts("live.go"))
        self.go_live.setProperty("role", "golive")
        self.go_live.setToolTip(actions.tip("go_live"))
        self.go_live.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.go_live.setMinimumWidth(140)
        self.go_live.clicked.connect(actions["go_live"].trigger)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (self.mute, self.talk, self.panic):
            layout.addWidget(widget)
        layout.addWidget(self.go_live, 1)
        layout.addWidget(self.record)

    def connect_talk(self, set_talking: Callable[[bool], None]) -> None:
        """What to call when the talk button goes down and up."""
        self.talk.pressed.connect(lambda: set_talking(True))
        self.talk.released.connect(lambda: set_talking(False))

    def show_global_key(self, words: str) -> None:
        """Say in the freeze button's tool tip how its key for every program does."""
        lines = [self._actions.tip("panic"), *([words] if words else [])]
        # paragraphs, because Qt breaks the lines of rich text alone
        self.panic.setToolTip("".join(f"<p>{escape(line, quote=False)}</p>" for line in lines))
        self.panic.setAccessibleDescription(" ".join(lines))

    def show_session(self, state: SessionState) -> None:
        """Follow a snapshot."""
        self.mute.setChecked(state.muted or state.panicked)
        self.panic.setChecked(state.panicked)
        self.record.setChecked(state.recording is not None)
        self.record.setText(
            self._texts("control.record_stop" if state.recording else "control.record")
        )
        self.talk.setVisible(state.push_to_talk)
        self.talk.setDown(state.talking)
        self.mute.setText(self._texts("control.muted" if state.muted else "control.mute"))
        self.panic.setText(self._texts("control.frozen" if state.panicked else "control.panic"))
        self._show_switch(state)

    def _show_switch(self, state: SessionState) -> None:
        starting = any(stage is StageState.STARTING for stage in state.stages.values())
        look, words = "off", self._texts("live.go")
        if state.mode is Mode.LIVE:
            look, words = ("busy", "live.starting") if starting else ("live", "live.end")
            words = self._texts(words)
        if self.go_live.property("state") != look:
            self.go_live.setProperty("state", look)
            restyle(self.go_live)
        self.go_live.setText(words)
        self.go_live.setAccessibleName(words)
        self.go_live.setEnabled(state.avatar_name is not None)

    def _button(
        self, icon: str, icon_on: str, name: str, actions: Actions, *, checkable: bool
    ) -> ControlButton:
        result = ControlButton(
            self._context, icon, icon_on, self._texts(f"control.{name}"), actions.tip(name)
        )
        result.setCheckable(checkable)
        if checkable:
            result.clicked.connect(actions[name].trigger)
        return result
