"""Faces of the model with known truth, for the tests of the fit."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from core.blendshapes import INDEX
from core.camera import HeadPose, rotation_from_euler
from core.face_model import FaceModel
from core.portrait.enrol import EnrolTools
from core.types import FloatArray, ImageArray
from weights import store

EYES_CM = 8.9


@lru_cache(maxsize=1)
def model() -> FaceModel:
    return FaceModel.load(store.path("face_model.npz"))


@dataclass(frozen=True)
class Face:
    """One known face."""

    alpha: FloatArray
    beta: FloatArray
    pose: HeadPose
    angles_deg: tuple[float, float, float]

    @property
    def vertices_px(self) -> FloatArray:
        return self.pose.project(model().pose(model().shape(self.alpha), self.beta))

    @property
    def points(self) -> FloatArray:
        return self.vertices_px[model().landmarks["network"], :2]


def face(
    angles_deg: tuple[float, float, float] = (-8.0, 0.0, 0.0),
    scale: float = 12.0,
    centre: tuple[float, float] = (256.0, 230.0),
    seed: int | None = None,
    **expression: float,
) -> Face:
    """The average face, or a random person, with an expression ("jawOpen", or "smile" for both)."""
    alpha = np.zeros(model().num_identity, np.float32)
    if seed is not None:
        alpha = np.random.default_rng(seed).normal(size=len(alpha)).astype(np.float32)
    beta = np.zeros(52, np.float32)
    for name, value in expression.items():
        for side in ("", "Left", "Right"):
            if name + side in INDEX:
                beta[INDEX[name + side]] = value
    pose = HeadPose(scale, rotation_from_euler(*angles_deg), np.array(centre))
    return Face(alpha, beta, pose, angles_deg)


def drawn(shown: Face, height: int = 512, width: int = 512) -> ImageArray:
    """A flat picture of a face: skin, shoulders, dark eyes, red mouth, some grain."""
    rng = np.random.default_rng(0)
    canvas = np.full((height, width, 3), (70, 110, 150), np.uint8)
    at = shown.vertices_px[:, :2]
    skin = at[model().vertices_of("face", "head", "neck")]
    chin = at[model().landmarks["chin"][0]]
    reach = 12 * shown.pose.scale_px_per_cm
    below = [[-0.9, 0.5], [0.9, 0.5], [1.2, 3.0], [-1.2, 3.0]]
    cv2.fillPoly(canvas, [(chin + reach * np.array(below)).astype(np.int32)], (120, 40, 50))
    cv2.fillConvexPoly(canvas, cv2.convexHull(skin.astype(np.int32)), (205, 160, 135))
    for upper, lower, colour in (
        ("eye_right_upper", "eye_right_lower", (40, 30, 25)),
        ("eye_left_upper", "eye_left_lower", (40, 30, 25)),
        ("lip_outer_upper", "lip_outer_lower", (170, 70, 70)),
    ):
        ring = np.concatenate([at[model().landmarks[upper]], at[model().landmarks[lower]][::-1]])
        cv2.fillPoly(canvas, [ring.astype(np.int32)], colour)
    noisy = canvas + rng.normal(0, 6, canvas.shape)
    return np.asarray(noisy.clip(0, 255), np.uint8)


@dataclass(frozen=True)
class Seen:
    points: FloatArray
    confidence: FloatArray


def tools_that_see(shown: Face | None, num_faces: int = 1, noise: float = 0.0) -> EnrolTools:
    """Tools whose landmark network is replaced by the truth (noise as a share of the eyes)."""
    seen = None
    if shown is not None:
        rng = np.random.default_rng(3)
        spread = noise * EYES_CM * shown.pose.scale_px_per_cm
        points = shown.points + rng.normal(0, spread, shown.points.shape)
        seen = Seen(points.astype(np.float32), np.full(len(points), 0.9, np.float32))
    return EnrolTools(model(), "a" * 64, lambda _: (num_faces if seen else 0, seen))
