"""A recorder killed without warning leaves a file that plays."""

import signal
import subprocess
import sys

import pytest

from tests.media import decode, probe

_RECORD = """
import sys, time
import numpy as np
from core.types import AudioBlock, VideoFrame
from render.recorder import Recorder

recorder = Recorder(sys.argv[1], (320, 240))
rng = np.random.default_rng(0)
base = rng.integers(0, 255, (240, 320, 3), np.uint8)
start = time.monotonic()
for i in range(10_000):
    recorder.put_audio(AudioBlock(rng.normal(0, 0.1, 640).astype(np.float32), i * 640))
    base[100:140, 140:180] = i % 256
    recorder.put_video(VideoFrame(i, base))
    if i == 150:
        print("now", flush=True)
    time.sleep(max(0.0, start + (i + 1) / 50 - time.monotonic()))
"""
SECONDS = 150 / 25


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_kill_leaves_a_playable_file(tmp_path, ending):
    path = tmp_path / f"r.{ending}"
    command = [sys.executable, "-c", _RECORD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGKILL)
    streams = probe(path)
    assert streams["video"]["end_s"] > SECONDS - 2.5
    assert streams["audio"]["end_s"] > SECONDS - 2.5
    assert len(decode(path)) > (SECONDS - 2.5) * 25
