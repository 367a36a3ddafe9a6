"""An opening of the skin between two rims, mouth or eye: how its rims meet and where it is open."""

import numpy as np
from numpy.typing import NDArray

from core.types import FloatArray

IntArray = NDArray[np.int32]
SAMPLES = 33
"""Points along each rim, corner to corner."""


class Rim:
    """A polyline of mesh vertices, resampled to SAMPLES points evenly along its length."""

    def __init__(self, vertices: IntArray, mean: FloatArray) -> None:
        along = arc_length(mean[vertices])
        wanted = np.linspace(0.0, 1.0, SAMPLES)
        left = np.clip(np.searchsorted(along, wanted, side="right") - 1, 0, len(vertices) - 2)
        span = np.maximum(along[left + 1] - along[left], 1e-9)
        self.ends = np.stack([vertices[left], vertices[left + 1]]).astype(np.int32)
        """Vertices before and after each point, (2, SAMPLES)."""
        self.share = ((wanted - along[left]) / span).astype(np.float32)
        """Where between them each point lies, (SAMPLES,)."""

    def of(self, points: FloatArray) -> FloatArray:
        """The rim's points for vertices (V, n): (SAMPLES, n)."""
        first = points[self.ends[0]]
        result: FloatArray = first + (points[self.ends[1]] - first) * self.share[:, None]
        return result


class Aperture:
    """The two rims of an opening and the skin that follows them.

    Attributes:
        upper: Upper rim, subject's right to left.
        lower: Lower rim, likewise.
        vertices: Skin vertices near the rims, (n,).
        along: Place of each along its rim, [0, SAMPLES - 1], (n,) float32.
        side: +1 near the upper rim, -1 near the lower, (n,).
        distance_cm: From the rim on the mean face, (n,) float32.
        ends, share: Both rims as `Rim.ends`, (2, 2, SAMPLES), and `Rim.share`, (2, SAMPLES).
    """

    def __init__(
        self,
        upper: IntArray,
        lower: IntArray,
        mean: FloatArray,
        vertices: IntArray,
        side: NDArray[np.int8] | None = None,
    ) -> None:
        self.upper = Rim(upper, mean)
        self.lower = Rim(lower, mean)
        self.ends = np.stack([self.upper.ends, self.lower.ends])
        self.share = np.stack([self.upper.share, self.lower.share])
        self.vertices = vertices
        at_upper, far_upper = _nearest(mean[vertices], self.upper.of(mean))
        at_lower, far_lower = _nearest(mean[vertices], self.lower.of(mean))
        is_upper = far_upper <= far_lower if side is None else side[vertices] > 0
        self.side = np.where(is_upper, 1, -1).astype(np.int8)
        self.along = np.where(is_upper, at_upper, at_lower).astype(np.float32)
        self.distance_cm = np.where(is_upper, far_upper, far_lower).astype(np.float32)
        on_rim = np.concatenate([upper, lower])
        self.distance_cm[np.isin(vertices, on_rim)] = 0.0

    def at(self, profile: FloatArray) -> FloatArray:
        """Values at the skin vertices of a profile along the rim, (SAMPLES[, k]) -> (n[, k])."""
        low = np.minimum(self.along.astype(np.int32), SAMPLES - 2)
        share: FloatArray = (self.along - low).astype(np.float32)
        if profile.ndim == 2:
            share = share[:, None]
        return np.asarray(profile[low] * (1 - share) + profile[low + 1] * share, np.float32)


def gap(upper: FloatArray, lower: FloatArray, down: FloatArray) -> FloatArray:
    """How far the lower rim lies below the upper one, (SAMPLES,), pixels."""
    return np.asarray((lower[:, :2] - upper[:, :2]) @ down, np.float32)


def down_of(upper: FloatArray, lower: FloatArray) -> FloatArray:
    """Unit vector (2,) at right angles to the line between the corners, towards the chin."""
    corners = upper[[0, -1], :2] + lower[[0, -1], :2]
    across = corners[1] - corners[0]
    across /= np.float32(max(float(np.hypot(*across)), 1e-6))
    return np.array([-across[1], across[0]], np.float32)


def arc_length(points: FloatArray) -> FloatArray:
    """Place of each point along a polyline, 0 to 1, (n,)."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    total = np.concatenate([[0.0], np.cumsum(steps)])
    result: FloatArray = total / total[-1]
    return result


def resample(points: FloatArray) -> FloatArray:
    """SAMPLES points evenly along a polyline, (n, k) -> (SAMPLES, k)."""
    along, wanted = arc_length(points), np.linspace(0.0, 1.0, SAMPLES)
    columns = [np.interp(wanted, along, points[:, k]) for k in range(points.shape[1])]
    return np.stack(columns, axis=1).astype(np.float32)


def band(line: FloatArray, half_px: NDArray[np.floating]) -> FloatArray:
    """Outline (2 * n, 2) of a band around a polyline (n, 2), half as wide as (n,) at each point."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    side = half_px[:, None] * np.stack([-along[:, 1], along[:, 0]], 1)
    return np.concatenate([line - side, (line + side)[::-1]]).astype(np.float32)


def vector(*values: float) -> FloatArray:
    """A small float32 array."""
    return np.array(values, np.float32)


def ramp(value: float) -> float:
    """`smoothstep` of one number."""
    t = min(max(value, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def smoothstep(value: FloatArray) -> FloatArray:
    """0 below 0, 1 above 1, smooth between."""
    t = np.clip(value, 0.0, 1.0)
    result: FloatArray = (t * t * (3.0 - 2.0 * t)).astype(np.float32)
    return result


def _nearest(points: FloatArray, line: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Nearest place on a polyline of SAMPLES points (as an index) and its distance."""
    start, step = line[:-1], np.diff(line, axis=0)
    to = points[:, None] - start[None]
    share = (to * step).sum(-1) / np.maximum((step * step).sum(-1), 1e-9)
    share = np.clip(share, 0.0, 1.0)
    far = np.linalg.norm(to - share[..., None] * step, axis=-1)
    best = far.argmin(axis=1)
    rows = np.arange(len(points))
    return (best + share[rows, best]).astype(np.float32), far[rows, best].astype(np.float32)
