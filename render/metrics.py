"""How close pictures are to the truth: PSNR, SSIM, landmark distance, sharpness, flicker."""

import cv2
import numpy as np

from core.types import FloatArray, ImageArray

SSIM_WINDOW = (11, 11)
SSIM_SIGMA = 1.5
PEAK = 255.0


def psnr_db(found: ImageArray, truth: ImageArray, region: FloatArray | None = None) -> float:
    """Peak signal-to-noise ratio of pictures (..., H, W, 3) uint8, in decibels.

    Args:
        found: What was painted.
        truth: What should be there.
        region: Weight of each pixel, (..., H, W); None counts all.

    Returns:
        Infinite where the pictures are equal.
    """
    square = (found.astype(np.float32) - truth.astype(np.float32)) ** 2
    error = float(_mean(square.mean(axis=-1), region))
    return float("inf") if error == 0 else float(10 * np.log10(PEAK**2 / error))


def ssim(found: ImageArray, truth: ImageArray, region: FloatArray | None = None) -> float:
    """Structural similarity of two pictures (H, W, 3) uint8 (Wang et al. 2004), at most 1."""
    a, b = found.astype(np.float32), truth.astype(np.float32)
    mean_a, mean_b = _blur(a), _blur(b)
    var_a = _blur(a * a) - mean_a**2
    var_b = _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    similar = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    similar /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return float(_mean(similar.mean(axis=-1), region))


def sharpness(picture: ImageArray, region: FloatArray | None = None) -> float:
    """Mean square of the Laplacian of a picture's brightness (H, W, 3) uint8, in levels squared.

    Compare it with the sharpness of the truth: noise counts as sharp, too.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(_mean(cv2.Laplacian(grey, cv2.CV_32F) ** 2, region))


def flicker(found: ImageArray, truth: ImageArray, region: FloatArray | None = None) -> float:
    """Movement from frame to frame that the truth does not have.

    Args:
        found: Painted frames (F, H, W, 3) uint8, F >= 2.
        truth: True frames of the same shape.
        region: Weight of each pixel (F - 1, H, W) or (H, W); None counts all.

    Returns:
        Mean absolute difference of the frame-to-frame changes, in levels.
    """
    error = found.astype(np.float32) - truth.astype(np.float32)
    return float(_mean(np.abs(np.diff(error, axis=0)).mean(axis=-1), region))


def landmark_distance(found: FloatArray, truth: FloatArray, unit_px: float) -> float:
    """Mean distance of landmarks after moving both sets to the same centre (LMD).

    Args:
        found: Points (L, 2) in pixels.
        truth: Points (L, 2).
        unit_px: Length that counts as 1, such as the distance of the outer eye corners.
    """
    centred = (found - found.mean(axis=0)) - (truth - truth.mean(axis=0))
    return float(np.linalg.norm(centred, axis=1).mean() / unit_px)


def _mean(values: FloatArray, region: FloatArray | None) -> float:
    if region is None:
        return float(values.mean())
    weights = np.broadcast_to(region, values.shape)
    return float((values * weights).sum() / max(float(weights.sum()), 1e-9))


def _blur(picture: FloatArray) -> FloatArray:
    return np.asarray(cv2.GaussianBlur(picture, SSIM_WINDOW, SSIM_SIGMA), np.float32)
