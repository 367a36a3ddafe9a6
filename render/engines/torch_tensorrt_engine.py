"""FIA's decoder compiled by torch-tensorrt; installed with the extra `[tensorrt]`."""

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelError
from render.engines.base import Engine, EngineSettings, Tensor
from render.engines.identity import cache_key

INSTALL_HINT = "Install it with: pip install 'realtalk-cam[tensorrt]'."


@dataclass(frozen=True)
class TorchTensorRt:
    """Makes engines with `torch_tensorrt.compile`; the built engine is saved and loaded again."""

    name: str = "Torch-TensorRT"

    def available(self) -> bool:
        """Whether torch and torch-tensorrt are installed and see a GPU."""
        if importlib.util.find_spec("torch_tensorrt") is None:
            return False
        torch = importlib.import_module("torch")
        return bool(torch.cuda.is_available())

    def load(self, model: Path, settings: EngineSettings) -> Engine:
        """Load a decoder exported to ONNX; see `EngineFactory.load`."""
        try:
            torch = importlib.import_module("torch")
            torch_tensorrt = importlib.import_module("torch_tensorrt")
        except ImportError as error:
            raise ModelError(
                f"torch-tensorrt is not installed ({error}). {INSTALL_HINT}"
            ) from error
        if not torch.cuda.is_available():
            raise ModelError("Torch-TensorRT needs an NVIDIA GPU, and torch finds none.")
        return TorchTensorRtEngine(self.name, torch, torch_tensorrt, model, settings)


class TorchTensorRtEngine:
    """The compiled decoder with static buffers on the GPU."""

    def __init__(
        self, name: str, torch: Any, torch_tensorrt: Any, model: Path, settings: EngineSettings
    ) -> None:
        """Build the engine, or load the one saved for this model, GPU, driver and libraries.

        Raises:
            ModelError: It cannot be built or loaded.
        """
        weights = importlib.import_module("render.fia.torch_weights")
        self._name, self._torch = name, torch
        self._device = torch.device("cuda", settings.device_id)
        self._dtype = torch.float16 if settings.half else torch.float32
        shapes = weights.input_shapes(model)
        self._buffers = {
            key: torch.zeros(shape, dtype=self._dtype, device=self._device)
            for key, shape in shapes.items()
        }
        self._constants: set[str] = set()
        folder = settings.cache_folder / "torch-tensorrt"
        saved = folder / f"{cache_key(model, settings.half, settings.device_id)}.pt2"
        try:
            with torch.cuda.device(self._device):
                if not saved.is_file():
                    self._build(weights.load_decoder(model), torch_tensorrt, saved)
                self._module = torch_tensorrt.load(str(saved)).module()
        except Exception as error:  # the compiler raises classes of many libraries
            raise ModelError(f"{name} cannot build {model.name} ({error}).") from error

    @property
    def name(self) -> str:
        """As shown to the user."""
        return self._name

    def set_constants(self, inputs: Mapping[str, Tensor]) -> None:
        """Upload inputs that stay the same; see `Engine.set_constants`."""
        for key, value in inputs.items():
            self._upload(key, value)
        self._constants |= inputs.keys()

    def warm_up(self, runs: int = 3) -> None:
        """Run a few times on what is bound now (zeros at first)."""
        for _ in range(runs):
            self._execute()
        self._torch.cuda.synchronize(self._device)

    def run(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Upload the changing inputs, run, download the output; see `Engine.run`."""
        missing = self._buffers.keys() - self._constants - inputs.keys()
        if missing:
            raise ModelError(f"{self.name}: no value for the inputs {', '.join(sorted(missing))}.")
        for key, value in inputs.items():
            self._upload(key, value)
        output: Tensor = self._execute().float().cpu().numpy()
        return output

    def _build(self, decoder: Any, torch_tensorrt: Any, saved: Path) -> None:
        inputs = list(self._buffers.values())
        compiled = torch_tensorrt.compile(
            decoder.to(self._device, self._dtype).eval(),
            ir="dynamo",
            arg_inputs=inputs,
            min_block_size=1,
            optimization_level=5,
            truncate_double=True,
        )
        saved.parent.mkdir(parents=True, exist_ok=True)
        unfinished = saved.with_suffix(".part.pt2")
        torch_tensorrt.save(compiled, str(unfinished), arg_inputs=inputs)
        unfinished.replace(saved)

    def _execute(self) -> Any:
        try:
            with self._torch.inference_mode():
                return self._module(*self._buffers.values())
        except Exception as error:  # the runtime raises classes of many libraries
            raise ModelError(f"{self.name} failed while running ({error}).") from error

    def _upload(self, key: str, value: Tensor) -> None:
        buffer = self._buffers.get(key)
        if buffer is None:
            raise ModelError(f"{self.name}: the network has no input '{key}'.")
        if value.shape != tuple(buffer.shape):
            raise ModelError(
                f"{self.name}: input '{key}' must be {tuple(buffer.shape)}, not {value.shape}."
            )
        buffer.copy_(self._torch.from_numpy(np.ascontiguousarray(value, np.float32)))
