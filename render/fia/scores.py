"""How well a clip was painted, inside the region that may be repainted."""

import numpy as np

from core.portrait.landmarks import OUTER_EYES_CM, LandmarkNetwork
from core.types import FloatArray, ImageArray
from render import metrics
from render.fia.clips import Clip
from render.fia.config import Crop
from render.fia.crop import BELOW_MOUTH, EYE_DISTANCES

REPAINTED_LEVEL = 128


class LipReader:
    """Finds the lips in crops, for the landmark distance of the mouth (M-LMD)."""

    def __init__(self, network: LandmarkNetwork, crop: Crop = "lower_face") -> None:
        self._network, self._crop = network, crop

    def distance(self, painted: ImageArray, truth: ImageArray) -> float:
        """Mean distance of the lips' landmarks in frames (F, S, S, 3), in % of the eye distance."""
        unit_px = truth.shape[1] / EYE_DISTANCES[self._crop] / 100
        pairs = zip(painted, truth, strict=True)
        return float(
            np.mean(
                [
                    metrics.landmark_distance(self._lips(one), self._lips(other), unit_px)
                    for one, other in pairs
                ]
            )
        )

    def _lips(self, rgb: ImageArray) -> FloatArray:
        size = len(rgb)
        unit_px = size / EYE_DISTANCES[self._crop]
        middle = (size / 2, size / 2 - BELOW_MOUTH[self._crop] * unit_px)
        return self._network.lips(rgb, middle, unit_px / OUTER_EYES_CM)


def score(painted: ImageArray, clip: Clip, lips: LipReader | None = None) -> dict[str, float]:
    """Figures of one clip.

    Args:
        painted: (F, S, S, 3) uint8.
        clip: With the truth.
        lips: Adds the landmark distance of the mouth.

    Returns:
        By name: PSNR and SSIM inside the clip's mask, PSNR of the whole crop; sharpness as a share
        of the truth's; mean error on the teeth and flicker in levels of 255. "teeth L1" is nan
        where no frame shows teeth.
    """
    region = (clip.mask < REPAINTED_LEVEL).astype(np.float32)
    pairs = list(zip(painted, clip.target, region, strict=True))
    sharp = [metrics.sharpness(a, r) / metrics.sharpness(b, r) for a, b, r in pairs]
    teeth = clip.teeth.astype(np.float32)
    error = np.abs(painted.astype(np.float32) - clip.target).mean(axis=-1)
    shown = float(teeth.sum())
    both = np.minimum(region[1:], region[:-1])
    found = {
        "PSNR mouth dB": metrics.psnr_db(painted, clip.target, region),
        "SSIM mouth": float(np.mean([metrics.ssim(*pair) for pair in pairs])),
        "PSNR crop dB": metrics.psnr_db(painted, clip.target),
        "sharpness share": float(np.mean(sharp)),
        "teeth L1": float((error * teeth).sum() / shown) if shown else float("nan"),
        "flicker": metrics.flicker(painted, clip.target, both),
    }
    if lips is not None:
        found["M-LMD %"] = lips.distance(painted, clip.target)
    return found


def mean_scores(rows: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each figure over clips; clips without it are left out."""
    return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}
