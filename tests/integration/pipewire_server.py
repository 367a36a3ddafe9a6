"""A private PipeWire with its session manager, and programs that read a camera from it."""

import signal
import subprocess
import time
from contextlib import contextmanager

import numpy as np
import pytest

from core import environment
from tests.integration.audio_server import ASOUND, MICROPHONE, MICROPHONE_SINK, RATE_HZ
from tests.integration.session_bus import SessionBus, require, wait_for

_PROGRAMS = ("pipewire", "wireplumber", "pw-dump")


class PipeWireServer(SessionBus):
    """PipeWire and WirePlumber on a session bus of our own; the environment points to them."""

    def __init__(self):
        require(*_PROGRAMS)
        super().__init__()

    def start(self):
        """Start PipeWire and its session manager, and wait until both answer."""
        self.run("pipewire", "pipewire")
        wait_for(lambda: "PipeWire:Interface:Core" in dump(), "PipeWire")
        self.run("wireplumber", "wireplumber")
        wait_for(lambda: "WirePlumber" in dump(), "WirePlumber")


class PipeWireSound(PipeWireServer):
    """PipeWire that also serves sound, with a null sink as microphone like `AudioServer`'s."""

    def __init__(self):
        require("pipewire-pulse", "pactl")
        super().__init__()
        self._sound = {
            "PULSE_SERVER": f"unix:{self.folder}/pulse/native",
            "PULSE_RUNTIME_PATH": str(self.folder / "pulse"),
            "ALSA_CONFIG_PATH": str(self.folder / "asound.conf"),
        }

    def start(self):
        """Start everything and make the microphone."""
        (self.folder / "asound.conf").write_text(ASOUND)
        self._changes.enter_context(environment.changed(self._sound))
        super().start()
        self.run("pipewire-pulse", "pipewire-pulse")
        wait_for(lambda: self.control("info", check=False), "the sound server")
        self.control(
            "load-module", "module-null-sink", f"sink_name={MICROPHONE_SINK}", f"rate={RATE_HZ}",
            "sink_properties=device.description=TestMic",
        )  # fmt: skip
        self.control("set-default-source", MICROPHONE)

    def control(self, *words, check=True):
        """Run pactl and return what it prints."""
        done = subprocess.run(["pactl", *words], capture_output=True, text=True, check=check)
        return done.stdout.strip()


def dump():
    """All objects of the running PipeWire, as text."""
    result = subprocess.run(["pw-dump"], capture_output=True, text=True)
    return result.stdout


def numbered(size, number):
    """A grey frame that carries a number, shape (H, W, 3), uint8."""
    width, height = size
    rgb = np.full((height, width, 3), 128, np.uint8)
    for bit in range(16):
        left = bit * width // 16
        rgb[: height // 4, left : left + width // 16] = 235 if number >> bit & 1 else 20
    return rgb


def number_of(luma, size):
    """The number of a frame's luma plane, shape (H, W), uint8."""
    width, height = size
    columns = [bit * width // 16 + width // 32 for bit in range(16)]
    return sum(int(luma[height // 8, column] > 128) << bit for bit, column in enumerate(columns))


class GStreamerReader:
    """A GStreamer program that reads the camera, as OBS and others do."""

    def __init__(self, size, node="realtalk_cam"):
        self._size = size
        caps = f"video/x-raw,format=I420,width={size[0]},height={size[1]}"
        self._process = subprocess.Popen(
            ["gst-launch-1.0", "-q", "pipewiresrc", f"target-object={node}", "!", caps, "!",
             "fdsink", "fd=1", "sync=false"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def read(self, count):
        """The next frames: their numbers, arrival times in seconds, and the last frame's luma."""
        width, height = self._size
        numbers, times = [], []
        for _ in range(count):
            data = self._process.stdout.read(width * height * 3 // 2)
            assert len(data) == width * height * 3 // 2, "the reader ended early"
            times.append(time.monotonic())
            luma = np.frombuffer(data, np.uint8)[: width * height].reshape(height, width)
            numbers.append(number_of(luma, self._size))
        return numbers, times, luma

    def close(self):
        self._process.send_signal(signal.SIGINT)
        self._process.stdout.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)


@contextmanager
def reader(size):
    """A `GStreamerReader` that ends with the block."""
    require("gst-launch-1.0", "gst-inspect-1.0")
    if subprocess.run(["gst-inspect-1.0", "pipewiresrc"], capture_output=True).returncode:
        pytest.skip("needs the Debian package gstreamer1.0-pipewire")
    program = GStreamerReader(size)
    try:
        yield program
    finally:
        program.close()
