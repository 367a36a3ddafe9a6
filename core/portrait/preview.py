"""The fit drawn over the picture, for the eye."""

import cv2
import numpy as np
from numpy.typing import NDArray

from core.avatar import Avatar
from core.face_model import FaceModel
from core.types import FloatArray, ImageArray

_CURVES = {
    "lip_rim_upper": (255, 60, 60),
    "lip_rim_lower": (60, 130, 255),
    "lip_outer_upper": (255, 160, 60),
    "lip_outer_lower": (90, 220, 255),
    "eye_right_upper": (255, 60, 60),
    "eye_right_lower": (60, 130, 255),
    "eye_left_upper": (255, 60, 60),
    "eye_left_lower": (60, 130, 255),
    "brow_right": (240, 230, 60),
    "brow_left": (240, 230, 60),
    "nose": (160, 255, 120),
    "jaw": (255, 90, 255),
}
_WIRE = (255, 255, 255)
_SUBPIXEL_BITS = 4


def portrait_vertices(avatar: Avatar, model: FaceModel) -> FloatArray:
    """Where every vertex lies in the portrait, shape (V, 3), float32: x, y and depth in pixels."""
    projected = avatar.pose.project(model.pose(model.shape(avatar.alpha), avatar.beta))
    projected[:, :2] += avatar.offset_px
    return projected


def draw_fit(avatar: Avatar, model: FaceModel, side_px: int = 900) -> ImageArray:
    """The face cut out of the portrait with wire, feature curves, editable points and verdict.

    Args:
        avatar: An enrolled portrait.
        model: The face model it was fitted with.
        side_px: Height of the square picture of the face, pixels.

    Returns:
        Shape (H, side_px, 3), uint8: the face, and below it the verdict in words.
    """
    vertices = portrait_vertices(avatar, model)
    skin = vertices[model.vertices_of("face")]
    low, high = skin[:, :2].min(0), skin[:, :2].max(0)
    width = 1.25 * float((high - low).max())
    zoom = side_px / width
    corner = (low + high) / 2 - width / 2
    shift = np.array([[zoom, 0, -zoom * corner[0]], [0, zoom, -zoom * corner[1]]])
    shift[:, 2] += 0.5 * zoom - 0.5
    canvas = cv2.warpAffine(
        avatar.image_rgb,
        shift,
        (side_px, side_px),
        flags=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    placed = (vertices[:, :2] - corner) * zoom - 0.5
    _draw_wire(canvas, model, vertices, placed)
    _draw_curves(canvas, model, placed, 1)
    for point in avatar.points.values():
        centre = _fixed((np.array(point) - corner) * zoom - 0.5)
        radius = 4 << _SUBPIXEL_BITS
        cv2.circle(canvas, tuple(centre.tolist()), radius, (0, 255, 0), 1, cv2.LINE_AA, 4)
    return np.vstack([canvas, _verdict_strip(avatar, side_px)])


def draw_fit_over(avatar: Avatar, model: FaceModel) -> ImageArray:
    """The whole portrait with wire and feature curves, for windows that draw points themselves.

    Returns:
        Of the portrait's shape, uint8.
    """
    vertices = portrait_vertices(avatar, model)
    canvas = avatar.image_rgb.copy()
    placed = vertices[:, :2] - 0.5
    _draw_wire(canvas, model, vertices, placed)
    _draw_curves(canvas, model, placed, max(1, round(avatar.pose.scale_px_per_cm / 25)))
    return canvas


def _draw_curves(
    canvas: ImageArray, model: FaceModel, placed: NDArray[np.floating], width_px: int
) -> None:
    for name, colour in _CURVES.items():
        line = _fixed(placed[model.landmarks[name]])
        cv2.polylines(canvas, [line], False, colour, width_px, cv2.LINE_AA, _SUBPIXEL_BITS)


def _fixed(points: NDArray[np.floating]) -> NDArray[np.int32]:
    return np.round(np.asarray(points) * (1 << _SUBPIXEL_BITS)).astype(np.int32)


def _draw_wire(
    canvas: ImageArray, model: FaceModel, vertices: FloatArray, placed: FloatArray
) -> None:
    triangles = model.triangles_of("face")
    a, b, c = (vertices[triangles[:, i], :2] for i in range(3))
    ab, ac = b - a, c - a
    facing = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0] < 0  # y points down
    edges = np.sort(
        np.concatenate([triangles[facing][:, pair] for pair in ([0, 1], [1, 2], [2, 0])]), axis=1
    )
    overlay = canvas.copy()
    lines = _fixed(placed[np.unique(edges, axis=0)])
    cv2.polylines(overlay, list(lines), False, _WIRE, 1, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.addWeighted(overlay, 0.22, canvas, 0.78, 0, dst=canvas)


def _verdict_strip(avatar: Avatar, width: int) -> ImageArray:
    lines = ["good" if avatar.verdict.ok else "doubtful"]
    for reason in avatar.verdict.reasons:
        lines += _wrapped(reason, max(width // 9, 10))
    strip = np.full((12 + 22 * len(lines), width, 3), 24, np.uint8)
    for row, text in enumerate(lines):
        colour = ((120, 230, 120) if avatar.verdict.ok else (250, 190, 90)) if row == 0 else _WIRE
        at = (10, 22 + 22 * row)
        cv2.putText(strip, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return strip


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.encode("ascii", "replace").decode().split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
