"""A live session between a private sound server's microphone and its virtual microphone.

Bursts of tone go into the microphone; the camera's brightness follows the mouth, and a recorder
listens at the virtual microphone. Every event has a `time.monotonic()` of its own.
"""

import threading
import time
from contextlib import ExitStack, suppress

import numpy as np
import pytest

from app.live.calibration import Heard
from app.live.session import LiveSession
from audio_io.devices import BlockCallback, InputStream, SoundSystem
from audio_io.pulse_playback import PulsePlayback
from audio_io.virtual_mic import OWN_ID, SOURCE
from core.errors import DeviceError
from core.session import Mode
from core.types import FloatArray
from tests.integration.audio_server import MICROPHONE, MICROPHONE_SINK, RATE_HZ, AudioServer
from tests.integration.pipewire_server import PipeWireSound
from tests.live_fakes import FakeParts, make_avatar, until

BURST_S = 0.12
_BLOCK = RATE_HZ // 100


class SkewedSound(SoundSystem):
    """A sound system whose microphone's crystal is fast by `skew`: it doubles some samples."""

    skew = 100e-6

    def open_input(self, device_id: str, callback: BlockCallback) -> InputStream:
        every = round(1 / self.skew)
        seen = 0

        def faster(samples: FloatArray, age_s: float, lost: bool) -> None:
            nonlocal seen
            at = np.arange(-seen % every, samples.size, every)
            seen += samples.size
            callback(np.insert(samples, at, samples[at]), age_s, lost)

        return super().open_input(device_id, faster)


class Speaker(threading.Thread):
    """Speaks bursts into the microphone and notes when each is heard there."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(daemon=True)
        self.onsets_s: list[float] = []
        self.quiet = threading.Event()
        self._ended = threading.Event()
        self._random = np.random.default_rng(seed)
        self._playback = PulsePlayback(MICROPHONE_SINK, RATE_HZ)

    def run(self) -> None:
        while not self._ended.is_set():
            with suppress(DeviceError):
                self._speak()
            self._playback.close()
            while not self._ended.wait(0.2):
                with suppress(DeviceError):
                    self._playback = PulsePlayback(MICROPHONE_SINK, RATE_HZ)
                    break
        self._playback.close()

    def _speak(self) -> None:
        at_s = np.arange(round(BURST_S * RATE_HZ)) / RATE_HZ
        tone = 0.5 * np.sign(np.sin(2 * np.pi * 500 * at_s)).astype(np.float32)
        while not self._ended.is_set():
            silence = np.zeros(int(RATE_HZ * self._random.uniform(0.35, 0.55)), np.float32)
            self._play(silence)
            if not self.quiet.is_set():
                self.onsets_s.append(time.monotonic() + self._playback.latency_s())
                self._play(tone)

    def stop(self) -> None:
        """End it and wait."""
        self._ended.set()
        self.join(3.0)

    def _play(self, sound: FloatArray) -> None:
        for start in range(0, sound.size, _BLOCK):
            self._playback.write(sound[start : start + _BLOCK])


class LiveRig:
    """Server, session, speaker and listener; a context manager.

    Args:
        monkeypatch: Puts the rig's sound system into the session.
        system: Class of the sound system.
        listen: Whether to offer and listen to the virtual microphone.
        server: The sound server; a PulseAudio when left out.
        camera: Id of the camera.
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        system: type[SoundSystem] = SoundSystem,
        listen: bool = True,
        server: AudioServer | PipeWireSound | None = None,
        camera: str = "fake",
    ) -> None:
        self.server = server or AudioServer()
        self.parts = FakeParts(work_s=0.01)
        self._camera = camera
        self._monkeypatch, self._system, self._listen = monkeypatch, system, listen
        self._heard = Heard()
        self._opened = ExitStack()

    def __enter__(self) -> "LiveRig":
        with ExitStack() as opened:
            self._open(opened)
            self._opened = opened.pop_all()
        return self

    def _open(self, opened: ExitStack) -> None:
        opened.enter_context(self.server)
        # PortAudio may have been initialised before this server was there.
        SoundSystem().reinitialise()
        self._monkeypatch.setattr("app.live.session.SoundSystem", self._system)
        self.speaker = Speaker()
        self.speaker.start()
        opened.callback(self.speaker.stop)
        self.session = LiveSession(self.parts)
        opened.callback(self.session.close)
        self.session.set_avatar(make_avatar())
        self.session.set_microphone(f"pulse:{MICROPHONE}")
        self.session.set_camera(self._camera)
        self.session.set_virtual_microphone(OWN_ID if self._listen else None)
        self.session.set_mode(Mode.LIVE)
        until(lambda: self.session.state().microphone_alive, 8.0)
        if self._listen:
            until(lambda: self.session.state().virtual_microphone_alive, 8.0)
            listener = SoundSystem().open_input(f"pulse:{SOURCE}", self._heard.take)
            opened.callback(listener.close)

    def __exit__(self, *_error: object) -> None:
        self._opened.close()

    def heard_s(self) -> np.ndarray:
        """Burst onsets at the virtual microphone."""
        return np.array(self._heard.times_s)

    def spoken_s(self) -> np.ndarray:
        """Burst onsets at the microphone."""
        return np.array(self.speaker.onsets_s)

    def seen_s(self) -> np.ndarray:
        """When the mouth opened in the camera's picture."""
        rows = self.parts.camera_log.array()
        bright = rows[:, 1] > 128
        return rows[1:][bright[1:] & ~bright[:-1], 0]


def pair(events_s: np.ndarray, causes_s: np.ndarray, within_s: float = 0.3) -> np.ndarray:
    """Rows of (cause time, event minus cause) for causes with an event within ±`within_s`."""
    if not len(events_s):
        return np.zeros((0, 2))
    nearest = events_s[np.abs(events_s[None] - causes_s[:, None]).argmin(axis=1)]
    lag = nearest - causes_s
    return np.stack([causes_s, lag], axis=1)[np.abs(lag) < within_s]
