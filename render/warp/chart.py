"""A picture of what an avatar's mouth can do: one tile for each viseme, and a blink."""

from collections.abc import Mapping

import cv2
import numpy as np

from core import blendshapes
from core.types import ExpressionFrame, FloatArray, ImageArray
from render.warp.renderer import WarpRenderer

VISEMES: Mapping[str, Mapping[str, float]] = {
    "rest": {},
    "PP": {
        "jawOpen": 0.06,
        "mouthClose": 0.05,
        "mouthPress": 0.25,
        "mouthRollLower": 0.20,
        "mouthRollUpper": 0.24,
    },
    "FF": {"jawOpen": 0.11, "mouthClose": 0.025, "mouthRollLower": 0.50, "mouthUpperUp": 0.28},
    "TH": {"jawOpen": 0.20, "tongueOut": 0.45, "mouthLowerDown": 0.40, "mouthUpperUp": 0.20},
    "DD": {"jawOpen": 0.18, "tongueOut": 0.04, "mouthLowerDown": 0.44, "mouthUpperUp": 0.20},
    "kk": {"jawOpen": 0.26, "mouthLowerDown": 0.32, "mouthUpperUp": 0.14},
    "CH": {
        "jawOpen": 0.12,
        "mouthFunnel": 0.48,
        "mouthPucker": 0.26,
        "mouthLowerDown": 0.38,
        "mouthUpperUp": 0.30,
    },
    "SS": {
        "jawOpen": 0.10,
        "mouthStretch": 0.28,
        "mouthSmile": 0.12,
        "mouthLowerDown": 0.60,
        "mouthUpperUp": 0.34,
    },
    "nn": {"jawOpen": 0.25, "tongueOut": 0.12, "mouthLowerDown": 0.40, "mouthUpperUp": 0.18},
    "RR": {"jawOpen": 0.18, "mouthFunnel": 0.28, "mouthPucker": 0.28, "mouthLowerDown": 0.16},
    "aa": {"jawOpen": 0.60, "mouthLowerDown": 0.40, "mouthUpperUp": 0.26, "mouthStretch": 0.14},
    "E": {
        "jawOpen": 0.44,
        "mouthLowerDown": 0.44,
        "mouthUpperUp": 0.26,
        "mouthStretch": 0.32,
        "mouthSmile": 0.14,
    },
    "I": {
        "jawOpen": 0.20,
        "mouthLowerDown": 0.42,
        "mouthUpperUp": 0.20,
        "mouthStretch": 0.46,
        "mouthSmile": 0.34,
    },
    "O": {"jawOpen": 0.44, "mouthFunnel": 0.30, "mouthPucker": 0.32, "mouthLowerDown": 0.12},
    "U": {"jawOpen": 0.12, "mouthPucker": 0.80, "mouthFunnel": 0.16},
    "blink": {"eyeBlink": 1.0},
}
"""Mouth shapes by their usual (Oculus) names as ARKit weights; a name without side means both."""
_LABEL_HEIGHT_PX = 22


def beta_of(weights: Mapping[str, float]) -> FloatArray:
    """Expression coefficients, (52,), from ARKit names; a name without its side means both."""
    beta = np.zeros(blendshapes.NUM, np.float32)
    for name, value in weights.items():
        sides = (name,) if name in blendshapes.INDEX else (f"{name}Left", f"{name}Right")
        for side in sides:
            beta[blendshapes.INDEX[side]] = value
    return beta


def viseme_frame(name: str, index: int = 0) -> ExpressionFrame:
    """A frame that holds one entry of `VISEMES`, the head still."""
    still = np.zeros(6, np.float32)
    return ExpressionFrame(index, beta_of(VISEMES[name]), still, voiced=name != "rest")


def viseme_chart(
    renderer: WarpRenderer, names: tuple[str, ...] = tuple(VISEMES), columns: int = 4
) -> ImageArray:
    """Draw a labelled sheet.

    Args:
        renderer: Of the avatar.
        names: Which entries of `VISEMES`, in order.
        columns: Tiles in a row.

    Returns:
        RGB, uint8.
    """
    tiles = [_tile(renderer.render(viseme_frame(name)).rgb, name) for name in names]
    while len(tiles) % columns:
        tiles.append(np.full_like(tiles[0], 255))
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.asarray(np.vstack(rows), np.uint8)


def _tile(picture: ImageArray, label: str) -> ImageArray:
    tile = cv2.copyMakeBorder(
        picture, _LABEL_HEIGHT_PX, 0, 0, 0, cv2.BORDER_CONSTANT, value=(255, 255, 255)
    )
    place = (6, _LABEL_HEIGHT_PX - 6)
    cv2.putText(tile, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)
