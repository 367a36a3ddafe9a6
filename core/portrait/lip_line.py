"""Draws the lips' inner rims to where the picture shows them.

The landmark network may be a few percent of the mouth's width off. Between closed lips there is a
dark, thin valley, which says exactly where a mouth opens: the best smooth path along it is found by
dynamic programming over the columns of a strip that follows the network's own line.

A mouth parted by little is often taken for a closed one, and the valley then is the lower edge of
the opening. The teeth, or the tongue, above it are less red than the lips and the dark lines that
surround them: an island in the redness of the upper lip. A second path finds its upper edge.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_model import FaceModel
from core.types import FloatArray, ImageArray

Array = NDArray[np.floating]

_COLUMNS = 56
_ROWS = 45
_REACH = 0.22
"""Half the strip's height as a share of the mouth's width."""
_VALLEY = 0.035
"""Distance from a valley's bottom to its shoulders, as a share of the mouth's width."""
_MAX_GAP = 0.075
_BRIGHT = 0.3
"""What brightness costs, of the gain of a valley as deep: wide dark lines have no shoulders."""
_STAY = 1.6
_BEND, _BEND_POWER = 0.5, 1.5
_DRAW_ALONG = 0.5
_LEAST_CONTRAST = 3.0

_PART_STEP = 0.005
"""Between rows in which an opening is looked for, as a share of the mouth's width."""
_PART_REACH = 0.26
_PART_BELOW = 0.06
_PART_LEAST = 0.026
"""Height of the lowest opening looked for."""
_PART_CORE = ((0.22, 0.5), (0.5, 0.78))
"""Parts of an opening's height, all of which must be less red: a gleam on the lip is narrow."""
_PART_BIAS = 0.2
"""How much less red it must be, as a share of the lips' redness over the skin's."""
_PART_BEND, _PART_BEND_POWER = 0.02, 1.2
_PART_LIP = 0.85
"""Of the upper lip's height: an opening ends below that."""
_PART_WIDTH = 0.22
"""Least width of an opening, and"""
_PART_MEAN = 0.065
"""its least mean height, both as shares of the mouth's width."""
_PART_REDNESS = 0.095
"""Lips less red than this over the skin (beards, statues, grey pictures) tell nothing."""
_PART_FADE = 0.12
"""Beside an opening: over which the rims meet, and"""
_PART_CORNER = 0.25
"""over which they do beside the mouth's corners."""


@dataclass(frozen=True, eq=False)
class _Mouth:
    """Coordinates along the mouth, from 0 at the right corner to 1, and down across it."""

    origin: Array
    along: Array
    down: Array

    @property
    def width(self) -> float:
        return float(np.linalg.norm(self.along))

    def coordinates(self, points: Array) -> tuple[Array, Array]:
        square = self.width**2
        apart = points - self.origin
        return apart @ self.along / square, apart @ self.down / square

    def sample(self, rgb: ImageArray, where: Array, heights: Array) -> ImageArray:
        """The picture at columns (n,) and heights (m, n), (m, n, 3)."""
        x = self.origin[0] + where * self.along[0] + heights * self.down[0] - 0.5
        y = self.origin[1] + where * self.along[1] + heights * self.down[1] - 0.5
        maps = x.astype(np.float32), y.astype(np.float32)
        seen = cv2.remap(rgb, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(seen, np.uint8)


def refine_lip_line(model: FaceModel, rgb: ImageArray, points: FloatArray) -> FloatArray:
    """Landmarks with the lips' inner rims moved to where they are seen.

    Args:
        model: The face model.
        rgb: The portrait, (H, W, 3) uint8.
        points: Landmarks, (L, 2), pixels.

    Returns:
        Landmarks, (L, 2) float32. Those of an open mouth are left as they are; the outer borders
        of closed lips follow halfway.
    """
    names = np.array(model.landmark_names)
    upper, lower = (
        points[np.char.startswith(names, f"lip_rim_{side}")] for side in ("upper", "lower")
    )
    along = upper[-1] - upper[0]
    mouth = _Mouth(upper[0], along, np.array([-along[1], along[0]], np.float32))
    gap = float(np.linalg.norm(upper[len(upper) // 2] - lower[len(lower) // 2]))
    if mouth.width < 12.0 or gap > _MAX_GAP * mouth.width:
        return points
    where = np.linspace(0.0, 1.0, _COLUMNS, dtype=np.float32)
    knots = np.concatenate([upper[:1], (upper[1:-1] + lower) / 2, upper[-1:]])
    seam = np.interp(where, *mouth.coordinates(knots)).astype(np.float32)
    strip = _strip(rgb, mouth, where, seam)
    contrast = float(strip.std())
    if contrast < _LEAST_CONTRAST:
        return points
    offset = _path((_valley(strip) - _BRIGHT * (strip - strip.min(0))) / contrast)
    moved = points.astype(np.float32).copy()
    for i in np.flatnonzero(np.char.startswith(names, "lip")):
        share = 1.0 if "rim" in names[i] else _DRAW_ALONG
        u = mouth.coordinates(points[i])[0]
        moved[i] += share * np.interp(u, where, offset) * mouth.down
    outer = moved[np.char.startswith(names, "lip_outer_upper")]
    opened = _opening(rgb, mouth, where, seam + offset, outer)
    for i in np.flatnonzero(np.char.startswith(names, "lip_rim_upper"))[1:-1]:
        u = mouth.coordinates(moved[i])[0]
        moved[i] -= np.interp(u, where, opened) * mouth.down
    return moved


def _strip(rgb: ImageArray, mouth: _Mouth, where: Array, seam: Array) -> Array:
    """Brightness of a strip that follows the line, (rows, columns)."""
    rows = np.linspace(-_REACH, _REACH, _ROWS)[:, None] + seam
    grey = cv2.cvtColor(mouth.sample(rgb, where, rows), cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), sigmaX=1.5, sigmaY=0.8), np.float32)


def _valley(strip: Array) -> Array:
    """How much darker each place is than what lies above and below it, (rows, columns)."""
    step = max(1, round(_VALLEY / (2 * _REACH) * (_ROWS - 1)))
    padded = np.pad(strip, ((step, step), (0, 0)), mode="edge")
    shoulders = np.minimum(padded[: -2 * step], padded[2 * step :])
    return np.asarray(np.maximum(shoulders - strip, 0.0), np.float32)


def _path(gain: Array) -> Array:
    """Height of the best smooth path in each column, as a share of the mouth's width."""
    heights = np.linspace(-_REACH, _REACH, _ROWS)
    stay = _STAY * (heights / _REACH) ** 2
    rows = _cheapest(stay[:, None] - gain, _BEND, _BEND_POWER)
    path = heights[rows].astype(np.float32)[None]
    smooth = cv2.GaussianBlur(path, (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smooth[0], np.float32)


def _opening(rgb: ImageArray, mouth: _Mouth, where: Array, seam: Array, outer: Array) -> Array:
    """How far above the line between the lips the upper rim lies, shares of the mouth's width.

    Args:
        rgb: The portrait.
        mouth: The mouth.
        where: Columns, (n,).
        seam: Height of the line in each, (n,).
        outer: Upper border of the upper lip, (k, 2), pixels.

    Returns:
        Shape (n,), all 0 where nothing is seen of an opening.
    """
    closed = np.zeros(len(where), np.float32)
    rows = np.arange(-_PART_BELOW, _PART_REACH, _PART_STEP, dtype=np.float32)[:, None]
    lip = seam - np.interp(where, *mouth.coordinates(outer))
    soft = 0.6 * _PART_STEP * mouth.width
    even = cv2.GaussianBlur(rgb, (0, 0), soft) if soft > 0.4 else rgb
    red = _redness(mouth.sample(np.asarray(even, np.uint8), where, seam - rows))
    on_lip = (rows > 0.0) & (rows < 0.9 * lip)
    on_skin = (rows > 1.15 * lip) & (rows < 1.15 * lip + 0.1)
    if not (on_lip.any() and on_skin.any()):
        return closed
    level = float(np.percentile(red[on_lip], 70))
    over_skin = level - float(np.median(red[on_skin]))
    if over_skin < _PART_REDNESS:
        return closed
    score = _island((red - level) / over_skin, lip)
    best = _cheapest(-score, _PART_BEND, _PART_BEND_POWER)
    height = np.where(best > 0, best * np.float32(_PART_STEP), np.float32(0.0))
    piece = _longest(height > 0.0)
    if piece.mean() < _PART_WIDTH or height[piece].mean() < _PART_MEAN:
        return closed
    ends = np.flatnonzero(piece)[[0, -1]]
    away = np.maximum(where[ends[0]] - where, where - where[ends[1]]) / _PART_FADE
    nearest = height[np.clip(np.arange(len(where)), *ends)]
    corner = np.minimum(where, 1.0 - where) / _PART_CORNER
    fade = np.clip(np.minimum(1.0 - away, corner), 0.0, 1.0)
    faded = (nearest * fade).astype(np.float32)[None]
    return np.asarray(cv2.GaussianBlur(faded, (0, 0), 1.0)[0], np.float32)


def _redness(pixels: ImageArray) -> Array:
    """Red over green, as a share of the light, (rows, columns)."""
    colour = pixels.astype(np.float32)
    red = (colour[..., 0] - colour[..., 1]) / (colour.sum(-1) + 40.0)
    return np.asarray(cv2.GaussianBlur(red, (0, 0), sigmaX=1.3, sigmaY=0.9), np.float32)


def _island(red: Array, lip: Array) -> Array:
    """How well an opening of each height explains each column, (heights, columns).

    Height 0 is a closed mouth. What is open is less red than both its edges.
    """
    first = round(_PART_BELOW / _PART_STEP)
    line = red[first - 4 : first + 3].max(0)
    above = red[first:]
    sums = np.cumsum(np.concatenate([np.zeros_like(above[:1]), above]), 0)
    score = np.full(above.shape, -9.0, np.float32)
    for k in range(round(_PART_LEAST / _PART_STEP), len(above) - 3):
        parts = [(int(low * k), int(np.ceil(high * k))) for low, high in _PART_CORE]
        inside = np.max([(sums[high] - sums[low]) / (high - low) for low, high in parts], axis=0)
        edge = np.minimum(line, above[k - 2 : k + 3].max(0))
        fits = k * _PART_STEP < _PART_LIP * lip
        score[k] = np.where(fits, np.minimum(edge - inside, 1.5), -9.0)
    score[0] = _PART_BIAS
    return score


def _longest(chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The longest run of a mask, (n,)."""
    labels = np.cumsum(np.diff(chosen.astype(np.int8), prepend=0) == 1) * chosen
    sizes = np.bincount(labels)
    sizes[0] = 0
    return np.asarray((labels == sizes.argmax()) & chosen, np.bool_)


def _cheapest(cost: Array, bend: float, power: float) -> NDArray[np.intp]:
    """Row of the cheapest path through (rows, columns), which pays for every step up or down."""
    count, columns = cost.shape
    jumps = np.abs(np.arange(count)[:, None] - np.arange(count)[None])
    paid = bend * jumps.astype(np.float64) ** power
    total = cost[:, 0].astype(np.float64)
    came = np.zeros((columns, count), np.intp)
    for column in range(1, columns):
        ways = total[None] + paid
        came[column] = ways.argmin(1)
        total = ways.min(1) + cost[:, column]
    row = int(total.argmin())
    rows = np.empty(columns, np.intp)
    for column in range(columns - 1, -1, -1):
        rows[column] = row
        row = int(came[column, row])
    return rows
