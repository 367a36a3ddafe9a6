"""NVIDIA's libraries from Python packages."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from render.engines import nvidia


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_tensorrt_of_a_python_package_is_loaded_in_the_order_of_its_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if find_spec(nvidia.TENSORRT_PACKAGE) is not None:
        pytest.skip("TensorRT's libraries are installed")
    assert nvidia.tensorrt_libraries() == []
    extension = find_spec("_json")
    assert extension is not None
    assert extension.origin is not None
    folder = tmp_path / nvidia.TENSORRT_PACKAGE
    folder.mkdir()
    (folder / "__init__.py").touch()
    names = ["libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10"]
    for name in reversed(names):
        shutil.copy(extension.origin, folder / name)
    (folder / names[1]).write_bytes(b"no library")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [path.name for path in nvidia.tensorrt_libraries()] == names
    nvidia.load_libraries.cache_clear()
    nvidia.load_libraries()
    loaded = Path("/proc/self/maps").read_text()
    assert [str(folder / name) in loaded for name in names] == [True, False, True]
    assert capfd.readouterr() == ("", "")


def test_a_missing_library_is_named_in_the_systems_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nvidia.missing_library("nonsense") == ""
    capi = tmp_path / "capi"
    capi.mkdir()
    suffix = (
        "onnxruntime_providers_cuda.dll"
        if sys.platform == "win32"
        else ("libonnxruntime_providers_cuda.so")
    )
    (capi / suffix).write_bytes(b"no library")
    monkeypatch.setattr(nvidia.ort, "__file__", str(tmp_path / "__init__.py"))
    assert nvidia.missing_library("cuda")
