"""Judges a portrait: will it look right when it speaks, and if not, why and what would help."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.avatar import Quality
from core.camera import HeadPose, euler_from_rotation
from core.face_model import FaceModel
from core.messages import Message
from core.types import FloatArray, ImageArray

LEVEL_PITCH_DEG = -8.0
"""Pitch of the model in a portrait that looks straight ahead: its axes look up a little."""
MAX_YAW_DEG = 30.0
_NOTE_YAW_DEG = 20.0
_MAX_PITCH_DEG = 24.0
_MIN_EYES_PX, _NOTE_EYES_PX = 36.0, 70.0
_MIN_SHARPNESS = 0.032
_MIN_CONFIDENCE = {"lip": 0.64, "eye": 0.3}
_MUCH_LESS = 0.8
"""Doubt about a feature, against all landmarks (of which the contour is always doubtful)."""
_MAX_ERROR_CM = 0.75
_OPEN_GAP = 0.05
_MIN_LIGHT, _MAX_LIGHT = 28.0, 245.0
_SHARPNESS_EYES_PX = 90.0


@dataclass(frozen=True)
class Evidence:
    """What the verdict rests on.

    Attributes:
        rgb: The portrait, (H, W, 3) uint8.
        vertices_px: The fitted model in it, (V, 3).
        pose: The fitted pose.
        error_cm: How far model and points are apart.
        confidence: Of each landmark, (L,), [0, 1]; None where all points were set by hand.
        num_faces: Faces found in the picture.
    """

    rgb: ImageArray
    vertices_px: FloatArray
    pose: HeadPose
    error_cm: float
    confidence: FloatArray | None
    num_faces: int


def judge(model: FaceModel, seen: Evidence) -> Quality:
    """The verdict with its reasons, the gravest first; notes that do no harm come last."""
    faults = [
        *_turned(seen.pose),
        *_too_small(model, seen),
        *_hidden(model, seen),
        *_unlike(seen),
        *_badly_taken(model, seen),
    ]
    notes = [*_several(seen.num_faces), *_remarks(model, seen)]
    return Quality(ok=not faults, reasons=tuple(faults + notes))


def eye_distance_px(model: FaceModel, vertices_px: FloatArray) -> float:
    """Distance of the outer eye corners in the picture."""
    right = vertices_px[model.landmarks["eye_right_upper"][0], :2]
    left = vertices_px[model.landmarks["eye_left_upper"][-1], :2]
    return float(np.linalg.norm(left - right))


def mouth_gap(model: FaceModel, vertices_px: FloatArray) -> float:
    """Gap of the inner lips in the middle, as a share of the model's eye distance."""
    upper = vertices_px[model.landmarks["lip_rim_upper"], :2]
    lower = vertices_px[model.landmarks["lip_rim_lower"], :2]
    gap = np.linalg.norm(upper[len(upper) // 2] - lower[len(lower) // 2])
    return float(gap) / max(eye_distance_px(model, vertices_px), 1e-6)


def sharpness(model: FaceModel, rgb: ImageArray, vertices_px: FloatArray) -> float:
    """Fine contrast of the face over all its contrast, at a fixed size of the face; 0 is fog."""
    face = vertices_px[model.vertices_of("face"), :2]
    low = np.maximum(np.floor(face.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(face.max(0)).astype(int), [rgb.shape[1], rgb.shape[0]])
    if (high - low).min() < 8:
        return 0.0
    grey = cv2.cvtColor(rgb[low[1] : high[1], low[0] : high[0]], cv2.COLOR_RGB2GRAY)
    zoom = _SHARPNESS_EYES_PX / max(eye_distance_px(model, vertices_px), 1e-6)
    flags = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    grey = cv2.resize(grey, None, fx=zoom, fy=zoom, interpolation=flags).astype(np.float32)
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 1.5)
    return float(fine.std() / (grey.std() + 1.0))


def _turned(pose: HeadPose) -> list[Message]:
    pitch, yaw, _ = euler_from_rotation(pose.rotation)
    pitch -= LEVEL_PITCH_DEG
    reasons = []
    if abs(yaw) > MAX_YAW_DEG:
        reasons.append(
            Message(
                "The head is turned {yaw:.0f}° to its {side}; beyond {most:.0f}° the far side of "
                "the mouth is hidden. Use a picture that looks more into the camera.",
                yaw=abs(yaw),
                side=Message("left" if yaw > 0 else "right"),
                most=MAX_YAW_DEG,
            )
        )
    if abs(pitch) > _MAX_PITCH_DEG:
        reasons.append(
            Message(
                "The face looks {way} by {pitch:.0f}°. Use a picture taken from the height of the "
                "eyes.",
                way=Message("up" if pitch > 0 else "down"),
                pitch=abs(pitch),
            )
        )
    return reasons


def _too_small(model: FaceModel, seen: Evidence) -> list[Message]:
    eyes = eye_distance_px(model, seen.vertices_px)
    if eyes >= _MIN_EYES_PX:
        return []
    return [
        Message(
            "The face is too small: {eyes:.0f} pixels between the outer eye corners, at least "
            "{least:.0f} are needed. Use a larger picture or cut it closer.",
            eyes=eyes,
            least=_MIN_EYES_PX,
        )
    ]


def _hidden(model: FaceModel, seen: Evidence) -> list[Message]:
    if seen.confidence is None:
        return []
    names = np.array(model.landmark_names)
    reasons = []
    for prefix, what in _HIDDEN.items():
        part = float(seen.confidence[np.char.startswith(names, prefix)].mean())
        if part < max(_MIN_CONFIDENCE[prefix], _MUCH_LESS * float(seen.confidence.mean())):
            reasons.append(Message(what))
    return reasons


_HIDDEN = {
    "lip": "The mouth cannot be made out well; something may cover it. Use a picture with a free "
    "face, or set the points by hand.",
    "eye": "The eyes cannot be made out well; something may cover them. Use a picture with a free "
    "face, or set the points by hand.",
}


def _unlike(seen: Evidence) -> list[Message]:
    if seen.error_cm <= _MAX_ERROR_CM:
        return []
    return [
        Message(
            "The points do not form a face as people have it. Check in the preview whether "
            "lips and eyes lie right, and set the points by hand where they do not."
        )
    ]


def _badly_taken(model: FaceModel, seen: Evidence) -> list[Message]:
    reasons = []
    if sharpness(model, seen.rgb, seen.vertices_px) < _MIN_SHARPNESS:
        reasons.append(Message("The face is blurred. Use a sharper picture."))
    light = _skin_light(model, seen.rgb, seen.vertices_px)
    if light < _MIN_LIGHT:
        reasons.append(Message("The face is too dark. Use a picture with light on the face."))
    if light > _MAX_LIGHT:
        reasons.append(
            Message("The face is overexposed. Use a picture with less light on the face.")
        )
    return reasons


def _skin_light(model: FaceModel, rgb: ImageArray, vertices_px: FloatArray) -> float:
    """Median brightness of the face, 0 to 255."""
    face: NDArray[np.intp] = vertices_px[model.vertices_of("face"), :2].astype(np.intp)
    inside = ((face >= 0) & (face < [rgb.shape[1], rgb.shape[0]])).all(1)
    if not inside.any():
        return 128.0
    pixels = rgb[face[inside, 1], face[inside, 0]].astype(np.float32)
    return float(np.median(pixels @ np.array([0.299, 0.587, 0.114], np.float32)))


def _several(num_faces: int) -> list[Message]:
    if num_faces <= 1:
        return []
    return [Message("The picture shows {count} faces; the largest is used.", count=num_faces)]


def _remarks(model: FaceModel, seen: Evidence) -> list[Message]:
    notes = []
    yaw = abs(euler_from_rotation(seen.pose.rotation)[1])
    if _NOTE_YAW_DEG < yaw <= MAX_YAW_DEG:
        notes.append(
            Message(
                "The head is turned by {yaw:.0f}°; up to {best:.0f}° looks best.",
                yaw=yaw,
                best=_NOTE_YAW_DEG,
            )
        )
    eyes = eye_distance_px(model, seen.vertices_px)
    if _MIN_EYES_PX <= eyes < _NOTE_EYES_PX:
        notes.append(
            Message(
                "The face is small ({eyes:.0f} pixels between the outer eye corners); it will look "
                "soft when shown large.",
                eyes=eyes,
            )
        )
    if mouth_gap(model, seen.vertices_px) > _OPEN_GAP:
        notes.append(
            Message(
                "The mouth is open in the picture; a closed mouth gives the best lips and teeth."
            )
        )
    height, width = seen.rgb.shape[:2]
    face = seen.vertices_px[model.landmarks["jaw"], :2]
    if (face < 0).any() or (face > [width, height]).any():
        notes.append(Message("The picture cuts off a part of the face."))
    return notes
