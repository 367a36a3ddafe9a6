"""Pictures out of video files."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import MediaError
from render.video_reader import read_video
from render.video_writer import VideoWriter
from tests.media import tone, write_wav


def film(path: Path, levels: list[int]) -> Path:
    with VideoWriter(path, (64, 48), 25) as writer:
        for level in levels:
            picture = np.full((48, 64, 3), 40, np.uint8)
            picture[:24] = level
            writer.write(picture)
    return path


@pytest.mark.parametrize("ending", ["mp4", "webm"])
def test_pictures_come_out_in_order_and_upright(tmp_path: Path, ending: str) -> None:
    levels = [60, 120, 200]
    video = read_video(film(tmp_path / f"film.{ending}", levels))
    pictures = list(video)
    assert video.frame_rate_hz == 25
    assert [picture.shape for picture in pictures] == [(48, 64, 3)] * 3
    for picture, level in zip(pictures, levels, strict=True):
        assert picture[:20].mean() == pytest.approx(level, abs=6)
        assert picture[28:].mean() == pytest.approx(40, abs=6)
    assert len(list(video)) == 3


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no file"):
        read_video(tmp_path / "absent.mp4")
    text = tmp_path / "text.mp4"
    text.write_text("no film")
    with pytest.raises(MediaError, match="not a video"):
        read_video(text)
    sound = write_wav(tmp_path / "sound.wav", tone(0.2, 16_000, 1), 16_000)
    with pytest.raises(MediaError, match="no moving pictures"):
        read_video(sound)


def test_a_film_cut_short_says_so(tmp_path: Path) -> None:
    whole = film(tmp_path / "film.mkv", list(range(0, 250, 2)))
    cut = tmp_path / "cut.mkv"
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) // 3])
    assert len(list(read_video(cut))) < 125
