"""Small media files for tests, and FFmpeg's own opinion of what we wrote."""

import json
import shutil
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest


def tone(duration_s, rate_hz=16_000, channels=1, hz=440.0):
    """A sine, shape (channels, N), float32; each channel a little louder than the last."""
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    wave_ = 0.3 * np.sin(2 * np.pi * hz * t)
    return np.stack([wave_ * (1 + c / 4) for c in range(channels)]).astype(np.float32)


def write_wav(path, samples, rate_hz=16_000):
    """Write samples of shape (channels, N) in [-1, 1] as 16-bit WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples.T * 32767).astype("<i2").tobytes())
    return path


def write_media(path, samples, rate_hz, codec=None, picture=False):
    """Encode samples of shape (channels, N) with whatever the file's ending asks for."""
    with av.open(str(path), "w") as container:
        if picture:
            video = container.add_stream("mpeg4", rate=25)
            video.width = video.height = 64
            video.pix_fmt = "yuv420p"
        if samples is not None:
            audio = container.add_stream(codec or container.default_audio_codec, rate=rate_hz)
            audio.layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
        if picture:
            for _ in range(10):
                black = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
                container.mux(video.encode(black))
            container.mux(video.encode(None))
        if samples is not None:
            frame = av.AudioFrame.from_ndarray(samples, "fltp", audio.layout.name)
            frame.sample_rate = rate_hz
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def picture(size, seed=0):
    """A smooth colourful picture, shape (H, W, 3), uint8."""
    width, height = size
    y, x = np.mgrid[:height, :width] / max(size)
    phase = seed * 0.7
    rgb = np.stack([np.sin(5 * x + phase), np.sin(4 * y - phase), np.sin(3 * (x + y))], -1)
    return ((rgb + 1) * 110 + 10).astype(np.uint8)


def probe(path: Path) -> dict:
    """What ffprobe says of every packet: {"video": {...}, "audio": {...}}, times in seconds.

    Each entry has `codec`, `width`, `height`, `packets`, `start_s`, `end_s`.
    """
    if shutil.which("ffprobe") is None:
        pytest.skip("needs ffprobe (Debian package ffmpeg)")
    command = ["ffprobe", "-v", "error", "-show_packets", "-show_streams", "-of", "json", path]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    report = json.loads(result.stdout)
    streams = {}
    for stream in report["streams"]:
        packets = [p for p in report["packets"] if p["stream_index"] == stream["index"]]
        ends = [float(p["pts_time"]) + float(p.get("duration_time", 0)) for p in packets]
        streams[stream["codec_type"]] = {
            "codec": stream["codec_name"],
            "width": stream.get("width"),
            "height": stream.get("height"),
            "packets": len(packets),
            "start_s": max(0.0, min(float(p["pts_time"]) for p in packets)),
            "end_s": max(ends),
        }
    return streams


def decode(path: Path) -> list[np.ndarray]:
    """All pictures of a file, as RGB arrays."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def decode_sound(path: Path, rate_hz: int = 16_000) -> np.ndarray:
    """All sound of a file as mono float32, shape (N,)."""
    resampler = av.AudioResampler("flt", "mono", rate_hz)
    with av.open(str(path)) as container:
        frames = [*container.decode(audio=0), None]
        parts = [p.to_ndarray()[0] for f in frames for p in resampler.resample(f) if p]
    return np.concatenate(parts)


@contextmanager
def small_disk(tmp_path: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of this size, for trying what a full disk does; skips without the rights."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
