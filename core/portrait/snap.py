"""What the fit leaves over, spread smoothly over the mesh, so that model and picture agree.

Kernel regression (a Gaussian process with a wide and a narrow kernel) in a space where the jaw is
open and the eyes are wide: there the two lips, and the two lids, are far apart and do not pull each
other, while the corners where they meet still do.
"""

import numpy as np
from numpy.typing import NDArray

from core.blendshapes import INDEX
from core.face_model import FaceModel
from core.types import FloatArray

Array = NDArray[np.float64]

_KERNELS = ((0.35, 8.0), (0.25, 1.6))
"""Standard deviation and reach of the residual in centimetres: of the whole, and of features."""
_POINT_NOISE_CM = 0.05
_MOUTH_PARTS = ("gums", "tongue", "teeth_upper", "teeth_lower")


def snap_offsets(
    model: FaceModel,
    vertices: NDArray[np.integer],
    residual_px: FloatArray,
    certainty: FloatArray,
    scale_px_per_cm: float,
) -> FloatArray:
    """Pixel correction of every vertex.

    Args:
        model: The face model.
        vertices: The vertex each point shows, shape (N,).
        residual_px: Point minus projected vertex, shape (N, 2).
        certainty: Trust in each point, shape (N,), [0, 1]; 1: the mesh goes through it.
        scale_px_per_cm: Size of the head in the picture.

    Returns:
        Shape (V, 2), float32. Skin and mouth cavity follow the points near them and come to rest
        far from all; teeth, gums and tongue move with the mouth as a whole, eyeballs with their
        lids.
    """
    place = _opened(model)
    anchors = place[vertices]
    noise = _POINT_NOISE_CM**2 / np.clip(np.asarray(certainty, np.float64), 1e-4, 1.0)
    gram = _kernel(anchors, anchors) + np.diag(noise)
    factors = np.linalg.solve(gram, np.asarray(residual_px, np.float64) / scale_px_per_cm)
    offsets = _kernel(place, anchors) @ factors * scale_px_per_cm
    rim = np.concatenate([model.landmarks["lip_rim_upper"], model.landmarks["lip_rim_lower"]])
    offsets[model.vertices_of(*_MOUTH_PARTS)] = offsets[rim].mean(0)
    for side in ("left", "right"):
        lids = [model.landmarks[f"eye_{side}_{lid}"] for lid in ("upper", "lower")]
        offsets[model.vertices_of(f"eye_{side}")] = offsets[np.concatenate(lids)].mean(0)
    return offsets.astype(np.float32)


def _opened(model: FaceModel) -> Array:
    """The mean face with open jaw and wide eyes, shape (V, 3), centimetres."""
    expression = model.expression
    blinks = expression[INDEX["eyeBlinkLeft"]] + expression[INDEX["eyeBlinkRight"]]
    return np.asarray(model.mean + expression[INDEX["jawOpen"]] - blinks, np.float64)


def _kernel(a: Array, b: Array) -> Array:
    """Covariance of the residual between places a (N, 3) and b (M, 3), shape (N, M)."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2.0 * a @ b.T
    distance: Array = np.sqrt(np.maximum(squares, 0.0))
    total = np.zeros_like(distance)
    for sigma_cm, reach_cm in _KERNELS:
        u = np.sqrt(3.0) * distance / reach_cm
        total += sigma_cm**2 * (1.0 + u) * np.exp(-u)
    return total
