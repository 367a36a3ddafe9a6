"""The eyes: lids that close over the portrait's own eyes, and a gaze that wanders a little."""

import numpy as np

from core import blendshapes
from core.face_model import FaceModel
from core.types import FloatArray
from render.warp import kernels
from render.warp.aperture import SAMPLES, Aperture, down_of, gap, ramp
from render.warp.rig import Rig

REACH_CM = 1.7
"""How far from the rim the lid's skin unfolds."""
ZONE_CM = 2.0
UPPER_SHARE = 0.88
"""Share of a blink that the upper lid does."""
GAZE_CM = 0.30
"""How far the iris moves at full gaze."""
INSET_CM = 0.32
"""Strip of the lid along the rim whose pixels (lashes, eyeball) a closing lid leaves behind."""
STRETCH_CM = 1.3
"""How far from the rim the skin is stretched to fill that strip."""


class Eye:
    """One eye of one avatar.

    Attributes:
        aperture: Its rims and lids.
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
        follow = np.clip(1.0 - area.distance_cm / REACH_CM, 0.0, 1.0)
        share = np.where(area.side > 0, UPPER_SHARE, UPPER_SHARE - 1.0) * follow
        self._share = share.astype(np.float32)
        upper_rim, lower_rim = self.rims(rig.source)
        self.down = down_of(upper_rim, lower_rim)
        self._index = {
            key: blendshapes.INDEX[f"eye{key}{side}"]
            for key in ("Blink", "LookIn", "LookOut", "LookUp", "LookDown")
        }
        self._outward = 1.0 if side == "Left" else -1.0
        source = rig.source[area.vertices, :2]
        fill = INSET_CM * np.clip(1.0 - area.distance_cm / STRETCH_CM, 0.0, 1.0)
        away = np.where(area.side > 0, -fill, fill)
        self.resting = source.astype(np.float32)
        inset = source + (away * rig.scale_px_per_cm)[:, None] * self.down
        self._inset = inset.astype(np.float32)

    def rims(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Upper and lower rim of vertices (V, k), (SAMPLES, k) each."""
        return self.aperture.upper.of(points), self.aperture.lower.of(points)

    def blink(self, beta: FloatArray) -> float:
        """How closed the frame wants the eye, [0, 1]; 0.9 and more is closed."""
        return float(np.clip(beta[self._index["Blink"]] / 0.9, 0.0, 1.0))

    def settle(self, points: FloatArray, blink: float) -> FloatArray:
        """Close the lids by a share of their present opening; changes points (V, 3).

        Returns:
            The gap left between the rims, (SAMPLES,), output pixels.
        """
        upper, lower = self.rims(points)
        have = np.maximum(gap(upper, lower, self.down), 0.0)
        if blink == 0.0:
            return have
        area = self.aperture
        change = have * np.float32(blink)
        kernels.follow_rims(points, area.vertices, area.along, self._share, change, self.down)
        return np.asarray(have * np.float32(1.0 - blink), np.float32)

    def texture(self, blink: float, out: FloatArray) -> None:
        """Where the lids' vertices find their colour; writes into out (V, 2)."""
        area = self.aperture
        mixed = np.full(SAMPLES, ramp(blink / 0.5), np.float32)
        kernels.mix_texture(area.vertices, area.along, mixed, self.resting, self._inset, out)

    def gaze(self, beta: FloatArray) -> FloatArray:
        """Shift of the iris in output pixels, (2,)."""
        value = {key: float(beta[index]) for key, index in self._index.items()}
        side = self._outward * (value["LookOut"] - value["LookIn"])
        up = value["LookUp"] - value["LookDown"]
        centimetres = GAZE_CM * np.array([side, 0.7 * up])
        toward = self._rig.direction((1.0, 0.0, 0.0))[:2] * centimetres[0]
        toward = toward + self._rig.direction((0.0, 1.0, 0.0))[:2] * centimetres[1]
        return np.asarray(toward, np.float32)
