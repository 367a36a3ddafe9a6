"""Finished pictures on their way out: checked, and converted for encoders and cameras."""

import cv2
import numpy as np

from core.types import ImageArray


def check_frame(rgb: ImageArray, size: tuple[int, int]) -> None:
    """Check that a frame is what was agreed.

    Args:
        rgb: Shape (H, W, 3), uint8.
        size: Expected width and height.

    Raises:
        TypeError: Not uint8.
        ValueError: Another size.
    """
    if rgb.dtype != np.uint8:
        raise TypeError(f"frames are uint8, not {rgb.dtype}")
    if rgb.shape != (size[1], size[0], 3):
        raise ValueError(f"a frame of shape {rgb.shape}, not {(size[1], size[0], 3)}")


def to_i420(rgb: ImageArray, out: ImageArray | None = None) -> ImageArray:
    """Convert to planar YUV 4:2:0 (BT.601 matrix, limited range).

    Args:
        rgb: Shape (H, W, 3), uint8; odd sides grow by repeating the last column or row.
        out: Where to write the result, or None for a new array.

    Returns:
        Shape (H' * 3 / 2, W'), uint8, with even H' and W'.
    """
    odd_height, odd_width = rgb.shape[0] % 2, rgb.shape[1] % 2
    if odd_height or odd_width:
        rgb = np.pad(rgb, ((0, odd_height), (0, odd_width), (0, 0)), mode="edge")
    yuv: ImageArray = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420, dst=out)
    return yuv
