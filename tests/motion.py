"""Speech-like motion for tests and benchmarks of the renderer."""

import numpy as np
from numpy.typing import NDArray

from core.life import LifeMotion
from core.types import ExpressionFrame
from render.warp.chart import VISEMES, beta_of


def speech_beta(count: int) -> list[NDArray[np.float32]]:
    """Expressions of visemes that flow into each other, 120 ms each."""
    names = [name for name in VISEMES if name not in ("rest", "blink")]
    rng = np.random.default_rng(1)
    keys = [beta_of(VISEMES[names[i]]) for i in rng.integers(0, len(names), count // 3 + 2)]
    shares = [np.float32(i % 3 / 3) for i in range(count)]
    return [keys[i // 3] * (1 - s) + keys[i // 3 + 1] * s for i, s in enumerate(shares)]


def speech(count: int) -> list[ExpressionFrame]:
    """Speech-like motion with life."""
    life, still = LifeMotion(seed=2), np.zeros(6, np.float32)
    return [
        life.apply(ExpressionFrame(i, beta, still, True))
        for i, beta in enumerate(speech_beta(count))
    ]
