"""Keeps the lists of devices fresh on a thread of its own."""

import logging
import threading
from collections.abc import Callable

from audio_io.devices import SoundSystem
from audio_io.virtual_mic import virtual_microphones
from core.errors import DeviceError
from core.session import Device, DeviceKind
from core.stage import Stage

logger = logging.getLogger(__name__)

_EVERY_S = 10.0


class DevicesWatch(Stage):
    """Lists devices when asked, and every few seconds once somebody has asked.

    Args:
        system: The machine's sound, None where there is none.
        cameras: Lists the cameras.
    """

    def __init__(
        self, system: SoundSystem | None, cameras: Callable[[], tuple[Device, ...]]
    ) -> None:
        super().__init__("devices")
        self._cameras = cameras
        self._system = system
        self._found: dict[DeviceKind, tuple[Device, ...]] = {}
        self._asked = threading.Event()
        self._listed = threading.Event()
        self.start()

    def devices(self, kind: DeviceKind) -> tuple[Device, ...]:
        """What was found last; the very first call waits up to 1 s for it."""
        if not self._listed.is_set():
            self.refresh()
            self._listed.wait(1.0)
        return self._found.get(kind, ())

    def refresh(self) -> None:
        """Look again soon."""
        self._asked.set()

    def wake(self) -> None:
        """See `Stage.wake`."""
        self._asked.set()

    def step(self) -> None:
        """List everything when asked."""
        asked = self._asked.wait(_EVERY_S if self._listed.is_set() else None)
        self._asked.clear()
        if self.stopping:
            return
        try:
            if asked and self._system is not None:
                # Only works while no stream is open; else the list is as old as the stream.
                self._system.reinitialise()
            self._found = self._list()
        except DeviceError as error:
            logger.warning("devices could not be listed: %s", error)
        self._listed.set()

    def _list(self) -> dict[DeviceKind, tuple[Device, ...]]:
        found = {DeviceKind.CAMERA: self._cameras()}
        if self._system is not None:
            found[DeviceKind.MICROPHONE] = self._system.microphones()
            found[DeviceKind.OUTPUT] = self._system.outputs()
            found[DeviceKind.VIRTUAL_MICROPHONE] = virtual_microphones(self._system)
        return found
