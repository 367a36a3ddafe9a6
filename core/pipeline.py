"""From sound to pictures, one stage after the other: the offline form of the live pipeline.

A file is just another source with a faster clock, so the same stages run here and live.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from core.renderer import Renderer
from core.types import FRAME_RATE_HZ, AudioBlock, ExpressionFrame, FloatArray, VideoFrame


class SpeechStage(Protocol):
    """Speech in blocks of any size to expression frames at FRAME_RATE_HZ."""

    def push(self, samples: FloatArray) -> list[ExpressionFrame]: ...

    def finish(self) -> list[ExpressionFrame]: ...


class MotionStage(Protocol):
    """Adds the motion that does not come from speech: blinks, gaze, sway, breath."""

    def apply(self, frame: ExpressionFrame) -> ExpressionFrame: ...


def express(
    blocks: Iterable[AudioBlock], speech: SpeechStage, motion: MotionStage | None = None
) -> Iterator[ExpressionFrame]:
    """Expression frames at FRAME_RATE_HZ of a whole sound, ceil(samples / HOP_SAMPLES) of them."""
    for frames in _speech(blocks, speech):
        for frame in frames:
            yield motion.apply(frame) if motion else frame


def _speech(blocks: Iterable[AudioBlock], speech: SpeechStage) -> Iterator[list[ExpressionFrame]]:
    for block in blocks:
        yield speech.push(block.samples)
    yield speech.finish()


def at_rate(
    frames: Iterable[ExpressionFrame], frame_rate_hz: float, source_rate_hz: float = FRAME_RATE_HZ
) -> Iterator[ExpressionFrame]:
    """Frames at another rate, interpolated linearly; the duration stays the same.

    Args:
        frames: Consecutive frames.
        frame_rate_hz: Wanted rate, > 0.
        source_rate_hz: Rate of `frames`, > 0.
    """
    if frame_rate_hz == source_rate_hz:
        yield from frames
        return
    step = source_rate_hz / frame_rate_hz
    index = 0
    previous: ExpressionFrame | None = None
    for position, frame in enumerate(frames):
        while index * step <= position:
            yield _blend(previous or frame, frame, index * step - (position - 1), index)
            index += 1
        previous = frame
    if previous is not None:
        while index * step < position + 1:
            yield _blend(previous, previous, 1.0, index)
            index += 1


def _blend(
    before: ExpressionFrame, after: ExpressionFrame, weight: float, index: int
) -> ExpressionFrame:
    weight = float(np.clip(weight, 0.0, 1.0))
    return ExpressionFrame(
        index=index,
        beta=_mix(before.beta, after.beta, weight),
        pose=_mix(before.pose, after.pose, weight),
        voiced=after.voiced if weight >= 0.5 else before.voiced,
    )


def _mix(before: FloatArray, after: FloatArray, weight: float) -> FloatArray:
    return (before + (after - before) * np.float32(weight)).astype(np.float32)


def draw(frames: Iterable[ExpressionFrame], renderer: Renderer) -> Iterator[VideoFrame]:
    """The pictures of the frames, in order."""
    return map(renderer.render, frames)
