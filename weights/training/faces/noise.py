"""Tileable noise, made once and looked up at any coordinates."""

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Random = np.random.Generator

_SIZE = 512


class NoiseTiles:
    """Four kinds of noise with mean 0 and standard deviation 1 on a torus."""

    def __init__(self, seed: int = 7) -> None:
        random = np.random.default_rng(seed)
        white = random.standard_normal((_SIZE, _SIZE)).astype(np.float32)
        self._tiles = {
            "white": _normal(_blur(white, 0.7, 0.7)),
            "soft": _normal(_blur(white, 12, 12) * 12 + _blur(white, 4, 4) * 2),
            "cloud": _normal(sum(_blur(white, s, s) * s for s in (2.0, 6.0, 18.0, 40.0))),
            "hair": _normal(_blur(white, 0.8, 14)),
        }

    def at(self, kind: str, x: FloatArray, y: FloatArray, random: Random) -> FloatArray:
        """Noise of a kind ("white", "soft", "cloud", "hair") at places given in tile pixels.

        A random shift makes each call another piece of the tile; "hair" runs along y.
        """
        shift_x, shift_y = random.integers(0, _SIZE, 2)
        column = (x.astype(np.int32) + np.int32(shift_x)) & np.int32(_SIZE - 1)
        row = (y.astype(np.int32) + np.int32(shift_y)) & np.int32(_SIZE - 1)
        return self._tiles[kind].reshape(-1)[row * np.int32(_SIZE) + column]

    def field(self, kind: str, size: int, scale: float, random: Random) -> FloatArray:
        """A square piece of noise, (size, size), magnified by `scale` (at least 0.4)."""
        piece = min(int(np.ceil(size / max(scale, 0.4))), _SIZE - 1)
        x, y = random.integers(0, _SIZE - piece, 2)
        window = self._tiles[kind][y : y + piece, x : x + piece]
        return cv2.resize(window, (size, size), interpolation=cv2.INTER_LINEAR)


def _blur(image: FloatArray, sigma_x: float, sigma_y: float) -> FloatArray:
    pad = _SIZE // 4
    wrapped = np.pad(image, pad, mode="wrap")
    blurred = cv2.GaussianBlur(wrapped, (0, 0), sigma_x, sigmaY=sigma_y)
    return blurred[pad:-pad, pad:-pad]


def _normal(image: FloatArray) -> FloatArray:
    return ((image - image.mean()) / image.std()).astype(np.float32)
