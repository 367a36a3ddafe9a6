"""The audio-to-expression transformer of the paper (section 3.1), over any 50 Hz speech features.

Shape legend: B batch, L audio tokens (50 Hz), N history tokens, T expression queries (25 Hz),
S all tokens (L + N + 1), D width, F feature size, C expression channels, A shape coefficients.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.blendshapes import INDEX
from weights.training.voice.coarticulation import CHANNELS

SIDED_CHANNELS = tuple(
    name
    for channel in CHANNELS
    for name in (channel, f"{channel}Left", f"{channel}Right")
    if name in INDEX
)
"""The movements with left and right apart: what the transformer predicts and is shown."""


@dataclass(frozen=True, kw_only=True)
class A2EConfig:
    """Sizes of the transformer and the priors it is given.

    Attributes:
        feature_size: F, of the speech encoder.
        layers: Of the encoder (N1) and of the decoder (N2).
        use_shape: Give it a token of shape coefficients.
        use_history: Give it tokens of past expressions.
        period: Of the positional encoding, in tokens.
    """

    feature_size: int
    layers: tuple[int, int] = (8, 8)
    width: int = 256
    heads: int = 8
    feedforward: int = 1024
    dropout: float = 0.1
    audio_tokens: int = 32
    history_tokens: int = 16
    queries: int = 16
    shape_size: int = 80
    channels: int = len(SIDED_CHANNELS)
    use_shape: bool = True
    use_history: bool = True
    period: int = 64

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError("the width must be a multiple of the heads")
        if self.audio_tokens != 2 * self.queries:
            raise ValueError("50 Hz tokens and 25 Hz queries must cover the same time")


def paper(feature_size: int) -> A2EConfig:
    """The published size: 8 + 8 layers, 8 heads, width 256."""
    return A2EConfig(feature_size=feature_size)


def live(feature_size: int) -> A2EConfig:
    """Half as deep, for one core of a laptop."""
    return A2EConfig(feature_size=feature_size, layers=(4, 4), feedforward=512)


def small(feature_size: int, *, use_shape: bool = True, use_history: bool = True) -> A2EConfig:
    """For experiments with many runs."""
    return A2EConfig(
        feature_size=feature_size,
        layers=(2, 2),
        width=128,
        heads=4,
        feedforward=256,
        dropout=0.0,
        use_shape=use_shape,
        use_history=use_history,
    )


def periodic_encoding(length: int, width: int, period: int) -> Tensor:
    """Sines and cosines of the position modulo `period`, shape (length, width)."""
    position = (torch.arange(length) % period).float()[:, None]
    rate = torch.exp(torch.arange(0, width, 2).float() * (-math.log(10_000.0) / width))
    encoding = torch.zeros(length, width)
    encoding[:, 0::2] = torch.sin(position * rate)
    encoding[:, 1::2] = torch.cos(position * rate)
    return encoding


class A2E(nn.Module):
    """Speech, shape and past expressions -> memory Z (eq. 1) -> expressions (eq. 2)."""

    def __init__(self, config: A2EConfig) -> None:
        super().__init__()
        self.config = c = config
        self.embed_audio = nn.Linear(c.feature_size, c.width)
        self.embed_shape = nn.Linear(c.shape_size, c.width)
        self.embed_history = nn.Linear(c.channels, c.width)
        options = {
            "d_model": c.width,
            "nhead": c.heads,
            "dim_feedforward": c.feedforward,
            "dropout": c.dropout,
            "batch_first": True,
            "norm_first": True,
            "activation": "gelu",
        }
        self.self_attention = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(**options), c.layers[0], enable_nested_tensor=False
        )
        self.cross_attention = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(**options), c.layers[1]
        )
        self.normalise = nn.LayerNorm(c.width)
        self.decode = nn.Linear(c.width, c.channels)
        tokens = c.audio_tokens + c.history_tokens + 1
        self.register_buffer(
            "token_positions", periodic_encoding(tokens, c.width, c.period), persistent=False
        )
        self.register_buffer(
            "query_positions", periodic_encoding(c.queries, c.width, c.period), persistent=False
        )

    def forward(self, audio: Tensor, shape: Tensor, history: Tensor) -> Tensor:
        """(B, L, F), (B, A), (B, N, C) -> expressions (B, T, C), oldest first."""
        c = self.config
        tokens = [self.embed_audio(audio)]
        if c.use_shape:
            tokens.append(self.embed_shape(shape)[:, None])
        if c.use_history:
            tokens.append(self.embed_history(history))
        joined = torch.cat(tokens, 1)  # (B, S, D)
        memory = self.self_attention(joined + self.token_positions[: joined.shape[1]])
        queries = self.query_positions.expand(len(audio), -1, -1)  # zeros plus position
        return self.decode(self.normalise(self.cross_attention(queries, memory)))


def expression_loss(
    predicted: Tensor, truth: Tensor, mouth_basis: Tensor, vertex_weight: float = 0.1
) -> Tensor:
    """Eq. 3 plus 0.1 times eq. 4.

    Args:
        predicted: (B, T, C).
        truth: (B, T, C).
        mouth_basis: Displacement of the mouth's vertices per channel, shape (C, 3V), cm.
        vertex_weight: Of eq. 4.
    """
    error = predicted - truth
    return (error**2).mean() + vertex_weight * ((error @ mouth_basis) ** 2).mean()
