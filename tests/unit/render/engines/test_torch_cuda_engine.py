"""Torch's own engines on a real GPU, where there is one."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from core.errors import ModelError  # noqa: E402
from render.engines.base import EngineSettings  # noqa: E402
from render.engines.torch_cuda_engine import TORCH_COMPILED, TORCH_CUDA, TorchCuda  # noqa: E402
from render.fia.config import PRESETS  # noqa: E402
from tests.fia_network import drawn  # noqa: E402
from weights.training.fia import export  # noqa: E402

TINY = dataclasses.replace(
    PRESETS["pocket"], size_px=32, encoder_widths=(8, 8, 8, 8), decoder_widths=(8, 8, 8, 8)
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny decoder."""
    export.export_decoder(drawn(TINY), tmp_path / "decoder.onnx")
    return tmp_path / "decoder.onnx"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("factory", [TORCH_CUDA, TORCH_COMPILED], ids=lambda one: one.name)
def test_each_frame_is_the_network_s(factory: TorchCuda, model: Path, tmp_path: Path) -> None:
    network = drawn(TINY)
    engine = factory.load(model, EngineSettings(cache_folder=tmp_path, half=False))
    for seed in (1, 2):
        named = export.decoder_inputs(network, export.example_inputs(TINY, seed))
        with torch.no_grad():
            expected = network.decoder(*named.values()).numpy()
        found = engine.run({name: value.numpy() for name, value in named.items()})
        assert np.abs(found - expected).max() <= 2e-3  # products in TF32


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without an NVIDIA GPU")
def test_without_a_gpu(model: Path, tmp_path: Path) -> None:
    assert not TORCH_CUDA.available(model)
    with pytest.raises(ModelError, match="needs an NVIDIA GPU"):
        TORCH_CUDA.load(model, EngineSettings(cache_folder=tmp_path))
