"""The camera of a portrait: scaled orthographic projection of the head, and its angles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.types import FloatArray


@dataclass(frozen=True)
class HeadPose:
    """Where the head is in a picture.

    Attributes:
        scale_px_per_cm: Size of the head.
        rotation: Shape (3, 3): from the model's axes (x to the subject's left, y up, z out of the
            face) to the viewer's (x to the right, y up, z towards the viewer).
        translation_px: Shape (2,): where the model's origin lies, x to the right, y down, pixel
            centres at +0.5.
    """

    scale_px_per_cm: float
    rotation: NDArray[np.float64]
    translation_px: NDArray[np.float64]

    def project(self, vertices: FloatArray) -> FloatArray:
        """Picture coordinates of model vertices.

        Args:
            vertices: Shape (N, 3), centimetres.

        Returns:
            Shape (N, 3), float32: x to the right, y down, z towards the viewer, all in pixels.
        """
        axes = (self.scale_px_per_cm * np.asarray(self.rotation)).astype(np.float32)
        axes[1] *= -1
        projected = vertices @ axes.T
        projected[:, :2] += np.asarray(self.translation_px, np.float32)
        return np.asarray(projected, np.float32)

    @classmethod
    def from_rho(cls, rho: NDArray[np.floating]) -> "HeadPose":
        """From rho, shape (6,): pitch, yaw, roll in degrees, x, y in pixels, pixels per cm."""
        pitch_deg, yaw_deg, roll_deg, x_px, y_px, scale = (float(value) for value in rho)
        return cls(scale, rotation_from_euler(pitch_deg, yaw_deg, roll_deg), np.array([x_px, y_px]))

    def to_rho(self) -> NDArray[np.float64]:
        """The inverse of `from_rho`, shape (6,)."""
        angles = euler_from_rotation(self.rotation)
        return np.array([*angles, *self.translation_px, self.scale_px_per_cm])


def rotation_from_euler(pitch_deg: float, yaw_deg: float, roll_deg: float) -> NDArray[np.float64]:
    """Rotation matrix of a head, shape (3, 3): roll first, then pitch, then yaw.

    Args:
        pitch_deg: Positive: chin up.
        yaw_deg: Positive: towards the subject's left.
        roll_deg: Positive: towards the subject's left shoulder.
    """
    (sp, sy, sr), (cp, cy, cr) = (
        f(np.radians([-pitch_deg, yaw_deg, -roll_deg])) for f in (np.sin, np.cos)
    )
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(yaw @ pitch @ roll, np.float64)


def euler_from_rotation(rotation: NDArray[np.floating]) -> tuple[float, float, float]:
    """Pitch, yaw and roll in degrees of a rotation matrix; undoes `rotation_from_euler`."""
    pitch = np.arcsin(np.clip(rotation[1, 2], -1.0, 1.0))
    yaw = np.arctan2(rotation[0, 2], rotation[2, 2])
    roll = -np.arctan2(rotation[1, 0], rotation[1, 1])
    return float(np.degrees(pitch)), float(np.degrees(yaw)), float(np.degrees(roll))
