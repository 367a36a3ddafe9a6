import json

import pytest

from core.errors import WeightsError
from weights import store


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"weights")
    store.update(tmp_path)
    return tmp_path


def test_recorded_file_is_found(folder):
    assert store.path("net.onnx", folder).read_bytes() == b"weights"


def test_altered_file_is_refused(folder):
    (folder / "net.onnx").write_bytes(b"weightz")
    with pytest.raises(WeightsError, match="not the one this version came with"):
        store.path("net.onnx", folder)


def test_missing_and_unknown_files_are_named(folder):
    (folder / "net.onnx").unlink()
    with pytest.raises(WeightsError, match=r"net\.onnx is missing"):
        store.path("net.onnx", folder)
    with pytest.raises(WeightsError, match="'other' are not in"):
        store.path("other", folder)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_broken_manifest_is_explained(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(WeightsError, match="list of weights"):
        store.path("net.onnx", folder)


def test_update_keeps_what_people_wrote(folder):
    manifest = folder / "manifest.json"
    entries = json.loads(manifest.read_text())
    entries["net.onnx"]["about"] = "by hand"
    manifest.write_text(json.dumps(entries))
    (folder / "net.onnx").write_bytes(b"new")
    assert store.update(folder) == ["net.onnx"]
    assert json.loads(manifest.read_text())["net.onnx"]["about"] == "by hand"


def test_shipped_weights_are_what_the_manifest_says():
    entries = json.loads(store.MANIFEST.read_text())
    assert all(store.path(name) for name in entries)
