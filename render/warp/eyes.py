"""The eyes: lids that close over the portrait's own eyes, and a gaze that wanders a little."""

import numpy as np

from core import blendshapes
from core.face_model import FaceModel
from core.types import FloatArray
from render.warp import mesh_kernels
from render.warp.aperture import SAMPLES, Aperture, down_of, ramp
from render.warp.rig import Rig

BROW_CM = 0.5
"""Half the height of a brow: a blink unfolds the skin from the rim up to the brow's lower edge."""
REACH_CM = (0.8, 1.9)
"""Least and greatest height of that skin."""
ZONE_CM = 2.0
UPPER_SHARE = 0.88
"""Share of a blink that the upper lid does."""
GAZE_CM = 0.30
"""How far the iris moves at full gaze."""
INSET_CM = 0.32
"""Strip of the lid along the rim whose pixels (lashes, eyeball) a closing lid leaves behind."""
STRETCH = 0.8
"""Share of the unfolding skin that is stretched to fill that strip."""


class Eye:
    """One eye of one avatar.

    Attributes:
        aperture: Its rims and lids.
        rims: Upper and lower rim of the settled frame, (2, SAMPLES, 3), output pixels.
        gap: Left between them, (SAMPLES,), output pixels.
    """

    def __init__(self, rig: Rig, model: FaceModel, side: str) -> None:
        self._rig = rig
        name = side.lower()
        upper, lower = model.landmarks[f"eye_{name}_upper"], model.landmarks[f"eye_{name}_lower"]
        centre = model.mean[np.concatenate([upper, lower])].mean(0)
        near = np.linalg.norm(model.mean - centre, axis=1) < ZONE_CM + 2.5
        skin = np.flatnonzero(near & (model.part == 0)).astype(np.int32)
        self.aperture = Aperture(upper, lower, model.mean, skin)
        keep = self.aperture.distance_cm < ZONE_CM
        area = self.aperture
        area.vertices, area.along = area.vertices[keep], area.along[keep]
        area.side, area.distance_cm = area.side[keep], area.distance_cm[keep]
        self.down = down_of(area.upper.of(rig.source), area.lower.of(rig.source))
        self.rims = np.zeros((2, SAMPLES, 3), np.float32)
        self.gap = np.zeros(SAMPLES, np.float32)
        self._change = np.zeros(SAMPLES, np.float32)
        self._mixed = np.zeros(SAMPLES, np.float32)
        reach_cm = self._reach_cm(model, name)
        follow = np.clip(1.0 - area.distance_cm / reach_cm, 0.0, 1.0)
        share = np.where(area.side > 0, UPPER_SHARE, UPPER_SHARE - 1.0) * follow
        self._share = share.astype(np.float32)
        self._index = {
            key: blendshapes.INDEX[f"eye{key}{side}"]
            for key in ("Blink", "LookIn", "LookOut", "LookUp", "LookDown")
        }
        self._outward = 1.0 if side == "Left" else -1.0
        source = rig.source[area.vertices, :2]
        fill = np.clip(1.0 - area.distance_cm / (STRETCH * reach_cm), 0.0, 1.0)
        fill = fill * min(INSET_CM, 0.3 * reach_cm)
        away = np.where(area.side > 0, -fill, fill)
        self.resting = source.astype(np.float32)
        inset = source + (away * rig.scale_px_per_cm)[:, None] * self.down
        self._inset = inset.astype(np.float32)

    def _reach_cm(self, model: FaceModel, side: str) -> float:
        """Height of the skin between lid and brow, in centimetres of the mean face."""
        brow = model.landmarks[f"brow_{side}"]
        shown, mean = (
            (self.aperture.upper.of(p)[:, :2].mean(0) - p[brow, :2].mean(0))
            for p in (self._rig.source, model.mean * np.array([1.0, -1.0, 1.0], np.float32))
        )
        shown_cm = max(float(shown @ self.down) / self._rig.scale_px_per_cm, 0.3)
        mean_cm = float(mean[1])
        return float(np.clip((shown_cm - BROW_CM) * mean_cm / shown_cm, *REACH_CM))

    def blink(self, beta: FloatArray) -> float:
        """How closed the frame wants the eye, [0, 1]; 0.9 and more is closed."""
        return float(np.clip(beta[self._index["Blink"]] / 0.9, 0.0, 1.0))

    def settle(self, points: FloatArray, blink: float) -> None:
        """Close the lids by a share of their present opening.

        Changes points (V, 3); sets `rims` and `gap`.
        """
        area = self.aperture
        mesh_kernels.rims(points, area.ends, area.share, self.rims)
        mesh_kernels.gaps(self.rims, self.down, self.gap)
        np.maximum(self.gap, 0.0, out=self.gap)
        if blink == 0.0:
            return
        np.multiply(self.gap, np.float32(blink), out=self._change)
        mesh_kernels.follow_rims(
            points, area.vertices, area.along, self._share, self._change, self.down
        )
        np.subtract(self.gap, self._change, out=self.gap)
        mesh_kernels.rims(points, area.ends, area.share, self.rims)

    def texture(self, blink: float, out: FloatArray) -> None:
        """Where the lids' vertices find their colour; writes into out (V, 2)."""
        area = self.aperture
        self._mixed.fill(ramp(blink / 0.5))
        mesh_kernels.mix_texture(
            area.vertices, area.along, self._mixed, self.resting, self._inset, out
        )

    def gaze(self, beta: FloatArray) -> FloatArray:
        """Shift of the iris in output pixels, (2,)."""
        value = {key: float(beta[index]) for key, index in self._index.items()}
        side = self._outward * (value["LookOut"] - value["LookIn"])
        up = value["LookUp"] - value["LookDown"]
        centimetres = GAZE_CM * np.array([side, 0.7 * up])
        toward = self._rig.direction((1.0, 0.0, 0.0))[:2] * centimetres[0]
        toward = toward + self._rig.direction((0.0, 1.0, 0.0))[:2] * centimetres[1]
        return np.asarray(toward, np.float32)
