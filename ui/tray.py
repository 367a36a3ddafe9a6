"""The tray icon: state at a glance, and the commands that matter in a call."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QIcon, QPainter
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from core.session import Mode, SessionState
from ui.actions import Actions
from ui.context import Context
from ui.theme import application_icon

_MENU = ("go_live", "mute", "panic", "record")


class Tray(QSystemTrayIcon):
    """Shows a red dot while live; a click brings the window back."""

    window_wanted = Signal()

    def __init__(self, context: Context, actions: Actions, parent: QWidget) -> None:
        super().__init__(application_icon(), parent)
        self._context = context
        self._mode = Mode.OFF
        self._menu = QMenu(parent)
        self._menu.addAction(context.texts("tray.show"), self.window_wanted.emit)
        self._menu.addSeparator()
        for name in _MENU:
            self._menu.addAction(actions[name])
        self._menu.addSeparator()
        self._menu.addAction(actions["quit"])
        self.setContextMenu(self._menu)
        self.activated.connect(self._activated)
        self.setToolTip(context.texts("status.mode.off"))

    def show_session(self, state: SessionState) -> None:
        """Follow a snapshot."""
        if state.mode is self._mode:
            return
        self._mode = state.mode
        words = self._context.texts(f"status.mode.{state.mode.value}")
        self.setToolTip(f"RealTalk Cam: {words}")
        self.setIcon(self._icon(live=state.mode is Mode.LIVE))

    def _icon(self, *, live: bool) -> QIcon:
        if not live:
            return application_icon()
        pixmap = application_icon().pixmap(64, 64)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(self._context.theme.colour("live"))
        painter.setPen(self._context.theme.colour("on_live"))
        painter.drawEllipse(38, 38, 24, 24)
        painter.end()
        return QIcon(pixmap)

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is QSystemTrayIcon.ActivationReason.Trigger:
            self.window_wanted.emit()
