"""Virtual cameras: where the finished pictures go."""

from render.sinks.base import CameraInfo, CameraSink
from render.sinks.catalog import diagnose, list_cameras, make_camera, repair_camera
from render.sinks.memory import MemoryCamera

__all__ = [
    "CameraInfo",
    "CameraSink",
    "MemoryCamera",
    "diagnose",
    "list_cameras",
    "make_camera",
    "repair_camera",
]
