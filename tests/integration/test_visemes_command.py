"""`realtalk visemes` on the shipped sample portrait."""

from pathlib import Path

import cv2
import pytest

from app.cli import main
from app.parts import SAMPLE_PORTRAIT
from render.warp.chart import VISEMES


def test_chart_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = tmp_path / "chart.png"
    assert main(["visemes", str(SAMPLE_PORTRAIT), "-o", str(chart), "--size", "128"]) == 0
    picture = cv2.imread(str(chart))
    assert picture.shape[1] == 4 * 128
    assert picture.shape[0] >= -(-len(VISEMES) // 4) * 128
    assert "aa" in capsys.readouterr().out


def test_impossible_tile_size_is_refused(tmp_path: Path) -> None:
    chart = tmp_path / "chart.png"
    assert main(["visemes", str(SAMPLE_PORTRAIT), "-o", str(chart), "--size", "16"]) == 2
    assert not chart.exists()
