"""Turns the session's snapshots into signals at a steady pace."""

from PySide6.QtCore import QObject, QTimer, Signal

from core.session import Device, DeviceKind, Session, SessionState

STATE_INTERVAL_MS = 100
DEVICES_INTERVAL_MS = 1000


class Watcher(QObject):
    """Polls the session: `state` ten times a second, `devices` when a list has changed."""

    state = Signal(object)
    devices = Signal(object, object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.latest = SessionState()
        self._devices: dict[DeviceKind, tuple[Device, ...]] = {}
        self._state_timer = QTimer(self)
        self._state_timer.setInterval(STATE_INTERVAL_MS)
        self._state_timer.timeout.connect(self.poll_state)
        self._devices_timer = QTimer(self)
        self._devices_timer.setInterval(DEVICES_INTERVAL_MS)
        self._devices_timer.timeout.connect(self.poll_devices)

    def start(self) -> None:
        """Begin polling."""
        self._state_timer.start()
        self._devices_timer.start()
        self.poll_devices()
        self.poll_state()

    def stop(self) -> None:
        """Poll no more."""
        self._state_timer.stop()
        self._devices_timer.stop()

    def known_devices(self, kind: DeviceKind) -> tuple[Device, ...]:
        """The devices of the last poll."""
        return self._devices.get(kind, ())

    def poll_state(self) -> None:
        """Take a snapshot now."""
        self.latest = self.session.state()
        self.state.emit(self.latest)

    def poll_devices(self) -> None:
        """Look at the session's device lists now."""
        for kind in DeviceKind:
            found = self.session.devices(kind)
            if found != self._devices.get(kind):
                self._devices[kind] = found
                self.devices.emit(kind, found)
