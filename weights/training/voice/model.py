"""The `mel` voice network: log-mel tokens in, mouth movement and speech decision out.

Shape legend: B batch, T tokens (50 Hz), D features, C channels, K mouth classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.voice.logmel import TOKEN_SIZE
from weights.training.voice import phones
from weights.training.voice.coarticulation import CHANNELS

LOOKAHEAD_TOKENS = (2, 4)
"""Each head answers for the moment that lies this many tokens in the past: 40 and 80 ms."""


@dataclass(frozen=True, kw_only=True)
class VoiceNetConfig:
    """Sizes of the network."""

    convolution_width: int = 128
    feature_width: int = 160
    recurrent_width: int = 224
    recurrent_layers: int = 2
    head_width: int = 96


@dataclass(frozen=True)
class HeadOutput:
    """What one head says: movement (B, T, C), speech logit (B, T), class logits (B, T, K)."""

    curves: Tensor
    speech: Tensor
    classes: Tensor


@dataclass(frozen=True)
class VoiceNetState:
    """What the network remembers: the last inputs of both convolutions, and the GRU's state.

    Shapes (B, TOKEN_SIZE, 4), (B, convolution_width, 2), (layers, B, recurrent_width).
    """

    mel: Tensor
    features: Tensor
    recurrent: Tensor


class VoiceNet(nn.Module):
    """Two causal convolutions, a GRU, and one head for each lookahead."""

    KERNELS = (5, 3)

    def __init__(self, config: VoiceNetConfig = VoiceNetConfig()) -> None:
        super().__init__()
        self.config = config
        c = config
        self.convolution_1 = nn.Conv1d(TOKEN_SIZE, c.convolution_width, self.KERNELS[0])
        self.convolution_2 = nn.Conv1d(c.convolution_width, c.feature_width, self.KERNELS[1])
        self.recurrence = nn.GRU(
            c.feature_width, c.recurrent_width, c.recurrent_layers, batch_first=True
        )
        outputs = len(CHANNELS) + 1 + len(phones.CLASSES)
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Linear(c.recurrent_width, c.head_width),
                nn.SiLU(),
                nn.Linear(c.head_width, outputs),
            )
            for _ in LOOKAHEAD_TOKENS
        )

    def initial_state(self, batch: int = 1) -> VoiceNetState:
        """The state before the first token."""
        c = self.config
        return VoiceNetState(
            torch.zeros(batch, TOKEN_SIZE, self.KERNELS[0] - 1),
            torch.zeros(batch, c.convolution_width, self.KERNELS[1] - 1),
            torch.zeros(c.recurrent_layers, batch, c.recurrent_width),
        )

    def encode(self, mel: Tensor, state: VoiceNetState) -> tuple[Tensor, VoiceNetState]:
        """The 50 Hz features (B, T, recurrent_width) of tokens (B, T, TOKEN_SIZE)."""
        x = torch.cat([state.mel, mel.transpose(1, 2)], 2)  # (B, TOKEN_SIZE, 4 + T)
        mel_tail = x[:, :, -(self.KERNELS[0] - 1) :]
        y = F.silu(self.convolution_1(x))  # (B, convolution_width, T)
        y = torch.cat([state.features, y], 2)
        features_tail = y[:, :, -(self.KERNELS[1] - 1) :]
        z = F.silu(self.convolution_2(y)).transpose(1, 2)  # (B, T, feature_width)
        z, recurrent = self.recurrence(z, state.recurrent)
        return z, VoiceNetState(mel_tail, features_tail, recurrent)

    def forward(
        self, mel: Tensor, state: VoiceNetState | None = None
    ) -> tuple[list[HeadOutput], VoiceNetState]:
        """One output a lookahead; output t of a head answers for token t - lookahead."""
        z, state = self.encode(mel, state or self.initial_state(len(mel)))
        c = len(CHANNELS)
        outputs = []
        for head in self.heads:
            o = head(z)
            outputs.append(HeadOutput(o[..., :c], o[..., c], o[..., c + 1 :]))
        return outputs, state
