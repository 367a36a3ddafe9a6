"""Cameras of Windows and macOS, through pyvirtualcam: OBS Virtual Camera and Unity Capture."""

import importlib.util
import sys
from typing import Any

from core.errors import DeviceError
from core.messages import Message
from core.types import ImageArray
from render.frames import check_frame
from render.sinks.base import CameraInfo, FixedMode

_BACKENDS = {"win32": ("obs", "unitycapture"), "darwin": ("obs",)}
_NAMES = {"obs": "OBS Virtual Camera", "unitycapture": "Unity Video Capture"}
_ADVICE = {
    "obs": (
        "Install OBS Studio 30 or later, start its virtual camera once, stop it and close OBS."
    ),
    "unitycapture": "Install UnityCapture and register its filter.",
}


class DesktopCamera(FixedMode):
    """A camera of pyvirtualcam (see `CameraSink`).

    Args:
        backend: "obs" or "unitycapture".
        size: Width and height in pixels, even.
        frame_rate_hz: Frames per second.
    """

    def __init__(
        self, backend: str, size: tuple[int, int] = (1280, 720), frame_rate_hz: int = 25
    ) -> None:
        super().__init__(size, frame_rate_hz)
        self._backend = backend
        self._camera: Any = None

    def open(self) -> None:
        """Open the camera; see `CameraSink.open`."""
        if self._camera is not None:
            return
        try:
            import pyvirtualcam

            self._camera = pyvirtualcam.Camera(
                *self._size, self._frame_rate_hz, backend=self._backend
            )
        except (ImportError, RuntimeError) as error:
            raise DeviceError(
                "{camera} cannot be opened ({reason}). {advice}",
                camera=_NAMES.get(self._backend, self._backend),
                reason=error,
                advice=Message(_ADVICE.get(self._backend, "")),
            ) from error

    def send(self, rgb: ImageArray) -> None:
        """Hand over one frame; see `CameraSink.send`."""
        check_frame(rgb, self._size)
        if self._camera is None:
            raise DeviceError("The camera is not open: open it first.")
        try:
            self._camera.send(rgb)
        except RuntimeError as error:
            raise DeviceError(
                "The camera took no frame ({reason}): open it again.", reason=error
            ) from error
        self.frames_sent += 1

    def close(self) -> None:
        """Close the camera; see `CameraSink.close`."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()


def find_cameras() -> list[CameraInfo]:
    """What pyvirtualcam offers on this system; opening tells whether it is installed."""
    backends = _BACKENDS.get(sys.platform, ())
    if backends and importlib.util.find_spec("pyvirtualcam") is None:
        problem = "The package pyvirtualcam is not installed: install RealTalk Cam with [live]."
        return [
            CameraInfo(f"desktop:{b}", _NAMES[b], problem=problem, usable=False) for b in backends
        ]
    return [CameraInfo(f"desktop:{b}", _NAMES[b], detail=Message(_ADVICE[b])) for b in backends]
