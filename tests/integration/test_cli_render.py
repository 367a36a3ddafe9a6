"""The main job, whole: a portrait and a sound in, a film out, read back by another program."""

import json
import os
import signal
import subprocess
import sys
import time
import wave

import numpy as np
import pytest

from app import parts
from app.cli import main
from tests.shared import ROOT

RATE = 16_000


def write_wav(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def probe(path):
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-count_frames", str(path)]
    try:
        result = subprocess.run(command, capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("ffprobe is not installed")
    return {stream["codec_type"]: stream for stream in json.loads(result.stdout)["streams"]}


def test_sound_and_picture_have_the_same_length(tmp_path, capsys):
    output = tmp_path / "out.mp4"
    arguments = [str(parts.SAMPLE_PORTRAIT), str(parts.SAMPLE_SPEECH), "-o", str(output)]
    assert main(["render", *arguments, "--size", "128", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    streams = probe(output)
    assert int(streams["video"]["nb_read_frames"]) == report["frames"] == 303
    lengths = [float(streams[kind]["duration"]) for kind in ("video", "audio")]
    assert abs(lengths[0] - lengths[1]) <= 0.04
    assert sum(report["shares"].values()) == pytest.approx(1.0)


def test_other_rates_and_shapes(tmp_path):
    sound = write_wav(tmp_path / "tone.wav", 0.1 * np.sin(np.arange(RATE) * 0.1))
    output = tmp_path / "out.mkv"
    arguments = ["render", str(parts.SAMPLE_PORTRAIT), str(sound), "-o", str(output), "--quiet"]
    assert main([*arguments, "--size", "160x90", "--fps", "30", "--background", "blur"]) == 0
    video = probe(output)["video"]
    assert (video["width"], video["height"]) == (160, 90)
    assert int(video["nb_read_frames"]) == 30


def test_silence_leaves_the_mouth_at_rest(tmp_path):
    from core.pipeline import express
    from core.preset_files import SHIPPED
    from core.types import AudioBlock

    blocks = [AudioBlock(np.zeros(RATE * 3, np.float32), 0)]
    frames = list(express(blocks, parts.speech_stage(SHIPPED[0])))
    assert len(frames) == 75
    assert max(float(np.abs(frame.beta).max()) for frame in frames) == 0.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_render_leaves_nothing(tmp_path, number):
    sound = write_wav(tmp_path / "long.wav", 0.1 * np.sin(np.arange(RATE * 120) * 0.1))
    output = tmp_path / "out.mp4"
    command = [sys.executable, "-m", "app.cli", "render", str(parts.SAMPLE_PORTRAIT), str(sound)]
    process = subprocess.Popen(
        [*command, "-o", str(output), "--size", "256"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]


def test_run_time_needs_no_training_package(tmp_path):
    """Renders with torch, transformers and scipy unimportable, and nothing compiled before."""
    output = tmp_path / "out.mp4"
    sound = write_wav(tmp_path / "tone.wav", 0.1 * np.sin(np.arange(RATE // 2) * 0.1))
    code = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'scipy', 'matplotlib'): sys.modules[name] = None\n"
        "from app.cli import main\n"
        f"raise SystemExit(main(['render', {str(parts.SAMPLE_PORTRAIT)!r}, {str(sound)!r}, "
        f"'-o', {str(output)!r}, '--size', '96', '-q']))\n"
    )
    fresh = {"NUMBA_CACHE_DIR": str(tmp_path / "numba"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment = {**os.environ, **fresh}
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=280)
    assert output.stat().st_size > 1000
