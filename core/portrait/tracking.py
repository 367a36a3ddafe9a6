"""Follows a face through a film: the same person in every picture, moving smoothly.

Works offline in two passes: points are found picture by picture, smoothed over time as a whole,
and then explained by one identity and, for each picture, an expression and a head pose.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from core.avatar import Avatar
from core.camera import HeadPose, euler_from_rotation
from core.errors import PortraitError
from core.face_model import FaceModel
from core.portrait.enrol import EnrolTools, Located
from core.portrait.fit import fit_portrait, network_weights
from core.portrait.snap import snap_offsets
from core.types import FloatArray, ImageArray

IDENTITY_PICTURES = 12
"""Pictures, spread over the film, whose fits are averaged into the person's identity."""
MAX_LOST_SHARE = 0.5
"""Share of pictures without a face above which a film is refused."""


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """The face of one picture.

    Attributes:
        beta: Expression, (52,).
        pose: Of the head, in the picture's pixels.
        points_px: Smoothed landmarks, (L, 2).
        offset_px: What the fit leaves over at every vertex, (V, 2).
    """

    beta: FloatArray
    pose: HeadPose
    points_px: FloatArray
    offset_px: FloatArray


@dataclass(frozen=True, eq=False)
class Track:
    """A person in a film.

    Attributes:
        alpha: Identity, (K,).
        faces: One for each picture.
        lost: Numbers of pictures whose face was not found and is interpolated.
        model_hash: Of the face model.
    """

    alpha: FloatArray
    faces: list[TrackedFace]
    lost: list[int]
    model_hash: str

    def avatar(self, number: int, rgb: ImageArray) -> Avatar:
        """Picture `number` of the film as a portrait of its own."""
        face = self.faces[number]
        return Avatar(
            image_rgb=rgb,
            alpha=self.alpha,
            beta=face.beta,
            pose=face.pose,
            offset_px=face.offset_px,
            points={},
            model_hash=self.model_hash,
        )

    def movement(self, number: int, portrait: int = 0) -> FloatArray:
        """Head pose of picture `number` relative to picture `portrait`.

        Returns:
            (6,) float32, as `ExpressionFrame.pose`; the distance to the viewer is left out.
        """
        before, now = self.faces[portrait].pose, self.faces[number].pose
        turned = np.asarray(before.rotation).T @ np.asarray(now.rotation)
        shift_px = np.asarray(now.translation_px) - np.asarray(before.translation_px)
        shift_cm = shift_px / before.scale_px_per_cm * [1, -1]
        return np.array([*euler_from_rotation(turned), *shift_cm, 0.0], np.float32)


def track(pictures: Iterable[ImageArray], tools: EnrolTools, smoothing: float = 1.0) -> Track:
    """Follow the largest face through a film.

    Args:
        pictures: In order, all of one size.
        tools: Face model and landmark network.
        smoothing: Standard deviation of the smoothing over time, in pictures; 0 leaves it out.

    Raises:
        PortraitError: There is no face in most of the pictures.
    """
    model = tools.model
    points, confidence, lost = _observe(pictures, tools)
    if smoothing > 0 and len(points) > 1:
        points = _smooth(points, smoothing)
    alpha = _identity(points, confidence, model)
    own = dataclasses.replace(model, mean=model.shape(alpha), identity=model.identity[:0])
    vertices, trust = model.landmarks["network"], network_weights(model)
    faces = []
    for place, sure in zip(points, confidence, strict=True):
        fit = fit_portrait(own, vertices, place, sure * trust)
        offset = snap_offsets(
            own, vertices, fit.residual_px, sure * trust * fit.trust, fit.pose.scale_px_per_cm
        )
        faces.append(TrackedFace(fit.beta, fit.pose, place, offset))
    return Track(alpha, faces, lost, tools.model_hash)


def _observe(
    pictures: Iterable[ImageArray], tools: EnrolTools
) -> tuple[FloatArray, FloatArray, list[int]]:
    """Points (F, L, 2) and confidences (F, L) of all pictures, gaps filled, and the gaps."""
    found: list[Located | None] = []
    for rgb in pictures:
        found.append(_next(rgb, found[-1] if found else None, tools))
    known = [i for i, one in enumerate(found) if one is not None]
    if len(known) < (1 - MAX_LOST_SHARE) * len(found) or not known:
        raise PortraitError(
            "A face was found in {seen} of {all} pictures of the film only. Choose a film "
            "that shows one face from the front.",
            seen=len(known),
            all=len(found),
        )
    points = np.stack([one.points for one in found if one is not None])
    confidence = np.stack([one.confidence for one in found if one is not None])
    lost = sorted(set(range(len(found))) - set(known))
    return _at_all(points, known, len(found)), _at_all(confidence, known, len(found)), lost


def _next(rgb: ImageArray, before: Located | None, tools: EnrolTools) -> Located | None:
    """The face of the next picture: near the last one, else searched for."""
    near = tools.follow(rgb, before.points) if before is not None and tools.follow else None
    return tools.look(rgb)[1] if near is None else near


def _at_all(values: FloatArray, known: list[int], count: int) -> FloatArray:
    """Values (n, ...) at known places, interpolated linearly to all `count` places."""
    flat = values.reshape(len(known), -1)
    places = np.arange(count)
    columns = [np.interp(places, known, column) for column in flat.T]
    filled = np.stack(columns, axis=1).reshape(count, *values.shape[1:])
    return np.asarray(filled, np.float32)


def _smooth(points: FloatArray, deviation: float) -> FloatArray:
    """Gaussian smoothing over time of points (F, L, 2)."""
    flat = points.reshape(len(points), -1)
    window = (1, 2 * round(3 * deviation) + 1)
    blurred = cv2.GaussianBlur(
        flat, window, sigmaX=1, sigmaY=deviation, borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(blurred.reshape(points.shape), np.float32)


def _identity(points: FloatArray, confidence: FloatArray, model: FaceModel) -> FloatArray:
    """The mean identity of a few pictures' fits."""
    count = min(len(points), IDENTITY_PICTURES)
    chosen = np.unique(np.linspace(0, len(points) - 1, count).astype(int))
    vertices, trust = model.landmarks["network"], network_weights(model)
    fits = [fit_portrait(model, vertices, points[i], confidence[i] * trust) for i in chosen]
    return np.asarray(np.mean([fit.alpha for fit in fits], axis=0), np.float32)
