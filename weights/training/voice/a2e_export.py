"""The transformer and its encoder as one streaming ONNX file, which the program runs like `mel`.

A hop moves the window of speech features on by two tokens. The newest of the frames that the
transformer answers with lies 40 ms back, the one before it 80 ms: a frame may wait for one or two
hops. Every hop is answered from the same length of window, so the result does not depend on how the
sound is cut.
"""

import json
from pathlib import Path

import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from weights.training import storage
from weights.training.voice.a2e import A2E, SIDED_CHANNELS
from weights.training.voice.coarticulation import CHANNELS
from weights.training.voice.export import (
    LOOKAHEADS_MS,
    TOKENS_PER_HOP,
    hop_of,
    output_names,
)
from weights.training.voice.model import SpeechNet


class StreamingA2E(nn.Module):
    """One hop of encoder and transformer, flat inputs and outputs."""

    def __init__(self, encoder: SpeechNet, transformer: A2E) -> None:
        super().__init__()
        self._encoder = encoder
        self._transformer = transformer

    def forward(self, heard: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        """A hop, states, (1, L, F), (1, A), (1, N, C) -> (1, C), (1,) twice, then the states."""
        *state, window, shape, history = rest
        features, new = self._encoder.hear(heard, tuple(state))
        window = torch.cat([window[:, TOKENS_PER_HOP:], features], 1)
        frames = self._transformer(window, shape, history)
        flat = []
        for place, head in enumerate(self._encoder.heads, 1):
            speech = head(features[..., : self._encoder.feature_size])[..., len(CHANNELS)]
            flat += [frames[:, -place], torch.sigmoid(speech).mean(1)]
        return (*flat, *new, window)


def export(encoder: SpeechNet, transformer: A2E, styles: dict[str, NDArray], path: Path) -> None:
    """Write both networks, with the named styles, to `path`; moves them to the CPU."""
    encoder, transformer, c = encoder.cpu(), transformer.cpu(), transformer.config
    example = (
        hop_of(encoder),
        *encoder.initial_state(),
        torch.zeros(1, c.audio_tokens, c.feature_size),
        torch.zeros(1, c.shape_size),
        torch.zeros(1, c.history_tokens, c.channels),
    )
    states = [*encoder.STATES, "state_window"]
    torch.onnx.export(
        StreamingA2E(encoder, transformer).eval(),
        example,
        str(path),
        input_names=[encoder.INPUT, *states, "prior_shape", "prior_history"],
        output_names=output_names(states),
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(str(path))
    rows = {name: history.round(3).tolist() for name, history in styles.items()}
    metadata = {
        "channels": json.dumps(SIDED_CHANNELS),
        "lookahead_ms": json.dumps(LOOKAHEADS_MS),
        "styles": json.dumps(rows),
    }
    onnx.helper.set_model_props(model, metadata)
    storage.write(model, path)
