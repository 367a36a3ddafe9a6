"""How steady the warp renderer's pictures are over time.

    python -m tests.benchmark.temporal [--seconds 20] [--sound FILES] [--avatar FILE]

The head is held still while the face speaks. Reported in grey levels of 255:
- outside: pixels that speech never moves: change against the first frame; should be 0.
- edge: a band along the border of what moves. The second difference over time (a picture against
  the mean of its neighbours) tells flicker from motion; beside it the same inside.
- life: the same speech with life motions; corners of the picture, which should stay put.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.avatar import Avatar
from core.life import LifeMotion
from core.types import FRAME_RATE_HZ, ExpressionFrame
from render.warp import WarpRenderer
from tests.motion import speech_beta
from tests.synthetic_avatar import face_model, synthetic_avatar

SIZE = (512, 512)
MOVED_PX = 0.02
BAND_PX = 9


def spoken(sounds: Sequence[Path], seconds: float) -> list[ExpressionFrame]:
    """Expression frames of sound files one after another, or of made-up visemes."""
    count = int(seconds * FRAME_RATE_HZ)
    still = np.zeros(6, np.float32)
    if not sounds:
        return [ExpressionFrame(i, b, still, True) for i, b in enumerate(speech_beta(count))]
    from app import parts
    from audio_io.files import read_audio
    from core.pipeline import express
    from core.presets import Preset

    frames: list[ExpressionFrame] = []
    for sound in sounds:
        for frame in express(read_audio(sound), parts.speech_stage(Preset(name="plain"))):
            frames.append(replace(frame, index=len(frames)))
    return frames[:count]


def moving(renderer: WarpRenderer, frames: Iterable[ExpressionFrame]) -> NDArray[np.bool_]:
    """Pixels that any of the frames changes the source or the layer of, (H, W)."""
    rows, columns = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].astype(np.float32)
    home = np.stack([columns, rows], -1) + np.float32(0.5)
    moved = np.zeros(SIZE[::-1], bool)
    for frame in frames:
        layers = renderer.layers(frame)
        moved |= np.abs(layers.source_px - home).max(axis=-1) > MOVED_PX
        moved |= layers.mouth > 0
    return cv2.dilate(moved.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def report(name: str, values: NDArray[np.floating]) -> None:
    """Print mean, 99.9 percentile and maximum."""
    print(
        f"{name:<46s} mean {values.mean():7.3f}   99.9% {np.percentile(values, 99.9):6.1f}"
        f"   max {values.max():6.1f}"
    )


def main() -> None:
    """Render and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--sound", type=Path, nargs="+", default=[])
    parser.add_argument("--avatar", type=Path)
    options = parser.parse_args()
    avatar = Avatar.load(options.avatar) if options.avatar else synthetic_avatar(512)
    renderer = WarpRenderer(avatar, face_model(), SIZE)
    frames = spoken(options.sound, options.seconds)
    moved = moving(renderer, frames)
    distance_in = cv2.distanceTransform(moved.astype(np.uint8), cv2.DIST_L2, 3)
    distance_out = cv2.distanceTransform((~moved).astype(np.uint8), cv2.DIST_L2, 3)
    edge = (distance_in < BAND_PX) & (distance_out < BAND_PX)
    inside = distance_in >= BAND_PX
    outside = distance_out >= 1
    grey = [cv2.cvtColor(renderer.render(f).rgb, cv2.COLOR_RGB2GRAY) for f in frames]
    stack = np.stack(grey).astype(np.float32)
    flicker = np.abs(stack[1:-1] - 0.5 * (stack[:-2] + stack[2:]))
    print(f"{len(frames)} frames, {100 * moved.mean():.0f}% of the picture ever moves")
    report("outside: change against the first frame", np.abs(stack[:, outside] - stack[0, outside]))
    report("edge: second difference", flicker[:, edge])
    report("inside: second difference", flicker[:, inside])
    life = LifeMotion(seed=1)
    corner = slice(0, SIZE[1] // 12)
    corners = np.stack(
        [renderer.render(life.apply(f)).rgb[corner, corner].astype(np.float32) for f in frames]
    )
    report("life: change of the picture's corner", np.abs(corners - corners[0]))


if __name__ == "__main__":
    main()
