"""A camera without a device: keeps the newest frame, for previews and tests."""

import threading

from core.errors import DeviceError
from core.types import ImageArray
from render.frames import check_frame
from render.sinks.base import FixedMode


class MemoryCamera(FixedMode):
    """Keeps a copy of the newest frame (see `CameraSink`)."""

    def __init__(self, size: tuple[int, int] = (1280, 720), frame_rate_hz: int = 25) -> None:
        super().__init__(size, frame_rate_hz)
        self._lock = threading.Lock()
        self._newest: ImageArray | None = None
        self._open = False

    def open(self) -> None:
        """Accept frames from now on."""
        self._open = True

    def send(self, rgb: ImageArray) -> None:
        """Keep a copy of a frame; see `CameraSink.send`."""
        if not self._open:
            raise DeviceError("The memory camera is not open: open it first.")
        check_frame(rgb, self._size)
        copy = rgb.copy()
        with self._lock:
            self._newest = copy
            self.frames_sent += 1

    def newest(self) -> ImageArray | None:
        """The newest frame, shape (H, W, 3), uint8; None before the first. Do not change it."""
        with self._lock:
            return self._newest

    def close(self) -> None:
        """Accept no more frames."""
        self._open = False
