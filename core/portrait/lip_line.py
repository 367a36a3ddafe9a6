"""Draws the line between closed lips to where the picture shows it.

The landmark network may be a few percent of the mouth's width off; the dark, thin valley between
closed lips says exactly where a mouth opens. The best smooth path along it is found by dynamic
programming over the columns of a strip that follows the network's own line.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_model import FaceModel
from core.types import FloatArray, ImageArray

Array = NDArray[np.float32]

_COLUMNS = 56
_ROWS = 45
_REACH = 0.22
"""Half the strip's height as a share of the mouth's width."""
_VALLEY = 0.035
"""Distance from a valley's bottom to its shoulders, as a share of the mouth's width."""
_MAX_GAP = 0.075
_STAY = 1.6
_BEND = 0.5
_DRAW_ALONG = 0.5
_LEAST_CONTRAST = 3.0


def refine_lip_line(model: FaceModel, rgb: ImageArray, points: FloatArray) -> FloatArray:
    """Landmarks with the lips' inner rims moved onto the line between closed lips.

    Args:
        model: The face model.
        rgb: The portrait, (H, W, 3) uint8.
        points: Landmarks, (L, 2), pixels.

    Returns:
        Landmarks, (L, 2) float32. Those of an open mouth are left as they are; the outer borders
        of closed lips follow halfway.
    """
    names = list(model.landmark_names)
    upper, lower = (
        points[[i for i, name in enumerate(names) if name.startswith(f"lip_rim_{side}")]]
        for side in ("upper", "lower")
    )
    corners = upper[[0, -1]]
    width = float(np.linalg.norm(corners[1] - corners[0]))
    gap = float(np.linalg.norm(upper[len(upper) // 2] - lower[len(lower) // 2]))
    if width < 12.0 or gap > _MAX_GAP * width:
        return points
    along = (corners[1] - corners[0]) / width
    down = np.array([-along[1], along[0]], np.float32)
    line = (upper[1:-1] + lower) / 2
    knots = np.concatenate([corners[:1], line, corners[1:]])
    at, height = (knots - corners[0]) @ along / width, (knots - corners[0]) @ down / width
    where = np.linspace(0.0, 1.0, _COLUMNS, dtype=np.float32)
    seam = np.interp(where, at, height).astype(np.float32)
    strip = _strip(rgb, corners[0], along * width, down * width, where, seam)
    contrast = float(strip.std())
    if contrast < _LEAST_CONTRAST:
        return points
    offset = _path(_valley(strip) / contrast)
    moved = points.astype(np.float32).copy()
    for i, name in enumerate(names):
        if name.startswith("lip"):
            u = float((points[i] - corners[0]) @ along / width)
            share = 1.0 if "rim" in name else _DRAW_ALONG
            moved[i] += share * np.interp(u, where, offset) * width * down
    return moved


def _strip(
    rgb: ImageArray, origin: Array, along: Array, down: Array, where: Array, seam: Array
) -> Array:
    """Brightness of a strip that follows the line, (rows, columns)."""
    rows = np.linspace(-_REACH, _REACH, _ROWS)[:, None] + seam
    x = origin[0] + where * along[0] + rows * down[0] - 0.5
    y = origin[1] + where * along[1] + rows * down[1] - 0.5
    pixels = cv2.remap(
        rgb,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), sigmaX=1.5, sigmaY=0.8), np.float32)


def _valley(strip: Array) -> Array:
    """How much darker each place is than what lies above and below it, (rows, columns)."""
    step = max(1, round(_VALLEY / (2 * _REACH) * (_ROWS - 1)))
    padded = np.pad(strip, ((step, step), (0, 0)), mode="edge")
    shoulders = np.minimum(padded[: -2 * step], padded[2 * step :])
    return np.asarray(np.maximum(shoulders - strip, 0.0), np.float32)


def _path(valley: Array) -> Array:
    """Height of the best smooth path in each column, as a share of the mouth's width."""
    heights = np.linspace(-_REACH, _REACH, _ROWS)
    stay = _STAY * (heights / _REACH) ** 2
    cost = stay[:, None] - valley
    jumps = np.abs(np.arange(_ROWS)[:, None] - np.arange(_ROWS)[None])
    bend = _BEND * jumps.astype(np.float64) ** 1.5
    total = cost[:, 0].astype(np.float64)
    came = np.zeros((_COLUMNS, _ROWS), np.intp)
    for column in range(1, _COLUMNS):
        ways = total[None] + bend
        came[column] = ways.argmin(1)
        total = ways.min(1) + cost[:, column]
    row = int(total.argmin())
    rows = np.empty(_COLUMNS, np.intp)
    for column in range(_COLUMNS - 1, -1, -1):
        rows[column] = row
        row = int(came[column, row])
    path = heights[rows].astype(np.float32)[None]
    smooth = cv2.GaussianBlur(path, (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smooth[0], np.float32)
