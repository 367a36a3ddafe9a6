"""Keeps a camera alive: sends what is new, repeats what is not, opens it again when it fails."""

import logging
import threading
import time
from types import TracebackType
from typing import Self

import numpy as np

from core.errors import DeviceError
from core.types import ImageArray
from render.sinks.base import CameraSink
from render.sinks.memory import check_frame

_log = logging.getLogger(__name__)

_HEARTBEAT_PERIODS = 1.5
"""A frame later than this many frame periods is replaced by the last one again."""
_RETRY_S = 1.0


class PacedCamera:
    """Feeds a camera from its own thread, without ever making the caller wait.

    A new frame goes out at once; when none came in time the last one is sent again, so that
    readers neither time out nor freeze. Of several that came together the newest wins. A camera
    that fails is opened again every second until it works.

        with PacedCamera(PipeWireCamera(), resting_face_rgb) as camera:
            camera.show(frame.rgb)

    Args:
        sink: The camera; opened and closed here, on this object's thread.
        first_rgb: What to send until the first `show`, shape (H, W, 3), uint8, of its size.

    Threads: `show` from one thread at a time; the properties from any.
    """

    def __init__(self, sink: CameraSink, first_rgb: ImageArray) -> None:
        check_frame(first_rgb, sink.size)
        self._sink = sink
        self._wake = threading.Condition()
        self._newest = np.array(first_rgb)  # guarded by _wake
        self._spare = np.empty_like(self._newest)
        self._is_new = True
        self._closing = False
        self._opened = threading.Event()
        self._problem = ""
        self._thread: threading.Thread | None = None
        self.frames_new = 0
        """Different frames sent."""
        self.frames_repeated = 0
        """Heartbeats: frames sent again."""
        self.frames_skipped = 0
        """Frames replaced by newer ones before they could be sent."""

    @property
    def sink(self) -> CameraSink:
        """The camera fed."""
        return self._sink

    @property
    def problem(self) -> str:
        """Why the camera takes no frames now; empty while it does."""
        return self._problem

    def open(self) -> None:
        """Open the camera and start feeding it.

        Raises:
            DeviceError: It could not be opened; nothing is left running.
        """
        if self._thread is not None:
            return
        self._closing, self._problem = False, ""
        self._opened.clear()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()
        self._opened.wait()
        if self._problem:
            problem = self._problem
            self.close()
            raise DeviceError(problem)

    def show(self, rgb: ImageArray) -> None:
        """Send this frame next; it is copied.

        Args:
            rgb: Shape (H, W, 3), uint8, of the camera's size.

        Raises:
            TypeError, ValueError: A frame of the wrong type or size.
        """
        check_frame(rgb, self._sink.size)
        np.copyto(self._spare, rgb)
        with self._wake:
            self._newest, self._spare = self._spare, self._newest
            self.frames_skipped += self._is_new
            self._is_new = True
            self._wake.notify()

    def close(self) -> None:
        """Stop and close the camera; a second call does nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            with self._wake:
                self._closing = True
                self._wake.notify()
            thread.join(5.0)
            if thread.is_alive():
                _log.error("the camera does not let go of its thread")

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        frame = np.empty_like(self._newest)
        try:
            if self._try_open():
                self._opened.set()
                self._feed(frame)
        except Exception as error:
            _log.exception("the camera failed")
            self._problem = f"The camera failed: {error}"
        finally:
            self._opened.set()
            self._sink.close()

    def _try_open(self) -> bool:
        try:
            self._sink.open()
        except DeviceError as error:
            self._problem = str(error)
            return False
        self._problem = ""
        return True

    def _feed(self, frame: ImageArray) -> None:
        due_s = time.monotonic()
        while self._take(frame, due_s):
            due_s = time.monotonic() + _HEARTBEAT_PERIODS / self._sink.frame_rate_hz
            try:
                self._sink.send(frame)
            except DeviceError as error:
                _log.warning("%s", error)
                self._problem = str(error)
                self._reopen()

    def _take(self, frame: ImageArray, due_s: float) -> bool:
        """Copy what to send next into `frame`; False when closing."""
        with self._wake:
            self._wake.wait_for(
                lambda: self._is_new or self._closing, max(0.0, due_s - time.monotonic())
            )
            if self._closing:
                return False
            if self._is_new:
                self.frames_new += 1
            else:
                self.frames_repeated += 1
            self._is_new = False
            np.copyto(frame, self._newest)
            return True

    def _reopen(self) -> None:
        while True:
            self._sink.close()
            with self._wake:
                if self._wake.wait_for(lambda: self._closing, _RETRY_S):
                    return
            if self._try_open():
                return
