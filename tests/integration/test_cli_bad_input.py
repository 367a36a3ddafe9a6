"""Bad input, as a user meets it: one clear line, exit code 2, nothing left behind."""

import os
import shutil
import subprocess
import wave

import cv2
import numpy as np
import pytest

from app import parts
from app.cli import main


@pytest.fixture
def speech(tmp_path):
    """Half a second of the sample speech."""
    path = tmp_path / "short.wav"
    with wave.open(str(parts.SAMPLE_SPEECH)) as source, wave.open(str(path), "wb") as target:
        target.setparams(source.getparams())
        target.writeframes(source.readframes(8000))
    return path


@pytest.fixture
def refused(tmp_path, capsys):
    """Runs `realtalk render`, expects a refusal and returns what the user reads."""

    def run(portrait, audio, output=None, *options):
        output = output or tmp_path / "out.mp4"
        before = set(tmp_path.rglob("*"))
        arguments = ["render", str(portrait), str(audio), "-o", str(output), "--size", "96"]
        assert main([*arguments, *options]) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert lines[-1].startswith("realtalk: ") and "Traceback" not in "".join(lines)
        assert set(tmp_path.rglob("*")) == before, "something was left behind"
        return lines[-1]

    return run


def picture(path, image):
    assert cv2.imwrite(str(path), image)
    return path


def test_no_face(tmp_path, speech, refused):
    noise = np.random.default_rng(0).integers(90, 160, (300, 300, 3), np.uint8)
    wall = picture(tmp_path / "wall.png", cv2.GaussianBlur(noise, (0, 0), 9))
    assert "face" in refused(wall, speech)


def test_tiny_picture(tmp_path, speech, refused):
    tiny = picture(tmp_path / "tiny.png", np.full((20, 20, 3), 128, np.uint8))
    assert "20" in refused(tiny, speech)


def test_truncated_picture(tmp_path, speech, refused):
    half = tmp_path / "half.jpg"
    half.write_bytes(parts.SAMPLE_PORTRAIT.read_bytes()[:40_000])
    assert "half.jpg" in refused(half, speech)


def test_missing_picture(tmp_path, speech, refused):
    assert "nobody.png" in refused(tmp_path / "nobody.png", speech)


def test_empty_sound(tmp_path, refused):
    empty = tmp_path / "empty.wav"
    empty.touch()
    assert "empty" in refused(parts.SAMPLE_PORTRAIT, empty)


def test_picture_as_sound(refused):
    assert "portrait.jpg" in refused(parts.SAMPLE_PORTRAIT, parts.SAMPLE_PORTRAIT)


def test_output_folder_missing(tmp_path, speech, refused):
    refused(parts.SAMPLE_PORTRAIT, speech, tmp_path / "nowhere" / "out.mp4")


def test_output_kind_unknown(tmp_path, speech, refused):
    assert ".mp4" in refused(parts.SAMPLE_PORTRAIT, speech, tmp_path / "out.gif")


def test_background_unknown(speech, refused):
    assert "background" in refused(
        parts.SAMPLE_PORTRAIT, speech, None, "--background", "no-such.png"
    )


def test_preset_unknown(speech, refused):
    assert "no such preset" in refused(
        parts.SAMPLE_PORTRAIT, speech, None, "--preset", "no such preset"
    )


def test_altered_weights(tmp_path, speech, refused, monkeypatch):
    from weights import store

    folder = tmp_path / "weights"
    shutil.copytree(store.FOLDER, folder, ignore=shutil.ignore_patterns("training", "*.py*"))
    with (folder / "voice.onnx").open("ab") as file:
        file.write(b"x")
    parts.voice_model.cache_clear()
    monkeypatch.setattr(store.path, "__defaults__", (folder,))
    try:
        assert "not the one this version came with" in refused(parts.SAMPLE_PORTRAIT, speech)
    finally:
        parts.voice_model.cache_clear()


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="mounting a small disk needs root"
)
def test_full_disk(tmp_path, refused):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not allow mounting")
    try:
        output = disk / "out.mp4"
        line = refused(parts.SAMPLE_PORTRAIT, parts.SAMPLE_SPEECH, output, "--size", "512")
        assert "disk" in line or "space" in line
    finally:
        subprocess.run(["umount", str(disk)], check=True)
