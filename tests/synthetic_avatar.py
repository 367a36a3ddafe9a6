"""An avatar whose portrait is a rendering of the face model: every number of its fit is exact."""

from functools import cache

import cv2
import numpy as np

from core import blendshapes
from core.avatar import Avatar
from core.camera import HeadPose, rotation_from_euler
from core.face_model import PARTS, FaceModel
from core.raster import interpolate, rasterise, vertex_normals
from core.types import ExpressionFrame
from weights import store

SKIN, LIP, TEETH, WHITE, IRIS, DARK = (
    np.float32(c)
    for c in (
        (205, 160, 135),
        (180, 95, 90),
        (235, 228, 210),
        (235, 235, 235),
        (60, 50, 45),
        (60, 25, 25),
    )
)


@cache
def face_model() -> FaceModel:
    """The shipped face model."""
    return FaceModel.load(store.path("face_model.npz"))


def beta_of(**weights: float) -> np.ndarray:
    """Expression from ARKit names; a name without its side means both sides."""
    beta = np.zeros(blendshapes.NUM, np.float32)
    for name, value in weights.items():
        sides = [name] if name in blendshapes.INDEX else [name + "Left", name + "Right"]
        for side in sides:
            beta[blendshapes.INDEX[side]] = value
    return beta


def frame_of(
    pose: tuple[float, ...] = (0, 0, 0, 0, 0, 0), index: int = 0, breath: float = 0, **w: float
) -> ExpressionFrame:
    """A frame from ARKit names."""
    return ExpressionFrame(index, beta_of(**w), np.float32(pose), True, breath)


def synthetic_avatar(
    size: int = 320, yaw_deg: float = 0.0, seed: int | None = None, **expression: float
) -> Avatar:
    """Render a face and enrol it with its true numbers.

    Args:
        size: Width and height of the portrait in pixels.
        yaw_deg: Turn of the head.
        seed: Of a random identity; None: the average face.
        expression: ARKit weights of the expression in the portrait.
    """
    model = face_model()
    alpha = np.zeros(model.num_identity, np.float32)
    if seed is not None:
        alpha[:20] = 0.6 * np.random.default_rng(seed).normal(size=20)
    beta = beta_of(**expression)
    scale = size / 30.0
    pose = HeadPose(scale, rotation_from_euler(0, yaw_deg, 0), np.array([size * 0.5, size * 0.48]))
    moved = model.pose(model.shape(alpha), beta)
    points = pose.project(moved)
    seen = rasterise(points, model.triangles, size, size)
    light = np.clip(vertex_normals(moved, model.triangles) @ np.float32([0.2, 0.35, 0.9]), 0, 1)
    shaded = (_colours(model) * (0.55 + 0.5 * light[:, None])).astype(np.float32)
    picture = interpolate(seen, model.triangles, shaded)
    behind = np.linspace(90, 130, size)[:, None, None] * np.float32([0.8, 0.9, 1.1])
    person = seen.triangle_id >= 0
    picture = np.where(person[..., None], picture, behind)
    grain = np.random.default_rng(7).normal(0, 3, picture.shape[:2])[..., None]
    image = np.clip(cv2.GaussianBlur(picture + grain, (0, 0), 0.7), 0, 255).astype(np.uint8)
    return Avatar(
        image_rgb=image,
        alpha=alpha,
        beta=beta,
        pose=pose,
        offset_px=np.zeros((model.num_vertices, 2), np.float32),
        points={},
        person_mask=(person * 255).astype(np.uint8),
        name="synthetic",
    )


def _colours(model: FaceModel) -> np.ndarray:
    colours = np.tile(SKIN, (model.num_vertices, 1))
    lip = (model.lip_coord > -0.9) & (model.lip_coord < 1.0)
    colours[lip] = LIP
    for part, colour in (
        ("teeth_upper", TEETH),
        ("teeth_lower", TEETH),
        ("mouth_socket", DARK),
        ("gums", LIP),
        ("tongue", LIP),
        ("eye_left", WHITE),
        ("eye_right", WHITE),
    ):
        colours[model.part == PARTS.index(part)] = colour
    for side in ("left", "right"):
        centre = model.mean[model.landmarks[f"iris_{side}"][0]]
        near = np.linalg.norm(model.mean - centre, axis=1) < 0.55
        colours[near & (model.part == PARTS.index(f"eye_{side}"))] = IRIS
    return colours
