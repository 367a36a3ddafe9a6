"""The lips: they meet where they must, part where they should, and carry their own texture.

Two things a plain mesh cannot do. The fit of a smiling or open mouth leaves its rims apart even
when the expression says closed: here the gap between the rims is set, frame by frame, to what the
expression asks for on the person's neutral face, and the skin around follows. And a closed portrait
does not show the inner side of the lips, while an open one shows teeth right beside them: as the
mouth leaves its place in the portrait, the strip along the rim takes its colour from further out
on the lip, mirrored.
"""

import numpy as np
from numpy.typing import NDArray

from core import blendshapes
from core.face_model import FaceModel
from core.types import FloatArray
from render.warp import mesh_kernels
from render.warp.aperture import SAMPLES, Aperture, down_of, gap, ramp, resample, smoothstep
from render.warp.rig import Rig

REACH_CM = 2.2
"""How far from the rims the skin follows them."""
STIFF_CM = 0.35
ZONE_CM = 2.6
"""How far from the rims the mesh is drawn in full detail."""
CLOSED_CM = 0.10
"""A gap below this in the portrait is a closed mouth."""
SEAM_CM = 0.035
"""A gap below this that an expression asks for stays closed."""
RIM_STRIP = 0.20
"""Width of the strip along the rim that is replaced, as a share of the lip's height."""
INNER_LIP_CM = 0.5
"""How much of the hidden side of the lips is kept."""
CLOSERS = np.array(
    [
        blendshapes.INDEX[name]
        for name in (
            "mouthClose",
            "mouthPressLeft",
            "mouthPressRight",
            "mouthRollLower",
            "mouthRollUpper",
            "mouthPucker",
        )
    ]
)


class Lips:
    """The mouth opening of one avatar.

    Attributes:
        aperture: Its rims and the skin around.
        source_gap: Between the rims in the portrait, (SAMPLES,), output pixels, 0 where closed.
        open_share: How open the portrait's mouth is, 0 to 1.
        rims: Upper and lower rim of the settled frame, (2, SAMPLES, 3), output pixels.
        mirrored: Texture places of the aperture's vertices with the rim strip replaced, (n, 2).
    """

    def __init__(self, rig: Rig, model: FaceModel) -> None:
        self._rig = rig
        coord = np.nan_to_num(model.lip_coord, nan=-99.0)
        marks = model.landmarks
        skin = np.flatnonzero((coord > -9.0) & (coord < INNER_LIP_CM) & (model.part == 0))
        self.aperture = Aperture(
            marks["lip_rim_upper"],
            marks["lip_rim_lower"],
            model.mean,
            skin.astype(np.int32),
            model.lip_side,
        )
        near = self.aperture.distance_cm < ZONE_CM
        self._restrict(near)
        ids = self.aperture.vertices
        self.coord = np.where(
            coord[ids] > 0, self.aperture.distance_cm, -self.aperture.distance_cm
        ).astype(np.float32)
        reach = (self.aperture.distance_cm - STIFF_CM) / (REACH_CM - STIFF_CM)
        follow = (1.0 - smoothstep(reach)) * (coord[ids] <= 0) + (coord[ids] > 0)
        self._share = (np.where(self.aperture.side > 0, -0.45, 0.55) * follow).astype(np.float32)
        self._measure_portrait()
        self._mirror(model)

    def _restrict(self, keep: NDArray[np.bool_]) -> None:
        area = self.aperture
        area.vertices, area.along = area.vertices[keep], area.along[keep]
        area.side, area.distance_cm = area.side[keep], area.distance_cm[keep]

    def _measure_portrait(self) -> None:
        area = self.aperture
        upper, lower = area.upper.of(self._rig.source), area.lower.of(self._rig.source)
        self.down = down_of(upper, lower)
        by_expression = self._rig.rows.reshape(blendshapes.NUM, -1, 3)
        self._gap_rows = np.stack(
            [gap(area.upper.of(row), area.lower.of(row), self.down) for row in by_expression]
        )
        self.rims = np.zeros((2, SAMPLES, 3), np.float32)
        self._have = np.zeros(SAMPLES, np.float32)
        px = self._rig.scale_px_per_cm
        self._raw_gap = gap(upper, lower, self.down)
        middle = float(np.median(self._raw_gap[8:25])) / px
        self.open_share = ramp((middle - CLOSED_CM) / CLOSED_CM)
        self.source_gap = np.maximum(self._raw_gap, 0.0) * np.float32(self.open_share)
        self.width_px = float(np.linalg.norm(upper[-1, :2] - upper[0, :2]))

    def _mirror(self, model: FaceModel) -> None:
        area, source = self.aperture, self._rig.source
        marks = model.landmarks
        mirrored = source[area.vertices, :2].copy()
        for sign, rim, outer in (
            (1, area.upper, marks["lip_outer_upper"]),
            (-1, area.lower, marks["lip_outer_lower"]),
        ):
            inner_line, outer_line = rim.of(source)[:, :2], resample(source[outer, :2])
            height = np.linalg.norm(resample(model.mean[outer]) - rim.of(model.mean), axis=1)
            chosen = area.side == sign
            lip = area.at(height.astype(np.float32))
            place = np.clip(-self.coord / np.maximum(lip, 1e-3), -2.0, 9.0)
            strip = chosen & (place < 2 * RIM_STRIP)
            from_rim = np.where(place < RIM_STRIP, 2 * RIM_STRIP - place, place)
            from_rim = np.clip(from_rim, 0.0, 0.75)[:, None]
            moved = area.at(inner_line) * (1 - from_rim) + area.at(outer_line) * from_rim
            mirrored[strip & (place < RIM_STRIP)] = moved[strip & (place < RIM_STRIP)]
        self.mirrored = mirrored.astype(np.float32)
        hidden = self.coord > 0
        start = source[area.vertices, :2].copy()
        rims = np.where(
            (area.side > 0)[:, None],
            area.at(area.upper.of(source)[:, :2]),
            area.at(area.lower.of(source)[:, :2]),
        )
        start[hidden] = rims[hidden]
        self.resting = start.astype(np.float32)

    def wanted_gap(self, frame_beta: FloatArray, rest: float) -> FloatArray:
        """Gap between the rims that a frame asks for, (SAMPLES,), output pixels, >= 0."""
        px = self._rig.scale_px_per_cm
        asked = frame_beta @ self._gap_rows - np.float32(SEAM_CM * px)
        seam = np.maximum(asked, 0.0)
        seam = seam * seam / (seam + SEAM_CM * px)
        closing = float(frame_beta[CLOSERS].sum())
        kept = rest * max(0.0, 1.0 - closing / 0.10)
        return np.asarray(np.maximum(seam, self.source_gap * kept), np.float32)

    def settle(self, points: FloatArray, wanted: FloatArray, rest: float) -> None:
        """Move the skin so that the rims are `wanted` apart; changes points (V, 3), sets `rims`.

        At rest a closed portrait keeps even the small gap its fit has, so that nothing moves.
        """
        area = self.aperture
        mesh_kernels.rims(points, area.ends, area.share, self.rims)
        mesh_kernels.gaps(self.rims, self.down, self._have)
        kept = self._raw_gap * np.float32(rest * (1.0 - self.open_share))
        change = wanted + kept - self._have
        mesh_kernels.follow_rims(points, area.vertices, area.along, self._share, change, self.down)
        mesh_kernels.rims(points, area.ends, area.share, self.rims)

    def texture(self, wanted: FloatArray, out: FloatArray) -> None:
        """Where the aperture's vertices find their colour; writes into out (V, 2)."""
        px = self._rig.scale_px_per_cm
        away = smoothstep(np.abs(wanted - self.source_gap) / (0.12 * px))
        area = self.aperture
        mesh_kernels.mix_texture(area.vertices, area.along, away, self.resting, self.mirrored, out)
