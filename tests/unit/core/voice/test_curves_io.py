"""Curves come back from every file format as they went in."""

from pathlib import Path

import numpy as np
import pytest

from core import blendshapes
from core.errors import MediaError
from core.types import ExpressionFrame
from core.voice.curves_io import SUFFIXES, read_frames, write_frames


def frames(count: int = 5) -> list[ExpressionFrame]:
    rng = np.random.default_rng(1)
    return [
        ExpressionFrame(
            i,
            rng.random(blendshapes.NUM, np.float32),
            rng.normal(0, 5, 6).astype(np.float32),
            bool(i % 2),
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"curves{suffix}"
    written = frames()
    assert write_frames(path, iter(written), 30.0) == 5
    read, rate = read_frames(path)
    assert rate == 30.0
    assert [(f.index, f.voiced) for f in read] == [(f.index, f.voiced) for f in written]
    for a, b in zip(read, written, strict=True):
        np.testing.assert_allclose(a.beta, b.beta, atol=1e-6)
        np.testing.assert_allclose(a.pose, b.pose, atol=1e-5)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    def broken():
        yield frames()[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(MediaError, match="No space left"):
        write_frames(tmp_path / f"curves{suffix}", broken())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rubbish_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"curves{suffix}"
    path.write_bytes(b"rubbish,1,2\n")
    with pytest.raises(MediaError, match=r"no expression curves|cannot be read"):
        read_frames(path)
    with pytest.raises(MediaError, match="cannot be read"):
        read_frames(tmp_path / f"missing{suffix}")


def test_a_truncated_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    write_frames(path, frames())
    path.write_text(path.read_text()[:-40])
    with pytest.raises(MediaError):
        read_frames(path)


def test_unknown_ending(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"\.csv, \.json, \.npz"):
        write_frames(tmp_path / "curves.txt", frames())


def test_no_frames(tmp_path: Path) -> None:
    path = tmp_path / "curves.json"
    write_frames(path, [])
    with pytest.raises(MediaError, match="no frames"):
        read_frames(path)
