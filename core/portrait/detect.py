"""Finds faces in a picture with the Haar cascades that come with OpenCV (below version 5).

The cascades miss tilted, turned, painted and small faces, so several are run on several versions of
the picture, and their finds are counted as votes. What they find where there is no face is for the
landmark network to reject.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import FloatArray, ImageArray

_FRONTAL = ("haarcascade_frontalface_alt2.xml", "haarcascade_frontalface_default.xml")
_PROFILE = "haarcascade_profileface.xml"
_WORK_PX = 480
_ASIDE_PX = 360
"""For tilted heads and profiles, which must be larger."""
_LARGE_PX = 900
_SMALLEST = 0.07
_TILTS_DEG = (-30.0, 30.0)
_SAME_FACE = 0.45
_ENOUGH_VOTES = 2


@dataclass(frozen=True)
class FaceBox:
    """A face as the cascades see one: a square from mid-forehead to chin.

    Attributes:
        x: Middle, pixels.
        y: Middle, pixels.
        size: Side, pixels.
        roll_deg: Tilt at which it was found, positive clockwise in the picture.
        votes: How many finds agree.
    """

    x: float
    y: float
    size: float
    roll_deg: float = 0.0
    votes: int = 1


def find_faces(rgb: ImageArray) -> list[FaceBox]:
    """Candidates for faces, the most agreed upon first.

    Args:
        rgb: (H, W, 3) uint8, upright.

    Returns:
        Candidates; empty where no pass finds anything. Among them there may be things that are no
        face.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    further: tuple[Callable[[], list[FaceBox]], ...] = (
        lambda: _upright(grey, _WORK_PX, 1.08, 3),
        lambda: _upright(cv2.equalizeHist(grey), _WORK_PX, 1.08, 2),
        lambda: [box for tilt in _TILTS_DEG for box in _tilted(grey, tilt)],
        lambda: _profiles(grey),
    )
    finds: list[FaceBox] = []
    for look in further:
        finds += look()
        if any(box.votes >= _ENOUGH_VOTES for box in _merged(finds)):
            break
    if not finds:
        finds = _upright(cv2.GaussianBlur(grey, (0, 0), 2), _LARGE_PX, 1.05, 2)
    return _merged(finds)


@cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / name))


def _detect(grey: ImageArray, name: str, work_px: int, step: float, neighbours: int) -> FloatArray:
    """Boxes (n, 4) of one cascade in pixels of `grey`: left, top, width, height."""
    scale = work_px / max(grey.shape)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    smallest = max(24, int(_SMALLEST * work_px))
    found = _cascade(name).detectMultiScale(small, step, neighbours, minSize=(smallest, smallest))
    return np.asarray(found, np.float32).reshape(-1, 4) / np.float32(scale)


def _upright(grey: ImageArray, work_px: int, step: float, neighbours: int) -> list[FaceBox]:
    boxes = [_detect(grey, name, work_px, step, neighbours) for name in _FRONTAL]
    return [_box(*box) for box in np.concatenate(boxes)]


def _profiles(grey: ImageArray) -> list[FaceBox]:
    width = grey.shape[1]
    right = _detect(grey, _PROFILE, _ASIDE_PX, 1.08, 3)
    left = _detect(np.ascontiguousarray(grey[:, ::-1]), _PROFILE, _ASIDE_PX, 1.08, 3)
    left[:, 0] = width - left[:, 0] - left[:, 2]
    return [_box(*box) for box in np.concatenate([right, left])]


def _tilted(grey: ImageArray, tilt_deg: float) -> list[FaceBox]:
    """Faces that lean clockwise by `tilt_deg`, found by turning the picture back."""
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), tilt_deg, 1.0)
    turned = cv2.warpAffine(grey, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    back = cv2.invertAffineTransform(matrix)
    faces = []
    for box in _detect(turned, _FRONTAL[0], _ASIDE_PX, 1.08, 3):
        upright = _box(*box)
        x, y = back[:, :2] @ [upright.x, upright.y] + back[:, 2]
        faces.append(FaceBox(float(x), float(y), upright.size, tilt_deg))
    return faces


def _box(left: float, top: float, width: float, height: float) -> FaceBox:
    return FaceBox(float(left + width / 2), float(top + height / 2), float(width))


def _merged(finds: list[FaceBox]) -> list[FaceBox]:
    """Finds of the same face made one, by votes and then by size."""
    groups: list[list[FaceBox]] = []
    for find in sorted(finds, key=lambda box: -box.size):
        for group in groups:
            if _same(find, group[0]):
                group.append(find)
                break
        else:
            groups.append([find])
    merged = [_mean(group) for group in groups]
    return sorted(merged, key=lambda box: (-box.votes, -box.size))


def _same(one: FaceBox, other: FaceBox) -> bool:
    apart = np.hypot(one.x - other.x, one.y - other.y)
    larger, smaller = max(one.size, other.size), min(one.size, other.size)
    return bool(apart < _SAME_FACE * larger and smaller > 0.5 * larger)


def _mean(group: list[FaceBox]) -> FaceBox:
    values: NDArray[np.float64] = np.median(
        [[box.x, box.y, box.size, box.roll_deg] for box in group], axis=0
    )
    x, y, size, roll = (float(value) for value in values)
    return FaceBox(x, y, size, roll, len(group))
