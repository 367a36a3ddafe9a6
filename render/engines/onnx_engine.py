"""ONNX Runtime as an engine, with any of its execution providers."""

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from core.errors import ModelError
from core.messages import Message
from render.engines import nvidia
from render.engines.base import BoundEngine, Engine, EngineSettings, Tensor
from render.engines.identity import cache_key, model_hash

Options = dict[str, str]
CPU = "CPUExecutionProvider"
INT8_SUFFIX = "_int8.onnx"
"""Of the file beside a model whose convolutions compute in 8-bit integers."""
MADE_FROM = "made_from"
"""Entry in such a file: the hash of the model that it belongs to."""


@dataclass(frozen=True)
class OnnxProvider:
    """One execution provider of ONNX Runtime.

    Attributes:
        name: What the user is shown.
        provider: ONNX Runtime's name for it.
        options: Its options for a model, from the model file and the settings.
        memory: Device that inputs and outputs live on, in ONNX Runtime's words.
        package: Distribution that carries this provider inside its own ONNX Runtime.
        plugin: Python package that carries the provider as a plugin library.
        needs: What must be there for it to start, for the user.
        binary: Part of the name of ONNX Runtime's library for it, if that needs NVIDIA's.
        int8: Whether it runs the model's file for 8-bit integers.
    """

    name: str
    provider: str
    options: Callable[[Path, EngineSettings], Options]
    memory: str = "cpu"
    package: str | None = None
    plugin: str | None = None
    needs: str = Message("It cannot be used on this machine.")
    binary: str = ""
    int8: bool = False

    def available(self, model: Path) -> bool:
        """Whether this ONNX Runtime has the provider, or the package that brings it is there."""
        if self.int8 and not int8_file(model).is_file():
            return False
        if self.plugin is not None:
            return importlib.util.find_spec(self.plugin) is not None
        return self.included() or (self.package is not None and _installed(self.package))

    def included(self) -> bool:
        """Whether the ONNX Runtime in use has the provider built in."""
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
        _refuse_hidden(provider)
        self._session = _open_session(provider, model, settings)
        if self._session.get_providers()[0] != _real_name(provider):
            raise _not_started(provider, "")
        if provider.int8:
            _refuse_stranger(self._session, model)
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
            raise ModelError(
                "{engine} failed while running ({reason}).", engine=self.name, reason=error
            ) from error

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
    file = int8_file(model) if provider.int8 else model
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    spinning = "1" if settings.spinning else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    # Weights may be stored in 8 bits; unpacked once at loading they compute in floats.
    options.add_session_config_entry("session.disable_quant_qdq", "0" if provider.int8 else "1")
    ort.set_default_logger_severity(4)  # What goes wrong is said once, in a `ModelError`.
    if provider.binary:
        nvidia.load_libraries()
    try:
        chosen = provider.options(model, settings)
        if provider.plugin is not None:
            _add_plugin(options, provider, chosen)
            return ort.InferenceSession(str(file), options)
        ladder = _ladder(provider, chosen)
        return ort.InferenceSession(str(file), options, providers=ladder, enable_fallback=0)
    except ModelError:
        raise
    except Exception as error:  # ONNX Runtime raises many classes, none of them public
        if provider.provider == CPU:
            raise ModelError(
                "{engine} cannot load {model} ({reason}).",
                engine=provider.name, model=model.name, reason=error,
            ) from error  # fmt: skip
        raise _not_started(provider, str(error)) from error


def _not_started(provider: OnnxProvider, problem: str) -> ModelError:
    """What to tell the user of a provider that does not run."""
    missing = nvidia.missing_library(provider.binary) if provider.binary else ""
    reason = " ".join((missing or problem).split()) or Message("no reason given")
    return ModelError(
        "{engine} did not start ({reason}). {needs}",
        engine=provider.name, reason=reason, needs=provider.needs,
    )  # fmt: skip


def _refuse_hidden(provider: OnnxProvider) -> None:
    """Say so where another ONNX Runtime was installed over the one with this provider."""
    if provider.package is not None and _installed(provider.package) and not provider.included():
        raise ModelError(
            "{engine} is hidden: {package} is installed, and so is the package onnxruntime, which "
            "has taken its place. Mend it with: pip uninstall -y onnxruntime {package} && "
            "pip install {package}.",
            engine=provider.name, package=provider.package,
        )  # fmt: skip


def int8_file(model: Path) -> Path:
    """Where the file lies whose convolutions compute in 8-bit integers."""
    return model.with_name(model.stem + INT8_SUFFIX)


def _refuse_stranger(session: ort.InferenceSession, model: Path) -> None:
    if session.get_modelmeta().custom_metadata_map.get(MADE_FROM) != model_hash(model):
        raise ModelError(
            "{file} and {other} do not belong together.",
            file=model.name, other=int8_file(model).name,
        )  # fmt: skip


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


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
        raise _not_started(provider, Message("it finds no device it can use"))
    session.add_provider_for_devices(devices[:1], options)


def _real_name(provider: OnnxProvider) -> str:
    """The provider's name in this ONNX Runtime; a plugin package knows its own."""
    if provider.plugin is None:
        return provider.provider
    return str(importlib.import_module(provider.plugin).get_ep_name())


def _fixed_shape(entry: Any, model: Path) -> tuple[int, ...]:
    if not all(isinstance(side, int) for side in entry.shape):
        raise ModelError(
            "{model}: '{name}' has no fixed shape ({shape}).",
            model=model.name, name=entry.name, shape=entry.shape,
        )  # fmt: skip
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


_GPU_PACKAGE = "onnxruntime-gpu"
_NEEDS_CUDA = Message(
    "It needs an NVIDIA GPU with its driver, and {libraries}: pip install {package}.",
    libraries="CUDA 13, cuDNN 9", package="'onnxruntime-gpu[cuda,cudnn]'",
)  # fmt: skip
_NEEDS_TENSORRT = Message(
    "It needs an NVIDIA GPU with its driver, and {libraries}: pip install {package}.",
    libraries="CUDA 13, cuDNN 9, TensorRT 10",
    package="'onnxruntime-gpu[cuda,cudnn]' 'tensorrt-cu13-libs<11'",
)  # fmt: skip

TENSORRT = OnnxProvider(
    "TensorRT",
    "TensorrtExecutionProvider",
    _tensorrt_options,
    "cuda",
    package=_GPU_PACKAGE,
    needs=_NEEDS_TENSORRT,
    binary="tensorrt",
)
TENSORRT_RTX = OnnxProvider(
    "TensorRT RTX",
    "NvTensorRTRTXExecutionProvider",
    _tensorrt_rtx_options,
    plugin="onnxruntime_ep_nv_tensorrt_rtx",
    needs=Message("It needs an NVIDIA GPU with its driver."),
)
CUDA = OnnxProvider(
    "CUDA",
    "CUDAExecutionProvider",
    _cuda_options,
    "cuda",
    package=_GPU_PACKAGE,
    needs=_NEEDS_CUDA,
    binary="cuda",
)
PLAIN_CUDA = replace(CUDA, name="CUDA without graphs", options=_plain_cuda_options)
DIRECTML = OnnxProvider(
    "DirectML", "DmlExecutionProvider", _directml_options, package="onnxruntime-directml"
)
COREML = OnnxProvider("CoreML", "CoreMLExecutionProvider", _coreml_options)
OPENVINO = OnnxProvider(
    "OpenVINO", "OpenVINOExecutionProvider", _openvino_options, package="onnxruntime-openvino"
)
ONNX_CPU = OnnxProvider("CPU", CPU, _no_options)
ONNX_CPU_INT8 = replace(ONNX_CPU, name="CPU int8", int8=True)
