"""Compiled loops of the coarse map; all write into buffers they are given."""

import numba
import numpy as np
from numpy.typing import NDArray

from core.types import FloatArray
from render.warp.aperture import IntArray


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
            total = 0.0
            for j in range(3):
                corner = corners[i, j]
                total += corner_weights[i, j] * (points[corner, k] - source[corner, k])
            shown[node, k] = total
    for i in range(followers.shape[0]):
        node = followers[i]
        for k in range(3):
            total = 0.0
            for j in range(anchors.shape[1]):
                total += anchor_weights[i, j] * shown[anchors[i, j], k]
            shown[node, k] = total
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
                left = max(int(np.ceil(min(x0, x1, x2) - 1e-3)), 0)
                right = min(int(np.floor(max(x0, x1, x2) + 1e-3)), width - 1)
                top = max(int(np.ceil(min(y0, y1, y2) - 1e-3)), 0)
                bottom = min(int(np.floor(max(y0, y1, y2) + 1e-3)), height - 1)
                area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
                if area > -1e-6:
                    continue
                inverse = 1.0 / area
                for y in range(top, bottom + 1):
                    for x in range(left, right + 1):
                        w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) * inverse
                        w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) * inverse
                        w2 = 1.0 - w0 - w1
                        if w0 >= -1e-3 and w1 >= -1e-3 and w2 >= -1e-3:
                            z = w0 * z0 + w1 * z1 + w2 * z2
                            if z > depth[y, x]:
                                depth[y, x] = z
                                out[y, x, 0] = origin + spacing * (w0 * ca + w1 * cb + w2 * cc)
                                out[y, x, 1] = origin + spacing * (w0 * ra + w1 * rb + w2 * rc)
