"""What engines that run FIA's decoder in torch share: static buffers on the GPU."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelError
from render.engines.base import EngineSettings, Tensor

Buffers = dict[str, Any]
Build = Callable[[Buffers], Callable[[], Any]]


class TorchEngine:
    """Inputs that stay on the GPU, and a program that reads them."""

    def __init__(
        self, name: str, torch: Any, model: Path, settings: EngineSettings, build: Build
    ) -> None:
        """Place the inputs and build the program.

        Args:
            name: As shown to the user.
            torch: The module.
            model: Decoder exported to ONNX.
            settings: Of all engines.
            build: Makes the program, which returns the output, from the inputs by name.

        Raises:
            ModelError: It cannot be built or loaded.
        """
        weights = importlib.import_module("render.fia.torch_weights")
        self._name, self._torch = name, torch
        self._device = torch.device("cuda", settings.device_id)
        dtype = torch.float16 if settings.half else torch.float32
        self._buffers = {
            key: torch.zeros(shape, dtype=dtype, device=self._device)
            for key, shape in weights.input_shapes(model).items()
        }
        self._constants: set[str] = set()
        try:
            with torch.cuda.device(self._device):
                self._program = build(self._buffers)
        except Exception as error:  # compilers raise classes of many libraries
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

    def _execute(self) -> Any:
        try:
            with self._torch.inference_mode():
                return self._program()
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


def import_torch(name: str, *others: str) -> tuple[Any, ...]:
    """torch and other modules that an engine needs, where torch sees a GPU.

    Raises:
        ModelError: One is missing, or there is no GPU.
    """
    hint = "Install it with: pip install 'realtalk-cam[tensorrt]'."
    try:
        modules = tuple(importlib.import_module(module) for module in ("torch", *others))
    except ImportError as error:
        raise ModelError(f"{name} is not installed ({error}). {hint}") from error
    if not modules[0].cuda.is_available():
        raise ModelError(f"{name} needs an NVIDIA GPU, and torch finds none.")
    return modules


def sees_gpu(*modules: str) -> bool:
    """Whether torch and other modules are installed and torch sees a GPU."""
    if any(importlib.util.find_spec(module) is None for module in ("torch", *modules)):
        return False
    return bool(importlib.import_module("torch").cuda.is_available())
