"""Torch-TensorRT's engine with the compiler replaced by one that exports the module only."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from core.errors import ModelError  # noqa: E402
from render.engines.base import EngineSettings  # noqa: E402
from render.engines.torch_engine import TorchEngine  # noqa: E402
from render.engines.torch_tensorrt_engine import tensorrt_engine  # noqa: E402
from render.fia.config import PRESETS  # noqa: E402
from render.fia.network import FiaNetwork  # noqa: E402
from weights.training.fia import export  # noqa: E402

TINY = dataclasses.replace(
    PRESETS["pocket"], size_px=32, encoder_widths=(8, 8, 8, 8), decoder_widths=(8, 8, 8, 8)
)


class FakeCompiler:
    """Stands for `torch_tensorrt`: exports, saves and loads a program as it does, builds none."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def compile(self, module: Any, **options: Any) -> Any:
        self.asked.append(options)
        return torch.export.export(module, tuple(options["arg_inputs"])).module()

    def save(self, module: Any, path: str, arg_inputs: Any) -> None:
        torch.export.save(torch.export.export(module, tuple(arg_inputs)), path)

    def load(self, path: str) -> Any:
        return torch.export.load(path)


class TorchOnCpu:
    """torch whose GPU is the CPU."""

    def __init__(self) -> None:
        self.cuda = self

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    def device(self, *where: Any) -> Any:
        return torch.device("cpu")

    def synchronize(self, *where: Any) -> None:
        """Nothing runs behind our back."""


def test_built_once_and_equal_to_the_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = FiaNetwork(TINY).eval()
    torch.nn.init.normal_(network.decoder.out.weight, std=0.05)
    export.export_decoder(network, tmp_path / "decoder.onnx")
    named = export.decoder_inputs(network, export.example_inputs(TINY))
    arrays = {name: value.numpy() for name, value in named.items()}
    compiler, settings = FakeCompiler(), EngineSettings(cache_folder=tmp_path, half=False)

    def load() -> TorchEngine:
        model = tmp_path / "decoder.onnx"
        return tensorrt_engine("Torch-TensorRT", TorchOnCpu(), compiler, model, settings)

    engine = load()
    constants = {name: value for name, value in arrays.items() if name not in ("beta", "base")}
    engine.set_constants(constants)
    engine.warm_up()
    with pytest.raises(ModelError, match="base, beta"):
        engine.run({})
    found = engine.run({"beta": arrays["beta"], "base": arrays["base"]})
    with torch.no_grad():
        expected = network.decoder(*named.values()).numpy()
    assert np.abs(found - expected).max() <= 1e-5
    load()
    assert len(compiler.asked) == 1
    assert compiler.asked[0]["ir"] == "dynamo"
