"""The voice networks: sound in, mouth movement and speech decision out; here the `mel` encoder.

Shape legend: B batch, T tokens (50 Hz), D features, C channels, K mouth classes.
"""

from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from core.voice.logmel import HISTORY_SAMPLES, TOKEN_SIZE, log_mel
from weights.training.voice import phones
from weights.training.voice.coarticulation import (
    CHANNEL_INDEX,
    CHANNELS,
    CLOSURE_PER_JAW,
    SEALED_CHANNELS,
    SEALED_SHARE,
)

LOOKAHEAD_TOKENS = (2, 4)
"""Each head answers for the moment that lies this many tokens in the past: 40 and 80 ms."""


@dataclass(frozen=True, kw_only=True)
class VoiceNetConfig:
    """Sizes of the network."""

    convolution_width: int = 160
    feature_width: int = 192
    recurrent_width: int = 256
    recurrent_layers: int = 2
    head_width: int = 128


@dataclass(frozen=True)
class HeadOutput:
    """What one head says.

    Attributes:
        open_curves: Movement (B, T, C) as if the lips were never sealed; mouthClose is 0.
        seal: Logit (B, T) that the lips are sealed.
        speech: Logit (B, T) that this is speech.
        classes: Logits (B, T, K) of the mouth classes.
    """

    open_curves: Tensor
    seal: Tensor
    speech: Tensor
    classes: Tensor

    @property
    def curves(self) -> Tensor:
        """Movement (B, T, C) with the lips sealed as far as the network believes they are."""
        return seal(self.open_curves, torch.sigmoid(self.seal))


def seal(open_curves: Tensor, closure: Tensor) -> Tensor:
    """Movements (B, T, C) with the lips sealed by `closure` (B, T), [0, 1], as the teacher does."""
    taken, is_closing = _sealing(open_curves.device)
    curves = open_curves * (1 - taken * closure[..., None] ** 2)
    sealing = CLOSURE_PER_JAW * closure * open_curves[..., CHANNEL_INDEX["jawOpen"]]
    return curves * (1 - is_closing) + sealing[..., None] * is_closing


def closure_of(curves: Tensor) -> Tensor:
    """How far the lips of movements (..., C) are sealed, (...), [0, 1]; 0 where the jaw rests."""
    sealing = CLOSURE_PER_JAW * curves[..., CHANNEL_INDEX["jawOpen"]]
    share = curves[..., CHANNEL_INDEX["mouthClose"]] / sealing.clamp_min(1e-3)
    return share.clamp(0, 1) * (sealing > 0.01)


@lru_cache
def _sealing(device: torch.device) -> tuple[Tensor, Tensor]:
    """How much sealing takes from each channel (C,), and 1 for the one that seals (C,)."""
    taken, is_closing = torch.zeros(2, len(CHANNELS))
    taken[SEALED_CHANNELS] = SEALED_SHARE
    is_closing[CHANNEL_INDEX["mouthClose"]] = 1
    return taken.to(device), is_closing.to(device)


class SpeechNet(nn.Module):
    """A streaming encoder of speech with one head for each lookahead.

    Attributes:
        INPUT: What it hears, as its ONNX file calls it: "mel" or "sound".
        STATES: Names of what it remembers, in the order of its state.
        published: Name or folder of the checkpoint it stands on; empty for our own.
        feature_size: D of the encoder.
    """

    INPUT: str
    STATES: tuple[str, ...]
    published = ""

    def __init__(self, feature_size: int, head_width: int) -> None:
        super().__init__()
        self.feature_size = feature_size
        outputs = len(CHANNELS) + 1 + len(phones.CLASSES)
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Linear(feature_size, head_width),
                nn.SiLU(),
                nn.Linear(head_width, outputs),
            )
            for _ in LOOKAHEAD_TOKENS
        )

    @property
    def device(self) -> torch.device:
        """Where the network lies, and its states begin."""
        return next(self.parameters()).device

    @staticmethod
    @abstractmethod
    def prepare(sound: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network hears of a whole sound (T * TOKEN_SAMPLES,), without a batch axis."""

    @abstractmethod
    def initial_state(self, batch: int = 1) -> tuple[Tensor, ...]:
        """The state before the first token."""

    @abstractmethod
    def encode(self, heard: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Features (B, T, D) of what is heard, and the new state."""

    @property
    def speech_features(self) -> int:
        """Size of what `hear` gives."""
        return self.feature_size + self.heads[-1][-1].out_features

    def hear(self, heard: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Speech features (B, T, F) for another network, at the longest lookahead.

        What the encoder says, and what the last head reads from it.
        """
        z, state = self.encode(heard, state)
        return torch.cat([z, self.heads[-1](z)], 2), state

    def forward(
        self, heard: Tensor, state: tuple[Tensor, ...] | None = None
    ) -> tuple[list[HeadOutput], tuple[Tensor, ...]]:
        """One output a lookahead; output t of a head answers for token t - lookahead."""
        z, state = self.encode(heard, state or self.initial_state(len(heard)))
        return self.answer(z), state

    def answer(self, z: Tensor) -> list[HeadOutput]:
        """What the heads read from features (B, T, D)."""
        c = len(CHANNELS)
        outputs = []
        for head in self.heads:
            o = head(z)
            sealed = o[..., CHANNEL_INDEX["mouthClose"]]
            outputs.append(HeadOutput(o[..., :c], sealed, o[..., c], o[..., c + 1 :]))
        return outputs


class VoiceNet(SpeechNet):
    """Two causal convolutions and a GRU on log-mel tokens (B, T, TOKEN_SIZE).

    It remembers the last inputs of both convolutions, (B, TOKEN_SIZE, 4) and
    (B, convolution_width, 2), and the GRU's state, (layers, B, recurrent_width).
    """

    INPUT = "mel"
    STATES = ("state_mel", "state_features", "state_recurrent")
    KERNELS = (5, 3)

    def __init__(self, config: VoiceNetConfig = VoiceNetConfig()) -> None:
        super().__init__(config.recurrent_width, config.head_width)
        self.config = c = config
        self.convolution_1 = nn.Conv1d(TOKEN_SIZE, c.convolution_width, self.KERNELS[0])
        self.convolution_2 = nn.Conv1d(c.convolution_width, c.feature_width, self.KERNELS[1])
        self.recurrence = nn.GRU(
            c.feature_width, c.recurrent_width, c.recurrent_layers, batch_first=True
        )

    @staticmethod
    def prepare(sound: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-mel tokens, shape (T, TOKEN_SIZE)."""
        return log_mel(np.pad(sound, (HISTORY_SAMPLES, 0)))

    def initial_state(self, batch: int = 1) -> tuple[Tensor, ...]:
        """The state before the first token."""
        c = self.config
        zeros = partial(torch.zeros, device=self.device)
        return (
            zeros(batch, TOKEN_SIZE, self.KERNELS[0] - 1),
            zeros(batch, c.convolution_width, self.KERNELS[1] - 1),
            zeros(c.recurrent_layers, batch, c.recurrent_width),
        )

    def encode(self, heard: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Features (B, T, recurrent_width) of tokens (B, T, TOKEN_SIZE), and the new state."""
        mel, before, recurrent = state
        x = torch.cat([mel, heard.transpose(1, 2)], 2)  # (B, TOKEN_SIZE, 4 + T)
        mel_tail = x[:, :, -(self.KERNELS[0] - 1) :]
        y = F.silu(self.convolution_1(x))  # (B, convolution_width, T)
        y = torch.cat([before, y], 2)
        features_tail = y[:, :, -(self.KERNELS[1] - 1) :]
        z = F.silu(self.convolution_2(y)).transpose(1, 2)  # (B, T, feature_width)
        z, recurrent = self.recurrence(z, recurrent)
        return z, (mel_tail, features_tail, recurrent)
