"""Which cameras there are, what is wrong with them, and how to make one."""

import os
import sys
from pathlib import Path

from core.errors import DeviceError
from core.messages import Message
from render.sinks import desktop, v4l2
from render.sinks.base import CameraInfo, CameraSink
from render.sinks.desktop import DesktopCamera
from render.sinks.libpipewire import load_library
from render.sinks.memory import MemoryCamera
from render.sinks.pipewire import PipeWireCamera
from render.sinks.v4l2 import V4l2Camera

_MEMORY = CameraInfo("memory", Message("Preview only"), Message("no other program sees it"))


def list_cameras() -> tuple[CameraInfo, ...]:
    """Every camera that could be used here, the best choice first; quick, opens no camera."""
    if sys.platform.startswith("linux"):
        kernel = [info for info in map(v4l2.inspect, v4l2.find_devices()) if _is_virtual(info)]
        found = [_pipewire(), *kernel]
    else:
        found = desktop.find_cameras()
    usable = [info for info in found if info.usable]
    return (*usable, *(info for info in found if not info.usable), _MEMORY)


def diagnose() -> tuple[CameraInfo, ...]:
    """Like `list_cameras`, and what is missing besides: each problem says what to do."""
    found = list_cameras()
    if sys.platform.startswith("linux") and not v4l2.module_loaded():
        return (*found, v4l2.missing_module())
    return found


def make_camera(
    camera_id: str,
    size: tuple[int, int] = (1280, 720),
    frame_rate_hz: int = 25,
    name: str = "RealTalk Cam",
) -> CameraSink:
    """Make the camera of this id; nothing is opened yet.

    Args:
        camera_id: `CameraInfo.id`.
        size: Width and height in pixels, even.
        frame_rate_hz: Frames per second.
        name: Name that readers show, where it can be chosen.

    Raises:
        DeviceError: There is no such camera.
    """
    kind, _, rest = camera_id.partition(":")
    if kind == "pipewire":
        return PipeWireCamera(size, frame_rate_hz, name)
    if kind == "v4l2" and rest:
        return V4l2Camera(Path(rest), size, frame_rate_hz)
    if kind == "desktop" and rest:
        return DesktopCamera(rest, size, frame_rate_hz)
    if kind == "memory":
        return MemoryCamera(size, frame_rate_hz)
    known = ", ".join(info.id for info in list_cameras())
    raise DeviceError(
        "There is no camera '{camera_id}'. There are: {known}.", camera_id=camera_id, known=known
    )


def repair_camera(camera_id: str) -> str:
    """Try the repair that `CameraInfo.repairable` offers; returns the result in words.

    Raises:
        DeviceError: It did not help, or there is nothing to repair.
    """
    kind, _, rest = camera_id.partition(":")
    if kind != "v4l2" or not rest:
        raise DeviceError(
            "The camera '{camera_id}' has nothing that could be repaired here.", camera_id=camera_id
        )
    return v4l2.repair(Path(rest))


def _is_virtual(info: CameraInfo) -> bool:
    return "is a real camera" not in info.problem


def _pipewire() -> CameraInfo:
    problem: str = ""
    try:
        load_library()
        if not _pipewire_socket().exists():
            problem = Message(
                "PipeWire is not running: start it with 'systemctl --user start pipewire "
                "wireplumber'."
            )
    except DeviceError as error:
        problem = error.message
    return CameraInfo(
        "pipewire",
        "RealTalk Cam",
        Message("PipeWire, needs no kernel module"),
        problem,
        not problem,
    )


def _pipewire_socket() -> Path:
    folder = os.environ.get("PIPEWIRE_RUNTIME_DIR") or os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(folder or f"/run/user/{os.getuid()}") / os.environ.get(
        "PIPEWIRE_REMOTE", "pipewire-0"
    )
