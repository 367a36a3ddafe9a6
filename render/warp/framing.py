"""Which part of the portrait is shown, and how large."""

from dataclasses import dataclass

import cv2
import numpy as np

from core.errors import ConfigError
from core.types import FloatArray, ImageArray

MAX_OUTPUT_PX = (1920, 1920)


@dataclass(frozen=True)
class Framing:
    """How the head sits in the output picture.

    Attributes:
        face_height: Height of the face, chin to hairline, as a share of the output's height,
            [0.15, 1]; None shows as much of the portrait as the output's shape allows.
        centre: Where the middle of the face goes, as shares of the output's width and height. The
            portrait's edge never comes into view: near it the face sits off this place.
    """

    face_height: float | None = 0.5
    centre: tuple[float, float] = (0.5, 0.5)

    def __post_init__(self) -> None:
        if self.face_height is not None and not 0.15 <= self.face_height <= 1.0:
            raise ConfigError(
                "Face height {face_height} is outside 0.15 to 1.", face_height=self.face_height
            )
        if not all(0.0 <= share <= 1.0 for share in self.centre):
            raise ConfigError(
                "The face's place {centre} is outside the picture (0 to 1).", centre=self.centre
            )


@dataclass(frozen=True)
class View:
    """Similarity from portrait to output pixels: output = scale * portrait - corner.

    Attributes:
        scale: Output pixels per portrait pixel.
        corner: The output's upper left corner in the scaled portrait, whole pixels (x, y).
        size: Width and height of the output.
    """

    scale: float
    corner: tuple[int, int]
    size: tuple[int, int]

    def points(self, portrait_px: FloatArray) -> FloatArray:
        """Output coordinates of portrait coordinates; columns beyond x and y are only scaled."""
        moved = np.asarray(portrait_px, np.float32) * np.float32(self.scale)
        moved[..., :2] -= np.asarray(self.corner, np.float32)
        return moved

    def picture(self, portrait: ImageArray, margin_px: int, density: int = 1) -> ImageArray:
        """The portrait (or a mask) as the output shows it, with a margin on every side.

        Args:
            portrait: Shape (H, W) or (H, W, 3), uint8.
            margin_px: Width of the margin; where the portrait ends its edge is repeated.
            density: Pixels per output pixel in each direction.

        Returns:
            Shape (density * (height + 2 * margin_px), density * (width + 2 * margin_px)[, 3]),
            uint8.
        """
        zoom = self.scale * density
        way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
        scaled = cv2.resize(portrait, None, fx=zoom, fy=zoom, interpolation=way)
        x0, y0 = (density * (c - margin_px) for c in self.corner)
        x1, y1 = (
            first + density * (side + 2 * margin_px)
            for first, side in zip((x0, y0), self.size, strict=True)
        )
        height, width = scaled.shape[:2]
        inner = scaled[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
        border = (max(-y0, 0), max(y1 - height, 0), max(-x0, 0), max(x1 - width, 0))
        return np.ascontiguousarray(cv2.copyMakeBorder(inner, *border, cv2.BORDER_REPLICATE))


@dataclass(frozen=True, eq=False)
class DensePicture:
    """The portrait as the output shows it, perhaps finer, with a margin.

    Attributes:
        pixels: From `View.picture`, (H, W, 3), or (H, W, 4) with the person's share last, uint8.
        margin_px: Of the margin, output pixels.
        density: Pixels per output pixel in each direction.
    """

    pixels: ImageArray
    margin_px: int
    density: int


def make_view(
    portrait_size: tuple[int, int],
    face_box: tuple[float, float, float, float],
    size: tuple[int, int],
    framing: Framing,
) -> View:
    """Place the portrait in the output.

    Args:
        portrait_size: Width and height of the portrait in pixels.
        face_box: The face, chin to hairline: left, top, right, bottom in portrait pixels.
        size: Width and height of the output in pixels.
        framing: What the user wants.

    Raises:
        ConfigError: The output size is out of range.
    """
    if not (min(size) >= 64 and size[0] <= MAX_OUTPUT_PX[0] and size[1] <= MAX_OUTPUT_PX[1]):
        raise ConfigError(
            "Output {width}x{height} is outside 64 to {most} pixels.",
            width=size[0],
            height=size[1],
            most=MAX_OUTPUT_PX[0],
        )
    least = max(out / have for out, have in zip(size, portrait_size, strict=True))
    left, top, right, bottom = face_box
    if framing.face_height is None:
        scale = least
    else:
        scale = max(least, framing.face_height * size[1] / (bottom - top))
    middle = ((left + right) / 2, (top + bottom) / 2)
    corner = []
    for axis in range(2):
        wanted = middle[axis] * scale - framing.centre[axis] * size[axis]
        room = round(portrait_size[axis] * scale) - size[axis]
        corner.append(int(np.clip(round(wanted), 0, max(room, 0))))
    return View(float(scale), (corner[0], corner[1]), size)
