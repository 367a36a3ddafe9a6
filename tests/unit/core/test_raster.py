import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.raster import RasterBuffers, interpolate, rasterise, vertex_normals


def slow_reference(vertices, triangles, height, width, cull):
    """The definition in float64: triangle seen, its depth, and where rounding counts."""
    seen = np.full((height, width), -1)
    depth = np.full((height, width), -np.inf)
    doubtful = np.zeros((height, width), bool)
    for t, corners in enumerate(triangles):
        (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = vertices[corners].astype(float)
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9 or (cull and area > 0):
            continue
        py, px = np.mgrid[:height, :width] + 0.5
        w0 = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) / area
        w1 = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) / area
        w2 = 1 - w0 - w1
        z = w0 * z0 + w1 * z1 + w2 * z2
        inside = np.minimum(np.minimum(w0, w1), w2)
        doubtful |= (abs(inside) < 1e-3) | ((inside > 0) & (abs(z - depth) < 0.05))
        new = (inside >= 0) & (z > depth)
        seen[new], depth[new] = t, z[new]
    return seen, depth, doubtful


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(1, 40), st.integers(1, 40))
def test_same_as_the_slow_reference(seed, cull, height, width):
    random = np.random.default_rng(seed)
    vertices = random.uniform(-15, 45, (12, 3)).astype(np.float32)
    triangles = random.integers(0, 12, (8, 3)).astype(np.int32)
    buffers = rasterise(vertices, triangles, height, width, cull)
    seen, depth, doubtful = slow_reference(vertices, triangles, height, width, cull)
    # Rounding may decide otherwise on an edge or where two surfaces cross: nowhere else.
    np.testing.assert_array_equal(buffers.triangle_id[~doubtful], seen[~doubtful])
    compared = ~doubtful & (seen >= 0)
    np.testing.assert_allclose(buffers.depth[compared], depth[compared], atol=0.05)


def test_interpolation_reproduces_linear_attributes():
    random = np.random.default_rng(1)
    vertices = random.uniform(0, 32, (30, 3)).astype(np.float32)
    triangles = random.integers(0, 30, (20, 3)).astype(np.int32)
    buffers = rasterise(vertices, triangles, 32, 32, cull=False)
    picture = interpolate(buffers, triangles, vertices)
    covered = buffers.triangle_id >= 0
    assert covered.mean() > 0.2
    y, x = np.mgrid[:32, :32] + 0.5
    np.testing.assert_allclose(picture[covered, 0], x[covered], atol=2e-2)
    np.testing.assert_allclose(picture[covered, 1], y[covered], atol=2e-2)
    np.testing.assert_allclose(picture[covered, 2], buffers.depth[covered], atol=2e-2)
    assert (picture[~covered] == 0).all()


def test_buffers_are_reused_and_left_clean():
    buffers = RasterBuffers.create(8, 8)
    triangle = np.array([[0, 1, 2]], np.int32)
    square = np.array([[0, 0, 1], [0, 8, 1], [8, 8, 1]], np.float32)
    full = rasterise(square, triangle, 8, 8, out=buffers)
    assert full is buffers
    assert (buffers.triangle_id == 0).sum() == 36
    rasterise(square - 100, triangle, 8, 8, out=buffers)
    assert (buffers.triangle_id == -1).all()
    assert np.isneginf(buffers.depth).all()


def test_buffers_of_another_size_are_refused():
    with pytest.raises(ValueError, match="buffers are"):
        rasterise(
            np.zeros((3, 3), np.float32),
            np.array([[0, 1, 2]], np.int32),
            4,
            5,
            out=RasterBuffers.create(5, 4),
        )


def test_back_faces_are_culled():
    front = np.array([[0, 0, 0], [0, 8, 0], [8, 8, 0]], np.float32)
    triangle = np.array([[0, 1, 2]], np.int32)
    assert (rasterise(front, triangle, 8, 8).triangle_id == 0).any()
    assert (rasterise(front, triangle[:, ::-1].copy(), 8, 8).triangle_id == -1).all()
    assert (rasterise(front, triangle[:, ::-1].copy(), 8, 8, cull=False).triangle_id == 0).any()


def test_normals_of_a_sphere_point_outwards():
    steps = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rows = np.linspace(0.3, np.pi - 0.3, 12)
    ring = np.stack([np.sin(steps), np.zeros(24), np.cos(steps)], 1)
    points = np.concatenate([ring * np.sin(r) + [0, np.cos(r), 0] for r in rows])
    triangles = []
    for i in range(11):
        for j in range(24):
            a, b = i * 24 + j, i * 24 + (j + 1) % 24
            triangles += [[a, a + 24, b], [b, a + 24, b + 24]]
    normals = vertex_normals(points.astype(np.float32), np.array(triangles, np.int32))
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    inner = slice(24, -24)
    assert ((normals * points)[inner].sum(1) > 0.98).all()


def test_vertices_of_no_triangle_have_no_normal():
    points = np.eye(4, 3, dtype=np.float32)
    assert (vertex_normals(points, np.array([[0, 1, 2]], np.int32))[3] == 0).all()
