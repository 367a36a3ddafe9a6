"""Expressiveness: how strongly, how crisply and how cheerfully a face speaks."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from core import blendshapes
from core.blendshapes import INDEX
from core.errors import ConfigError
from core.types import FloatArray

_SEAL_PER_JAW = 1.29
"""jawOpen that mouthClose of 1 can seal: beyond it, the lips would cross."""
_SLOW = 0.35
"""Weight of the newest frame in the running mean that crispness exaggerates around."""
_MOUTH_PREFIXES = ("jaw", "mouth", "tongue", "cheek")
_MOUTH = np.array([name.startswith(_MOUTH_PREFIXES) for name in blendshapes.NAMES])
_LEFT = np.array([_MOUTH[i] and n.endswith("Left") for i, n in enumerate(blendshapes.NAMES)])
_RIGHT = np.array([_MOUTH[i] and n.endswith("Right") for i, n in enumerate(blendshapes.NAMES)])
_CRISP_PREFIXES = (
    "jawOpen",
    "mouthClose",
    "mouthPress",
    "mouthRoll",
    "mouthFunnel",
    "mouthPucker",
    "mouthLowerDown",
    "mouthUpperUp",
)
_CRISP = np.array([name.startswith(_CRISP_PREFIXES) for name in blendshapes.NAMES])
_SMILES = [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]
_RANGES = {
    "amplitude": (0.0, 2.0),
    "crispness": (0.0, 2.0),
    "smile": (-0.5, 0.5),
    "asymmetry": (-1.0, 1.0),
}


@dataclass(frozen=True, kw_only=True)
class ExpressionControls:
    """Personal way of speaking; the defaults change nothing.

    Attributes:
        amplitude: Size of all movements, 0 to 2; 1 is neutral.
        crispness: How sharply movements stand out, 0 (mumbled) to 2 (over-articulated).
        smile: Added to the mouth corners while speaking and resting, -0.5 to 0.5; negative frowns.
        asymmetry: -1 to 1; positive moves the left side of the mouth more.
    """

    amplitude: float = 1.0
    crispness: float = 1.0
    smile: float = 0.0
    asymmetry: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            low, high = _RANGES[field.name]
            value = getattr(self, field.name)
            if not low <= value <= high:
                raise ConfigError(
                    "{name} is {value}; it must lie in [{low}, {high}].",
                    name=field.name,
                    value=value,
                    low=low,
                    high=high,
                )


class ControlFilter:
    """Applies controls to one frame after another; causal, without delay."""

    def __init__(self, controls: ExpressionControls | None = None) -> None:
        self.controls = controls or ExpressionControls()
        self._mean = np.zeros(blendshapes.NUM, np.float32)

    def apply(self, beta: FloatArray, opening: float) -> FloatArray:
        """One frame under the controls.

        Args:
            beta: Raw movement, shape (52,), float32, not yet bounded.
            opening: How far the voice gate is open, [0, 1].

        Returns:
            Bounded movement, shape (52,), float32, [0, 1]. All zero when `opening` and `smile` are.
        """
        c = self.controls
        moved = np.clip(beta, 0, 1) * np.float32(opening)
        self._mean += np.float32(_SLOW) * (moved - self._mean)
        sharpened = moved + np.float32(0.8 * (c.crispness - 1)) * (moved - self._mean)
        moved = np.where(_CRISP, sharpened, moved) * np.float32(c.amplitude * (opening > 0))
        moved[_LEFT] *= np.float32(1 + 0.4 * c.asymmetry)
        moved[_RIGHT] *= np.float32(1 - 0.4 * c.asymmetry)
        if c.smile > 0:
            moved[_SMILES] += np.float32(c.smile)
        elif c.smile < 0:
            moved[[INDEX["mouthFrownLeft"], INDEX["mouthFrownRight"]]] += np.float32(-c.smile)
        return bounded(moved)


def bounded(beta: NDArray[np.float32]) -> FloatArray:
    """Movement within [0, 1] whose lips do not cross.

    mouthClose may seal only as far as the jaw is open; a funnel and a pucker together, or a smile
    and a stretch, do not exceed what one of them can do; lips that are sealed are not also pulled
    apart.
    """
    out = np.clip(beta, 0, 1).astype(np.float32)
    jaw = out[INDEX["jawOpen"]]
    out[INDEX["mouthClose"]] = min(out[INDEX["mouthClose"]], jaw / np.float32(_SEAL_PER_JAW))
    for first, second in (
        ("mouthFunnel", "mouthPucker"),
        ("mouthSmileLeft", "mouthStretchLeft"),
        ("mouthSmileRight", "mouthStretchRight"),
    ):
        pair = [INDEX[first], INDEX[second]]
        out[pair] *= np.float32(1) / max(np.float32(1), out[pair].sum() / np.float32(1.2))
    return out
