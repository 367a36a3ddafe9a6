"""The visible mark: a small badge that tells viewers they see an avatar."""

from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.types import ImageArray

Corner = Literal["top_left", "top_right", "bottom_left", "bottom_right"]


class VisibleMark:
    """A translucent badge blended into one corner of every frame.

    Args:
        size: Width and height of the frames in pixels.
        text: What the badge says. The built-in font knows Latin letters.
        corner: Where it sits.
        opacity: 0 (invisible) to 1.
        height_fraction: Height of the badge as a share of the frame's.

    Raises:
        ValueError: Empty text, an opacity outside [0, 1], or frames too small for the badge.
    """

    def __init__(
        self,
        size: tuple[int, int],
        text: str = "AI avatar",
        corner: Corner = "bottom_right",
        opacity: float = 0.75,
        height_fraction: float = 0.045,
    ) -> None:
        if not text.strip():
            raise ValueError("the mark needs a text")
        if not 0.0 <= opacity <= 1.0:
            raise ValueError(f"opacity is {opacity}, not within 0 and 1")
        width, height = size
        badge = _badge(text, max(12, round(height * height_fraction)))
        margin = max(2, height // 48)
        if badge.shape[1] + 2 * margin > width or badge.shape[0] + 2 * margin > height:
            raise ValueError(f"frames of {width}x{height} are too small for the mark {text!r}")
        left = margin if corner.endswith("left") else width - margin - badge.shape[1]
        top = margin if corner.startswith("top") else height - margin - badge.shape[0]
        self._size = size
        self._area = np.s_[top : top + badge.shape[0], left : left + badge.shape[1]]
        alpha = badge[..., 3:].astype(np.uint16) * round(opacity * 256) // 256
        self._keep = 255 - alpha
        self._add = badge[..., :3].astype(np.uint16) * alpha + 127

    def apply(self, rgb: ImageArray) -> None:
        """Blend the badge into a frame, in place.

        Args:
            rgb: Shape (H, W, 3), uint8, of the size given at construction.
        """
        if rgb.shape[1::-1] != self._size:
            raise ValueError(f"a frame of {rgb.shape[1]}x{rgb.shape[0]}, not {self._size}")
        area = rgb[self._area]
        area[:] = (area * self._keep + self._add) // 255


def _badge(text: str, height: int) -> ImageArray:
    """Draw white text on a dark rounded plate, shape (height, W, 4), RGBA."""
    font = ImageFont.load_default(round(height * 0.62))
    text_width = round(font.getlength(text))
    width = text_width + height
    scale = 4
    plate = Image.new("L", (width * scale, height * scale), 0)
    ImageDraw.Draw(plate).rounded_rectangle(
        (0, 0, width * scale - 1, height * scale - 1), radius=height * scale // 2, fill=150
    )
    alpha = plate.resize((width, height), Image.Resampling.BOX)
    letters = Image.new("L", (width, height), 0)
    ImageDraw.Draw(letters).text((width / 2, height / 2), text, 255, font, anchor="mm")
    ink = np.asarray(letters)
    return np.dstack([ink, ink, ink, np.maximum(np.asarray(alpha), ink)])
