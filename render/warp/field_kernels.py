"""Compiled loops of the coarse map; all write into buffers they are given."""

import numba
import numpy as np
from numpy.typing import NDArray

from core.types import FloatArray, ImageArray
from render.warp.aperture import IntArray

FRACTION_BITS = 5
"""Of the places that `cv2.remap` takes in fixed point."""
CACHE_LINE_BYTES = 64
_MASK = (1 << FRACTION_BITS) - 1


@numba.njit(cache=True, fastmath=True, nogil=True)
def move_nodes(
    rest: FloatArray,
    corners: IntArray,
    corner_weights: FloatArray,
    bound: IntArray,
    anchors: IntArray,
    anchor_weights: FloatArray,
    followers: IntArray,
    points: FloatArray,
    source: FloatArray,
    turning: FloatArray,
    matrix: FloatArray,
    shift: FloatArray,
    lifting: FloatArray,
    lift: float,
    scale: FloatArray,
    shown: FloatArray,
    out: FloatArray,
) -> None:
    """Move the nodes of the coarse grid.

    Args:
        rest: (n, 3) float32: nodes at rest, output pixels.
        corners: (m, 3) int32 and
        corner_weights: (m, 3): mesh vertices that carry the nodes of
        bound: (m,) int32.
        anchors: (k, q) int32 nodes among the bound ones and
        anchor_weights: (k, q): that carry the nodes of
        followers: (k,) int32.
        points: (V, 3): the mesh with its expression and
        source: (V, 3): as the portrait shows it.
        turning: (n,): share of the head's turn each node takes.
        matrix: (3, 3) and
        shift: (3,): the head's turn.
        lifting: (n,): share of
        lift: the breath's upward shift in pixels.
        scale: (3,): origin x, origin y, spacing of the grid, pixels.
        shown: (n, 3) scratch.
        out: (n, 3): result in units of the spacing.
    """
    for i in range(rest.shape[0]):
        for k in range(3):
            shown[i, k] = 0.0
    for i in range(bound.shape[0]):
        node = bound[i]
        for k in range(3):
            total = np.float32(0.0)
            for j in range(3):
                corner = corners[i, j]
                total += corner_weights[i, j] * (points[corner, k] - source[corner, k])
            shown[node, k] = total
    for i in range(followers.shape[0]):
        node = followers[i]
        x = y = z = np.float32(0.0)
        for j in range(anchors.shape[1]):
            anchor, weight = anchors[i, j], anchor_weights[i, j]
            x += weight * shown[anchor, 0]
            y += weight * shown[anchor, 1]
            z += weight * shown[anchor, 2]
        shown[node, 0], shown[node, 1], shown[node, 2] = x, y, z
    for i in range(rest.shape[0]):
        x = rest[i, 0] + shown[i, 0]
        y = rest[i, 1] + shown[i, 1]
        z = rest[i, 2] + shown[i, 2]
        share = turning[i]
        tx = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + shift[0]
        ty = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + shift[1]
        tz = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + shift[2]
        x += share * (tx - x)
        y += share * (ty - y) - lifting[i] * lift
        z += share * (tz - z)
        out[i, 0] = (x - scale[0]) / scale[2]
        out[i, 1] = (y - scale[1]) / scale[2]
        out[i, 2] = z


@numba.njit(cache=True, fastmath=True, nogil=True)
def invert_grid(
    nodes: FloatArray,
    movable: NDArray[np.bool_],
    depth: FloatArray,
    origin: float,
    spacing: float,
    out: FloatArray,
) -> None:
    """Turn a forward map of a regular grid into a backward one.

    Args:
        nodes: (h, w, 3) float32: where each node goes, in units of the spacing (a node that does
            not move lies at (column, row)), and its z.
        movable: (h, w): nodes that can ever move.
        depth: (h, w) float32, scratch.
        origin: Source of the first node and
        spacing: between nodes' sources when nothing moves.
        out: (h, w, 2) float32, overwritten: the source of each grid place.
    """
    height, width = depth.shape
    one, slack = np.float32(1.0), np.float32(1e-3)
    for y in range(height):
        for x in range(width):
            depth[y, x] = -1e9 if movable[y, x] else nodes[y, x, 2]
            out[y, x, 0] = origin + x * spacing
            out[y, x, 1] = origin + y * spacing
    for row in range(height - 1):
        for column in range(width - 1):
            if not (
                movable[row, column]
                or movable[row, column + 1]
                or movable[row + 1, column]
                or movable[row + 1, column + 1]
            ):
                continue
            for half in range(2):
                if half == 0:
                    ra, ca, rb, cb, rc, cc = row, column, row + 1, column, row, column + 1
                else:
                    ra, ca, rb, cb, rc, cc = row + 1, column + 1, row, column + 1, row + 1, column
                x0, y0, z0 = nodes[ra, ca, 0], nodes[ra, ca, 1], nodes[ra, ca, 2]
                x1, y1, z1 = nodes[rb, cb, 0], nodes[rb, cb, 1], nodes[rb, cb, 2]
                x2, y2, z2 = nodes[rc, cc, 0], nodes[rc, cc, 1], nodes[rc, cc, 2]
                left = max(int(np.ceil(min(x0, x1, x2) - slack)), 0)
                right = min(int(np.floor(max(x0, x1, x2) + slack)), width - 1)
                top = max(int(np.ceil(min(y0, y1, y2) - slack)), 0)
                bottom = min(int(np.floor(max(y0, y1, y2) + slack)), height - 1)
                area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
                if area > -1e-6:
                    continue
                inverse = one / area
                for y in range(top, bottom + 1):
                    py = np.float32(y)
                    for x in range(left, right + 1):
                        px = np.float32(x)
                        w0 = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) * inverse
                        w1 = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) * inverse
                        w2 = one - w0 - w1
                        if w0 >= -slack and w1 >= -slack and w2 >= -slack:
                            z = w0 * z0 + w1 * z1 + w2 * z2
                            if z > depth[y, x]:
                                depth[y, x] = z
                                out[y, x, 0] = origin + spacing * (w0 * ca + w1 * cb + w2 * cc)
                                out[y, x, 1] = origin + spacing * (w0 * ra + w1 * rb + w2 * rc)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _stretch_row(
    nodes: FloatArray,
    left: int,
    width: int,
    spacing: int,
    ring: int,
    zoom: float,
    out: FloatArray,
) -> None:
    """One row of nodes (columns, 2), times `zoom`, at `width` pixels from `left` on, (2, w)."""
    step = np.float32(1.0 / spacing)
    x = 0
    while x < width:
        place = (left + x + 0.5) / spacing - 0.5 + ring
        column = int(place)
        start = np.float32(place - column)
        run = min(max(int(np.ceil((column + 1 - place) * spacing - 1e-6)), 1), width - x)
        for k in range(2):
            first = zoom * nodes[column, k]
            slope = zoom * (nodes[column + 1, k] - nodes[column, k])
            for i in range(run):
                out[k, x + i] = first + slope * (start + np.float32(i) * step)
        x += run


@numba.njit(cache=True, fastmath=True, nogil=True)
def _stretch_pair(
    nodes: FloatArray,
    y: int,
    before: int,
    left: int,
    width: int,
    spacing: int,
    ring: int,
    zoom: float,
    pair: FloatArray,
) -> tuple[int, np.float32]:
    """Make ready the two rows of nodes between which a row of pixels lies.

    Args:
        nodes: (rows, columns, 2).
        y: The row of pixels.
        before: The upper row that `pair` holds, -9 for none.
        left: See `_stretch_row`; so are the next four.
        width: Pixels.
        spacing: Pixels between nodes.
        ring: Nodes outside the picture.
        zoom: Factor.
        pair: (2, 2, w): the upper row is `pair[row % 2]`.

    Returns:
        The upper row, and the share of the lower one.
    """
    place = (y + 0.5) / spacing - 0.5 + ring
    row = int(place)
    if row != before:
        if row != before + 1:
            _stretch_row(nodes[row], left, width, spacing, ring, zoom, pair[row & 1])
        _stretch_row(nodes[row + 1], left, width, spacing, ring, zoom, pair[(row + 1) & 1])
    return row, np.float32(place - row)


@numba.njit(cache=True, fastmath=True, nogil=True)
def stretch(
    nodes: FloatArray,
    left: int,
    top: int,
    spacing: int,
    ring: int,
    pair: FloatArray,
    out: FloatArray,
) -> None:
    """The coarse map in every pixel of a window.

    Args:
        nodes: (rows, columns, 2).
        left: Of the window, pixels, and
        top: of it.
        spacing: Pixels between nodes.
        ring: Rows and columns of nodes outside the picture.
        pair: (2, 2, >= w) scratch.
        out: (h, w, 2), overwritten.
    """
    row = -9
    one = np.float32(1.0)
    width = out.shape[1]
    for y in range(out.shape[0]):
        row, share = _stretch_pair(nodes, top + y, row, left, width, spacing, ring, one, pair)
        upper, lower = pair[row & 1], pair[(row + 1) & 1]
        for x in range(width):
            out[y, x, 0] = upper[0, x] + share * (lower[0, x] - upper[0, x])
            out[y, x, 1] = upper[1, x] + share * (lower[1, x] - upper[1, x])


@numba.njit(cache=True, nogil=True)
def _whole(x: int, y: int) -> int:
    """Whole parts of two fixed-point numbers in one of 32 bits."""
    return ((y >> FRACTION_BITS) << 16) | ((x >> FRACTION_BITS) & 0xFFFF)


@numba.njit(cache=True, fastmath=True, nogil=True)
def stretch_fixed(
    nodes: FloatArray,
    left: int,
    top: int,
    spacing: int,
    ring: int,
    pair: FloatArray,
    whole: IntArray,
    fraction: NDArray[np.uint16],
) -> None:
    """The same as fixed-point places.

    Args:
        nodes: See `stretch`.
        left: Likewise.
        top: Likewise.
        spacing: Likewise.
        ring: Likewise.
        pair: Likewise.
        whole: (h, w), overwritten: x in the lower, y in the upper 16 bits, and
        fraction: (h, w), overwritten: 5 bits of each, as in `cv2.convertMaps`. Places below zero,
            outside the picture, may be off by one fraction.
    """
    row = -9
    zoom, half = np.float32(1 << FRACTION_BITS), np.float32(0.5)
    width = whole.shape[1]
    for y in range(whole.shape[0]):
        row, share = _stretch_pair(nodes, top + y, row, left, width, spacing, ring, zoom, pair)
        upper, lower = pair[row & 1], pair[(row + 1) & 1]
        for x in range(width):
            column = np.int32(upper[0, x] + share * (lower[0, x] - upper[0, x]) + half)
            line = np.int32(upper[1, x] + share * (lower[1, x] - upper[1, x]) + half)
            whole[y, x] = _whole(column, line)
            fraction[y, x] = np.uint16(((line & _MASK) << FRACTION_BITS) | (column & _MASK))


@numba.njit(cache=True, nogil=True)
def touch(picture: ImageArray, whole: IntArray) -> int:
    """Read a byte of every cache line that a band will be fetched from.

    `cv2.remap` waits for memory at every step; here the reads are independent and overlap.

    Args:
        picture: (H, W, C) uint8 that the places lie in.
        whole: (h, w); see `stretch_fixed`. Only its rim is looked at.

    Returns:
        Sum of the bytes, so that no compiler leaves the reads away.
    """
    height, width = whole.shape
    first, last = picture.shape[0], 0
    for x in range(0, width, 4):
        first = min(first, whole[0, x] >> 16)
        last = max(last, (whole[height - 1, x] >> 16) + 2)
    left, right = picture.shape[1], 0
    for y in range(height):
        left = min(left, int(np.int16(whole[y, 0] & 0xFFFF)))
        right = max(right, int(np.int16(whole[y, width - 1] & 0xFFFF)) + 2)
    step = CACHE_LINE_BYTES // picture.shape[2]
    total = 0
    for y in range(max(first, 0), min(last, picture.shape[0])):
        for x in range(max(left, 0), min(right, picture.shape[1]), step):
            total += picture[y, x, 0]
    return total


@numba.njit(cache=True, fastmath=True, nogil=True)
def fix(
    field: FloatArray, left: int, top: int, whole: IntArray, fraction: NDArray[np.uint16]
) -> None:
    """Put a map into one of fixed-point places.

    Args:
        field: (h, w, 2).
        left: Column of the other at which it begins, perhaps below 0, and
        top: its row, likewise; what lies outside the other is left away.
        whole: (H, W), changed in place; see `stretch_fixed`.
        fraction: (H, W), likewise.
    """
    zoom, half = np.float32(1 << FRACTION_BITS), np.float32(0.5)
    first, last = max(left, 0), min(left + field.shape[1], whole.shape[1])
    for y in range(max(top, 0), min(top + field.shape[0], whole.shape[0])):
        for x in range(first, last):
            column = np.int32(zoom * field[y - top, x - left, 0] + half)
            line = np.int32(zoom * field[y - top, x - left, 1] + half)
            whole[y, x] = _whole(column, line)
            fraction[y, x] = np.uint16(((line & _MASK) << FRACTION_BITS) | (column & _MASK))


@numba.njit(cache=True, fastmath=True, nogil=True)
def band_places(
    nodes: FloatArray,
    left: int,
    top: int,
    spacing: int,
    ring: int,
    pair: FloatArray,
    detail: FloatArray,
    detail_left: int,
    detail_top: int,
    picture: ImageArray,
    whole: IntArray,
    fraction: NDArray[np.uint16],
) -> int:
    """Where a band comes from, and get it ready: `stretch_fixed`, `fix` and `touch` at once.

    Args:
        nodes: See `stretch_fixed`; so are the next five.
        left: Of the band, pixels.
        top: Of it.
        spacing: Pixels between nodes.
        ring: Nodes outside the picture.
        pair: Scratch.
        detail: (k, l, 2): a map that replaces the coarse one, pixels
        detail_left: from its left and
        detail_top: from its top on.
        picture: See `touch`.
        whole: (h, w), overwritten.
        fraction: (h, w), overwritten.
    """
    stretch_fixed(nodes, left, top, spacing, ring, pair, whole, fraction)
    fix(detail, detail_left - left, detail_top - top, whole, fraction)
    return int(touch(picture, whole))
