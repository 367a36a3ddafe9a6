"""What a voice network with priors knows of the speaker: face shape and past expressions.

RealTalk, section 3.1: past expressions carry how far somebody moves the lips. Networks without
priors need nothing of this.
"""

import numpy as np
from numpy.typing import NDArray

from core import blendshapes
from core.types import FloatArray

NAMED_AMPLITUDES = {"neutral": 1.0, "lively": 1.3, "subtle": 0.7}
"""Ways of speaking to choose from: how far each moves the mouth, against a neutral speaker."""

HISTORY_FRAMES = 16
"""Past expressions a network is shown (N in the paper)."""


def representative(expressions: NDArray[np.float32], count: int = HISTORY_FRAMES) -> FloatArray:
    """A few frames that stand for many.

    Args:
        expressions: Frames of speech, shape (T, C), float32; T at least 1.
        count: How many to choose.

    Returns:
        Shape (count, C): frames at evenly spaced ranks of their total movement, least first.
    """
    order = np.argsort(expressions.sum(1), kind="stable")
    ranks = (np.arange(count) + 0.5) / count * len(order)
    return np.ascontiguousarray(expressions[order[ranks.astype(int)]], np.float32)


def as_history(past: FloatArray, channels: tuple[str, ...]) -> FloatArray:
    """Past expressions (T, 52) as the history token of a network with these channels.

    Returns:
        Shape (1, HISTORY_FRAMES, len(channels)).
    """
    columns = [blendshapes.INDEX[name] for name in channels]
    return representative(past[:, columns])[None]


def as_shape(alpha: FloatArray, size: int) -> FloatArray:
    """Identity coefficients (K,) as the shape token of a network, (1, size)."""
    shape = np.zeros((1, size), np.float32)
    shape[0, : min(size, len(alpha))] = alpha[:size]
    return shape
