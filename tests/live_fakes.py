"""Parts for live sessions whose pictures and timing a test can read exactly."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from app.live.stages import Picture
from core.avatar import Avatar, Quality
from core.blendshapes import INDEX, NUM
from core.camera import HeadPose
from core.errors import DeviceError, PortraitError
from core.presets import Preset
from core.session import Device, DeviceKind
from core.types import HOP_SAMPLES, AudioBlock, ExpressionFrame, FloatArray, ImageArray, VideoFrame

JAW = INDEX["jawOpen"]
LOOKAHEAD_HOPS = 2
SIZE = (64, 36)


class LoudnessSpeech:
    """The jaw opens with the peak of its hop; two hops of lookahead, like the real one."""

    amplitude = 1.0

    def __init__(self) -> None:
        self._pending = np.zeros(0, np.float32)
        self._next = 0

    def push(self, samples: FloatArray) -> list[ExpressionFrame]:
        self._pending = np.concatenate([self._pending, samples])
        frames = []
        while self._pending.size >= HOP_SAMPLES * (1 + LOOKAHEAD_HOPS):
            peak = float(np.abs(self._pending[:HOP_SAMPLES]).max())
            beta = np.zeros(NUM, np.float32)
            beta[JAW] = min(10 * peak * self.amplitude, 1.0)
            frames.append(ExpressionFrame(self._next, beta, np.zeros(6, np.float32), peak > 0.01))
            self._pending = self._pending[HOP_SAMPLES:]
            self._next += 1
        return frames

    def finish(self) -> list[ExpressionFrame]:
        silence = np.zeros(HOP_SAMPLES * (1 + LOOKAHEAD_HOPS), np.float32)
        return self.push(silence[: HOP_SAMPLES * LOOKAHEAD_HOPS])


class Stillness:
    """No life motion."""

    def apply(self, frame: ExpressionFrame) -> ExpressionFrame:
        return frame


class BrightnessRenderer:
    """A grey picture as bright as the jaw is open."""

    def __init__(self, size: tuple[int, int] = SIZE, work_s: float = 0.0) -> None:
        self.size = size
        self._work_s = work_s

    def render(self, frame: ExpressionFrame) -> VideoFrame:
        time.sleep(self._work_s)
        grey = np.uint8(round(255 * float(frame.beta[JAW])))
        return VideoFrame(frame.index, np.full((self.size[1], self.size[0], 3), grey, np.uint8))


class CameraLog:
    """A camera that notes when which brightness came; it can be told to fail."""

    def __init__(self) -> None:
        self.size, self.frame_rate_hz, self.has_reader = SIZE, 25, None
        self.rows: list[tuple[float, int]] = []
        self.opened = threading.Event()
        self.broken = False

    def open(self) -> None:
        if self.broken:
            raise DeviceError("The camera is taken by another program. Close it there.")
        self.opened.set()

    def send(self, rgb: ImageArray) -> None:
        if self.broken:
            raise DeviceError("The camera is gone. Plug it in again.")
        self.rows.append((time.monotonic(), int(rgb[0, 0, 0])))

    def close(self) -> None:
        self.opened.clear()

    def array(self) -> np.ndarray:
        """Rows of (time, brightness)."""
        return np.array(self.rows, np.float64).reshape(-1, 2)


class RecordingLog:
    """A recording in memory; it can be told that the disk is full."""

    def __init__(self) -> None:
        self.indices: list[int] = []
        self.sound: list[AudioBlock] = []
        self.closed = False
        self.problem = ""
        self.size_bytes = 0

    @property
    def duration_s(self) -> float:
        return len(self.indices) / 25

    def put_video(self, frame: VideoFrame) -> None:
        self.indices.append(frame.index)

    def put_audio(self, block: AudioBlock) -> None:
        self.sound.append(block)

    def stop(self) -> None:
        self.closed = True


class FakeParts:
    """See `app.live.parts.LiveParts`."""

    def __init__(self, work_s: float = 0.0) -> None:
        self.camera_log = CameraLog()
        self.recording_log = RecordingLog()
        self.speech_stages: list[LoudnessSpeech] = []
        self.renderers = 0
        self.work_s = work_s

    def speech(self, preset: Preset, avatar: Avatar | None) -> LoudnessSpeech:
        self.speech_stages.append(LoudnessSpeech())
        return self.speech_stages[-1]

    def tune_speech(self, speech: LoudnessSpeech, preset: Preset, avatar: Avatar | None) -> None:
        own = 1.0 if avatar is None else avatar.style.amplitude
        speech.amplitude = preset.motion.expressiveness * own

    def motion(self, preset: Preset) -> Stillness:
        return Stillness()

    def tune_motion(self, motion: Stillness, preset: Preset) -> None:
        return None

    def renderer(
        self, avatar: Avatar, preset: Preset, size: tuple[int, int], note: Callable[[str], None]
    ) -> BrightnessRenderer:
        if avatar.name == "broken":
            raise PortraitError("This avatar is broken. Enrol it again.")
        self.renderers += 1
        return BrightnessRenderer(size, self.work_s)

    def engine(self, renderer: BrightnessRenderer) -> str:
        return "fake"

    def enrol(
        self, picture: Path, points: Mapping[str, tuple[float, float]] | None = None
    ) -> Avatar:
        if not picture.exists():
            raise PortraitError(f"The picture {picture} cannot be read.")
        return make_avatar(picture.stem)

    def refit(self, avatar: Avatar, points: Mapping[str, tuple[float, float]]) -> Avatar:
        return make_avatar("refitted")

    def fit_preview(self, avatar: Avatar) -> ImageArray:
        return avatar.image_rgb

    def recording(self, path: Path, avatar: Avatar, preset: Preset) -> RecordingLog:
        path.write_bytes(b"x")
        return self.recording_log

    def cameras(self) -> tuple[Device, ...]:
        return (Device(DeviceKind.CAMERA, "fake", "Fake camera", default=True),)

    def camera(self, camera_id: str, preset: Preset) -> CameraLog:
        return self.camera_log

    def repair_camera(self, camera_id: str) -> str:
        return "Repaired."


class PictureLog:
    """A frame target that notes time, frame number, brightness and whether it was a repeat."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, int, int, bool]] = []

    def send(self, picture: Picture, repeated: bool) -> None:
        brightness = int(picture.video.rgb[0, 0, 0])
        self.rows.append((time.monotonic(), picture.video.index, brightness, repeated))


def make_avatar(name: str = "someone") -> Avatar:
    """The smallest avatar."""
    return Avatar(
        image_rgb=np.zeros((8, 8, 3), np.uint8),
        alpha=np.zeros(2, np.float32),
        beta=np.zeros(NUM, np.float32),
        pose=HeadPose(1.0, np.eye(3, dtype=np.float32), np.zeros(2, np.float32)),
        offset_px=np.zeros((4, 2), np.float32),
        points={},
        verdict=Quality(),
        name=name,
    )


def until(condition, timeout_s: float = 5.0) -> None:  # type: ignore[no-untyped-def]
    """Wait until `condition()` holds; fails after `timeout_s`."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.01)
