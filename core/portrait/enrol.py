"""From a picture to an avatar: find the face, lay the model over it, judge it, cut it out."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.avatar import Avatar, Style
from core.errors import PortraitError
from core.face_model import FaceModel
from core.portrait.fit import fit_portrait, network_weights
from core.portrait.lip_line import refine_lip_line
from core.portrait.person_mask import find_person
from core.portrait.picture import Picture, read_picture
from core.portrait.points import (
    EDITABLE,
    Points,
    check_points,
    editable_points,
    landmark_indices,
    move_landmarks,
)
from core.portrait.preview import portrait_vertices
from core.portrait.quality import Evidence, judge
from core.portrait.snap import snap_offsets
from core.types import FloatArray, ImageArray

_JAW_CERTAINTY = 0.25
_NAMED = (*list(EDITABLE)[:3], "mouth_corner_right", "mouth_corner_left", "chin")


class Located(Protocol):
    """What the landmark network saw in one face."""

    @property
    def points(self) -> FloatArray:
        """Landmarks in pixels, shape (L, 2)."""
        ...

    @property
    def confidence(self) -> FloatArray:
        """Of each landmark, shape (L,), [0, 1]."""
        ...


@dataclass(frozen=True)
class EnrolTools:
    """The parts that enrolment works with.

    Attributes:
        model: The face model.
        model_hash: SHA-256 of its file.
        look: Faces of a picture, the largest first; only the first need be located. Gives how many
            faces there are and the landmarks of the largest, None where there is none.
        follow: The face of a film's next picture near its points (L, 2) in the picture before,
            None where it is lost; every picture is searched afresh where there is no such part.
    """

    model: FaceModel
    model_hash: str
    look: Callable[[ImageArray], tuple[int, Located | None]]
    follow: Callable[[ImageArray, FloatArray], Located | None] | None = None


def enrol_file(
    path: Path, tools: EnrolTools, points: Points | None = None, mask: ImageArray | None = None
) -> Avatar:
    """Enrol a picture file; see `enrol`. Points are in pixels of the upright file.

    Raises:
        PortraitError: The file is no usable picture, or no face can be fitted.
    """
    path = Path(path)
    picture = read_picture(path)
    scaled = {n: (x * picture.zoom, y * picture.zoom) for n, (x, y) in (points or {}).items()}
    try:
        avatar = enrol(picture, tools, scaled or None, mask)
    except PortraitError as error:
        raise PortraitError("{path}: {reason}", path=path, reason=error) from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return replace(avatar, name=path.stem, provenance={"file": path.name, "sha256": digest})


def enrol(
    picture: Picture | ImageArray,
    tools: EnrolTools,
    points: Points | None = None,
    mask: ImageArray | None = None,
    style: Style | None = None,
) -> Avatar:
    """Make an avatar of a picture.

    Args:
        picture: What `read_picture` gives, or RGB of shape (H, W, 3), uint8.
        tools: Face model and landmark network.
        points: Set by hand, by name (see `points.EDITABLE`), in pixels. They override what the
            network finds; five or more make do without it: cartoons, statues, animals.
        mask: Person mask made elsewhere, shape (H, W), uint8; found here where None.
        style: How this person speaks.

    Raises:
        PortraitError: There is no face and there are too few points, or a point is wrong.
    """
    if not isinstance(picture, Picture):
        picture = Picture(picture)
    height, width = picture.rgb.shape[:2]
    points = points or {}
    check_points(points, width, height)
    num_faces, seen = tools.look(picture.rgb)
    if seen is not None:
        marks = _seen_marks(tools.model, picture.rgb, seen, points)
    elif points:
        marks = _hand_marks(tools.model, points)
    else:
        raise PortraitError(
            "No face was found in the picture. Use a picture in which a face looks into the "
            "camera, or give at least five points by hand (such as {names}).",
            names=", ".join(_NAMED),
        )
    return _build(picture, tools, marks, num_faces, mask, style)


@dataclass(frozen=True)
class _Marks:
    """Landmarks to fit: their places, what they weigh in the fit, and how far to trust each."""

    landmarks: NDArray[np.intp]
    points_px: FloatArray
    weights: FloatArray
    certainty: FloatArray
    confidence: FloatArray | None
    by_hand: NDArray[np.bool_]


def _seen_marks(model: FaceModel, rgb: ImageArray, seen: Located, points: Points) -> _Marks:
    places, confidence = seen.points, np.asarray(seen.confidence, np.float32).copy()
    places = refine_lip_line(model, rgb, places)
    by_hand = np.zeros(len(places), bool)
    if points:
        places = move_landmarks(model, places, points)
        by_hand[landmark_indices(model, points)] = True
    weights = confidence * network_weights(model)
    jaw = np.char.startswith(np.array(model.landmark_names), "jaw")
    certainty = confidence * np.where(jaw, np.float32(_JAW_CERTAINTY), np.float32(1.0))
    for values in (weights, certainty, confidence):
        values[by_hand] = 1.0
    return _Marks(np.arange(len(places)), places, weights, certainty, confidence, by_hand)


def _hand_marks(model: FaceModel, points: Points) -> _Marks:
    places = np.array(list(points.values()), np.float32).reshape(-1, 2)
    ones = np.ones(len(places), np.float32)
    landmarks = landmark_indices(model, points)
    return _Marks(landmarks, places, ones, ones, None, ones.astype(bool))


def _build(
    picture: Picture,
    tools: EnrolTools,
    marks: _Marks,
    num_faces: int,
    mask: ImageArray | None,
    style: Style | None,
) -> Avatar:
    model = tools.model
    vertices = model.landmarks["network"][marks.landmarks]
    fit = fit_portrait(
        model, vertices, marks.points_px, marks.weights, robust=not marks.by_hand.all()
    )
    trust = np.where(marks.by_hand, np.float32(1.0), fit.trust)
    offset = snap_offsets(
        model, vertices, fit.residual_px, marks.certainty * trust, fit.pose.scale_px_per_cm
    )
    draft = Avatar(
        image_rgb=picture.rgb,
        alpha=fit.alpha,
        beta=fit.beta,
        pose=fit.pose,
        offset_px=offset,
        points={},
        style=style or Style(),
        model_hash=tools.model_hash,
    )
    placed = portrait_vertices(draft, model)
    evidence = Evidence(picture.rgb, placed, fit.pose, fit.error_cm, marks.confidence, num_faces)
    if mask is None:
        mask = picture.opacity
    return replace(
        draft,
        points=editable_points(model, placed),
        verdict=judge(model, evidence),
        person_mask=find_person(picture.rgb, placed, model) if mask is None else mask,
    )
