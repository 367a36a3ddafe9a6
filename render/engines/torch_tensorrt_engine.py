"""FIA's decoder compiled by torch-tensorrt; installed with the extra `[tensorrt]`."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from render.engines.base import Engine, EngineSettings
from render.engines.identity import cache_key
from render.engines.torch_engine import Buffers, TorchEngine, import_torch, sees_gpu


@dataclass(frozen=True)
class TorchTensorRt:
    """Makes engines with `torch_tensorrt.compile`; the built engine is saved and loaded again."""

    name: str = "Torch-TensorRT"

    def available(self, model: Path) -> bool:
        """Whether torch and torch-tensorrt are installed and see a GPU."""
        return sees_gpu("torch_tensorrt")

    def load(self, model: Path, settings: EngineSettings) -> Engine:
        """Load a decoder exported to ONNX; see `EngineFactory.load`."""
        torch, compiler = import_torch(self.name, "torch_tensorrt")
        return tensorrt_engine(self.name, torch, compiler, model, settings)


def tensorrt_engine(
    name: str, torch: Any, compiler: Any, model: Path, settings: EngineSettings
) -> TorchEngine:
    """Build the engine, or load the one saved for this model, GPU, driver and libraries.

    Raises:
        ModelError: It cannot be built or loaded.
    """
    folder = settings.cache_folder / "torch-tensorrt"
    saved = folder / f"{cache_key(model, settings.half, settings.device_id)}.pt2"

    def build(buffers: Buffers) -> Callable[[], Any]:
        inputs = list(buffers.values())
        if not saved.is_file():
            weights = importlib.import_module("render.fia.torch_weights")
            decoder = weights.load_decoder(model).to(inputs[0].device, inputs[0].dtype)
            _compile(decoder, compiler, inputs, saved)
        module = compiler.load(str(saved)).module()
        return lambda: module(*inputs)

    return TorchEngine(name, torch, model, settings, build)


def _compile(decoder: Any, compiler: Any, inputs: list[Any], saved: Path) -> None:
    compiled = compiler.compile(
        decoder.eval(),
        ir="dynamo",
        arg_inputs=inputs,
        min_block_size=1,
        optimization_level=5,
        truncate_double=True,
    )
    saved.parent.mkdir(parents=True, exist_ok=True)
    unfinished = saved.with_suffix(".part.pt2")
    compiler.save(compiled, str(unfinished), arg_inputs=inputs)
    unfinished.replace(saved)
