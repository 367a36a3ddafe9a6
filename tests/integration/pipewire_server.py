"""A private PipeWire with its session manager, and programs that read a camera from it."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.integration.audio_server import ASOUND, MICROPHONE, MICROPHONE_SINK, RATE_HZ

_PROGRAMS = ("pipewire", "wireplumber", "dbus-daemon", "pw-dump")


def require(*programs):
    """Skip the test where one of these programs is not installed."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs the programs {', '.join(missing)}")


class PipeWireServer:
    """PipeWire, WirePlumber and a session bus of our own; the environment points to them."""

    def __init__(self):
        require(*_PROGRAMS)
        self.folder = Path(tempfile.mkdtemp(prefix="realtalk-pw-"))
        self._processes = {}
        self._saved = {}

    def __enter__(self):
        home = {name: str(self.folder / name) for name in ("config", "state", "data", "cache")}
        self._environment = {
            "XDG_RUNTIME_DIR": str(self.folder),
            "XDG_CONFIG_HOME": home["config"],
            "XDG_STATE_HOME": home["state"],
            "XDG_DATA_HOME": home["data"],
            "XDG_CACHE_HOME": home["cache"],
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.folder}/bus",
        }
        self._saved = {name: os.environ.get(name) for name in self._environment}
        os.environ.update(self._environment)
        try:
            address = self._environment["DBUS_SESSION_BUS_ADDRESS"]
            self.run("bus", "dbus-daemon", "--session", "--nofork", f"--address={address}")
            wait_for((self.folder / "bus").exists, "the session bus")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in reversed(list(self._processes)):
            self.kill(name)
        for name, value in self._saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Start PipeWire and its session manager, and wait until both answer."""
        self.run("pipewire", "pipewire")
        wait_for(lambda: "PipeWire:Interface:Core" in dump(), "PipeWire")
        self.run("wireplumber", "wireplumber")
        wait_for(lambda: "WirePlumber" in dump(), "WirePlumber")

    def run(self, name, *command):
        """Run a program until the server is left or `kill(name)`."""
        log = (self.folder / f"{name}.log").open("wb")
        self._processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, name):
        """Kill one of the programs as a crash would."""
        process = self._processes.pop(name)
        process.kill()
        process.wait(5)

    def log(self, name):
        """What a program has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")


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
        self._saved |= {name: os.environ.get(name) for name in self._sound}
        os.environ.update(self._sound)
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


def wait_for(condition, what, timeout_s=15.0):
    """Wait until a condition holds; fails the test when it does not."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"{what} did not come within {timeout_s} s"
        time.sleep(0.05)


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
