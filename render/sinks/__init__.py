"""Virtual cameras: where the finished pictures go."""

from render.sinks.base import CameraInfo, CameraSink
from render.sinks.catalog import diagnose, list_cameras, make_camera, open_camera, repair_camera
from render.sinks.memory import MemoryCamera
from render.sinks.paced import PacedCamera

__all__ = [
    "CameraInfo",
    "CameraSink",
    "MemoryCamera",
    "PacedCamera",
    "diagnose",
    "list_cameras",
    "make_camera",
    "open_camera",
    "repair_camera",
]
