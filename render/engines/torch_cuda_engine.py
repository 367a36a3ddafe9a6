"""FIA's decoder in torch itself on an NVIDIA GPU, as one CUDA graph.

Plain, it starts in seconds wherever torch sees a GPU. Compiled (by TorchInductor, which needs
Triton), normalisation and activations become part of few kernels; that takes a minute once.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from render.engines.base import Engine, EngineSettings
from render.engines.torch_engine import Buffers, TorchEngine, import_torch, sees_gpu

_WARM_UP_RUNS = 3


@dataclass(frozen=True)
class TorchCuda:
    """Makes engines that replay a CUDA graph of torch's kernels."""

    name: str
    compiled: bool

    def available(self, model: Path) -> bool:
        """Whether torch is installed, with what it needs to compile, and sees a GPU."""
        return sees_gpu("onnx", *(["triton"] if self.compiled else []))

    def load(self, model: Path, settings: EngineSettings) -> Engine:
        """Load a decoder exported to ONNX; see `EngineFactory.load`."""
        (torch,) = import_torch(self.name)

        def build(buffers: Buffers) -> Callable[[], Any]:
            return captured(torch, _decoder(torch, model, buffers, self.compiled), buffers)

        return TorchEngine(self.name, torch, model, settings, build)


def _decoder(torch: Any, model: Path, buffers: Buffers, compiled: bool) -> Callable[..., Any]:
    weights = importlib.import_module("render.fia.torch_weights")
    frozen = importlib.import_module("render.fia.frozen").freeze(weights.load_decoder(model))
    example = next(iter(buffers.values()))
    frozen = frozen.to(example.device, example.dtype, memory_format=torch.channels_last)
    if compiled:
        frozen = torch.compile(frozen, dynamic=False)
    return frozen  # type: ignore[no-any-return]


def captured(torch: Any, decoder: Callable[..., Any], buffers: Buffers) -> Callable[[], Any]:
    """Record one run of a decoder over static inputs; returns what replays it.

    Args:
        torch: The module.
        decoder: Takes the buffers in their order.
        buffers: Inputs; a replay reads what they hold by then.
    """
    inputs = list(buffers.values())
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.inference_mode(), torch.cuda.stream(stream):
        for _ in range(_WARM_UP_RUNS):
            decoder(*inputs)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.inference_mode(), torch.cuda.graph(graph):
        output = decoder(*inputs)

    def replay() -> Any:
        graph.replay()
        return output

    return replay


TORCH_CUDA = TorchCuda("Torch CUDA", compiled=False)
TORCH_COMPILED = TorchCuda("Torch compiled", compiled=True)
