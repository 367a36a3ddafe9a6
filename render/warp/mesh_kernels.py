"""Compiled loops over the mesh and its openings; all write into buffers they are given."""

import numba
import numpy as np

from core.raster import at_corners
from core.types import FloatArray
from render.warp.aperture import IntArray


@numba.njit(cache=True, fastmath=True, nogil=True)
def express(base: FloatArray, rows: FloatArray, beta: FloatArray, out: FloatArray) -> None:
    """Sum of base (n,) and rows (k, n) weighted by beta (k,), into out (n,)."""
    for i in range(base.shape[0]):
        out[i] = base[i]
    for k in range(beta.shape[0]):
        weight = beta[k]
        if weight != 0.0:
            for i in range(base.shape[0]):
                out[i] += weight * rows[k, i]


@numba.njit(cache=True, fastmath=True, nogil=True)
def turn_points(
    points: FloatArray, chosen: IntArray, matrix: FloatArray, shift: FloatArray, out: FloatArray
) -> None:
    """Apply a rigid movement to some of the points (V, 3); writes those of out (V, 3)."""
    for j in range(chosen.shape[0]):
        i = chosen[j]
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for k in range(3):
            out[i, k] = matrix[k, 0] * x + matrix[k, 1] * y + matrix[k, 2] * z + shift[k]


@numba.njit(cache=True, fastmath=True, nogil=True)
def shift_points(
    points: FloatArray, chosen: IntArray, left: float, top: float, out: FloatArray
) -> None:
    """Some of the points (V, 3) in the pixels of a window; writes those of out (V, 3)."""
    for j in range(chosen.shape[0]):
        i = chosen[j]
        out[i, 0] = points[i, 0] - left
        out[i, 1] = points[i, 1] - top
        out[i, 2] = points[i, 2]


@numba.njit(cache=True, fastmath=True, nogil=True)
def bounds(points: FloatArray, chosen: IntArray, out: FloatArray) -> None:
    """Least x, least y, greatest x, greatest y of some points (V, k), into out (4,)."""
    out[0] = out[1] = 1e9
    out[2] = out[3] = -1e9
    for j in range(chosen.shape[0]):
        for k in range(2):
            value = points[chosen[j], k]
            out[k] = min(out[k], value)
            out[2 + k] = max(out[2 + k], value)


@numba.njit(cache=True, fastmath=True, nogil=True)
def follow_rims(
    points: FloatArray,
    vertices: IntArray,
    along: FloatArray,
    share: FloatArray,
    change: FloatArray,
    down: FloatArray,
) -> None:
    """Move skin with its rim.

    Args:
        points: (V, 3), changed in place.
        vertices: (n,) of the skin.
        along: (n,): place of each along the rim, [0, samples - 1].
        share: (n,): of the change that each takes, signed.
        change: (samples,): wider gap along the rim, pixels.
        down: (2,): its direction.
    """
    for i in range(vertices.shape[0]):
        low = min(int(along[i]), change.shape[0] - 2)
        part = along[i] - low
        moved = share[i] * (change[low] * (1.0 - part) + change[low + 1] * part)
        points[vertices[i], 0] += moved * down[0]
        points[vertices[i], 1] += moved * down[1]


@numba.njit(cache=True, fastmath=True, nogil=True)
def mix_texture(
    vertices: IntArray,
    along: FloatArray,
    mixed: FloatArray,
    first: FloatArray,
    second: FloatArray,
    out: FloatArray,
) -> None:
    """Texture places between two choices, (n, 2) each, mixed (samples,) along the rim."""
    for i in range(vertices.shape[0]):
        low = min(int(along[i]), mixed.shape[0] - 2)
        part = along[i] - low
        share = mixed[low] * (1.0 - part) + mixed[low + 1] * part
        for k in range(2):
            out[vertices[i], k] = first[i, k] + share * (second[i, k] - first[i, k])


@numba.njit(cache=True, fastmath=True, nogil=True)
def write_detail(
    triangle_id: IntArray,
    weights: FloatArray,
    triangles: IntArray,
    texture: FloatArray,
    zone: FloatArray,
    density: float,
    shift: FloatArray,
    field: FloatArray,
) -> None:
    """Replace the coarse map by the mesh's own where detail matters.

    Args:
        triangle_id: (h, w) and
        weights: (h, w, 2): from `core.raster`.
        triangles: (T, 3).
        texture: (V, 2): where in the portrait each vertex finds its colour, output pixels.
        zone: (V, 1): how much the detail replaces the coarse map, [0, 1].
        density: Pixels of the dense portrait per output pixel, and
        shift: (2,): added, to turn output pixels into places for `cv2.remap`.
        field: (h, w, 2): the map, changed in place.
    """
    height, width = triangle_id.shape
    for y in range(height):
        for x in range(width):
            t = triangle_id[y, x]
            if t < 0:
                continue
            w0, w1 = weights[y, x, 0], weights[y, x, 1]
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            share = at_corners(zone, 0, a, b, c, w0, w1)
            for k in range(2):
                value = at_corners(texture, k, a, b, c, w0, w1)
                field[y, x, k] += share * (density * value + shift[k] - field[y, x, k])


@numba.njit(cache=True, fastmath=True, nogil=True)
def follow(points: FloatArray, anchors: IntArray, weights: FloatArray, out: FloatArray) -> None:
    """Places that move with a few vertices each.

    Args:
        points: (V, 3).
        anchors: (n, q): vertices, and
        weights: (n, q): their shares.
        out: (n, 2), overwritten.
    """
    for i in range(out.shape[0]):
        for k in range(2):
            total = np.float32(0.0)
            for j in range(anchors.shape[1]):
                total += weights[i, j] * points[anchors[i, j], k]
            out[i, k] = total


@numba.njit(cache=True, fastmath=True, nogil=True)
def spread_into_hole(
    triangle_id: IntArray,
    coverage: FloatArray,
    reach: int,
    trims: bool,
    share: float,
    field: FloatArray,
) -> None:
    """Continue the map of the lips a few pixels into the opening, for its blended edge.

    Args:
        triangle_id: (h, w): -1 where no skin was drawn.
        coverage: (h, w): above 0 in the opening and a little around it.
        reach: How far, pixels.
        trims: Whether the outermost pixel of the lips is replaced, too; it may show a sliver of
            their hidden side.
        share: How much of the map there it replaces, [0, 1]; none while the portrait's own mouth
            is shown.
        field: (h, w, 2): the map, changed in place.
    """
    height, width = triangle_id.shape
    for x in range(width):
        for direction in range(2):
            run = reach
            for step in range(height):
                y = step if direction == 0 else height - 1 - step
                back = -1 if direction == 0 else 1
                if triangle_id[y, x] >= 0:
                    run = 0
                elif run < reach and coverage[y, x] > 0.0:
                    if trims and run == 0 and step > 1 and triangle_id[y + 2 * back, x] >= 0:
                        for k in range(2):
                            field[y + back, x, k] = field[y + 2 * back, x, k]
                    run += 1
                    for k in range(2):
                        field[y, x, k] += share * (field[y + back, x, k] - field[y, x, k])


@numba.njit(cache=True, fastmath=True, nogil=True)
def shift_gaze(
    field: FloatArray, contour: FloatArray, corner: FloatArray, shift: FloatArray
) -> None:
    """Move what lies in an eye, all of it near the middle, nothing at the corners.

    Args:
        field: (h, w, 2): map of a window, changed in place.
        contour: (2 * n, 2): the eye's outline, output pixels: upper rim, then the lower reversed.
        corner: (2,): of the window.
        shift: (2,): in the map's units.
    """
    if shift[0] == 0.0 and shift[1] == 0.0:
        return
    n = contour.shape[0] // 2
    ax, ay = contour[0, 0] - corner[0], contour[0, 1] - corner[1]
    bx, by = contour[n - 1, 0] - corner[0], contour[n - 1, 1] - corner[1]
    dx, dy = bx - ax, by - ay
    long = dx * dx + dy * dy + 1e-6
    for y in range(field.shape[0]):
        for x in range(field.shape[1]):
            place = ((x + 0.5 - ax) * dx + (y + 0.5 - ay) * dy) / long
            off = abs(2.0 * place - 1.0)
            if off >= 1.0:
                continue
            share = (1.0 - off * off) ** 0.5
            field[y, x, 0] -= share * shift[0]
            field[y, x, 1] -= share * shift[1]


@numba.njit(cache=True, fastmath=True, nogil=True)
def rims(points: FloatArray, ends: IntArray, share: FloatArray, out: FloatArray) -> None:
    """The two rims of an opening.

    Args:
        points: (V, k).
        ends: (2, 2, samples): of each rim, the vertices before and after each of its points.
        share: (2, samples): where between them it lies.
        out: (2, samples, k), overwritten.
    """
    for rim in range(2):
        for i in range(share.shape[1]):
            a, b = ends[rim, 0, i], ends[rim, 1, i]
            for k in range(points.shape[1]):
                first = points[a, k]
                out[rim, i, k] = first + share[rim, i] * (points[b, k] - first)


@numba.njit(cache=True, fastmath=True, nogil=True)
def gaps(both: FloatArray, down: FloatArray, out: FloatArray) -> None:
    """How far the lower of two rims (2, samples, k) lies below the upper one, (samples,)."""
    for i in range(out.shape[0]):
        out[i] = 0.0
        for k in range(2):
            out[i] += (both[1, i, k] - both[0, i, k]) * down[k]


@numba.njit(cache=True, fastmath=True, nogil=True)
def outline(
    both: FloatArray,
    gap: FloatArray,
    down: FloatArray,
    matrix: FloatArray,
    shift: FloatArray,
    out: FloatArray,
) -> float:
    """An opening of exactly this gap around the middle line of two rims.

    Args:
        both: (2, samples, 3): the rims.
        gap: (samples,), pixels.
        down: (2,): its direction.
        matrix: (3, 3) and
        shift: (3,): the head's turn, applied last.
        out: (2 * samples, 2), overwritten: the upper rim, then the lower one reversed.

    Returns:
        Mean z of the middle of the upper rim after the turn.
    """
    count = gap.shape[0]
    depth = 0.0
    for i in range(count):
        for rim in range(2):
            half = 0.5 * gap[i] * (2 * rim - 1)
            x = 0.5 * (both[0, i, 0] + both[1, i, 0]) + half * down[0]
            y = 0.5 * (both[0, i, 1] + both[1, i, 1]) + half * down[1]
            z = 0.5 * (both[0, i, 2] + both[1, i, 2])
            row = i if rim == 0 else 2 * count - 1 - i
            for k in range(2):
                out[row, k] = matrix[k, 0] * x + matrix[k, 1] * y + matrix[k, 2] * z + shift[k]
            if rim == 0 and abs(2 * i - count + 1) <= count // 2:
                depth += matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + shift[2]
    return float(depth / (2 * (count // 4) + 1))


@numba.njit(cache=True, fastmath=True, nogil=True)
def column_edges(contour: FloatArray, left: float, top: float, out: FloatArray) -> None:
    """Height of both rims of an outline in every column of a window.

    Args:
        contour: (2 * samples, 2): from `outline`.
        left: Of the window, and
        top: of it.
        out: (2, w), overwritten: of the upper and the lower rim, window pixels.
    """
    count = contour.shape[0] // 2
    for rim in range(2):
        i = 0
        for x in range(out.shape[1]):
            place = left + x + 0.5
            while i < count - 2:
                following = i + 1 if rim == 0 else 2 * count - 2 - i
                if contour[following, 0] >= place:
                    break
                i += 1
            a = i if rim == 0 else 2 * count - 1 - i
            b = i + 1 if rim == 0 else 2 * count - 2 - i
            run = contour[b, 0] - contour[a, 0]
            part = min(max((place - contour[a, 0]) / run, 0.0), 1.0) if run > 1e-6 else 0.0
            out[rim, x] = contour[a, 1] + part * (contour[b, 1] - contour[a, 1]) - top
