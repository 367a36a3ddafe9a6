"""Rendered faces for tests: the face model under plain light on a grey wall."""

from functools import cache

import numpy as np

from core import blendshapes
from core.camera import HeadPose, rotation_from_euler
from core.face_model import PARTS, FaceModel
from core.raster import interpolate, rasterise, vertex_normals
from core.types import FloatArray, ImageArray
from weights import store

SIZE_PX = 480
_SCALE = 16.0
_BOX_CM = 16.6
_COLOURS = {
    "face": (0.80, 0.60, 0.50),
    "neck": (0.75, 0.56, 0.47),
    "head": (0.25, 0.17, 0.12),
    "mouth_socket": (0.25, 0.10, 0.10),
    "gums": (0.60, 0.30, 0.30),
    "tongue": (0.65, 0.32, 0.32),
    "teeth_upper": (0.95, 0.92, 0.85),
    "teeth_lower": (0.92, 0.88, 0.80),
    "eye_socket": (0.75, 0.50, 0.45),
}
_EYE, _IRIS, _LIPS, _BROW = (0.9, 0.9, 0.9), (0.15, 0.1, 0.08), (0.65, 0.30, 0.30), (0.2, 0.13, 0.1)


@cache
def face_model() -> FaceModel:
    """The model that ships."""
    return FaceModel.load(store.path("face_model.npz"))


def rendered_face(
    seed: int, beta: dict[str, float] | None = None, pose: HeadPose | None = None
) -> tuple[ImageArray, FloatArray]:
    """A random person on a grey wall.

    Returns:
        Picture (480, 480, 3) uint8 and the network's landmarks (L, 2) in pixels.
    """
    model = face_model()
    random = np.random.default_rng(seed)
    alpha = (random.standard_normal(20) * 0.7).astype(np.float32)
    weights = np.zeros(blendshapes.NUM, np.float32)
    for name, value in (beta or {}).items():
        weights[blendshapes.INDEX[name]] = value
    vertices = model.pose(model.shape(alpha), weights)
    pose = pose or HeadPose(_SCALE, rotation_from_euler(0, 0, 0), np.array([240.0, 250.0]))
    placed = pose.project(vertices)
    turned = (vertices @ np.asarray(pose.rotation).T).astype(np.float32)
    normals = vertex_normals(turned, model.triangles)
    shade = 0.35 + 0.75 * np.clip(normals @ np.float32([0.25, 0.45, 0.86]), 0, 1)
    colours = (_albedo() * shade[:, None]).astype(np.float32)
    buffers = rasterise(placed, model.triangles, SIZE_PX, SIZE_PX)
    picture = np.full((SIZE_PX, SIZE_PX, 3), 0.62, np.float32)
    interpolate(buffers, model.triangles, colours, out=picture)
    image = np.uint8(np.clip(picture, 0, 1) * 255)
    return image, placed[model.landmarks["network"], :2]


@cache
def _albedo() -> FloatArray:
    model = face_model()
    colours = np.array([_COLOURS.get(name, _EYE) for name in PARTS], np.float32)[model.part]
    for side in ("left", "right"):
        eye = model.vertices_of(f"eye_{side}")
        ray = model.mean[eye] - model.mean[eye].mean(0)
        ahead = ray[:, 2] / np.linalg.norm(ray, axis=1)
        colours[eye[ahead > 0.87]] = _IRIS
    face = model.part == 0
    x, y = np.abs(model.mean[:, 0]), model.mean[:, 1]
    brow = model.mean[model.landmarks["brow_left"]]
    line = np.interp(x, brow[:, 0], brow[:, 1])
    colours[face & (y < line + 0.1) & (y > line - 0.7) & (x > 1.2) & (x < 5.6)] = _BROW
    upper = model.mean[model.landmarks["lip_outer_upper"]]
    lower = model.mean[model.landmarks["lip_outer_lower"]]
    inside = (y < np.interp(x, upper[8:, 0], upper[8:, 1])) & (x < upper[-1, 0])
    inside &= y > np.interp(x, lower[8:, 0], lower[8:, 1])
    colours[face & (inside | (model.lip_coord > 0)) & (model.mean[:, 2] > 8)] = _LIPS
    return colours


def face_on_wall(
    seed: int, tilt_deg: float = 0.0, zoom: float = 1.0
) -> tuple[ImageArray, float, float, float]:
    """A rendered face, tilted clockwise and made smaller.

    Returns:
        Picture, and where a detector should find the face: x, y and size in pixels.
    """
    pose = HeadPose(_SCALE * zoom, rotation_from_euler(0, 0, tilt_deg), np.array([240.0, 240.0]))
    picture, points = rendered_face(seed, pose=pose)
    x, y = points.mean(0)
    return picture, float(x), float(y), _BOX_CM * _SCALE * zoom
