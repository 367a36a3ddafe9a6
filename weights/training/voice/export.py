"""Write the trained voice network as a streaming ONNX file with explicit state.

    python -m weights.training.voice.export --checkpoint FILE --out weights/voice.onnx

One call takes the two tokens of a 40 ms hop and all states, and returns for each lookahead the
movement (mean of the two tokens) and the chance of speech, with the new states.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from core.types import HOP_SAMPLES
from core.voice.logmel import TOKEN_SAMPLES, TOKEN_SIZE
from weights.training.voice import train
from weights.training.voice.coarticulation import CHANNELS
from weights.training.voice.model import LOOKAHEAD_TOKENS, VoiceNet, VoiceNetState, seal

TOKENS_PER_HOP = HOP_SAMPLES // TOKEN_SAMPLES
INPUTS = ("mel", "state_mel", "state_features", "state_recurrent")


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
    """One hop of a `VoiceNet`, flat inputs and outputs."""

    def __init__(self, net: VoiceNet, decision: SealDecision = ASIS) -> None:
        super().__init__()
        self._net = net
        self._decision = decision

    def forward(self, mel: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """(1, 2, D) and states -> (1, C), (1,) for each lookahead, then the states."""
        outputs, new = self._net(mel, VoiceNetState(*state))
        flat = []
        for out in outputs:
            closure = self._decision(out.seal)
            flat += [seal(out.open_curves, closure).mean(1), torch.sigmoid(out.speech).mean(1)]
        return (*flat, new.mel, new.features, new.recurrent)


def output_names() -> list[str]:
    """Names of the outputs, in order."""
    names = []
    for tokens in LOOKAHEAD_TOKENS:
        names += [f"curves_{tokens * 20}", f"speech_{tokens * 20}"]
    return [*names, *(f"new_{name}" for name in INPUTS[1:])]


def export(net: VoiceNet, path: Path, decision: SealDecision = ASIS) -> None:
    """Write `net` to `path`."""
    state = net.initial_state()
    hop = torch.zeros(1, TOKENS_PER_HOP, TOKEN_SIZE)
    example = (hop, state.mel, state.features, state.recurrent)
    torch.onnx.export(
        StreamingVoiceNet(net, decision).eval(),
        example,
        str(path),
        input_names=list(INPUTS),
        output_names=output_names(),
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(str(path))
    metadata = {
        "channels": json.dumps(CHANNELS),
        "lookahead_ms": json.dumps([tokens * 20 for tokens in LOOKAHEAD_TOKENS]),
    }
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, str(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seal-gain", type=float, default=ASIS.gain)
    parser.add_argument("--seal-threshold", type=float, default=ASIS.threshold)
    arguments = parser.parse_args()
    decision = SealDecision(arguments.seal_gain, arguments.seal_threshold)
    export(train.load(arguments.checkpoint), arguments.out, decision)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
