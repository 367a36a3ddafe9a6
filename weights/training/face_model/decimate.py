"""Thin out a symmetric mesh by half-edge collapses under quadric error (Garland & Heckbert 1997).

Every kept vertex is a vertex of the source, so modes and expressions carry over by indexing. The
error is summed over several poses of the face, so that what moves keeps its vertices, and each
collapse is done on both sides of the face at once.
"""

import heapq
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_REGULARITY = 2e-3
"""Share of the squared edge length in the cost: keeps flat regions evenly meshed."""
_FLIP_COSINE = 0.15


class Decimator:
    """Greedy collapses until every part has at most the number of vertices asked for."""

    def __init__(
        self,
        poses: NDArray[np.float64],
        triangles: NDArray[np.int32],
        part: NDArray[np.uint8],
        mirror: NDArray[np.int32],
        locked: NDArray[np.bool_],
        weight: NDArray[np.float64],
    ) -> None:
        """Take a mesh.

        Args:
            poses: (P, N, 3) positions in several poses; the first decides about flips.
            triangles: (T, 3).
            part: (N,) part of each vertex; a vertex only merges into one of its own part.
            mirror: (N,) involution.
            locked: (N,) vertices that must stay.
            weight: (N,) importance; the error at a vertex counts this often.
        """
        self._poses = np.ascontiguousarray(poses.transpose(1, 0, 2))
        self._part = part
        self._mirror = mirror
        self._locked = locked
        self._weight = weight
        self._triangles = {i: tuple(map(int, t)) for i, t in enumerate(triangles)}
        self._around: dict[int, set[int]] = {}
        for i, corners in self._triangles.items():
            for v in corners:
                self._around.setdefault(v, set()).add(i)
        self._quadric = self._quadrics(triangles)
        self._borders = {v: self._border(v) for v in self._around}

    def run(self, target: Mapping[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Collapse down to `target[part]` vertices a part.

        Returns:
            Kept vertices, sorted (n,), and triangles (t, 3) in the old numbering.
        """
        count = {p: int(sum(self._part[v] == p for v in self._around)) for p in target}
        version = dict.fromkeys(self._around, 0)
        heap: list[tuple[float, int, int, int]] = []

        def offer(u: int) -> None:
            version[u] += 1
            best = self._best(u)
            if best is not None:
                heapq.heappush(heap, (best[0], u, best[1], version[u]))

        for u in list(self._around):
            offer(u)
        while heap:
            _, u, v, stamp = heapq.heappop(heap)
            part = int(self._part[u])
            if u not in self._around or version[u] != stamp or count[part] <= target[part]:
                continue
            pairs = {(u, v), (int(self._mirror[u]), int(self._mirror[v]))}
            touched: set[int] = set()
            if not all(b in self._around and self._allowed(a, b) for a, b in pairs):
                continue
            for a, b in sorted(pairs):
                touched |= self._collapse(a, b)
                count[int(self._part[a])] -= 1
            for w in touched & self._around.keys():
                offer(w)
        kept = np.array(sorted(self._around))
        return kept, np.array(list(self._triangles.values()))

    def _quadrics(self, triangles: NDArray[np.int32]) -> NDArray[np.float64]:
        corners = self._poses[triangles]  # (T, 3, P, 3)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        area = np.linalg.norm(normal, axis=-1, keepdims=True)
        unit = normal / np.maximum(area, 1e-12)
        offset = -(unit * corners[:, 0]).sum(-1, keepdims=True)
        plane = np.concatenate([unit, offset], -1)
        weight = self._weight[triangles].mean(1)[:, None, None, None]
        quadric = plane[..., :, None] * plane[..., None, :] * area[..., None] * weight
        total = np.zeros((len(self._poses), *quadric.shape[1:]))
        for corner in range(3):
            np.add.at(total, triangles[:, corner], quadric)
        return total

    def _neighbours(self, v: int) -> set[int]:
        return {w for t in self._around[v] for w in self._triangles[t]} - {v}

    def _border(self, v: int) -> frozenset[int]:
        """Parts whose triangles meet at a vertex, and -1 on an open edge."""
        parts = {self._triangle_part(self._triangles[t]) for t in self._around[v]}
        open_edge = any(len(self._around[v] & self._around[w]) == 1 for w in self._neighbours(v))
        return frozenset(parts | ({-1} if open_edge else set()))

    def _triangle_part(self, corners: tuple[int, ...]) -> int:
        return max(int(self._part[v]) for v in corners)

    def _allowed(self, u: int, v: int) -> bool:
        if self._locked[u] or self._part[u] != self._part[v]:
            return False
        own, other = int(self._mirror[u]), int(self._mirror[v])
        if u == own and v != other:  # the midline stays a line
            return False
        if v == own:
            return False
        if not self._borders[u] <= self._borders[v]:
            return False
        shared = self._around[u] & self._around[v]
        if len(shared) == 1 and -1 not in self._borders[u]:
            return False
        if len(shared) != len(self._neighbours(u) & self._neighbours(v)):
            return False
        if len(self._borders[u]) > 1 and len(shared) == 2 and not self._along_border(u, v, shared):
            return False
        return not self._flips(u, v, shared)

    def _along_border(self, u: int, v: int, shared: set[int]) -> bool:
        """Whether the edge separates two parts (then u may slide along it)."""
        if -1 in self._borders[u]:
            return False
        first, second = (self._triangle_part(self._triangles[t]) for t in shared)
        return first != second

    def _flips(self, u: int, v: int, shared: set[int]) -> bool:
        rest = [self._triangles[t] for t in self._around[u] - shared]
        if not rest:
            return True
        corners = np.array(rest)
        before = self._normals(corners)
        after = self._normals(np.where(corners == u, v, corners))
        lengths = np.linalg.norm(before, axis=-1) * np.linalg.norm(after, axis=-1)
        return bool(np.any((before * after).sum(-1) < _FLIP_COSINE * lengths + 1e-14))

    def _normals(self, corners: NDArray[np.int64]) -> NDArray[np.float64]:
        points = self._poses[corners, 0]
        a, b = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
        return np.stack(
            [
                a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1],
                a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2],
                a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0],
            ],
            axis=1,
        )

    def _best(self, u: int) -> tuple[float, int] | None:
        if self._locked[u]:
            return None
        targets = sorted(self._neighbours(u))
        points = self._poses[targets]  # (n, P, 3)
        ones = np.concatenate([points, np.ones((*points.shape[:2], 1))], -1)
        quadric = self._quadric[u][None] + self._quadric[targets]
        error = np.einsum("npi,npij,npj->n", ones, quadric, ones)
        length = np.square(points - self._poses[u]).sum((1, 2))
        cost = error + _REGULARITY * self._weight[u] * length**2
        for i in np.argsort(cost):
            if self._allowed(u, targets[i]):
                return float(cost[i]), targets[i]
        return None

    def _collapse(self, u: int, v: int) -> set[int]:
        ring = self._neighbours(u)
        for t in self._around.pop(u):
            corners = self._triangles[t]
            if v in corners:
                del self._triangles[t]
                for w in corners:
                    if w != u:
                        self._around[w].discard(t)
            else:
                self._triangles[t] = tuple(v if w == u else w for w in corners)
                self._around[v].add(t)
        self._quadric[v] += self._quadric[u]
        for w in ring:
            self._borders[w] = self._border(w)
        return ring | self._neighbours(v)
