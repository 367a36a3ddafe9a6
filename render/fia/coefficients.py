"""Identity, expression and pose as the network takes them (the paper's alpha, beta, rho)."""

import numpy as np
from numpy.typing import NDArray

from core.camera import euler_from_rotation
from core.types import ExpressionFrame, FloatArray
from render.fia.config import FiaConfig

ANGLE_UNIT_DEG = 30.0
SHIFT_UNIT_CM = 10.0


def network_alpha(alpha: FloatArray, config: FiaConfig) -> FloatArray:
    """Identity (K,) cut or padded with zeros to the network's length."""
    return _fit(alpha, config.alpha_size)


def network_beta(beta: FloatArray, config: FiaConfig) -> FloatArray:
    """Expression (52,) cut or padded with zeros to the network's length."""
    return _fit(beta, config.beta_size)


def network_pose(portrait_rotation: NDArray[np.float64], frame: ExpressionFrame) -> FloatArray:
    """Pose (6,): how the head is turned to the viewer, and how far it moved, both about 1."""
    angles = np.asarray(euler_from_rotation(portrait_rotation)) + frame.pose[:3]
    pose = np.concatenate([angles / ANGLE_UNIT_DEG, frame.pose[3:] / SHIFT_UNIT_CM])
    return np.asarray(pose, np.float32)


def _fit(values: FloatArray, length: int) -> FloatArray:
    fitted = np.zeros(length, np.float32)
    count = min(length, len(values))
    fitted[:count] = values[:count]
    return fitted
