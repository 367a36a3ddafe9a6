"""How the face is drawn on a machine that cannot draw it whole in time.

The camera's mode stays: a smaller picture is enlarged to it. Pictures that come in time at half the
size look better in a call than sharp ones that stutter behind the voice.
"""

import threading
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from core.renderer import Renderer
from core.types import FRAME_RATE_HZ, ExpressionFrame, VideoFrame

SCALES = (1.0, 0.75, 0.5)
"""Shares of the camera's width and height, tried in this order."""
_PERIOD_S = 1.0 / FRAME_RATE_HZ
_TOO_SLOW = 0.85 * _PERIOD_S
_ROOMY = 0.5 * _PERIOD_S
_ROOMY_NEURAL = 0.75 * _PERIOD_S
"""The neural renderer takes as long for a small picture as for a large one."""
_LIGHTER = {"off": (), "pocket": ("pocket",), "compact": ("compact", "pocket"), "file": ("file",)}
"""What is tried in place of a neural renderer, itself first."""
_WINDOW_FRAMES = 50
_FIRST_PATIENCE_S, _LONGEST_PATIENCE_S = 10.0, 320.0


@dataclass(frozen=True)
class Level:
    """How much work goes into a picture.

    Attributes:
        scale: Share of the camera's width and height.
        neural: The neural renderer, as the preset names it.
    """

    scale: float
    neural: str = "off"


class Drawing:
    """Chooses the work from how long pictures take.

    Less when the median of the last 50 takes longer than 34 ms of the 40: a lighter neural
    renderer first, then none, then size. More again when that would take less than 20 ms (30 ms
    with a neural renderer) for a while. The while doubles each time that more proves too slow, so
    a machine at its limit does not go to and fro.

    Args:
        neural: The neural renderer that is wanted, as the preset names it.

    Threads: `observe` on the renderer's; the rest from any.
    """

    def __init__(self, neural: str = "off") -> None:
        self._lock = threading.Lock()
        self._times: deque[float] = deque(maxlen=_WINDOW_FRAMES)
        self._levels = [Level(1.0, name) for name in _LIGHTER[neural]] + [*map(Level, SCALES)]
        self._number = 0
        self._slow_s = 0.0
        """Median with a neural renderer when it was left."""
        self._growth: dict[Level, float] = {}
        """How much longer pictures took with a neural renderer than right after."""
        self._patience_s = _FIRST_PATIENCE_S
        self._roomy_s = 0.0
        self._raised = False
        self._changing = False

    @property
    def level(self) -> Level:
        """The work of now."""
        return self._levels[self._number]

    @property
    def scale(self) -> float:
        """Share of the camera's width and height."""
        return self.level.scale

    @property
    def neural(self) -> str:
        """The neural renderer, as the preset names it."""
        return self.level.neural

    def begin(self) -> None:
        """Another renderer draws from now on: what was measured before does not count."""
        with self._lock:
            self._times.clear()
            self._roomy_s = 0.0
            self._changing = False

    def observe(self, draw_s: float) -> bool:
        """Take note that a picture took `draw_s`; whether the level is another one now.

        After a change nothing counts until `begin`: the old renderer still draws meanwhile.
        """
        with self._lock:
            if self._changing:
                return False
            self._times.append(draw_s)
            if len(self._times) < _WINDOW_FRAMES:
                return False
            median_s = float(np.median(self._times))
            if self._slow_s:
                self._growth[self._levels[self._number - 1]] = self._slow_s / median_s
                self._slow_s = 0.0
            if median_s > _TOO_SLOW and self._number + 1 < len(self._levels):
                self._lower(median_s)
                self._changing = True
            elif self._number > 0:
                self._changing = self._may_rise(median_s)
            return self._changing

    def _lower(self, median_s: float) -> None:
        if self._raised:
            self._patience_s = min(2 * self._patience_s, _LONGEST_PATIENCE_S)
        if self.neural != "off":
            self._slow_s = median_s
        self._number += 1
        self._raised = False
        self._times.clear()

    def _may_rise(self, median_s: float) -> bool:
        more = self._levels[self._number - 1]
        growth = self._growth.get(more, (more.scale / self.scale) ** 2)
        limit_s = _ROOMY_NEURAL if more in self._growth else _ROOMY
        self._roomy_s = self._roomy_s + _PERIOD_S if growth * median_s < limit_s else 0.0
        if self._roomy_s < self._patience_s:
            return False
        self._number -= 1
        self._roomy_s, self._raised = 0.0, True
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
