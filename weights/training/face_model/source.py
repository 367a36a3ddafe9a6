"""The source the model is learned from: ICT-FaceKit light, packed (MIT; see `weights/NOTICE.md`).

Everything here is in the source's own numbering. Centimetres; x to the subject's left, y up, z out
of the face.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from core import blendshapes
from core.face_model.model import PART_INDEX, PARTS

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

# Source parts that become part of our mesh, and what they are called there. The eyeball's inner
# shell, lashes and the three transparent eye films are left out.
_PARTS = {
    "face": "head",
    "head_neck": "head",
    "narrow_face": "face",
    "mouth_socket": "mouth_socket",
    "eye_socket_L": "eye_socket",
    "eye_socket_R": "eye_socket",
    "gums_tongue": "gums",
    "teeth_upper": "teeth_upper",
    "teeth_lower": "teeth_lower",
    "sclera_L": "eye_left",
    "sclera_R": "eye_right",
}
_NECK_TOP_CM = -7.5
_MIDLINE_CM = 1e-3


@dataclass(frozen=True)
class Source:
    """The source mesh, its modes and what is known about its vertices.

    Attributes:
        mean: (N, 3) float32.
        identity: (K, N, 3) float32, scaled by the standard deviation of each mode.
        expression: (52, N, 3) float32 in ARKit order.
        triangles: (T, 3) int32, those of the parts we keep.
        part: (N,) uint8, index into `PARTS`; 255 for vertices of no kept part.
        mirror: (N,) int32, an involution.
        landmarks68: (68,) int32, iBUG order.
        lip_rim: (74,) int32, closed loop from the right corner over the upper lip.
        lip_coord, lip_side: (N,) float32 and int8; see `core.face_model.FaceModel`.
    """

    mean: FloatArray
    identity: FloatArray
    expression: FloatArray
    triangles: IntArray
    part: NDArray[np.uint8]
    mirror: IntArray
    landmarks68: IntArray
    lip_rim: IntArray
    lip_coord: FloatArray
    lip_side: NDArray[np.int8]

    def edges(self) -> IntArray:
        """(E, 2) undirected edges of the kept triangles."""
        t = self.triangles
        return np.unique(np.sort(np.vstack([t[:, :2], t[:, 1:], t[:, ::2]]), axis=1), axis=0)

    def path(self, stops: list[int]) -> list[int]:
        """Vertices on the shortest way along edges through the given vertices."""
        edges = self.edges()
        length = np.linalg.norm(self.mean[edges[:, 0]] - self.mean[edges[:, 1]], axis=1)
        size = len(self.mean)
        graph = sp.coo_matrix((length, (edges[:, 0], edges[:, 1])), shape=(size, size)).tocsr()
        way = [int(stops[0])]
        for start, end in pairwise(stops):
            before = dijkstra(graph, False, start, return_predecessors=True)[1]
            leg = [int(end)]
            while before[leg[-1]] != start:
                leg.append(int(before[leg[-1]]))
            way += leg[::-1]
        return way


def load(folder: Path) -> Source:
    """Read the pack `ict_facekit_light.npz` and its `derived.npz` from a folder."""
    pack = np.load(folder / "ict_facekit_light.npz")
    derived = np.load(folder / "derived.npz")
    mean = pack["mean"]
    ranges = dict(zip(pack["part_names"].tolist(), pack["part_ranges"].tolist(), strict=True))
    part = np.full(len(mean), 255, np.uint8)
    keep = np.zeros(len(pack["face_material"]), bool)
    for name, ours in _PARTS.items():
        first, last, first_quad, last_quad = ranges[name]
        part[first:last] = PART_INDEX[ours]
        keep[first_quad:last_quad] = True
    tongue = np.union1d(derived["tongue_top"], derived["tongue_under"])
    part[tongue] = PART_INDEX["tongue"]
    part[(part == PART_INDEX["head"]) & (mean[:, 1] < _NECK_TOP_CM)] = PART_INDEX["neck"]

    size = len(derived["lip_coord"])
    lip_coord = np.full(len(mean), np.nan, np.float32)
    lip_coord[:size] = derived["lip_coord"]
    lip_side = np.zeros(len(mean), np.int8)
    lip_side[:size] = derived["lip_side"]
    names = [str(name) for name in pack["expression_names"]]
    expression = pack["expression"].astype(np.float32)
    return Source(
        mean=mean,
        identity=pack["identity"].astype(np.float32),
        expression=_arkit(names, expression, mean, derived["tongue_top"], tongue),
        triangles=pack["triangles"].astype(np.int32)[keep[pack["triangle_face"]]],
        part=part,
        mirror=_mirror(mean, part),
        landmarks68=pack["landmarks68"].astype(np.int32),
        lip_rim=derived["lip_rim"].astype(np.int32),
        lip_coord=lip_coord,
        lip_side=lip_side,
    )


def _arkit(
    names: list[str],
    deltas: FloatArray,
    mean: FloatArray,
    tongue_top: IntArray,
    tongue: IntArray,
) -> FloatArray:
    """The source's expressions under the ARKit names; pairs ARKit does not split are added up."""
    result = np.zeros((blendshapes.NUM, *mean.shape), np.float32)
    for name, delta in zip(names, deltas, strict=True):
        base, _, side = name.partition("_")
        target = base if base in blendshapes.INDEX else base + {"L": "Left", "R": "Right"}[side]
        result[blendshapes.INDEX[target]] += delta
    result[blendshapes.INDEX["tongueOut"], tongue] = _tongue_out(mean, tongue_top, tongue)
    return result


def _tongue_out(mean: FloatArray, tongue_top: IntArray, tongue: IntArray) -> FloatArray:
    """The tongue stretched over the lower lip: the source has no such shape.

    The front moves most (smooth in the distance from the root), slightly down at the tip, and gets
    narrower and thinner as a stretched tongue does.
    """
    points = mean[tongue]
    root, tip = mean[tongue_top, 2].min(), mean[tongue_top, 2].max()
    along = np.clip((points[:, 2] - root) / (tip - root), 0, 1)
    weight = along**1.5
    delta = np.zeros_like(points)
    delta[:, 0] = -0.22 * weight * points[:, 0]
    delta[:, 1] = 0.35 * np.sin(np.pi * weight) - 0.55 * weight**2
    delta[:, 2] = 3.4 * weight
    return delta


def _mirror(mean: FloatArray, part: NDArray[np.uint8]) -> IntArray:
    """For each vertex the one at the mirrored place in the same or the opposite part.

    Assigned one to one, so that it is an involution also where vertices of a fold nearly coincide;
    vertices of no kept part map to themselves.
    """
    result = np.arange(len(mean), dtype=np.int32)
    opposite = {PART_INDEX["eye_left"]: PART_INDEX["eye_right"]}
    for index in range(len(PARTS)):
        own = np.flatnonzero(part == index)
        if index == PART_INDEX["eye_right"]:
            continue
        other = np.flatnonzero(part == opposite.get(index, index))
        away, near = cKDTree(mean[other] * [-1, 1, 1]).query(mean[own], k=8)
        taken: set[int] = set()
        for i in np.argsort(away[:, 0], kind="stable"):
            a = int(own[i])
            if a in taken:
                continue
            free = [int(other[j]) for j in near[i] if int(other[j]) not in taken]
            b = free[0] if free else a
            if index not in opposite and abs(mean[a, 0]) < _MIDLINE_CM:
                b = a
            taken |= {a, b}
            result[a], result[b] = b, a
    return result
