"""Compiled inner loops of the warp renderer; all write into buffers they are given."""

import numba
import numpy as np

from core.types import FloatArray, ImageArray
from render.warp.aperture import IntArray


@numba.njit(cache=True, fastmath=True, nogil=True)
def invert_grid(
    nodes: FloatArray, depth: FloatArray, origin: float, spacing: float, out: FloatArray
) -> None:
    """Turn a forward map of a regular grid into a backward one.

    Args:
        nodes: (h, w, 3) float32: where each node goes, in units of the spacing (a node that does
            not move lies at (column, row)), and its z.
        depth: (h, w) float32, scratch.
        origin: Source of the first node and
        spacing: between nodes' sources when nothing moves.
        out: (h, w, 2) float32, overwritten: the source of each grid place.
    """
    height, width = depth.shape
    for y in range(height):
        for x in range(width):
            depth[y, x] = -1e9
            out[y, x, 0] = origin + x * spacing
            out[y, x, 1] = origin + y * spacing
    for row in range(height - 1):
        for column in range(width - 1):
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
        zone: (V,): how much the detail replaces the coarse map, [0, 1].
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
            w2 = 1.0 - w0 - w1
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            share = w0 * zone[a] + w1 * zone[b] + w2 * zone[c]
            for k in range(2):
                value = w0 * texture[a, k] + w1 * texture[b, k] + w2 * texture[c, k]
                field[y, x, k] += share * (density * value + shift[k] - field[y, x, k])


@numba.njit(cache=True, fastmath=True, nogil=True)
def spread_into_hole(
    triangle_id: IntArray, coverage: FloatArray, reach: int, field: FloatArray
) -> None:
    """Continue the map of the lips a few pixels into the opening, for its blended edge.

    Args:
        triangle_id: (h, w): -1 where no skin was drawn.
        coverage: (h, w): share of each pixel that is open.
        reach: How far, pixels.
        field: (h, w, 2): the map, changed in place.
    """
    height, width = triangle_id.shape
    for x in range(width):
        for direction in range(2):
            run = reach
            for step in range(height):
                y = step if direction == 0 else height - 1 - step
                if triangle_id[y, x] >= 0:
                    run = 0
                elif run < reach and coverage[y, x] > 0.0:
                    run += 1
                    before = y - 1 if direction == 0 else y + 1
                    field[y, x, 0] = field[before, x, 0]
                    field[y, x, 1] = field[before, x, 1]


@numba.njit(cache=True, fastmath=True, nogil=True)
def fill_polygon(points: FloatArray, out: FloatArray) -> None:
    """Exact area coverage of a polygon, anti-aliased; clockwise as seen counts as inside.

    Args:
        points: (n, 2) float32, pixels of the window (left edge of the first pixel = 0), closed by
            itself; places outside the window are clipped to its rim.
        out: (h, w) float32, overwritten: [0, 1].
    """
    height, width = out.shape
    out[:, :] = 0.0
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
def composite(person: ImageArray, plate: ImageArray, out: ImageArray) -> None:
    """Lay (H, W, 4) with coverage in its last channel over (H, W, 3)."""
    height, width = out.shape[:2]
    for y in range(height):
        for x in range(width):
            share = np.int32(person[y, x, 3])
            for k in range(3):
                mixed = share * person[y, x, k] + (255 - share) * plate[y, x, k]
                out[y, x, k] = np.uint8((mixed + 127) // 255)


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
