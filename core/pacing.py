"""When a picture is shown: one steady delay that fits what the machine can do."""

from collections import deque

import numpy as np

_WINDOW_FRAMES = 250
"""Frames looked back on: 10 s."""
_LEARN_FRAMES = 50
"""Frames after the start during which the delay follows freely."""
_FEWEST_FRAMES = 5
_QUANTILE = 0.98
_MARGIN_S = 0.004
_SLACK_S = 0.008
"""The delay is shortened only when more than this would be won."""
_RISE_PER_FRAME_S = 0.004 * 0.04
_FALL_PER_FRAME_S = 0.004 * 0.04
"""Slower than the voice's delay line can follow, so that both stay together."""
MAX_DELAY_S = 0.3
"""A machine too slow for this shows frames when they are ready: a voice later than that talks into
the other side's answer."""


class DisplayDelay:
    """Time from the arrival of a frame's first sample to the frame's being shown.

    A constant delay shows frames at an even pace and lets the voice wait exactly as long. It
    follows the slowest two per cent of the last 10 s, gently.

    Args:
        first_s: Delay to begin with.
    """

    def __init__(self, first_s: float) -> None:
        self.value_s = first_s
        self._ready: deque[float] = deque(maxlen=_WINDOW_FRAMES)
        self._seen = 0

    def observe(self, ready_s: float) -> None:
        """Take note that a frame was ready this long after its first sample's arrival."""
        self._ready.append(ready_s)
        self._seen += 1
        if self._seen == _LEARN_FRAMES // 2:
            self._ready.clear()  # what came before was warming up
        if len(self._ready) < _FEWEST_FRAMES:
            return
        wanted_s = min(float(np.quantile(self._ready, _QUANTILE)) + _MARGIN_S, MAX_DELAY_S)
        if self._seen <= _LEARN_FRAMES:
            self.value_s = max(wanted_s, 0.0)
        elif wanted_s > self.value_s:
            self.value_s = min(wanted_s, self.value_s + _RISE_PER_FRAME_S)
        elif wanted_s < self.value_s - _SLACK_S:
            self.value_s = max(wanted_s, self.value_s - _FALL_PER_FRAME_S)
