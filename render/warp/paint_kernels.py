"""Compiled loops that paint into the picture; all write into buffers they are given."""

import numba
import numpy as np

from core.types import FloatArray, ImageArray


@numba.njit(cache=True, fastmath=True, nogil=True)
def fill_polygon(points: FloatArray, out: FloatArray) -> None:
    """Exact area coverage of a polygon, anti-aliased; clockwise as seen counts as inside.

    Args:
        points: (n, 2) float32, pixels of the window (left edge of the first pixel = 0), closed by
            itself; places outside the window are clipped to its rim.
        out: (h, w) float32, overwritten: [0, 1].
    """
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            out[y, x] = 0.0
    n = points.shape[0]
    for i in range(n):
        x0 = min(max(points[i, 0], 0.0), width - 1.001)
        y0 = min(max(points[i, 1], 0.0), float(height))
        j = i + 1 if i + 1 < n else 0
        x1 = min(max(points[j, 0], 0.0), width - 1.001)
        y1 = min(max(points[j, 1], 0.0), float(height))
        if y0 == y1:
            continue
        sign = -1.0
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
            sign = 1.0
        slope = (x1 - x0) / (y1 - y0)
        x = x0
        for y in range(int(y0), min(int(np.ceil(y1)), height)):
            part = min(y + 1.0, y1) - max(float(y), y0)
            following = x + slope * part
            d = sign * part
            left, right = min(x, following), max(x, following)
            first, last = int(np.floor(left)), int(np.ceil(right))
            if last <= first + 1:
                middle = 0.5 * (x + following) - first
                out[y, first] += d - d * middle
                out[y, first + 1] += d * middle
            else:
                steep = 1.0 / (right - left)
                into = left - first
                a0 = 0.5 * steep * (1.0 - into) ** 2
                over = right - last + 1.0
                am = 0.5 * steep * over**2
                out[y, first] += d * a0
                if last == first + 2:
                    out[y, first + 1] += d * (1.0 - a0 - am)
                else:
                    a1 = steep * (1.5 - into)
                    out[y, first + 1] += d * (a1 - a0)
                    for column in range(first + 2, last - 1):
                        out[y, column] += d * steep
                    a2 = a1 + (last - first - 3) * steep
                    out[y, last - 1] += d * (1.0 - a2 - am)
                out[y, last] += d * am
            x = following
    for y in range(height):
        total = 0.0
        for x in range(width):
            total += out[y, x]
            out[y, x] = min(total, 1.0) if total > 1e-4 else 0.0


@numba.njit(cache=True, fastmath=True, nogil=True)
def blend(layer: ImageArray, coverage: FloatArray, out: ImageArray) -> None:
    """Lay (h, w, 3) uint8 over another with (h, w) coverage, in place."""
    height, width = coverage.shape
    for y in range(height):
        for x in range(width):
            share = coverage[y, x]
            if share <= 0.0:
                continue
            for k in range(3):
                under = float(out[y, x, k])
                out[y, x, k] = np.uint8(under + share * (float(layer[y, x, k]) - under) + 0.5)


@numba.njit(cache=True, fastmath=True, nogil=True)
def tint(coverage: FloatArray, strength: float, colour: FloatArray, out: ImageArray) -> None:
    """Draw a colour (3,) over (h, w, 3) uint8 with coverage * strength, in place."""
    height, width = coverage.shape
    for y in range(height):
        for x in range(width):
            share = coverage[y, x] * strength
            if share <= 0.0:
                continue
            for k in range(3):
                under = float(out[y, x, k])
                out[y, x, k] = np.uint8(under + share * (colour[k] - under) + 0.5)


@numba.njit(cache=True, fastmath=True, nogil=True)
def darken_rim(soft: FloatArray, strength: float, out: ImageArray) -> None:
    """Shade the skin beside an opening, where it turns inwards.

    Args:
        soft: (h, w): blurred share of each pixel that is open.
        strength: [0, 1].
        out: (h, w, 3) uint8, changed in place.
    """
    height, width = soft.shape
    for y in range(height):
        for x in range(width):
            share = strength * soft[y, x]
            if share <= 0.004:
                continue
            out[y, x, 0] = np.uint8(out[y, x, 0] * (1.0 - 0.85 * share) + 0.5)
            for k in range(1, 3):
                out[y, x, k] = np.uint8(out[y, x, k] * (1.0 - share) + 0.5)


@numba.njit(cache=True, fastmath=True, nogil=True)
def shade_line(line: FloatArray, soft_px: float, strength: float, out: ImageArray) -> None:
    """Darken the skin along a line that runs downwards, softly on both sides and towards its ends.

    Args:
        line: (n, 2), pixels, y rising.
        soft_px: Distance at which the shade has fallen to 0.6.
        strength: [0, 1] in the middle of the line.
        out: (h, w, 3) uint8, changed in place.
    """
    count = line.shape[0]
    top, bottom = line[0, 1], line[count - 1, 1]
    reach = 2.8 * soft_px
    i = 0
    for y in range(max(int(top), 0), min(int(bottom) + 1, out.shape[0])):
        place = min(max(y + 0.5, top), bottom)
        while i < count - 2 and line[i + 1, 1] < place:
            i += 1
        dx, dy = line[i + 1, 0] - line[i, 0], max(line[i + 1, 1] - line[i, 1], 1e-3)
        part = min(max((place - line[i, 1]) / dy, 0.0), 1.0)
        middle = line[i, 0] + part * dx
        upright = max(dy / np.sqrt(dx * dx + dy * dy), 0.5)
        along = (i + part) / (count - 1.0)
        deep = strength * min(4.0 * along * (1.0 - along), 1.0)
        far = reach / upright
        for x in range(max(int(middle - far), 0), min(int(middle + far) + 1, out.shape[1])):
            off = (x + 0.5 - middle) / far
            share = deep * max(1.0 - off * off, 0.0) ** 4
            out[y, x, 0] = np.uint8(out[y, x, 0] * (1.0 - 0.85 * share) + 0.5)
            for k in range(1, 3):
                out[y, x, k] = np.uint8(out[y, x, k] * (1.0 - share) + 0.5)


@numba.njit(cache=True, fastmath=True, nogil=True)
def composite(person: ImageArray, plate: ImageArray, out: ImageArray) -> None:
    """Lay (H, W, 4) with coverage in its last channel over (H, W, 3)."""
    height, width = out.shape[:2]
    for y in range(height):
        for x in range(width):
            share = np.int32(person[y, x, 3])
            for k in range(3):
                mixed = share * person[y, x, k] + (255 - share) * plate[y, x, k]
                out[y, x, k] = np.uint8((mixed + 127) // 255)
