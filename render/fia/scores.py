"""How well a clip was painted, inside the region that may be repainted."""

import numpy as np

from core.types import ImageArray
from render import metrics
from render.fia.clips import Clip

REPAINTED_LEVEL = 128


def score(painted: ImageArray, clip: Clip) -> dict[str, float]:
    """Figures of one clip.

    Args:
        painted: (F, S, S, 3) uint8.
        clip: With the truth.

    Returns:
        By name: PSNR and SSIM; sharpness as a share of the truth's; mean error on the teeth and
        flicker in levels of 255. "teeth L1" is nan where no frame shows teeth.
    """
    region = (clip.mask < REPAINTED_LEVEL).astype(np.float32)
    pairs = list(zip(painted, clip.target, region, strict=True))
    sharp = [metrics.sharpness(a, r) / metrics.sharpness(b, r) for a, b, r in pairs]
    teeth = clip.teeth.astype(np.float32)
    error = np.abs(painted.astype(np.float32) - clip.target).mean(axis=-1)
    shown = float(teeth.sum())
    both = np.minimum(region[1:], region[:-1])
    return {
        "PSNR mouth dB": metrics.psnr_db(painted, clip.target, region),
        "SSIM mouth": float(np.mean([metrics.ssim(*pair) for pair in pairs])),
        "sharpness share": float(np.mean(sharp)),
        "teeth L1": float((error * teeth).sum() / shown) if shown else float("nan"),
        "flicker": metrics.flicker(painted, clip.target, both),
    }


def mean_scores(rows: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each figure over clips; clips without it are left out."""
    return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}
