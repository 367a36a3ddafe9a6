"""What is behind the person: the portrait's own background, blurred, a colour or a picture."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from core.errors import ConfigError
from core.types import ImageArray


@dataclass(frozen=True, eq=False)
class Background:
    """The user's choice.

    Attributes:
        kind: "keep" (the portrait's own), "blur", "colour" or "picture".
        blur: Strength of "blur": the blur's width as a share of the output's height, [0, 0.2].
        colour_rgb: For "colour", 0 to 255 each.
        picture_rgb: For "picture", shape (H, W, 3), uint8; it is cropped to the output's shape.
    """

    kind: Literal["keep", "blur", "colour", "picture"] = "keep"
    blur: float = 0.03
    colour_rgb: tuple[int, int, int] = (0, 177, 64)
    picture_rgb: ImageArray | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("keep", "blur", "colour", "picture"):
            raise ConfigError("There is no background '{kind}'.", kind=self.kind)
        if not 0.0 <= self.blur <= 0.2:
            raise ConfigError("Background blur {blur} is outside 0 to 0.2.", blur=self.blur)
        if not all(0 <= level <= 255 for level in self.colour_rgb):
            raise ConfigError(
                "Background colour {colour_rgb} is outside 0 to 255.", colour_rgb=self.colour_rgb
            )
        if self.kind == "picture" and self.picture_rgb is None:
            raise ConfigError("The background picture is missing.")


def make_plate(background: Background, portrait: ImageArray, person: ImageArray) -> ImageArray:
    """The picture that stands behind the person.

    Args:
        background: The user's choice, not "keep".
        portrait: The portrait as shown, (H, W, 3), uint8.
        person: Its person mask, (H, W), uint8.

    Returns:
        Shape (H, W, 3), uint8.
    """
    height, width = portrait.shape[:2]
    if background.kind == "colour":
        return np.broadcast_to(np.array(background.colour_rgb, np.uint8), portrait.shape).copy()
    if background.kind == "picture" and background.picture_rgb is not None:
        return _cover(background.picture_rgb, width, height)
    empty = fill_from(portrait, person < 8)
    sigma = max(background.blur * height, 0.1)
    return np.asarray(cv2.GaussianBlur(empty, (0, 0), sigma), np.uint8)


def fill_from(picture: ImageArray, known: np.ndarray) -> ImageArray:
    """Fill a picture from its known pixels, smoothly, however large the hole (push-pull).

    Args:
        picture: Shape (H, W, 3), uint8.
        known: Shape (H, W), bool.
    """
    weight = known.astype(np.float32)
    total = picture.astype(np.float32) * weight[..., None]
    levels = []
    while min(weight.shape) > 1:
        levels.append((total, weight))
        total, weight = cv2.pyrDown(total), cv2.pyrDown(weight)
    filled = total / np.maximum(weight, 1e-6)[..., None]
    for total, weight in reversed(levels):
        height, width = weight.shape
        coarse = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
        share = np.clip(weight, 0, 1)[..., None]
        filled = total / np.maximum(weight, 1e-6)[..., None] * share + coarse * (1 - share)
    return np.clip(np.rint(filled), 0, 255).astype(np.uint8)


def _cover(picture: ImageArray, width: int, height: int) -> ImageArray:
    """Scale and crop a picture so that it covers the given size."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    least = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    size = (max(least[0], width), max(least[1], height))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(picture, size, interpolation=way)
    x0, y0 = (size[0] - width) // 2, (size[1] - height) // 2
    return np.ascontiguousarray(scaled[y0 : y0 + height, x0 : x0 + width])
