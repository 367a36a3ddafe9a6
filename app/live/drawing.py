"""How large the face is drawn on a machine that cannot draw it whole in time.

The camera's mode stays: a smaller picture is enlarged to it. Pictures that come in time at half the
size look better in a call than sharp ones that stutter behind the voice.
"""

import threading
from collections import deque

import cv2
import numpy as np

from core.renderer import Renderer
from core.types import FRAME_RATE_HZ, ExpressionFrame, VideoFrame

SCALES = (1.0, 0.75, 0.5)
"""Shares of the camera's width and height, tried in this order."""
_PERIOD_S = 1.0 / FRAME_RATE_HZ
_TOO_SLOW = 0.85 * _PERIOD_S
_ROOMY = 0.5 * _PERIOD_S
_WINDOW_FRAMES = 50
_FIRST_PATIENCE_S, _LONGEST_PATIENCE_S = 10.0, 320.0


class DrawingScale:
    """Chooses the scale from how long pictures take.

    Smaller when the median of the last 50 takes longer than 34 ms of the 40; larger again when
    the larger one would take less than 20 ms for a while. The while doubles each time that the
    larger one proves too slow, so a machine at its limit does not go to and fro.

    Threads: `observe` on the renderer's; the rest from any.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: deque[float] = deque(maxlen=_WINDOW_FRAMES)
        self._level = 0
        self._patience_s = _FIRST_PATIENCE_S
        self._roomy_s = 0.0
        self._enlarged = False
        self._changing = False

    @property
    def value(self) -> float:
        """Share of the camera's width and height."""
        return SCALES[self._level]

    def begin(self) -> None:
        """Another renderer draws from now on: what was measured before does not count."""
        with self._lock:
            self._times.clear()
            self._roomy_s = 0.0
            self._changing = False

    def observe(self, draw_s: float) -> bool:
        """Take note that a picture took `draw_s`; whether the scale is another one now.

        After a change nothing counts until `begin`: the old renderer still draws meanwhile.
        """
        with self._lock:
            if self._changing:
                return False
            self._times.append(draw_s)
            if len(self._times) < _WINDOW_FRAMES:
                return False
            median_s = float(np.median(self._times))
            if median_s > _TOO_SLOW and self._level + 1 < len(SCALES):
                self._lower()
                self._changing = True
            elif self._level > 0:
                self._changing = self._may_rise(median_s)
            return self._changing

    def _lower(self) -> None:
        if self._enlarged:
            self._patience_s = min(2 * self._patience_s, _LONGEST_PATIENCE_S)
        self._level += 1
        self._enlarged = False
        self._times.clear()

    def _may_rise(self, median_s: float) -> bool:
        growth = (SCALES[self._level - 1] / self.value) ** 2
        self._roomy_s = self._roomy_s + _PERIOD_S if growth * median_s < _ROOMY else 0.0
        if self._roomy_s < self._patience_s:
            return False
        self._level -= 1
        self._roomy_s, self._enlarged = 0.0, True
        self._times.clear()
        return True


class Enlarged:
    """A renderer of smaller pictures, enlarged to `size` (width, height)."""

    def __init__(self, renderer: Renderer, size: tuple[int, int]) -> None:
        self.size = size
        self.drawn = renderer

    def render(self, frame: ExpressionFrame) -> VideoFrame:
        """See `Renderer.render`."""
        small = self.drawn.render(frame)
        return VideoFrame(
            small.index, cv2.resize(small.rgb, self.size, interpolation=cv2.INTER_LINEAR)
        )


def scaled_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Even width and height in pixels, a share of `size`."""
    width, height = (2 * round(side * scale / 2) for side in size)
    return width, height
