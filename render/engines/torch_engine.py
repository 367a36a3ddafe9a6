"""What engines that run FIA's decoder in torch share: static buffers on the GPU."""

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import ModelError
from render.engines.base import BoundEngine, EngineSettings, Tensor

Buffers = dict[str, Any]
Build = Callable[[Buffers], Callable[[], Any]]


class TorchEngine(BoundEngine):
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
        shapes = importlib.import_module("render.fia.torch_weights").input_shapes(model)
        super().__init__(name, shapes)
        self._torch = torch
        self._device = torch.device("cuda", settings.device_id)
        dtype = torch.float16 if settings.half else torch.float32
        self._buffers = {
            key: torch.zeros(shape, dtype=dtype, device=self._device)
            for key, shape in shapes.items()
        }
        try:
            with torch.cuda.device(self._device):
                self._program = build(self._buffers)
        except Exception as error:  # compilers raise classes of many libraries
            raise ModelError(
                "{engine} cannot build {model} ({reason}).",
                engine=name, model=model.name, reason=error,
            ) from error  # fmt: skip

    def warm_up(self, runs: int = 3) -> None:
        """Run a few times on what is bound now (zeros at first)."""
        for _ in range(runs):
            self._execute()
        self._torch.cuda.synchronize(self._device)

    def _compute(self) -> Tensor:
        output: Tensor = self._execute().float().cpu().numpy()
        return output

    def _execute(self) -> Any:
        try:
            with self._torch.inference_mode():
                return self._program()
        except Exception as error:  # the runtime raises classes of many libraries
            raise ModelError(
                "{engine} failed while running ({reason}).", engine=self.name, reason=error
            ) from error

    def _place(self, name: str, value: Tensor) -> None:
        self._buffers[name].copy_(self._torch.from_numpy(value))


def import_torch(name: str, *others: str) -> tuple[Any, ...]:
    """torch and other modules that an engine needs, where torch sees a GPU.

    Raises:
        ModelError: One is missing, or there is no GPU.
    """
    try:
        modules = tuple(importlib.import_module(module) for module in ("torch", *others))
    except ImportError as error:
        raise ModelError(
            "{engine} is not installed ({reason}). Install it with: pip install {package}.",
            engine=name, reason=error, package="'realtalk-cam[tensorrt]'",
        ) from error  # fmt: skip
    if not modules[0].cuda.is_available():
        raise ModelError("{engine} needs an NVIDIA GPU, and torch finds none.", engine=name)
    return modules


def sees_gpu(*modules: str) -> bool:
    """Whether torch and other modules are installed and torch sees a GPU."""
    if any(importlib.util.find_spec(module) is None for module in ("torch", *modules)):
        return False
    return bool(importlib.import_module("torch").cuda.is_available())
