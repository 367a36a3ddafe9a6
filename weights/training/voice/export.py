"""Write the trained voice network as a streaming ONNX file with explicit state.

    python -m weights.training.voice.export --checkpoint FILE --out weights/voice.onnx

One call takes what is heard of a 40 ms hop (two log-mel tokens, or samples) and all states, and
returns for each lookahead the movement (mean of the two tokens) and the chance of speech, with the
new states.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from core.types import HOP_SAMPLES, SAMPLE_RATE_HZ
from core.voice.logmel import TOKEN_SAMPLES
from weights.training import storage
from weights.training.voice import train
from weights.training.voice.coarticulation import CHANNELS
from weights.training.voice.model import LOOKAHEAD_TOKENS, SpeechNet, seal

LOOKAHEADS_MS = [1000 * tokens * TOKEN_SAMPLES // SAMPLE_RATE_HZ for tokens in LOOKAHEAD_TOKENS]
TOKENS_PER_HOP = HOP_SAMPLES // TOKEN_SAMPLES


@dataclass(frozen=True)
class SealDecision:
    """How the chance that the lips are sealed becomes a closure.

    A half closed mouth is wrong whether the lips are sealed or not, so the network's hedging is
    turned into something nearer to a decision.

    Attributes:
        gain: Steepness; 1 leaves the network's own estimate.
        threshold: Logit that becomes half a closure.
    """

    gain: float = 1.0
    threshold: float = 0.0

    def __call__(self, logit: Tensor) -> Tensor:
        """Closure (B, T), [0, 1], of seal logits (B, T)."""
        return torch.sigmoid(self.gain * (logit - self.threshold))


ASIS = SealDecision()


class StreamingVoiceNet(nn.Module):
    """One hop of a `SpeechNet`, flat inputs and outputs."""

    def __init__(self, net: SpeechNet, decision: SealDecision = ASIS) -> None:
        super().__init__()
        self._net = net
        self._decision = decision

    def forward(self, heard: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """A hop and states -> (1, C), (1,) for each lookahead, then the states."""
        outputs, new = self._net(heard, state)
        flat = []
        for out in outputs:
            closure = self._decision(out.seal)
            flat += [seal(out.open_curves, closure).mean(1), torch.sigmoid(out.speech).mean(1)]
        return (*flat, *new)


def hop_of(net: SpeechNet) -> Tensor:
    """What a network hears of 40 ms of silence, with a batch axis."""
    return torch.from_numpy(net.prepare(np.zeros(HOP_SAMPLES, np.float32)))[None]


def output_names(states: Sequence[str]) -> list[str]:
    """Names of the outputs, in order, of a network with these states."""
    names = []
    for lookahead in LOOKAHEADS_MS:
        names += [f"curves_{lookahead}", f"speech_{lookahead}"]
    return [*names, *(f"new_{name}" for name in states)]


def export(net: SpeechNet, path: Path, decision: SealDecision = ASIS) -> None:
    """Write `net` to `path`."""
    torch.onnx.export(
        StreamingVoiceNet(net, decision).eval(),
        (hop_of(net), *net.initial_state()),
        str(path),
        input_names=[net.INPUT, *net.STATES],
        output_names=output_names(net.STATES),
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(str(path))
    metadata = {
        "channels": json.dumps(CHANNELS),
        "lookahead_ms": json.dumps(LOOKAHEADS_MS),
    }
    onnx.helper.set_model_props(model, metadata)
    storage.write(model, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--half", action="store_true", help="store weights in 16 bits")
    parser.add_argument("--seal-gain", type=float, default=ASIS.gain)
    parser.add_argument("--seal-threshold", type=float, default=ASIS.threshold)
    arguments = parser.parse_args()
    decision = SealDecision(arguments.seal_gain, arguments.seal_threshold)
    export(train.load(arguments.checkpoint), arguments.out, decision)
    if arguments.half:
        storage.store_weights_half(arguments.out, arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
