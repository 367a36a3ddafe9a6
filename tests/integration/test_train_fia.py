"""`realtalk-train fia` from synthetic people to a network that runs, on tiny data."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from render.fia.clips import clip_files
from render.fia.config import PRESETS
from render.fia.model import FiaModel
from weights.training import cli


def test_from_nothing_to_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["fia", "--out", str(tmp_path), "--preset", "pocket", "--storage", "int8"]
    batch = ["--people", "1", "--batch-frames", "1", "--adversarial", "0.1"]
    people = ["--synthetic", "2", "--frames", "2"]
    assert cli.main([*options, *batch, *people, "--steps", "1"]) == 0
    assert len(clip_files(tmp_path / "clips")) == 2
    first = FiaModel.open(tmp_path / "fia_pocket_decoder.onnx")
    assert first.config == PRESETS["pocket"]
    assert cli.main([*options, *batch, "--steps", "2"]) == 0
    assert "Going on from step 1." in capsys.readouterr().out
    assert FiaModel.open(tmp_path / "fia_pocket_decoder.onnx").hash != first.hash
    assert (tmp_path / "fia_pocket_decoder.onnx").stat().st_size < 1_200_000


def test_without_clips_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fia", "--out", str(tmp_path), "--preset", "pocket"]) == 2
    assert "There are no clips" in capsys.readouterr().err


def test_without_torch_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["fia", "--out", str(tmp_path)]) == 2
    assert "realtalk-cam[train]" in capsys.readouterr().err
