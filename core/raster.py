"""A z-buffer rasteriser for triangle meshes, compiled by numba.

Picture coordinates: x right, y down, the centre of the top left pixel at (0.5, 0.5); z grows
towards the viewer, who sees the largest. A pixel belongs to a triangle that covers its centre.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

_EDGE = -1e-6
_SMALLEST_AREA = 1e-9


@dataclass(frozen=True, eq=False)
class RasterBuffers:
    """What a rasterised picture holds, reusable from frame to frame.

    Attributes:
        triangle_id: (H, W) int32, the triangle seen, -1 where there is none.
        bary: (H, W, 2) float32, weights of its first and second corner; undefined where none.
        depth: (H, W) float32, z of the surface seen, -inf where there is none.
    """

    triangle_id: IntArray
    bary: FloatArray
    depth: FloatArray

    @classmethod
    def create(cls, height: int, width: int) -> "RasterBuffers":
        """Buffers for pictures of one size."""
        return cls(
            np.empty((height, width), np.int32),
            np.zeros((height, width, 2), np.float32),
            np.empty((height, width), np.float32),
        )


def rasterise(
    vertices: FloatArray,
    triangles: IntArray,
    height: int,
    width: int,
    cull: bool = True,
    out: RasterBuffers | None = None,
) -> RasterBuffers:
    """Draw a mesh into a z-buffer.

    Args:
        vertices: (V, 3) float32 in picture coordinates, as `HeadPose.project` gives them.
        triangles: (T, 3) int32.
        height: Rows of the picture.
        width: Columns of the picture.
        cull: Leave out triangles seen from behind (clockwise in the picture as it is looked at).
        out: Buffers of this size to write into instead of new ones.

    Returns:
        `out`, or new buffers.

    Raises:
        ValueError: `out` has another size.
    """
    buffers = out if out is not None else RasterBuffers.create(height, width)
    if buffers.depth.shape != (height, width):
        raise ValueError(f"buffers are {buffers.depth.shape}, not {(height, width)}")
    buffers.triangle_id.fill(-1)
    buffers.depth.fill(-np.inf)
    _draw(vertices, triangles, cull, buffers.triangle_id, buffers.bary, buffers.depth)
    return buffers


def interpolate(
    buffers: RasterBuffers,
    triangles: IntArray,
    attributes: FloatArray,
    out: FloatArray | None = None,
) -> FloatArray:
    """Spread vertex attributes over the picture.

    Args:
        buffers: From `rasterise` with the same triangles.
        triangles: (T, 3) int32.
        attributes: (V, C) float32, contiguous.
        out: (H, W, C) float32 to write into instead of a new array of zeros; pixels without a
            triangle are left as they are.

    Returns:
        (H, W, C) float32.
    """
    height, width = buffers.depth.shape
    result = out if out is not None else np.zeros((height, width, attributes.shape[1]), np.float32)
    _spread(buffers.triangle_id, buffers.bary, triangles, attributes, result)
    return result


def vertex_normals(
    vertices: FloatArray, triangles: IntArray, out: FloatArray | None = None
) -> FloatArray:
    """Area-weighted unit normals, outwards for triangles counter-clockwise seen from outside.

    Args:
        vertices: (V, 3) float32 in a right-handed system such as the model's (in picture
            coordinates, where y points down, the result points inwards).
        triangles: (T, 3) int32.
        out: (V, 3) float32 to write into.

    Returns:
        (V, 3) float32; zero for vertices of no triangle.
    """
    normals = out if out is not None else np.empty_like(vertices)
    _normals(vertices, triangles, normals)
    return normals


@numba.njit(inline="always")
def at_corners(values, k, a, b, c, weight0, weight1):  # type: ignore[no-untyped-def]
    """Column k of vertex attributes (V, C) in a triangle (a, b, c), for compiled loops.

    The place is given by the weights of the first and the second corner, as in
    `RasterBuffers.bary`.
    """
    third = values[c, k]
    return third + weight0 * (values[a, k] - third) + weight1 * (values[b, k] - third)


@numba.njit(cache=True, nogil=True, boundscheck=False)
def _draw(vertices, triangles, cull, triangle_id, bary, depth):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, z0 = vertices[a, 0], vertices[a, 1], vertices[a, 2]
        x1, y1, z1 = vertices[b, 0], vertices[b, 1], vertices[b, 2]
        x2, y2, z2 = vertices[c, 0], vertices[c, 1], vertices[c, 2]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if (cull and area >= 0) or abs(area) < _SMALLEST_AREA:
            continue
        first_x = max(int(np.ceil(min(x0, x1, x2) - 0.5)), 0)
        last_x = min(int(np.floor(max(x0, x1, x2) - 0.5)), width - 1)
        first_y = max(int(np.ceil(min(y0, y1, y2) - 0.5)), 0)
        last_y = min(int(np.floor(max(y0, y1, y2) - 0.5)), height - 1)
        if first_x > last_x or first_y > last_y:
            continue
        inverse = np.float32(1.0) / area
        # Weights are linear in x: w(x) = w(first_x) + step * (x - first_x).
        step0, step1 = (y1 - y2) * inverse, (y2 - y0) * inverse
        px = np.float32(first_x) + np.float32(0.5)
        for y in range(first_y, last_y + 1):
            py = np.float32(y) + np.float32(0.5)
            start0 = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) * inverse
            start1 = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) * inverse
            entered = False
            for x in range(first_x, last_x + 1):
                along = np.float32(x - first_x)
                w0 = start0 + step0 * along
                w1 = start1 + step1 * along
                w2 = np.float32(1.0) - w0 - w1
                if w0 >= _EDGE and w1 >= _EDGE and w2 >= _EDGE:
                    entered = True
                    z = w0 * z0 + w1 * z1 + w2 * z2
                    if z > depth[y, x]:
                        depth[y, x] = z
                        triangle_id[y, x] = t
                        bary[y, x, 0] = w0
                        bary[y, x, 1] = w1
                elif entered:
                    break


@numba.njit(cache=True, nogil=True, boundscheck=False)
def _spread(triangle_id, bary, triangles, attributes, result):  # type: ignore[no-untyped-def]
    height, width = triangle_id.shape
    for y in range(height):
        for x in range(width):
            t = triangle_id[y, x]
            if t < 0:
                continue
            w0, w1 = bary[y, x, 0], bary[y, x, 1]
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            for k in range(attributes.shape[1]):
                result[y, x, k] = at_corners(attributes, k, a, b, c, w0, w1)


@numba.njit(cache=True, nogil=True, boundscheck=False)
def _normals(vertices, triangles, normals):  # type: ignore[no-untyped-def]
    for i in range(normals.shape[0]):
        for k in range(3):
            normals[i, k] = 0.0
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        vx = vertices[c, 0] - vertices[a, 0]
        vy = vertices[c, 1] - vertices[a, 1]
        vz = vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
    for i in range(normals.shape[0]):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2)
        if length > 0:
            for k in range(3):
                normals[i, k] /= length
