"""Compiled shading of the mouth's inside."""

from typing import Any

import numba
import numpy as np

from core.raster import at_corners
from core.types import FloatArray, ImageArray
from render.warp.aperture import IntArray

SAMPLES_PER_SIDE = 2
"""Of every pixel, in each direction."""


@numba.njit(cache=True, fastmath=True, nogil=True)
def _look_up(picture: Any, x: float, y: float, out: FloatArray) -> None:
    """Bilinear sample of (H, W, C) at x, y (centre of the first pixel at 0)."""
    height, width = picture.shape[0], picture.shape[1]
    x = min(max(x, 0.0), width - 1.001)
    y = min(max(y, 0.0), height - 1.001)
    column, row = int(x), int(y)
    fx, fy = x - column, y - row
    for k in range(picture.shape[2]):
        above = picture[row, column, k] * (1 - fx) + picture[row, column + 1, k] * fx
        below = picture[row + 1, column, k] * (1 - fx) + picture[row + 1, column + 1, k] * fx
        out[k] = above * (1 - fy) + below * fy


@numba.njit(cache=True, fastmath=True, nogil=True)
def _put(
    x: float,
    y: float,
    z: float,
    matrix: FloatArray,
    shift: FloatArray,
    place: FloatArray,
    fade: FloatArray,
    out: FloatArray,
) -> float:
    """Turn one point, write it in samples of the window, return how its depth darkens it."""
    depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + shift[2]
    for k in range(2):
        turned = matrix[k, 0] * x + matrix[k, 1] * y + matrix[k, 2] * z + shift[k]
        out[k] = (turned - place[k]) * place[2]
    out[2] = depth
    deep = max((place[3] - depth) / place[4] - fade[0], 0.0)
    return float(fade[1] + (1.0 - fade[1]) * np.exp(-fade[2] * deep))


@numba.njit(cache=True, fastmath=True, nogil=True)
def place_soft(
    points: FloatArray,
    chosen: IntArray,
    moves: FloatArray,
    shares: FloatArray,
    matrix: FloatArray,
    shift: FloatArray,
    place: FloatArray,
    fade: FloatArray,
    out: FloatArray,
    light: FloatArray,
) -> None:
    """Place tongue and socket.

    Args:
        points: (V, 3): the mesh before the head's turn.
        chosen: (n,): vertices.
        moves: (4, n, 3): what is added to them, times
        shares: (4,).
        matrix: (3, 3) and
        shift: (3,): the head's turn.
        place: (5,): left, top of the window, samples per pixel, z of the lips, pixels per cm.
        fade: (3,): where darkening begins behind the lips, what is left, how fast.
        out: (n, 3), overwritten: in samples of the window.
        light: (n, 1), overwritten: what depth leaves of the light.
    """
    for i in range(chosen.shape[0]):
        at = chosen[i]
        x, y, z = points[at, 0], points[at, 1], points[at, 2]
        for k in range(moves.shape[0]):
            x += shares[k] * moves[k, i, 0]
            y += shares[k] * moves[k, i, 1]
            z += shares[k] * moves[k, i, 2]
        light[i, 0] = _put(x, y, z, matrix, shift, place, fade, out[i])


@numba.njit(cache=True, fastmath=True, nogil=True)
def place_strip(
    points: FloatArray,
    anchors: IntArray,
    weights: FloatArray,
    beside: FloatArray,
    matrix: FloatArray,
    shift: FloatArray,
    place: FloatArray,
    fade: FloatArray,
    lit: FloatArray,
    out: FloatArray,
    light: FloatArray,
) -> None:
    """Place a row of teeth, whose vertices (n,) follow anchors (n, k) with weights and lie
    beside (n, 3) their mean; see `place_soft`. The light that depth leaves is multiplied by
    lit (n,)."""
    for i in range(anchors.shape[0]):
        x, y, z = beside[i, 0], beside[i, 1], beside[i, 2]
        for k in range(anchors.shape[1]):
            at, weight = anchors[i, k], weights[i, k]
            x += weight * points[at, 0]
            y += weight * points[at, 1]
            z += weight * points[at, 2]
        light[i, 0] = lit[i] * _put(x, y, z, matrix, shift, place, fade, out[i])


@numba.njit(cache=True, fastmath=True, nogil=True)
def shade(
    buffers: Any,
    triangles: Any,
    soft_colour: FloatArray,
    relief: FloatArray,
    relief_texels: FloatArray,
    sources: Any,
    textures: Any,
    texels: Any,
    lights: Any,
    cavity: FloatArray,
    scale: float,
    inner: Any,
    coverage: FloatArray,
    edges: FloatArray,
    identity: float,
    has_own: bool,
    own: FloatArray,
    picture: ImageArray,
    margin: int,
    density: int,
    field: FloatArray,
    layer: ImageArray,
) -> None:
    """Shade every covered pixel of a window from 2 x 2 samples; see `interior.Opening`."""
    total = np.zeros(3, np.float32)
    colour = np.zeros(3, np.float32)
    texel = np.zeros(4, np.float32)
    photo = np.zeros(4, np.float32)
    shadow = np.zeros(3, np.float32)
    soft_id, soft_weights, soft_depth = buffers[0]
    looks_up = has_own or identity > 0.0
    for row_in in range(inner[3]):
        y = inner[1] + row_in
        for column_in in range(inner[2]):
            x = inner[0] + column_in
            if coverage[y, x] <= 0.0:
                continue
            for k in range(3):
                total[k] = 0.0
            under = max((y + 0.5 - edges[0, x]) / scale, 0.0)
            above = max((edges[1, x] - y - 0.5) / scale, 0.0)
            room = max(edges[1, x] - edges[0, x], 0.0) / scale
            lip_shadow = 1.0 - 0.34 * np.exp(-under / 0.15) - 0.16 * np.exp(-above / 0.10)
            lip_shadow *= 0.84 + 0.16 * min(room / 0.6, 1.0)
            # Light that reaches the inside has been between lips and gums: shadows are warm.
            shadow[0] = lip_shadow * (1.20 - 0.20 * lip_shadow)
            shadow[1] = lip_shadow
            shadow[2] = lip_shadow * (0.96 + 0.04 * lip_shadow)
            for sub in range(4):
                sy, sx = 2 * row_in + sub // 2, 2 * column_in + sub % 2
                t = soft_id[sy, sx]
                z = -1e9
                u = (field[y, x, 0] + 0.5) / density - margin
                v = (field[y, x, 1] + 0.5) / density - margin
                for k in range(3):
                    colour[k] = cavity[k] * 0.25
                if t >= 0:
                    w0, w1 = soft_weights[sy, sx, 0], soft_weights[sy, sx, 1]
                    z = soft_depth[sy, sx]
                    faces = triangles[0]
                    a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
                    fade = at_corners(lights[0], 0, a, b, c, w0, w1)
                    tx = at_corners(relief_texels, 0, a, b, c, w0, w1)
                    if tx > 0.0:
                        ty = at_corners(relief_texels, 1, a, b, c, w0, w1)
                        fade *= relief[int(ty), int(tx)]
                    for k in range(3):
                        colour[k] = fade * at_corners(soft_colour, k, a, b, c, w0, w1)
                    if looks_up:
                        u = at_corners(sources[0], 0, a, b, c, w0, w1)
                        v = at_corners(sources[0], 1, a, b, c, w0, w1)
                for row in range(2):
                    strip_id, strip_weights, strip_depth = buffers[row + 1]
                    t = strip_id[sy, sx]
                    if t < 0 or strip_depth[sy, sx] < z:
                        continue
                    w0, w1 = strip_weights[sy, sx, 0], strip_weights[sy, sx, 1]
                    faces = triangles[row + 1]
                    a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
                    tx = at_corners(texels[row], 0, a, b, c, w0, w1)
                    ty = at_corners(texels[row], 1, a, b, c, w0, w1)
                    _look_up(textures[row], tx, ty, texel)
                    alpha = texel[3]
                    light = at_corners(lights[row + 1], 0, a, b, c, w0, w1)
                    for k in range(3):
                        colour[k] += alpha * (texel[k] * light - colour[k])
                    if looks_up and alpha > 0.5:
                        u = at_corners(sources[row + 1], 0, a, b, c, w0, w1)
                        v = at_corners(sources[row + 1], 1, a, b, c, w0, w1)
                share = identity
                if looks_up:
                    column = min(max(int(u), 0), own.shape[1] - 1)
                    line = min(max(int(v), 0), own.shape[0] - 1)
                    share = max(own[line, column], identity)
                if share > 0.0:
                    px, py = density * (u + margin) - 0.5, density * (v + margin) - 0.5
                    _look_up(picture, px, py, photo)
                    for k in range(3):
                        total[k] += share * photo[k]
                for k in range(3):
                    total[k] += (1.0 - share) * colour[k] * shadow[k]
            for k in range(3):
                layer[y, x, k] = np.uint8(min(max(total[k] * 0.25 + 0.5, 0.0), 255.0))
