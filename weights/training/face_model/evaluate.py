"""How well our model follows the source: distance of its surface from ours, in millimetres."""

import numba
import numpy as np
from scipy.spatial import cKDTree

from core import blendshapes
from core.face_model.model import PART_INDEX, PARTS, FaceModel
from weights.training.face_model.source import FloatArray, IntArray, Source

NUM_TRIALS = 200
_SEED = 1_000_003
_CANDIDATES = 24
_FRONT_CM = 3.0


def report(model: FaceModel, kept: IntArray, source: Source) -> str:
    """Errors over random identities and expressions that were not used to learn.

    The identity is drawn from all modes of the source and projected to ours by least squares; the
    expression uses up to six ARKit weights. For every source vertex of a kept part: distance to our
    surface.
    """
    random = np.random.default_rng(_SEED)
    used = np.flatnonzero(source.part < len(PARTS))
    front = (source.part == PART_INDEX["face"]) & (source.mean[:, 2] > _FRONT_CM)
    rows = {"face, front": front[used]} | {
        name: source.part[used] == i for i, name in enumerate(PARTS)
    }
    solve = np.linalg.pinv(model.identity.reshape(model.num_identity, -1).T)
    near = _near_triangles(model, source.mean[used])
    errors = np.empty((NUM_TRIALS, len(used)), np.float32)
    for trial in range(NUM_TRIALS):
        person = random.standard_normal(len(source.identity)).astype(np.float32)
        beta = _random_expression(random)
        neutral = source.mean + np.tensordot(person, source.identity, 1)
        alpha = solve @ (neutral[kept] - model.mean).reshape(-1)
        posed = neutral + np.tensordot(beta, source.expression, 1)
        ours = model.pose(model.shape(alpha.astype(np.float32)), beta)
        errors[trial] = _surface_distance(posed[used], ours, model.triangles, near)
    lines = [f"{'part':14s} {'mean mm':>8s} {'99 % mm':>8s} {'worst mm':>9s}"]
    for name, rows_of in rows.items():
        values = errors[:, rows_of] * 10
        lines.append(
            f"{name:14s} {values.mean():8.3f} {np.percentile(values, 99):8.3f} {values.max():9.2f}"
        )
    return "\n".join(lines)


def _random_expression(random: np.random.Generator) -> FloatArray:
    beta = np.zeros(blendshapes.NUM, np.float32)
    some = random.choice(blendshapes.NUM, random.integers(1, 7), replace=False)
    beta[some] = random.uniform(0.1, 1, len(some))
    return beta


def _near_triangles(model: FaceModel, points: FloatArray) -> IntArray:
    """Triangles that may be the nearest to each point: those with the nearest centres at rest."""
    centres = model.mean[model.triangles].mean(1)
    return cKDTree(centres).query(points, k=_CANDIDATES)[1].astype(np.int32)


@numba.njit(cache=True)
def _surface_distance(points, vertices, triangles, near):  # type: ignore[no-untyped-def]
    """Smallest distance of each point (N, 3) to its candidate triangles (N, n)."""
    result = np.empty(len(points), np.float32)
    for i in range(len(points)):
        best = np.inf
        for t in near[i]:
            a, b, c = (
                vertices[triangles[t, 0]],
                vertices[triangles[t, 1]],
                vertices[triangles[t, 2]],
            )
            best = min(best, _point_triangle(points[i], a, b, c))
        result[i] = np.sqrt(best)
    return result


@numba.njit(cache=True)
def _point_triangle(p, a, b, c):  # type: ignore[no-untyped-def]
    """Squared distance of a point from a triangle (Ericson 2005, section 5.1.5)."""
    ab, ac, ap = b - a, c - a, p - a
    d1, d2 = ab @ ap, ac @ ap
    bp, cp = p - b, p - c
    d3, d4, d5, d6 = ab @ bp, ac @ bp, ab @ cp, ac @ cp
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0 and d2 <= 0:
        q = a
    elif d3 >= 0 and d4 <= d3:
        q = b
    elif d6 >= 0 and d5 <= d6:
        q = c
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        q = a + ab * (d1 / (d1 - d3))
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        q = a + ac * (d2 / (d2 - d6))
    elif va <= 0 and d4 >= d3 and d5 >= d6:
        q = b + (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)))
    else:
        total = va + vb + vc
        q = a + ab * (vb / total) + ac * (vc / total)
    away = p - q
    return away @ away
