"""The items that flow through the pipeline, each carrying the index it belongs to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
"""Rate of all audio inside the pipeline."""
HOP_SAMPLES = 640
"""Samples per expression frame: 40 ms."""
FRAME_RATE_HZ = SAMPLE_RATE_HZ // HOP_SAMPLES
"""Expression and content frames per second: 25."""

FloatArray = NDArray[np.float32]
ImageArray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """Mono sound at SAMPLE_RATE_HZ.

    Attributes:
        samples: Shape (N,), float32, range [-1, 1].
        start_index: Index of the first sample since the source started; the pipeline's clock.
    """

    samples: FloatArray
    start_index: int


@dataclass(frozen=True, slots=True)
class ExpressionFrame:
    """What the face does during one hop.

    Attributes:
        index: Hop number: this frame belongs to samples [index, index + 1) * HOP_SAMPLES.
        beta: Expression coefficients, shape (52,), float32, [0, 1], order of
            `core.blendshapes.NAMES`.
        pose: Head pose rho relative to the portrait, shape (6,), float32: pitch, yaw, roll in
            degrees (positive: chin up, towards the subject's left, towards the subject's left
            shoulder), then x, y, z in centimetres (towards the subject's left, up, the viewer).
        voiced: Whether the voice gate heard speech.
        breath: How full the chest is, [0, 1]: lifts the shoulders a little.
    """

    index: int
    beta: FloatArray
    pose: FloatArray
    voiced: bool
    breath: float = 0.0

    @classmethod
    def at_rest(cls) -> "ExpressionFrame":
        """The portrait as it is."""
        return cls(0, np.zeros(52, np.float32), np.zeros(6, np.float32), False)


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One finished picture.

    Attributes:
        index: Number of the expression frame it shows.
        rgb: Shape (H, W, 3), uint8. Valid until the renderer is asked for its next-but-one frame.
    """

    index: int
    rgb: ImageArray
