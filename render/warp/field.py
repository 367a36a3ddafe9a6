"""The coarse map: how head, hair, neck and shoulders move around the detailed mouth and eyes.

A regular grid of nodes lies over the picture. Nodes under the visible face follow the mesh; nodes
around it follow the nearest ones, less with distance; all of them take their share of the head's
turn with a depth that continues the mesh's smoothly over hair and neck. The moved grid is then
drawn back into a grid (nearest wins), which gives the map from output to portrait.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_model import PARTS, FaceModel
from core.raster import RasterBuffers, rasterise
from core.types import FloatArray, ImageArray
from render.warp import field_kernels as kernels
from render.warp.aperture import IntArray, smoothstep
from render.warp.rig import Rig, Turn, hidden_vertices

NODES_PER_FACE_HEIGHT = 40
RING = 2
"""Rows of nodes outside the picture."""
FOLLOW_CM = 5.5
"""How far from the face its expression still moves the surroundings."""
HEAD_SIDE_CM = 5.0
"""Beside and above the mesh of the head: how far hair takes the whole turn."""
FADE_CM = 6.0
"""Over which the turn then fades."""
NECK_CM = 9.0
"""Below the chin: over which the turn fades."""
BREATH_CM = 0.22
STEEPEST = 2.0
"""Depth per width at which surfaces behind an edge (neck behind chin) are drawn forward, so that
a turn squeezes them instead of folding them."""
NUM_ANCHORS = 12


class HeadField:
    """The coarse map of one avatar in one view."""

    def __init__(
        self,
        rig: Rig,
        model: FaceModel,
        face_height_px: float,
        size: tuple[int, int],
        person: ImageArray | None,
        margin_px: int,
        density: int,
    ) -> None:
        width, height = size
        self._margin_px, self._density = margin_px, density
        self.spacing = max(round(face_height_px / NODES_PER_FACE_HEIGHT), 3)
        self.rows = -(-height // self.spacing) + 2 * RING
        self.columns = -(-width // self.spacing) + 2 * RING
        self._origin = np.float32((0.5 - RING) * self.spacing)
        self._scale = np.array([self._origin, self._origin, self.spacing], np.float32)
        self._bind(rig, model)
        self._surround(rig, model, person)
        count = self.rows * self.columns
        self._shown = np.zeros((count, 3), np.float32)
        self._nodes = np.zeros((count, 3), np.float32)
        self._depth = np.zeros((self.rows, self.columns), np.float32)
        self._map = np.zeros((self.rows, self.columns, 2), np.float32)
        self._pair = np.zeros((2, 2, width), np.float32)
        self._lift_px = BREATH_CM * rig.scale_px_per_cm
        moving = (self._turning_share > 1e-3) | (self._lifting_share > 1e-3)
        moving[self.bound] = True
        moving[self._followers[self._anchor_weights.sum(1) > 1e-3]] = True
        self.movable = moving.reshape(self.rows, self.columns)
        """Nodes that can ever move, (rows, columns)."""

    def _raster(self, rig: Rig, triangles: NDArray[np.int32]) -> RasterBuffers:
        """The portrait's mesh at every node."""
        points = rig.source.copy()
        points[:, :2] = (points[:, :2] - self._origin) / self.spacing + 0.5
        shape = (self.rows, self.columns)
        return rasterise(points, triangles, *shape)

    def _bind(self, rig: Rig, model: FaceModel) -> None:
        parts = ("face", "neck", "head", "eye_left", "eye_right")
        triangles = model.triangles_of(*parts)
        seen = self._raster(rig, triangles)
        index, weights = seen.triangle_id, seen.bary
        self._mesh_depth, self._covered = seen.depth, index >= 0
        corners = triangles[np.maximum(index, 0)]
        part = model.part[corners]
        neck = part == PARTS.index("neck")
        turned_away = hidden_vertices(rig, model)[corners] & (part == PARTS.index("face"))
        on_face = self._covered & ~(neck | turned_away).any(-1)
        on_face = _core(on_face)
        self._on_face = on_face
        self.bound = np.flatnonzero(on_face).astype(np.int32)
        full = np.concatenate([weights, 1 - weights.sum(-1, keepdims=True)], -1)
        self._corners = np.ascontiguousarray(corners.reshape(-1, 3)[self.bound])
        self._corner_weights = np.ascontiguousarray(full.reshape(-1, 3)[self.bound])

    def _surround(self, rig: Rig, model: FaceModel, person: ImageArray | None) -> None:
        px = rig.scale_px_per_cm
        away = self._distance(self._on_face)
        self._tie_followers(away, px)
        depth = _continue(self._mesh_depth, self._on_face, away)
        ear = float(np.median(rig.source[model.vertices_of("head"), 2]))
        behind = np.where(self._covered, self._mesh_depth, ear)
        depth = depth + (behind - depth) * smoothstep(away / (HEAD_SIDE_CM * px))
        depth = _limit_slope(depth, STEEPEST * self.spacing)
        rows, columns = np.mgrid[0 : self.rows, 0 : self.columns]
        rest = np.stack(
            [columns * self.spacing + self._origin, rows * self.spacing + self._origin, depth], -1
        )
        self._rest = np.ascontiguousarray(rest.reshape(-1, 3), np.float32)
        turning = self._turning(rig, model, rest, away, person)
        self._turning_share = np.ascontiguousarray(turning.reshape(-1), np.float32)
        lifting = self._lifting(rig, model, rest, person)
        self._lifting_share = np.ascontiguousarray(lifting.reshape(-1), np.float32)

    def _tie_followers(self, away: FloatArray, px: float) -> None:
        """Nodes near the face follow its edge."""
        inner = self._on_face.astype(np.uint8)
        edge = np.argwhere(self._on_face & (cv2.erode(inner, np.ones((3, 3), np.uint8)) == 0))
        near = np.argwhere(~self._on_face & (away < FOLLOW_CM * px))
        far = np.linalg.norm((near[:, None] - edge[None]).astype(np.float32), axis=-1)
        count = min(NUM_ANCHORS, len(edge))
        best = np.argpartition(far, count - 1, axis=1)[:, :count]
        chosen = np.take_along_axis(far, best, axis=1)
        share = np.exp(-(chosen - chosen.min(axis=1, keepdims=True)) / 1.5)
        share /= share.sum(axis=1, keepdims=True)
        reach = away[near[:, 0], near[:, 1]] - self.spacing
        fade = 1.0 - smoothstep(reach / (FOLLOW_CM * px - self.spacing))
        flat = edge[:, 0] * self.columns + edge[:, 1]
        self._followers = (near[:, 0] * self.columns + near[:, 1]).astype(np.int32)
        self._anchors = np.ascontiguousarray(flat[best].astype(np.int32))
        self._anchor_weights = (share * fade[:, None]).astype(np.float32)

    def _turning(
        self,
        rig: Rig,
        model: FaceModel,
        rest: FloatArray,
        away: FloatArray,
        person: ImageArray | None,
    ) -> FloatArray:
        """Share of the head's turn each node takes."""
        px = rig.scale_px_per_cm
        chin = rig.source[model.landmarks["chin"][0]]
        down = rig.direction((0.0, -1.0, 0.0))[:2] / px
        below = (rest[..., :2] - chin[:2]) @ down
        neck = 1.0 - smoothstep(below / (NECK_CM * px))
        side = self._distance(self._covered & (below < 0)) - HEAD_SIDE_CM * px
        share = neck * (1.0 - smoothstep(side / (FADE_CM * px)))
        if person is not None:
            inside = self._sample(person) > 0.5
            outside = self._distance(inside | self._covered)
            share = neck * (1.0 - smoothstep(outside / (0.5 * FADE_CM * px)))
        smooth = cv2.GaussianBlur(share.astype(np.float32), (0, 0), 1.5)
        return np.where(self._on_face, 1.0, smooth) * self._pinned()

    def _lifting(
        self, rig: Rig, model: FaceModel, rest: FloatArray, person: ImageArray | None
    ) -> FloatArray:
        """Share of the breath each node takes: the shoulders all, the neck less, the head none."""
        px = rig.scale_px_per_cm
        chin = rig.source[model.landmarks["chin"][0]]
        below = (rest[..., 1] - chin[1]) / px
        share = smoothstep((below - 2.0) / 9.0)
        if person is None:
            share = share * (1.0 - smoothstep((np.abs(rest[..., 0] - chin[0]) / px - 16.0) / 10.0))
        else:
            share = share * cv2.GaussianBlur(self._sample(person), (0, 0), 2.0)
        return share.astype(np.float32)

    def _pinned(self) -> FloatArray:
        """1 inside the picture, falling to 0 at its edge, where the portrait may end."""
        rows = np.minimum(np.arange(self.rows), np.arange(self.rows)[::-1]) - RING
        columns = np.minimum(np.arange(self.columns), np.arange(self.columns)[::-1]) - RING
        inward = np.minimum(rows[:, None], columns[None]).astype(np.float32)
        return smoothstep((inward + 0.5) / 5.0)

    def _sample(self, picture: ImageArray) -> FloatArray:
        """Mean of an output-sized mask around every node, [0, 1]."""
        height, width = picture.shape
        inner = (self.columns - 2 * RING, self.rows - 2 * RING)
        padded = cv2.copyMakeBorder(
            picture,
            0,
            inner[1] * self.spacing - height,
            0,
            inner[0] * self.spacing - width,
            cv2.BORDER_REPLICATE,
        )
        small = cv2.resize(padded, inner, interpolation=cv2.INTER_AREA)
        ringed = cv2.copyMakeBorder(small, RING, RING, RING, RING, cv2.BORDER_REPLICATE)
        return np.asarray(ringed, np.float32) / np.float32(255.0)

    def _distance(self, inside: NDArray[np.bool_]) -> FloatArray:
        """Distance in output pixels from the nearest node inside."""
        outside = (~inside).astype(np.uint8)
        return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, 5)) * self.spacing

    def move(self, points: FloatArray, source: FloatArray, turn: Turn, breath: float) -> None:
        """Set the coarse map of one frame, which `places` and `band_places` spread over pixels.

        Args:
            points: The mesh with its expression, (V, 3), output pixels.
            source: The mesh as the portrait shows it.
            turn: Of the head.
            breath: [0, 1].
        """
        kernels.move_nodes(
            self._rest,
            self._corners,
            self._corner_weights,
            self.bound,
            self._anchors,
            self._anchor_weights,
            self._followers,
            points,
            source,
            self._turning_share,
            turn.matrix,
            turn.shift,
            self._lifting_share,
            breath * self._lift_px,
            self._scale,
            self._shown,
            self._nodes,
        )
        grid = self._nodes.reshape(self.rows, self.columns, 3)
        first = self._density * (float(self._origin) + self._margin_px) - 0.5
        step = float(self._density * self.spacing)
        kernels.invert_grid(grid, self.movable, self._depth, first, step, self._map)

    def places(self, left: int, top: int, out: FloatArray) -> None:
        """Where a window of the output comes from.

        Args:
            left: Of the window, output pixels, and
            top: of it.
            out: (h, w, 2), overwritten: places for `cv2.remap` in the dense portrait with its
                margin.
        """
        kernels.stretch(self._map, left, top, self.spacing, RING, self._pair, out)

    def band_places(
        self,
        left: int,
        top: int,
        detail: FloatArray,
        corner: tuple[int, int],
        picture: ImageArray,
        whole: IntArray,
        fraction: NDArray[np.uint16],
    ) -> None:
        """The same in fixed point, (h, w) each, with a detailed map that begins at a corner.

        `picture`, in which the places lie, is drawn into the cache; see `field_kernels`.
        """
        kernels.band_places(
            self._map,
            left,
            top,
            self.spacing,
            RING,
            self._pair,
            detail,
            *corner,
            picture,
            whole,
            fraction,
        )


def _continue(values: FloatArray, known: NDArray[np.bool_], away: FloatArray) -> FloatArray:
    """Values of the nearest known node, smoothed where unknown."""
    _, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(labels.max()) + 1, np.float32)
    table[labels[known]] = values[known]
    nearest = table[labels]
    smooth = cv2.GaussianBlur(nearest, (0, 0), 2.5)
    share = smoothstep(away / max(float(away.max()), 1e-6) * 6.0)
    return np.where(known, values, nearest + (smooth - nearest) * share)


def _core(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest piece of a region without its outermost nodes, which bind to glancing skin."""
    inner = cv2.erode(region.astype(np.uint8), np.ones((3, 3), np.uint8))
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(inner, connectivity=4)
    if count < 2:
        return region
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return np.asarray(pieces == largest, np.bool_)


def _limit_slope(depth: FloatArray, step: float) -> FloatArray:
    """Raise what lies behind a steep edge until neighbours differ by at most `step`."""
    kernel = np.ones((3, 3), np.uint8)
    limited = depth.astype(np.float32)
    for _ in range(max(depth.shape)):
        raised = np.maximum(limited, cv2.dilate(limited, kernel) - np.float32(step))
        if np.array_equal(raised, limited):
            break
        limited = raised
    return limited
