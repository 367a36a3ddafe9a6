"""The `hubert` voice networks: HuBERT's architecture on the waveform.

`HubertVoiceNet` is ours. Weights and layers are those of `transformers.HubertModel`; what differs
is that the positional convolution and the attention look back only, attention over a window that
slides. So the network streams with cached keys and values, and does in training exactly what it
does live.

`PublishedHubert` is any checkpoint for transformers, such as "facebook/hubert-large-ls960-ft", kept
as it is: each hop, a window of the past is encoded again. That wants a GPU.

Shape legend: B batch, S samples, T tokens (50 Hz), D width, N layers, H heads, E = D / H, W window.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import HubertConfig, HubertModel

from core.types import HOP_SAMPLES
from core.voice.logmel import TOKEN_SAMPLES, TOKEN_SIZE
from weights.training.voice.model import LOOKAHEAD_TOKENS, SpeechNet

RECEPTIVE_SAMPLES = 400
"""Samples that the convolutions of every HuBERT see for one token."""
TAIL_SAMPLES = RECEPTIVE_SAMPLES - TOKEN_SAMPLES
ATTENDED_TOKENS = 48
"""Tokens that attention sees, the present one included: 0.96 s."""
HEAD_WIDTH = 128


def small_config() -> HubertConfig:
    """Four layers of width 256 and slim convolutions, for one core of a laptop."""
    return _streaming(
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=512,
        conv_dim=(32, 64, 64, 96, 128, 128, 128),
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=16,
    )


def tiny_config() -> HubertConfig:
    """A network for tests."""
    return _streaming(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )


def _streaming(**sizes: Any) -> HubertConfig:
    """A HuBERT that can stream: every layer normalises, nothing is dropped."""
    return HubertConfig(
        **sizes,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        hidden_dropout=0.0,
        activation_dropout=0.0,
        feat_proj_dropout=0.0,
        mask_time_length=5,
        attn_implementation="eager",
    )


class HubertVoiceNet(SpeechNet):
    """HuBERT that streams, on sound (B, T * TOKEN_SAMPLES).

    It remembers the last samples (B, TAIL_SAMPLES), the last inputs of the positional convolution
    (B, D, kernel - 1), and keys and values (N, B, H, W - 1, E).
    """

    INPUT = "sound"
    STATES = ("state_sound", "state_positions", "state_keys", "state_values")

    def __init__(self, config: HubertConfig) -> None:
        super().__init__(config.hidden_size, HEAD_WIDTH)
        if not config.do_stable_layer_norm or config.feat_extract_norm != "layer":
            raise ValueError("only a HuBERT whose every layer normalises can stream")
        self.config = config
        self.hubert = HubertModel(config)
        self.hubert.encoder.pos_conv_embed.conv.padding = (0,)
        self.spectrum = nn.Linear(config.hidden_size, TOKEN_SIZE)

    @staticmethod
    def prepare(sound: NDArray[np.float32]) -> NDArray[np.float32]:
        """The sound itself."""
        return sound

    def initial_state(self, batch: int = 1) -> tuple[Tensor, ...]:
        """The state before the first token: silence."""
        c = self.config
        kept = (c.num_hidden_layers, batch, c.num_attention_heads, ATTENDED_TOKENS - 1)
        zeros = partial(torch.zeros, device=self.device)
        cache = zeros(*kept, c.hidden_size // c.num_attention_heads)
        return (
            zeros(batch, TAIL_SAMPLES),
            zeros(batch, c.hidden_size, c.num_conv_pos_embeddings - 1),
            cache,
            cache.clone(),
        )

    def convolve(self, sound: Tensor) -> Tensor:
        """Tokens (B, T, D) of sound (B, TAIL_SAMPLES + S) before attention."""
        local = self.hubert.feature_extractor(sound).transpose(1, 2)
        return self.hubert.feature_projection(local)

    def encode(self, heard: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Features (B, T, D) of sound (B, T * TOKEN_SAMPLES), and the new state."""
        tail, positions, keys, values = state
        sound = torch.cat([tail, heard], 1)
        x = self.convolve(sound)  # (B, T, D)
        padded = torch.cat([positions, x.transpose(1, 2)], 2)
        encoder = self.hubert.encoder
        x = x + F.gelu(encoder.pos_conv_embed.conv(padded)).transpose(1, 2)
        mask = _band(x.shape[1], keys.shape[3], x.device)
        new_keys, new_values = [], []
        for layer, key, value in zip(encoder.layers, keys, values, strict=True):
            x, key, value = _layer(layer, x, key, value, mask)
            new_keys.append(key[:, :, -keys.shape[3] :])
            new_values.append(value[:, :, -keys.shape[3] :])
        new = (
            sound[:, -TAIL_SAMPLES:],
            padded[:, :, -positions.shape[2] :],
            torch.stack(new_keys),
            torch.stack(new_values),
        )
        return encoder.layer_norm(x), new

    def tell_spectrum(self, heard: Tensor) -> Tensor:
        """What the convolutions make of the sound's log-mel tokens (B, T, TOKEN_SIZE)."""
        tail = torch.zeros(len(heard), TAIL_SAMPLES, device=heard.device)
        return self.spectrum(self.convolve(torch.cat([tail, heard], 1)))


class PublishedHubert(SpeechNet):
    """A pretrained HuBERT, not trained further, under heads of ours.

    Hears sound (B, T * TOKEN_SAMPLES) in hops of two tokens. Each pair of features comes from a
    window of the same length that ends with its hop, so features do not depend on how the sound is
    cut. It remembers the window before the hop,
    (B, WINDOW_TOKENS * TOKEN_SAMPLES + TAIL_SAMPLES - HOP_SAMPLES).
    """

    INPUT = "sound"
    STATES = ("state_sound",)
    WINDOW_TOKENS = 32
    prepare = staticmethod(HubertVoiceNet.prepare)

    def __init__(self, name_or_folder: str | Path) -> None:
        """Load a checkpoint by its published name, or from a folder."""
        hubert = HubertModel.from_pretrained(name_or_folder).eval().requires_grad_(False)
        super().__init__(hubert.config.hidden_size, HEAD_WIDTH)
        self.published = str(name_or_folder)
        self.hubert = hubert
        self.config = hubert.config

    def train(self, mode: bool = True) -> "PublishedHubert":
        """Only the heads train: the encoder keeps still."""
        super().train(mode)
        self.hubert.eval()
        return self

    def initial_state(self, batch: int = 1) -> tuple[Tensor, ...]:
        """The state before the first token: silence."""
        past = self.WINDOW_TOKENS * TOKEN_SAMPLES + TAIL_SAMPLES - HOP_SAMPLES
        return (torch.zeros(batch, past, device=self.device),)

    def encode(self, heard: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Features (B, T, D), T even: of the tokens that lie the longest lookahead back."""
        (past,) = state
        sound = torch.cat([past, heard], 1)
        size = past.shape[1] + HOP_SAMPLES
        pairs = [
            self._newest(sound[:, start : start + size])
            for start in range(0, heard.shape[1], HOP_SAMPLES)
        ]
        return torch.cat(pairs, 1), (sound[:, -past.shape[1] :],)

    def _newest(self, window: Tensor) -> Tensor:
        if self.config.feat_extract_norm == "layer":  # these were trained on normalised sound
            window = F.layer_norm(window, window.shape[1:])
        hidden = self.hubert(window).last_hidden_state
        end = hidden.shape[1] - LOOKAHEAD_TOKENS[-1]
        return hidden[:, end - HOP_SAMPLES // TOKEN_SAMPLES : end]


def _band(count: int, cached: int, device: torch.device) -> Tensor:
    """Which of the cached and present tokens each of `count` tokens sees: (T, cached + T) bool."""
    query = torch.arange(count, device=device)[:, None]
    key = torch.arange(cached + count, device=device)[None]
    return (key >= query) & (key <= query + cached)


def _layer(
    layer: nn.Module, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One transformer layer on (B, T, D) after cached keys and values (B, H, W - 1, E)."""
    attention = layer.attention
    batch, count, width = x.shape
    shape = (batch, count, attention.num_heads, attention.head_dim)
    h = layer.layer_norm(x)
    query, key, value = (
        project(h).view(shape).transpose(1, 2)
        for project in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    keys, values = torch.cat([keys, key], 2), torch.cat([values, value], 2)
    seen = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
    x = x + attention.out_proj(seen.transpose(1, 2).reshape(batch, count, width))
    return x + layer.feed_forward(layer.final_layer_norm(x)), keys, values
