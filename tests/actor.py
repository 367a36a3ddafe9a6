"""A person on film, drawn from the face model, whose landmarks are known exactly."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core import blendshapes
from core.camera import HeadPose, rotation_from_euler
from core.face_model import FaceModel
from core.portrait.enrol import EnrolTools
from core.types import FloatArray, ImageArray
from weights import store
from weights.training.fia.scene import Studio

SIDE_PX = 300


@dataclass(frozen=True)
class Seen:
    """What a landmark network would say."""

    points: FloatArray
    confidence: FloatArray


@dataclass(frozen=True)
class Take:
    """One picture: RGB (SIDE_PX, SIDE_PX, 3), and all vertices in its pixels, (V, 3)."""

    rgb: ImageArray
    vertices_px: FloatArray


class Actor:
    """Random person number `seed` in front of a camera."""

    def __init__(self, seed: int = 11) -> None:
        self.model = FaceModel.load(store.path("face_model.npz"))
        self.studio = Studio(self.model)
        self.person = self.studio.draw_person(np.random.default_rng(seed), SIDE_PX)
        self.neutral = self.model.shape(self.person.alpha)

    def shoot(self, jaw: float, yaw_deg: float = 0.0, shift_px: float = 0.0) -> Take:
        """A picture with the jaw open by `jaw` (0 to 1), turned and moved sideways."""
        beta = np.zeros(blendshapes.NUM, np.float32)
        beta[blendshapes.INDEX["jawOpen"]] = jaw
        place = np.array([150.0 + shift_px, 160.0])
        pose = HeadPose(10.0, rotation_from_euler(0, yaw_deg, 0), place)
        vertices = pose.project(self.model.pose(self.neutral, beta))
        shot = self.studio.shoot(self.person, vertices, (0, 0, SIDE_PX, SIDE_PX))
        return Take(np.rint(shot.rgb * 255).astype(np.uint8), vertices)

    def tools(self, takes: Iterable[Take]) -> EnrolTools:
        """Enrolment whose landmark network knows these takes, asked for in this order."""
        marks = self.model.landmarks["network"]
        queue = [
            Seen(take.vertices_px[marks, :2], np.ones(len(marks), np.float32)) for take in takes
        ]
        return EnrolTools(self.model, "hash", lambda rgb: (1, queue.pop(0)))
