"""ONNX Runtime as an engine."""

import importlib.machinery
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelError
from render.engines.base import EngineSettings
from render.engines.identity import model_hash
from render.engines.onnx_engine import (
    CUDA,
    MADE_FROM,
    ONNX_CPU,
    ONNX_CPU_INT8,
    TENSORRT,
    OnnxProvider,
    int8_file,
)
from render.engines.torch_tensorrt_engine import TorchTensorRt
from tests.unit.render.engines.tiny import tiny_model


def row(value: float) -> np.ndarray:
    return np.full((1, 4), value, np.float32)


def test_constants_are_uploaded_once(tmp_path: Path) -> None:
    engine = ONNX_CPU.load(tiny_model(tmp_path / "m.onnx"), EngineSettings())
    engine.set_constants({"gain": row(2), "constant": row(1)})
    engine.warm_up()
    assert engine.name == "CPU"
    assert np.array_equal(engine.run({"frame": row(3)}), row(7))
    assert np.array_equal(engine.run({"frame": row(4)}), row(9))
    engine.set_constants({"gain": row(0)})
    assert np.array_equal(engine.run({"frame": row(4)}), row(1))


def test_wrong_inputs_are_named(tmp_path: Path) -> None:
    engine = ONNX_CPU.load(tiny_model(tmp_path / "m.onnx"), EngineSettings())
    with pytest.raises(ModelError, match="constant, gain"):
        engine.run({"frame": row(1)})
    with pytest.raises(ModelError, match=r"'gain' must be \(1, 4\)"):
        engine.set_constants({"gain": np.zeros((2, 4), np.float32)})
    with pytest.raises(ModelError, match="no input 'other'"):
        engine.set_constants({"other": row(1)})


def test_files_that_cannot_run_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        ONNX_CPU.load(broken, EngineSettings())
    with pytest.raises(ModelError, match="no fixed shape"):
        ONNX_CPU.load(tiny_model(tmp_path / "free.onnx", "any"), EngineSettings())


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_silent_fallback_of_the_runtime_is_an_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    absent = OnnxProvider("CUDA", CUDA.provider, CUDA.options, needs="It needs a GPU.")
    if absent.available(tmp_path):
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(ModelError, match=r"CUDA did not start \(.+\)\. It needs a GPU\."):
        absent.load(tiny_model(tmp_path / "m.onnx"), EngineSettings(cache_folder=tmp_path))
    assert capfd.readouterr() == ("", "")


def test_a_provider_hidden_by_another_package_is_told_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = OnnxProvider("GPU", "SomeExecutionProvider", CUDA.options, package="some-runtime")
    assert not gone.available(tmp_path)
    metadata = tmp_path / "some_runtime-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: some-runtime\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert gone.available(tmp_path)
    with pytest.raises(ModelError, match="pip uninstall -y onnxruntime some-runtime && pip"):
        gone.load(tiny_model(tmp_path / "m.onnx"), EngineSettings())


def test_a_plugin_brings_its_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = types.ModuleType("fake_plugin")
    plugin.get_ep_name = lambda: "CPUExecutionProvider"  # type: ignore[attr-defined]
    plugin.__spec__ = importlib.machinery.ModuleSpec("fake_plugin", None)
    monkeypatch.setitem(sys.modules, "fake_plugin", plugin)
    provider = OnnxProvider("Plugin", "", lambda model, settings: {}, plugin="fake_plugin")
    assert provider.available(tmp_path)
    engine = provider.load(tiny_model(tmp_path / "m.onnx"), EngineSettings())
    rows = {"frame": row(3), "gain": row(2), "constant": row(1)}
    assert np.array_equal(engine.run(rows), row(7))
    assert engine.name == "Plugin"
    absent = OnnxProvider("Absent", "", provider.options, plugin="absent_plugin")
    assert not absent.available(tmp_path)


def test_the_file_for_integers_runs_where_it_belongs_to_the_model(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the extra [train]")
    model = tiny_model(tmp_path / "m.onnx")
    assert not ONNX_CPU_INT8.available(model)
    small = onnx.load(str(tiny_model(int8_file(model))))
    assert ONNX_CPU_INT8.available(model)
    with pytest.raises(ModelError, match=r"m\.onnx and m_int8\.onnx do not belong together"):
        ONNX_CPU_INT8.load(model, EngineSettings())
    onnx.helper.set_model_props(small, {MADE_FROM: model_hash(model)})
    onnx.save(small, str(int8_file(model)))
    engine = ONNX_CPU_INT8.load(model, EngineSettings())
    assert engine.name == "CPU int8"
    rows = {"frame": row(3), "gain": row(2), "constant": row(1)}
    assert np.array_equal(engine.run(rows), row(7))


def test_caches_are_keyed_by_model_and_lie_in_the_cache_folder(tmp_path: Path) -> None:
    first, second = tiny_model(tmp_path / "a.onnx"), tiny_model(tmp_path / "b.onnx", 8)
    settings = EngineSettings(cache_folder=tmp_path / "cache", half=True)
    options = [TENSORRT.options(model, settings) for model in (first, first, second)]
    folders = [Path(one["trt_engine_cache_path"]) for one in options]
    assert folders[0] == folders[1] != folders[2]
    assert all(folder.is_dir() and tmp_path in folder.parents for folder in folders)
    assert options[0]["trt_fp16_enable"] == "True"
    exact = TENSORRT.options(first, EngineSettings(cache_folder=tmp_path / "cache", half=False))
    assert Path(exact["trt_engine_cache_path"]) not in folders
    assert CUDA.options(first, settings)["enable_cuda_graph"] == "1"


def test_torch_tensorrt_says_what_is_missing(tmp_path: Path) -> None:
    if TorchTensorRt().available(tmp_path):
        pytest.skip("torch-tensorrt and a GPU are here")
    with pytest.raises(ModelError, match="tensorrt"):
        TorchTensorRt().load(tiny_model(tmp_path / "m.onnx"), EngineSettings())
