"""A film in, the same film with other words out; and a film measured against itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from app import parts
from app.avatars import open_avatar
from app.cli import main
from audio_io.files import read_audio
from core import blendshapes
from core.types import ExpressionFrame
from render.video_reader import read_video
from render.video_writer import VideoWriter
from render.warp import Framing, WarpRenderer

PICTURES = 8
SIZE = (256, 256)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample portrait opens and closes its mouth and turns a little."""
    avatar = open_avatar(parts.SAMPLE_PORTRAIT)
    warp = WarpRenderer(avatar, parts.face_model(), SIZE, Framing(face_height=0.6))
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with VideoWriter(path, SIZE, 25, audio=read_audio(parts.SAMPLE_SPEECH)) as writer:
        for number in range(PICTURES):
            beta = np.zeros(blendshapes.NUM, np.float32)
            beta[blendshapes.INDEX["jawOpen"]] = 0.3 + 0.3 * np.sin(number)
            pose = np.array([0, number - 4, 0, 0, 0, 0], np.float32)
            writer.write(warp.render(ExpressionFrame(number, beta, pose, True)).rgb)
    return path


def test_dub_redraws_the_mouth_alone(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "dubbed.mp4"
    assert main(["dub", str(film), str(parts.SAMPLE_SPEECH), "-o", str(output), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    expected = {"output": str(output), "frames": PICTURES, "lost": [], "engine": "warp, CPU"}
    assert report == expected
    before, after = list(read_video(film)), list(read_video(output))
    assert len(after) == PICTURES
    change = np.abs(np.stack(before).astype(int) - np.stack(after)).mean(axis=(0, 3))
    rows, columns = np.unravel_index(change.argmax(), change.shape)
    assert 0.5 * SIZE[1] < rows < 0.9 * SIZE[1]
    assert 0.3 * SIZE[0] < columns < 0.7 * SIZE[0]
    assert change.max() > 10
    assert change[: SIZE[1] // 3].mean() < 2


def test_evaluate_measures_a_film(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(film), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["warp"]
    assert 0 < scores["M-LMD %"] < 10
    assert scores["PSNR dB"] > 20
    assert 0.5 < scores["SSIM"] <= 1


def test_what_cannot_be_dubbed_is_refused(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "dubbed.mp4"
    speech = str(parts.SAMPLE_SPEECH)
    assert main(["dub", str(tmp_path / "absent.mp4"), speech, "-o", str(output)]) == 2
    blank = tmp_path / "blank.mp4"
    with VideoWriter(blank, SIZE, 25) as writer:
        for _ in range(3):
            writer.write(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8))
    assert main(["dub", str(blank), speech, "-o", str(output)]) == 2
    assert "A face was found in 0 of 3 pictures" in capsys.readouterr().err
    assert main(["evaluate"]) == 2
    assert not output.exists()
