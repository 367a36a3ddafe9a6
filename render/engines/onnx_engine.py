"""ONNX Runtime as an engine, with any of its execution providers."""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from core.errors import ModelError
from render.engines.base import BoundEngine, Engine, EngineSettings, Tensor
from render.engines.identity import cache_key

Options = dict[str, str]
CPU = "CPUExecutionProvider"


@dataclass(frozen=True)
class OnnxProvider:
    """One execution provider of ONNX Runtime.

    Attributes:
        name: What the user is shown.
        provider: ONNX Runtime's name for it.
        options: Its options for a model, from the model file and the settings.
        memory: Device that inputs and outputs live on, in ONNX Runtime's words.
        half: Whether `options` asks for 16-bit computation itself.
        plugin: Python package that carries the provider as a plugin library.
    """

    name: str
    provider: str
    options: Callable[[Path, EngineSettings], Options]
    memory: str = "cpu"
    plugin: str | None = None

    def available(self) -> bool:
        """Whether this ONNX Runtime has the provider, or its plugin package is installed."""
        if self.plugin is not None:
            return importlib.util.find_spec(self.plugin) is not None
        return self.provider in ort.get_available_providers()

    def load(self, model: Path, settings: EngineSettings) -> Engine:
        """Load a model; see `EngineFactory.load`."""
        return OnnxEngine(self, model, settings)


class OnnxEngine(BoundEngine):
    """A session with fixed shapes whose inputs and output stay bound to device memory."""

    def __init__(self, provider: OnnxProvider, model: Path, settings: EngineSettings) -> None:
        """Open the model.

        Raises:
            ModelError: The file or the provider does not work, or the provider is not the one
                that would run (ONNX Runtime itself falls back in silence).
        """
        self._session = _open_session(provider, model, settings)
        used = self._session.get_providers()[0]
        if used != _real_name(provider):
            raise ModelError(f"{provider.name} did not start for {model.name}; got {used} instead.")
        entries = self._session.get_inputs()
        super().__init__(
            provider.name, {entry.name: _fixed_shape(entry, model) for entry in entries}
        )
        self._memory = provider.memory
        self._device_id = settings.device_id if provider.memory != "cpu" else 0
        self._binding = self._session.io_binding()
        self._values = {
            name: self._bound(name, np.zeros(shape, np.float32))
            for name, shape in self._shapes.items()
        }
        self._bind_output(_fixed_shape(self._session.get_outputs()[0], model))

    def warm_up(self, runs: int = 3) -> None:
        """Run a few times on what is bound now (zeros at first)."""
        for _ in range(runs):
            self._execute()

    def _compute(self) -> Tensor:
        self._execute()
        output: Tensor = self._output.numpy()
        return output

    def _execute(self) -> None:
        try:
            self._session.run_with_iobinding(self._binding)
        except Exception as error:  # ONNX Runtime raises many classes, none of them public
            raise ModelError(f"{self.name} failed while running ({error}).") from error

    def _place(self, name: str, value: Tensor) -> None:
        self._values[name].update_inplace(value)

    def _bound(self, name: str, value: Tensor) -> Any:
        placed = ort.OrtValue.ortvalue_from_numpy(value, self._memory, self._device_id)
        self._binding.bind_ortvalue_input(name, placed)
        return placed

    def _bind_output(self, shape: tuple[int, ...]) -> None:
        self._output = ort.OrtValue.ortvalue_from_shape_and_type(
            shape, np.float32, self._memory, self._device_id
        )
        self._binding.bind_ortvalue_output(self._session.get_outputs()[0].name, self._output)


def _open_session(
    provider: OnnxProvider, model: Path, settings: EngineSettings
) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    spinning = "1" if settings.spinning else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    # Weights may be stored in 8 bits; unpacked once at loading they compute in floats.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        chosen = provider.options(model, settings)
        if provider.plugin is not None:
            _add_plugin(options, provider, chosen)
            return ort.InferenceSession(str(model), options)
        return ort.InferenceSession(str(model), options, providers=_ladder(provider, chosen))
    except Exception as error:  # ONNX Runtime raises many classes, none of them public
        raise ModelError(f"{provider.name} cannot load {model.name} ({error}).") from error


def _ladder(provider: OnnxProvider, options: Options) -> list[tuple[str, Options]]:
    """The provider, then those that take the nodes it cannot run."""
    ladder = [(provider.provider, options)]
    if provider is TENSORRT:
        ladder.append((CUDA.provider, {"device_id": options["device_id"]}))
    if provider.provider != CPU:
        ladder.append((CPU, {}))
    return ladder


def _add_plugin(session: ort.SessionOptions, provider: OnnxProvider, options: Options) -> None:
    package, name = importlib.import_module(str(provider.plugin)), _real_name(provider)
    if name not in {device.ep_name for device in ort.get_ep_devices()}:
        ort.register_execution_provider_library(name, package.get_library_path())
    devices = [device for device in ort.get_ep_devices() if device.ep_name == name]
    if not devices:
        raise ModelError(f"{provider.name} finds no device it can use.")
    session.add_provider_for_devices(devices[:1], options)


def _real_name(provider: OnnxProvider) -> str:
    """The provider's name in this ONNX Runtime; a plugin package knows its own."""
    if provider.plugin is None:
        return provider.provider
    return str(importlib.import_module(provider.plugin).get_ep_name())


def _fixed_shape(entry: Any, model: Path) -> tuple[int, ...]:
    if not all(isinstance(side, int) for side in entry.shape):
        raise ModelError(f"{model.name}: '{entry.name}' has no fixed shape ({entry.shape}).")
    return tuple(entry.shape)


def _no_options(model: Path, settings: EngineSettings) -> Options:
    return {}


def _cuda_options(model: Path, settings: EngineSettings) -> Options:
    return {
        "device_id": str(settings.device_id),
        "cudnn_conv_algo_search": "EXHAUSTIVE",
        "enable_cuda_graph": "1",
    }


def _plain_cuda_options(model: Path, settings: EngineSettings) -> Options:
    return {"device_id": str(settings.device_id)}


def _cache(model: Path, settings: EngineSettings, kind: str) -> str:
    folder = settings.cache_folder / kind / cache_key(model, settings.half, settings.device_id)
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def _tensorrt_options(model: Path, settings: EngineSettings) -> Options:
    folder = _cache(model, settings, "tensorrt")
    return {
        "device_id": str(settings.device_id),
        "trt_fp16_enable": "True" if settings.half else "False",
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": "True",
        "trt_timing_cache_path": folder,
        "trt_cuda_graph_enable": "True",
        "trt_builder_optimization_level": "5",
    }


def _tensorrt_rtx_options(model: Path, settings: EngineSettings) -> Options:
    return {
        "device_id": str(settings.device_id),
        "enable_cuda_graph": "1",
        "nv_runtime_cache_path": _cache(model, settings, "tensorrt-rtx"),
    }


def _directml_options(model: Path, settings: EngineSettings) -> Options:
    return {"device_id": str(settings.device_id)}


def _coreml_options(model: Path, settings: EngineSettings) -> Options:
    return {
        "ModelFormat": "MLProgram",
        "MLComputeUnits": "ALL",
        "RequireStaticInputShapes": "1",
        "ModelCacheDirectory": _cache(model, settings, "coreml"),
    }


def _openvino_options(model: Path, settings: EngineSettings) -> Options:
    return {
        "device_type": "AUTO",
        "num_of_threads": str(settings.threads),
        "cache_dir": _cache(model, settings, "openvino"),
    }


TENSORRT = OnnxProvider("TensorRT", "TensorrtExecutionProvider", _tensorrt_options, "cuda")
TENSORRT_RTX = OnnxProvider(
    "TensorRT RTX",
    "NvTensorRTRTXExecutionProvider",
    _tensorrt_rtx_options,
    plugin="onnxruntime_ep_nv_tensorrt_rtx",
)
CUDA = OnnxProvider("CUDA", "CUDAExecutionProvider", _cuda_options, "cuda")
PLAIN_CUDA = OnnxProvider(
    "CUDA without graphs", "CUDAExecutionProvider", _plain_cuda_options, "cuda"
)
DIRECTML = OnnxProvider("DirectML", "DmlExecutionProvider", _directml_options)
COREML = OnnxProvider("CoreML", "CoreMLExecutionProvider", _coreml_options)
OPENVINO = OnnxProvider("OpenVINO", "OpenVINOExecutionProvider", _openvino_options)
ONNX_CPU = OnnxProvider("CPU", CPU, _no_options)
