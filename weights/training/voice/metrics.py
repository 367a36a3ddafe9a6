"""Figures of merit for mouth movement."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float32]

DIP_LEVEL = 0.22
"""A dip counts as a closure when the opening falls below this share of its 90th percentile."""
DIP_TOLERANCE_FRAMES = 1


def correlation(a: Curve, b: Curve) -> float:
    """Pearson's r of two curves, shape (T,); 0 when one of them does not move."""
    if a.std() < 1e-6 or b.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def mean_channel_correlation(predicted: Curve, truth: Curve, least_movement: float = 0.01) -> float:
    """Mean r over the columns of (T, C) that move in `truth`."""
    moving = np.flatnonzero(truth.std(0) > least_movement)
    return float(np.mean([correlation(predicted[:, c], truth[:, c]) for c in moving]))


def lagged_correlation(predicted: Curve, truth: Curve, lag: int) -> float:
    """r when `predicted` is moved `lag` frames later (positive: the prediction came early)."""
    count = len(truth) - abs(lag)
    if lag >= 0:
        return correlation(predicted[:count], truth[lag : lag + count])
    return correlation(predicted[-lag : -lag + count], truth[:count])


def best_lag(predicted: Curve, truth: Curve, most: int = 5) -> tuple[int, float]:
    """The lag within ±`most` frames with the highest r, and that r."""
    scores = {lag: lagged_correlation(predicted, truth, lag) for lag in range(-most, most + 1)}
    lag = max(scores, key=lambda k: scores[k])
    return lag, scores[lag]


def dips(opening: Curve, speech: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Frames inside speech where the mouth closes: the middles of runs below the dip level.

    Args:
        opening: Mouth opening, shape (T,).
        speech: Whether each frame lies within speech, shape (T,).
    """
    if not speech.any():
        return np.zeros(0, np.int64)
    low = opening < DIP_LEVEL * np.percentile(opening[speech], 90)
    edges = np.flatnonzero(np.diff(np.r_[False, low, False].astype(np.int8)))
    runs = edges.reshape(-1, 2)
    middles = [
        (start + end - 1) // 2
        for start, end in runs
        if speech[max(0, start - 2) : end + 2].all() and end - start <= 8
    ]
    return np.array(middles, np.int64)


@dataclass(frozen=True)
class Detection:
    """How well events were found; rates in [0, 1]."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def detection(
    predicted: NDArray[np.int64], truth: NDArray[np.int64], tolerance: int = DIP_TOLERANCE_FRAMES
) -> Detection:
    """Match events one to one, nearest first in time order, within `tolerance` frames."""
    matched, j = 0, 0
    for event in truth:
        while j < len(predicted) and predicted[j] < event - tolerance:
            j += 1
        if j < len(predicted) and predicted[j] <= event + tolerance:
            matched += 1
            j += 1
    return Detection(matched / max(1, len(predicted)), matched / max(1, len(truth)))


def level_db(samples: NDArray[np.float32], hop: int) -> Curve:
    """RMS level of each hop in dB, shape (len(samples) // hop,)."""
    count = len(samples) // hop
    power = (samples[: count * hop].reshape(count, hop) ** 2).mean(1)
    return (10 * np.log10(power + 1e-8)).astype(np.float32)
