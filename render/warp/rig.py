"""The avatar's mesh in output pixels: expression, and the turn of the head as a 3D object."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core import blendshapes
from core.avatar import Avatar
from core.camera import euler_from_rotation, rotation_from_euler
from core.face_model import FaceModel
from core.raster import vertex_normals
from core.types import ExpressionFrame, FloatArray
from render.warp import mesh_kernels
from render.warp.framing import View

NECK_JOINT_CM = (0.0, -6.0, -1.0)
"""About which the head turns, in the model's axes."""
VIEWING_DISTANCE_CM = 60.0
"""From the camera to the head: what a movement towards the viewer does to the size."""
TEETH_SHOW_CM = 0.24
"""How far the upper front teeth reach below a resting upper lip."""
LOWER_TEETH_CM = -0.12
"""How far the lower front teeth reach above a resting lower lip, behind the upper ones."""
HIDDEN_FACING = 0.12
"""Skin that faces the portrait's viewer less than this is not taken as texture."""
FRONT_TEETH = (("teeth_upper", -1.0, -3.3), ("teeth_lower", 1.0, -3.6))
"""Parts of the model, and which vertices are near the biting edge: those below, above a y."""
FRONT_TEETH_Z_CM = 10.7
KEPT_PARALLAX = 0.45
"""Of the shift that depth gives the mouth's inside in a turned portrait: small errors of the fitted
pose would otherwise push the teeth out of the opening."""
MAX_TURN_DEG = 12.0
"""Turns beyond this are cut: the portrait has no pixels for them."""


@dataclass(frozen=True)
class Turn:
    """A rigid movement of the head in output pixels: p -> matrix @ p + shift."""

    matrix: FloatArray
    shift: FloatArray

    @property
    def is_still(self) -> bool:
        """Whether it moves nothing."""
        return bool(np.all(self.matrix == np.eye(3, dtype=np.float32)) and not self.shift.any())


class Rig:
    """Vertices of one avatar in one view.

    Attributes:
        source: Where the portrait shows every vertex: x, y (output pixels, y down), z towards the
            viewer, (V, 3) float32.
        neutral: The same for the person's neutral face without the residual offsets.
        scale_px_per_cm: Output pixels per centimetre of the head.
    """

    def __init__(self, avatar: Avatar, model: FaceModel, view: View) -> None:
        self.scale_px_per_cm = avatar.pose.scale_px_per_cm * view.scale
        axes = (self.scale_px_per_cm * np.asarray(avatar.pose.rotation)).astype(np.float32)
        axes[1] *= -1
        self._axes = axes
        shape = model.shape(avatar.alpha)
        origin = view.points(np.asarray(avatar.pose.translation_px, np.float32)[None])[0]
        self.neutral = shape @ axes.T
        self.neutral[:, :2] += origin
        self.rows = np.ascontiguousarray(
            (model.expression @ axes.T).reshape(blendshapes.NUM, -1), np.float32
        )
        self.beta = avatar.beta.astype(np.float32)
        self.offset = np.zeros_like(self.neutral)
        self.offset[:, :2] = avatar.offset_px * view.scale
        inside = _inside(model)
        depth_cm = model.mean[inside, 2:] - FRONT_TEETH_Z_CM
        flatter = (KEPT_PARALLAX - 1.0) * depth_cm * self.direction((0.0, 0.0, 1.0))[:2]
        self.offset[inside, :2] = flatter
        upper, lower = self._mouth_offset(model)
        self.offset[inside, :2] += upper
        self.offset[model.vertices_of("teeth_lower"), :2] += lower - upper
        self._base = (self.neutral + self.offset).ravel()
        self._hold_eyes(model)
        self.source = np.empty_like(self.neutral)
        self.move(self.beta, self.source)
        joint = np.asarray(NECK_JOINT_CM, np.float32) @ axes.T
        joint[:2] += origin
        self._joint = joint
        self._flip = np.diag([1.0, -1.0, 1.0])
        self._rotation = np.asarray(avatar.pose.rotation, np.float64)
        self._yaw_deg = euler_from_rotation(self._rotation)[1]

    def _mouth_offset(self, model: FaceModel) -> tuple[FloatArray, FloatArray]:
        """Offset of the mouth's inside and of the lower teeth, (2,) each, output pixels.

        Sideways the teeth stay in the middle of the portrait's lips. Their height follows from the
        lips, which leave a little of them free when they rest: a closed portrait shows the lips at
        rest; an open one may have parted them by the expression found in it.
        """
        marks = model.landmarks
        rims = [marks[f"lip_rim_{side}"][8:-8] for side in ("upper", "lower")]
        shift = self.displacement(self.beta)
        source = self.neutral + self.offset + shift
        across, downward = picture_axes(self._axes)
        parted = source[rims[1]].mean(axis=0) - source[rims[0]].mean(axis=0)
        gap_cm = float(parted[:2] @ downward)
        openness = np.clip(gap_cm / self.scale_px_per_cm / 0.12 - 1.0, 0.0, 1.0)
        both = np.concatenate([marks["lip_rim_upper"], marks["lip_rim_lower"]])
        sideways = float((source[both] - self.neutral[both])[:, :2].mean(axis=0) @ across)
        offsets = []
        for rim, row, below_cm in zip(
            rims, FRONT_TEETH, (TEETH_SHOW_CM, -LOWER_TEETH_CM), strict=True
        ):
            teeth = model.vertices_of(row[0])
            mean = model.mean[teeth]
            front = teeth[(np.abs(mean[:, 0]) < 0.7) & (row[1] * (mean[:, 1] - row[2]) > 0)]
            resting = (source[rim] - openness * shift[rim]).mean(axis=0)
            held = (self.neutral[front] + (1.0 - openness) * shift[front]).mean(axis=0)
            down = float((resting - held)[:2] @ downward) + below_cm * self.scale_px_per_cm
            offsets.append(np.asarray(sideways * across + down * downward, np.float32))
        return offsets[0], offsets[1]

    def _hold_eyes(self, model: FaceModel) -> None:
        """Eyeballs stay: the gaze moves what lies in the eye's opening instead."""
        rows = self.rows.reshape(blendshapes.NUM, -1, 3)
        rows[:, model.vertices_of("eye_left", "eye_right", "eye_socket")] = 0.0

    def move(self, beta: FloatArray, out: FloatArray) -> None:
        """Vertices with an expression, seen from where the portrait was taken, into out (V, 3)."""
        mesh_kernels.express(self._base, self.rows, beta, out.reshape(-1))

    def displacement(self, beta: FloatArray) -> FloatArray:
        """How far an expression moves every vertex from the neutral face, (V, 3)."""
        moved: FloatArray = beta @ self.rows
        return moved.reshape(-1, 3)

    def direction(self, model_axis: tuple[float, float, float]) -> FloatArray:
        """A direction of the model's axes in output pixels per centimetre, (3,)."""
        return np.asarray(self._axes @ np.asarray(model_axis, np.float32), np.float32)

    def turn(self, pose: NDArray[np.float32]) -> Turn:
        """The movement that a frame's head pose asks for, relative to the portrait.

        Turning a head further away that is already turned shows a side the portrait does not
        have; such turns are damped.
        """
        pitch, yaw, roll = (float(v) for v in np.clip(pose[:3], -MAX_TURN_DEG, MAX_TURN_DEG))
        if yaw * self._yaw_deg > 0:
            yaw *= float(np.clip(1.0 - (abs(self._yaw_deg) - 10.0) / 20.0, 0.0, 1.0))
        if not np.any(pose):
            return Turn(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
        own = self._rotation @ rotation_from_euler(pitch, yaw, roll) @ self._rotation.T
        nearer = 1.0 + float(pose[5]) / VIEWING_DISTANCE_CM
        matrix = (nearer * self._flip @ own @ self._flip).astype(np.float32)
        shift = self._axes @ np.asarray([pose[3], pose[4], 0.0], np.float32)
        shift += self._joint - matrix @ self._joint
        return Turn(matrix, shift.astype(np.float32))


def hidden_vertices(rig: Rig, model: FaceModel) -> NDArray[np.bool_]:
    """Vertices of the skin that the portrait does not show, or only at a glancing angle, (V,)."""
    upright = np.ascontiguousarray(rig.source * np.array([1.0, -1.0, 1.0], np.float32))
    normals = vertex_normals(upright, model.triangles_of("face", "neck"))
    return np.asarray(normals[:, 2] < HIDDEN_FACING, np.bool_)


def picture_axes(axes: FloatArray) -> FloatArray:
    """The head's sideways and downward directions in the picture, unit vectors, (2, 2)."""
    across = axes[:2, 0] / max(float(np.hypot(*axes[:2, 0])), 1e-6)
    return np.array([across, [-across[1], across[0]]], np.float32)


def combine(
    portrait: FloatArray, frame: ExpressionFrame, open_share: float
) -> tuple[FloatArray, float]:
    """The expression to show: the frame's, with what the portrait's own keeps.

    At rest the portrait shows as it is. The more the mouth does, the more of the portrait's own
    mouth shape gives way, its openness entirely, its smile in part and more slowly, its cheeks not.

    Args:
        portrait: Expression in the portrait, (52,).
        frame: What the face should do.
        open_share: How open the portrait's mouth is, 0 (closed) to 1: the jaw of a closed mouth is
            the person's shape, not an expression.

    Returns:
        The expression to show, (52,), and how much the mouth rests, (0, 1].
    """
    activity = float(np.abs(frame.beta[MOUTH]).sum())
    rest = float(np.exp(-activity / 0.12))
    keep = np.where(IS_OPENER, 1.0 - (1.0 - rest) * open_share, 1.0)
    keep = np.where(IS_SMILE, 0.5 + 0.5 * float(np.exp(-activity / 1.2)), keep)
    keep = np.where(IS_OTHER_MOUTH, 0.35 + 0.65 * rest, keep)
    shown = np.minimum(portrait * keep + np.where(IS_LID, 0.0, frame.beta), 1.0)
    return shown.astype(np.float32), rest


def _inside(model: FaceModel) -> NDArray[np.int32]:
    return model.vertices_of("mouth_socket", "gums", "tongue", "teeth_upper", "teeth_lower")


def _named(*prefixes: str) -> NDArray[np.bool_]:
    return np.array([name.startswith(prefixes) for name in blendshapes.NAMES])


IS_LID = _named("eyeBlink")
IS_OPENER = _named("jawOpen", "mouthLowerDown", "mouthUpperUp", "mouthFunnel", "tongueOut")
IS_SMILE = _named("mouthSmile", "mouthDimple", "mouthStretch", "mouthFrown")
IS_OTHER_MOUTH = _named("mouth", "jaw") & ~IS_OPENER & ~IS_SMILE
MOUTH = np.flatnonzero(_named("mouth", "jaw", "tongue") & ~IS_SMILE)
"""What a speaking mouth does; smiling and frowning alone leave it at rest."""
