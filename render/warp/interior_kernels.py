"""Compiled shading of the mouth's inside."""

from typing import Any

import numba
import numpy as np

from core.types import FloatArray, ImageArray


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
def shade(
    buffers: Any,
    triangles: Any,
    soft_colour: FloatArray,
    soft_source: FloatArray,
    textures: Any,
    texels: Any,
    strip_shade: Any,
    strip_source: Any,
    cavity: FloatArray,
    lip_depth: float,
    scale: float,
    coverage: FloatArray,
    edges: FloatArray,
    identity: float,
    own: FloatArray,
    picture: ImageArray,
    margin: int,
    density: int,
    field: FloatArray,
    layer: ImageArray,
) -> None:
    """Shade every covered pixel of a window from 2 x 2 samples; see `Interior.render`."""
    height, width = coverage.shape
    total = np.zeros(3, np.float32)
    colour = np.zeros(3, np.float32)
    texel = np.zeros(4, np.float32)
    photo = np.zeros(3, np.float32)
    soft_id, soft_weights, soft_depth = buffers[0]
    for y in range(height):
        for x in range(width):
            if coverage[y, x] <= 0.0:
                continue
            total[:] = 0.0
            under = max((y + 0.5 - edges[0, x]) / scale, 0.0)
            above = max((edges[1, x] - y - 0.5) / scale, 0.0)
            room = max(edges[1, x] - edges[0, x], 0.0) / scale
            lip_shadow = 1.0 - 0.42 * np.exp(-under / 0.15) - 0.18 * np.exp(-above / 0.10)
            lip_shadow *= 0.78 + 0.22 * min(room / 0.6, 1.0)
            for sub in range(4):
                sy, sx = 2 * y + sub // 2, 2 * x + sub % 2
                t = soft_id[sy, sx]
                z = -1e9
                u = (field[y, x, 0] + 0.5) / density - margin
                v = (field[y, x, 1] + 0.5) / density - margin
                for k in range(3):
                    colour[k] = cavity[k] * 0.25
                if t >= 0:
                    w0, w1 = soft_weights[sy, sx, 0], soft_weights[sy, sx, 1]
                    w2 = 1.0 - w0 - w1
                    a, b, c = triangles[0][t, 0], triangles[0][t, 1], triangles[0][t, 2]
                    z = soft_depth[sy, sx]
                    deep = max((lip_depth - z) / scale - 0.9, 0.0)
                    fade = 0.42 + 0.58 * np.exp(-0.22 * deep)
                    for k in range(3):
                        value = (
                            w0 * soft_colour[a, k] + w1 * soft_colour[b, k] + w2 * soft_colour[c, k]
                        )
                        colour[k] = value * fade
                    u = w0 * soft_source[a, 0] + w1 * soft_source[b, 0] + w2 * soft_source[c, 0]
                    v = w0 * soft_source[a, 1] + w1 * soft_source[b, 1] + w2 * soft_source[c, 1]
                for row in range(2):
                    strip_id, strip_weights, strip_depth = buffers[row + 1]
                    t = strip_id[sy, sx]
                    if t < 0 or strip_depth[sy, sx] < z:
                        continue
                    w0, w1 = strip_weights[sy, sx, 0], strip_weights[sy, sx, 1]
                    w2 = 1.0 - w0 - w1
                    tri = triangles[row + 1]
                    a, b, c = tri[t, 0], tri[t, 1], tri[t, 2]
                    at = texels[row]
                    tx = w0 * at[a, 0] + w1 * at[b, 0] + w2 * at[c, 0]
                    ty = w0 * at[a, 1] + w1 * at[b, 1] + w2 * at[c, 1]
                    _look_up(textures[row], tx, ty, texel)
                    alpha = texel[3]
                    lit = strip_shade[row]
                    light = w0 * lit[a] + w1 * lit[b] + w2 * lit[c]
                    deep = max((lip_depth - strip_depth[sy, sx]) / scale - 0.8, 0.0)
                    light *= 0.16 + 0.84 * np.exp(-0.34 * deep)
                    if row == 0:
                        light *= 0.90
                    for k in range(3):
                        colour[k] += alpha * (texel[k] * light - colour[k])
                    if alpha > 0.5:
                        from_strip = strip_source[row]
                        u = w0 * from_strip[a, 0] + w1 * from_strip[b, 0] + w2 * from_strip[c, 0]
                        v = w0 * from_strip[a, 1] + w1 * from_strip[b, 1] + w2 * from_strip[c, 1]
                column = min(max(int(u), 0), own.shape[1] - 1)
                line = min(max(int(v), 0), own.shape[0] - 1)
                share = max(own[line, column], identity)
                if share > 0.0:
                    px, py = density * (u + margin) - 0.5, density * (v + margin) - 0.5
                    _look_up(picture, px, py, photo)
                    for k in range(3):
                        total[k] += share * photo[k]
                for k in range(3):
                    total[k] += (1.0 - share) * colour[k] * lip_shadow
            for k in range(3):
                layer[y, x, k] = np.uint8(min(max(total[k] * 0.25 + 0.5, 0.0), 255.0))
