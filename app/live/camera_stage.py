"""The camera on a thread of its own: opening and repairing it never holds up the picture."""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.live.stages import Picture
from core.errors import DeviceError
from core.latest_slot import NewestQueue
from core.ring_buffer import BufferClosedError
from core.stage import Stage
from core.types import ImageArray

if TYPE_CHECKING:
    from render.sinks import CameraSink

logger = logging.getLogger(__name__)

_RETRY_S = 1.0


class CameraStage(Stage):
    """Holds the chosen camera open and hands it the newest picture.

    Args:
        make_sink: Makes the sink for a camera id; nothing is opened yet.
        on_failure: See `Stage`.

    Attributes:
        problem: Why no picture reaches the camera; empty when they do.
        alive: Whether the last picture was taken.
        sent: Pictures taken, repeats included.
        send_s: Time that handing over one picture takes, smoothed.
    """

    def __init__(
        self,
        make_sink: Callable[[str], "CameraSink"],
        on_failure: Callable[[Stage], None] | None = None,
    ) -> None:
        super().__init__("camera", on_failure)
        self.problem: str = ""
        self.alive = False
        self.sent = 0
        self.send_s = 0.0
        self._make_sink = make_sink
        self._wanted: str | None = None
        self._opened: str | None = None
        self._sink: CameraSink | None = None
        self._next_try_s = 0.0
        self._pictures: NewestQueue[ImageArray] = NewestQueue(1)

    def set_camera(self, camera_id: str | None) -> None:
        """Use this camera from now on; None for none."""
        self._wanted = camera_id

    def reopen(self) -> None:
        """Close the camera and open it again (its mode changed)."""
        self._opened = None

    def send(self, picture: Picture, repeated: bool) -> None:
        """See `FrameTarget.send`."""
        self._pictures.put(picture.video.rgb)

    def wake(self) -> None:
        """See `Stage.wake`."""
        self._pictures.close()

    def step(self) -> None:
        """Open what is wanted and pass on the next picture."""
        if self._opened != self._wanted:
            self._close()
            self._opened, self._next_try_s, self.problem = self._wanted, 0.0, ""
        if self._opened is not None and self._sink is None:
            self._try_open(self._opened)
        try:
            rgb = self._pictures.get(0.1)
        except BufferClosedError:
            return
        if rgb is not None and self._sink is not None:
            self._pass_on(self._sink, rgb)

    def teardown(self) -> None:
        """Close the camera."""
        self._close()

    def _try_open(self, camera_id: str) -> None:
        if time.monotonic() < self._next_try_s:
            return
        self._next_try_s = time.monotonic() + _RETRY_S
        try:
            sink = self._make_sink(camera_id)
            sink.open()
        except DeviceError as error:
            self._complain(error)
            return
        self._sink, self.problem = sink, ""

    def _pass_on(self, sink: "CameraSink", rgb: ImageArray) -> None:
        begun_s = time.monotonic()
        try:
            sink.send(rgb)
        except DeviceError as error:
            self._complain(error)
            self._close()
            return
        self.alive = True
        self.sent += 1
        self.send_s += 0.1 * (time.monotonic() - begun_s - self.send_s)

    def _complain(self, error: DeviceError) -> None:
        if str(error) != self.problem:
            logger.warning("camera: %s", error)
        self.problem = error.message

    def _close(self) -> None:
        sink, self._sink = self._sink, None
        self.alive = False
        if sink is not None:
            sink.close()
