"""A private PulseAudio daemon with a null sink as microphone, for tests of the real sound path."""

import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import pytest

from core import environment

MICROPHONE_SINK = "test_mic"
MICROPHONE = f"{MICROPHONE_SINK}.monitor"
RATE_HZ = 48_000
ASOUND = """</usr/share/alsa/alsa.conf>
pcm.pulse { type pulse }
ctl.pulse { type pulse }
pcm.!default { type pulse }
ctl.!default { type pulse }
"""
"""ALSA's configuration that leads PortAudio to the server of the environment."""
_PROGRAMS = ("pulseaudio", "pactl", "pacat", "paplay")


class AudioServer:
    """A daemon of our own in a temporary runtime folder; the environment points to it while used.

    What is played into `MICROPHONE_SINK` is heard at the microphone `MICROPHONE`.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="realtalk-pulse-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._changes = ExitStack()
        self._environment = {
            "XDG_RUNTIME_DIR": str(self._folder),
            "PULSE_RUNTIME_PATH": str(self._folder / "pulse"),
            "PULSE_STATE_PATH": str(self._folder / "state"),
            "PULSE_SERVER": f"unix:{self._folder}/native",
            "PULSE_COOKIE": str(self._folder / "cookie"),
            "ALSA_CONFIG_PATH": str(self._folder / "asound.conf"),
        }

    def __enter__(self) -> "AudioServer":
        (self._folder / "asound.conf").write_text(ASOUND)
        self._changes.enter_context(environment.changed(self._environment))
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self._changes.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        script = self._folder / "daemon.pa"
        script.write_text(
            f"load-module module-native-protocol-unix socket={self._folder}/native "
            "auth-anonymous=1\n"
            f"load-module module-null-sink sink_name={MICROPHONE_SINK} rate={RATE_HZ} "
            "sink_properties=device.description=TestMic\n"
            "load-module module-null-sink sink_name=test_out\n"
            # Like a real microphone, a fed null sink delivers every 10 ms, not every 2 s.
            f"load-module module-loopback source=test_out.monitor sink={MICROPHONE_SINK} "
            "latency_msec=20 source_dont_move=true sink_dont_move=true\n"
            f"set-default-source {MICROPHONE}\nset-default-sink test_out\n"
        )
        self._process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
             "--disable-shm=yes", "--realtime=no", "--high-priority=no", "-F", str(script)],
            stdout=subprocess.DEVNULL, stderr=(self._folder / "log").open("ab"),
        )  # fmt: skip
        deadline_s = time.monotonic() + 10
        while subprocess.run(["pactl", "info"], capture_output=True).returncode != 0:
            if time.monotonic() > deadline_s:
                raise RuntimeError((self._folder / "log").read_text(errors="replace"))
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the daemon as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(5)
            self._process = None

    def stall(self, seconds: float) -> None:
        """Stop the daemon's process for a while."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._process.send_signal(signal.SIGCONT)

    def control(self, *words: str) -> str:
        """Run pactl and return what it prints."""
        done = subprocess.run(["pactl", *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def play(self, path: Path) -> "subprocess.Popen[bytes]":
        """Play a sound file into the microphone."""
        return subprocess.Popen(["paplay", f"--device={MICROPHONE_SINK}", str(path)])

    def feed(self) -> "subprocess.Popen[bytes]":
        """A process that plays raw float32 mono samples at RATE_HZ from its standard input."""
        return subprocess.Popen(
            ["pacat", "--playback", f"--device={MICROPHONE_SINK}", "--format=float32le",
             f"--rate={RATE_HZ}", "--channels=1", "--latency-msec=20"],
            stdin=subprocess.PIPE,
        )  # fmt: skip


def require_audio_programs() -> None:
    """Skip the test where the daemon or PortAudio's way to it is not installed."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs the programs {', '.join(missing)}")
    pytest.importorskip("sounddevice", exc_type=OSError)
