"""The folds from the nose to the corners of the mouth, which a smile deepens.

A warp moves the skin but keeps its light: a smile without its folds looks painted on. Here a soft
line along each fold darkens as the smile grows beyond the portrait's own.
"""

import numpy as np

from core import blendshapes
from core.face_model import FaceModel
from core.types import FloatArray
from render.warp import mesh_kernels
from render.warp.aperture import IntArray, ramp
from render.warp.rig import Rig, hidden_vertices

PATH_CM = ((1.85, -0.55), (2.25, -1.30), (2.70, -2.15), (3.05, -3.00), (3.20, -3.75), (3.10, -4.30))
"""Of the fold on the subject's left of the average face, from the nose down: x, y."""
POINTS = 16
SOFT_CM = 0.30
STRENGTH = 0.13
LEAST_SMILE, FULL_SMILE = 0.2, 0.9
"""More smile than the portrait's own at which the fold begins to show (speech alone hardly asks for
it) and has its full depth."""
SHARES = np.array([1.0, 0.5], np.float32)
"""Of smile and squint in what deepens the fold."""


class Fold:
    """One fold of one avatar.

    Attributes:
        anchors: Vertices it moves with, (POINTS, 3) int32.
        line: Where it runs, (POINTS, 2) float32, output pixels, set by `place`.
        soft_px: Of its profile, output pixels; see `paint_kernels.shade_line`.
    """

    def __init__(self, rig: Rig, model: FaceModel, side: str) -> None:
        sign = 1.0 if side == "Left" else -1.0
        knots = np.array(PATH_CM) * [sign, 1.0]
        along = np.linspace(0.0, 1.0, POINTS)
        at = np.linspace(0.0, 1.0, len(knots))
        path = np.stack([np.interp(along, at, knots[:, k]) for k in range(2)], 1)
        self.anchors, self._weights = _bind(path, model)
        shown = 1.0 - hidden_vertices(rig, model)[self.anchors].mean()
        self._visible = float(ramp((float(shown) - 0.5) / 0.5))
        self._index = [blendshapes.INDEX[f"{name}{side}"] for name in ("mouthSmile", "cheekSquint")]
        self._own = float(rig.beta[self._index] @ SHARES)
        self.line = np.zeros((POINTS, 2), np.float32)
        self.soft_px = max(SOFT_CM * rig.scale_px_per_cm, 0.7)

    def strength(self, shown: FloatArray) -> float:
        """How much the fold darkens under an expression (52,), [0, STRENGTH]."""
        smile = float(shown[self._index] @ SHARES) - self._own
        share = (smile - LEAST_SMILE) / (FULL_SMILE - LEAST_SMILE)
        return STRENGTH * self._visible * ramp(share)

    def place(self, turned: FloatArray) -> None:
        """Set the line for vertices (V, 3) in output pixels."""
        mesh_kernels.follow(turned, self.anchors, self._weights, self.line)


def _bind(places: FloatArray, model: FaceModel) -> tuple[IntArray, FloatArray]:
    """Corners of the triangles of the face before which places (n, 2) lie, and their shares."""
    triangles = model.triangles_of("face")
    a, b, c = model.mean[triangles, :2].transpose(1, 0, 2)[:, None]
    p = places[:, None]

    def area(u: FloatArray, v: FloatArray, w: FloatArray) -> FloatArray:
        return (v - u)[..., 0] * (w - u)[..., 1] - (w - u)[..., 0] * (v - u)[..., 1]

    whole = area(a, b, c)
    shares = np.stack([area(p, b, c), area(a, p, c), area(a, b, p)], -1)
    shares /= np.where(whole > 1e-6, whole, np.nan)[..., None]
    best = np.nan_to_num(shares.min(-1), nan=-9.0).argmax(1)
    chosen = np.clip(shares[np.arange(len(places)), best], 0.0, 1.0)
    chosen /= chosen.sum(1, keepdims=True)
    return triangles[best].astype(np.int32), chosen.astype(np.float32)
