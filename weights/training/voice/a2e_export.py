"""The transformer and its encoder as one streaming ONNX file, which the program runs like `mel`.

A hop moves the window of speech features on by two tokens; the answer is the window's newest frame,
which has heard the encoder's lookahead. Every hop is answered from the same length of window, so
the result does not depend on how the sound is cut.
"""

import json
from pathlib import Path

import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.voice.logmel import TOKEN_SIZE
from weights.training.voice.a2e import A2E, SIDED_CHANNELS
from weights.training.voice.coarticulation import CHANNELS
from weights.training.voice.export import INPUTS, TOKENS_PER_HOP
from weights.training.voice.model import LOOKAHEAD_TOKENS, VoiceNet, VoiceNetState

LOOKAHEAD_MS = LOOKAHEAD_TOKENS[-1] * 20


class StreamingA2E(nn.Module):
    """One hop of encoder and transformer, flat inputs and outputs."""

    def __init__(self, encoder: VoiceNet, transformer: A2E) -> None:
        super().__init__()
        self._encoder = encoder
        self._transformer = transformer

    def forward(
        self,
        mel: Tensor,
        mel_tail: Tensor,
        features_tail: Tensor,
        recurrent: Tensor,
        window: Tensor,
        shape: Tensor,
        history: Tensor,
    ) -> tuple[Tensor, ...]:
        """(1, 2, D), states, (1, L, F), (1, A), (1, N, C) -> (1, C), (1,), then the states."""
        heard, new = self._encoder.hear(mel, VoiceNetState(mel_tail, features_tail, recurrent))
        window = torch.cat([window[:, TOKENS_PER_HOP:], heard], 1)
        newest = self._transformer(window, shape, history)[:, -1]
        speech = heard[..., self._encoder.config.recurrent_width + len(CHANNELS)]
        return newest, torch.sigmoid(speech).mean(1), new.mel, new.features, new.recurrent, window


def export(encoder: VoiceNet, transformer: A2E, styles: dict[str, NDArray], path: Path) -> None:
    """Write both networks, with the named styles, to `path`."""
    c, state = transformer.config, encoder.initial_state()
    example = (
        torch.zeros(1, TOKENS_PER_HOP, TOKEN_SIZE),
        state.mel,
        state.features,
        state.recurrent,
        torch.zeros(1, c.audio_tokens, c.feature_size),
        torch.zeros(1, c.shape_size),
        torch.zeros(1, c.history_tokens, c.channels),
    )
    states = [*INPUTS[1:], "state_window"]
    torch.onnx.export(
        StreamingA2E(encoder, transformer).eval(),
        example,
        str(path),
        input_names=[INPUTS[0], *states, "prior_shape", "prior_history"],
        output_names=[
            f"curves_{LOOKAHEAD_MS}",
            f"speech_{LOOKAHEAD_MS}",
            *(f"new_{name}" for name in states),
        ],
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(str(path))
    rows = {name: history.round(3).tolist() for name, history in styles.items()}
    metadata = {
        "channels": json.dumps(SIDED_CHANNELS),
        "lookahead_ms": json.dumps([LOOKAHEAD_MS]),
        "styles": json.dumps(rows),
    }
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, str(path))
