"""A session for window tests: remembers commands, and shows what the test tells it to."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.avatar import Avatar, Quality
from core.camera import HeadPose
from core.presets import Preset
from core.session import (
    Device,
    DeviceKind,
    Job,
    JobKind,
    JobStatus,
    Level,
    Mode,
    Recording,
    SessionState,
)
from core.types import ImageArray, VideoFrame

POINTS: Mapping[str, tuple[float, float]] = {
    "eye_right_outer": (195.0, 265.0),
    "eye_right_inner": (265.0, 268.0),
    "eye_left_inner": (335.0, 268.0),
    "eye_left_outer": (405.0, 265.0),
    "mouth_corner_right": (235.0, 415.0),
    "mouth_corner_left": (365.0, 415.0),
    "upper_lip_top": (300.0, 402.0),
    "lower_lip_bottom": (300.0, 432.0),
    "chin": (300.0, 520.0),
}


@cache
def draw_face(
    mouth: float = 0.0, skin: tuple[int, int, int] = (226, 178, 150), size: int = 600
) -> ImageArray:
    """A drawn face, shape (720, 600, 3) scaled to `size` wide, uint8 RGB; `mouth` opens 0 to 1."""
    image = np.zeros((720, 600, 3), np.uint8)
    shade = np.linspace(0, 1, 720)[:, None]
    above, below = np.array([188, 205, 214]), np.array([132, 152, 168])
    image[:] = ((1 - shade) * above + shade * below)[:, None]
    dark = tuple(int(c * 0.82) for c in skin)
    line = cv2.LINE_AA
    cv2.ellipse(image, (300, 760), (290, 190), 0, 0, 360, (58, 78, 110), -1, line)
    cv2.rectangle(image, (240, 470), (360, 640), dark, -1, line)
    cv2.ellipse(image, (300, 250), (178, 190), 0, 0, 360, (66, 46, 36), -1, line)
    jaw = int(14 * mouth)
    cv2.ellipse(image, (300, 325), (150, 200 + jaw), 0, 0, 360, skin, -1, line)
    cv2.ellipse(image, (300, 165), (150, 62), 0, 0, 360, (66, 46, 36), -1, line)
    for x in (230, 370):
        cv2.ellipse(image, (x, 268), (36, 17), 0, 0, 360, (250, 250, 248), -1, line)
        cv2.circle(image, (x, 268), 15, (88, 110, 84), -1, line)
        cv2.circle(image, (x, 268), 7, (20, 20, 20), -1, line)
        cv2.ellipse(image, (x, 232), (44, 14), 0, 195, 345, (66, 46, 36), 7, line)
    cv2.ellipse(image, (300, 345), (26, 14), 0, 20, 160, dark, 5, line)
    opening = int(3 + 34 * mouth)
    cv2.ellipse(
        image, (300, 418 + jaw // 2), (66, 14 + opening), 0, 0, 360, (184, 92, 92), -1, line
    )
    cv2.ellipse(image, (300, 418 + jaw // 2), (54, opening), 0, 0, 360, (70, 22, 26), -1, line)
    height = round(size * 720 / 600)
    return np.asarray(cv2.resize(image, (size, height), interpolation=cv2.INTER_AREA), np.uint8)


def make_avatar(
    name: str = "Ada", *, ok: bool = True, reasons: tuple[str, ...] = (), **colours: Any
) -> Avatar:
    return Avatar(
        image_rgb=draw_face(**colours),
        alpha=np.zeros(4, np.float32),
        beta=np.zeros(52, np.float32),
        pose=HeadPose(20.0, np.eye(3), np.array([300.0, 320.0])),
        offset_px=np.zeros((5, 2), np.float32),
        points=POINTS,
        verdict=Quality(ok, reasons),
        name=name,
    )


def default_devices() -> dict[DeviceKind, tuple[Device, ...]]:
    kind = DeviceKind
    return {
        kind.MICROPHONE: (
            Device(kind.MICROPHONE, "mic-a", "Headset", "48 kHz", default=True),
            Device(kind.MICROPHONE, "mic-b", "Built-in microphone"),
        ),
        kind.CAMERA: (
            Device(kind.CAMERA, "cam-a", "RealTalk camera", "needs no kernel module", default=True),
            Device(
                kind.CAMERA,
                "cam-b",
                "v4l2loopback",
                problem="The camera is dead after a program closed it. Press Repair.",
                repairable=True,
            ),
        ),
        kind.VIRTUAL_MICROPHONE: (
            Device(kind.VIRTUAL_MICROPHONE, "vm-a", "RealTalk microphone", default=True),
        ),
        kind.OUTPUT: (Device(kind.OUTPUT, "out-a", "Speakers", default=True),),
    }


@dataclass
class FakeSession:
    """Every command is kept in `calls`; `now` is what `state()` shows and tests may change it.

    Futures of `enrol`, `refit`, `fit_preview` and `repair_camera` stay open in `futures` until
    the test resolves them.
    """

    now: SessionState = field(default_factory=SessionState)
    lists: dict[DeviceKind, tuple[Device, ...]] = field(default_factory=default_devices)
    frame: VideoFrame | None = None
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    futures: dict[str, list["Future[Any]"]] = field(default_factory=dict)
    preset: Preset | None = None
    avatar: Avatar | None = None

    def devices(self, kind: DeviceKind) -> tuple[Device, ...]:
        return self.lists[kind]

    def refresh_devices(self) -> None:
        self.calls.append(("refresh_devices",))

    def set_mode(self, mode: Mode) -> None:
        self._note("set_mode", mode, mode=mode)

    def close(self) -> None:
        self.calls.append(("close",))

    def set_avatar(self, avatar: Avatar | None) -> None:
        self.avatar = avatar
        self._note("set_avatar", avatar, avatar_name=avatar.name if avatar else None)

    def set_microphone(self, device_id: str | None) -> None:
        self._note("set_microphone", device_id, microphone=device_id)

    def set_camera(self, device_id: str | None) -> None:
        self._note("set_camera", device_id, camera=device_id)

    def set_virtual_microphone(self, device_id: str | None) -> None:
        self._note("set_virtual_microphone", device_id, virtual_microphone=device_id)

    def set_sound_shift_ms(self, shift_ms: float) -> None:
        self._note("set_sound_shift_ms", shift_ms, sound_shift_ms=shift_ms)

    def set_output(self, device_id: str | None) -> None:
        self._note("set_output", device_id, output=device_id)

    def apply_preset(self, preset: Preset) -> None:
        self.preset = preset
        self._note("apply_preset", preset, preset_name=preset.name)

    def set_gain_db(self, gain_db: float) -> None:
        self.calls.append(("set_gain_db", gain_db))

    def set_noise_gate_db(self, threshold_dbfs: float | None) -> None:
        self.calls.append(("set_noise_gate_db", threshold_dbfs))

    def set_muted(self, muted: bool) -> None:
        self._note("set_muted", muted, muted=muted)

    def set_push_to_talk(self, enabled: bool) -> None:
        self._note("set_push_to_talk", enabled, push_to_talk=enabled)

    def set_talking(self, talking: bool) -> None:
        self._note("set_talking", talking, talking=talking)

    def panic(self) -> None:
        self._note("panic", panicked=True)

    def resume(self) -> None:
        self._note("resume", panicked=False)

    def enrol(
        self, picture: Path, points: Mapping[str, tuple[float, float]] | None = None
    ) -> "Future[Avatar]":
        return self._promise("enrol", picture, *([dict(points)] if points else []))

    def refit(self, avatar: Avatar, points: Mapping[str, tuple[float, float]]) -> "Future[Avatar]":
        return self._promise("refit", avatar, dict(points))

    def fit_preview(self, avatar: Avatar) -> "Future[ImageArray]":
        return self._promise("fit_preview", avatar)

    def start_recording(self, path: Path | None = None) -> None:
        shown = Recording(path or Path("take.mp4"), 0.0, 0)
        self._note("start_recording", path, recording=shown)

    def stop_recording(self) -> None:
        self._note("stop_recording", recording=None)

    def play_file(self, audio: Path) -> int:
        return self._queue(JobKind.PLAY, audio)

    def render_file(self, audio: Path, video: Path) -> int:
        self.calls.append(("render_file", audio, video))
        return self._queue(JobKind.RENDER, audio)

    def calibrate(self) -> int:
        return self._queue(JobKind.CALIBRATE, Path("Loop"))

    def cancel_job(self, job_id: int) -> None:
        self.calls.append(("cancel_job", job_id))
        self.change_job(job_id, status=JobStatus.CANCELLED)

    def clear_jobs(self) -> None:
        running = (JobStatus.QUEUED, JobStatus.RUNNING)
        kept = tuple(job for job in self.now.jobs if job.status in running)
        self._note("clear_jobs", jobs=kept)

    def repair_camera(self, device_id: str) -> "Future[str]":
        return self._promise("repair_camera", device_id)

    def state(self) -> SessionState:
        return self.now

    def latest_frame(self) -> VideoFrame | None:
        return self.frame

    def show(self, **changes: Any) -> None:
        """Change what `state()` shows."""
        self.now = replace(self.now, **changes)

    def change_job(self, job_id: int, **changes: Any) -> None:
        """Change one job of the queue."""
        self.show(jobs=tuple(replace(j, **changes) if j.id == job_id else j for j in self.now.jobs))

    def speak(self, rms_dbfs: float = -18.0) -> None:
        """Sound arrives at the microphone."""
        level = Level(rms_dbfs + 6, rms_dbfs, clipped=False, gate_open=True)
        self.show(level=level, microphone_alive=True)

    def last(self, name: str) -> tuple[Any, ...]:
        """Arguments of the last call of this name."""
        return next(call[1:] for call in reversed(self.calls) if call[0] == name)

    def called(self, name: str) -> int:
        """How often it was called."""
        return sum(call[0] == name for call in self.calls)

    def promise(self, name: str) -> "Future[Any]":
        """The newest open future of a command."""
        return self.futures[name][-1]

    def _note(self, name: str, *arguments: Any, **changes: Any) -> None:
        self.calls.append((name, *arguments))
        self.show(**changes)

    def _promise(self, name: str, *arguments: Any) -> "Future[Any]":
        self.calls.append((name, *arguments))
        future: Future[Any] = Future()
        self.futures.setdefault(name, []).append(future)
        return future

    def _queue(self, kind: JobKind, audio: Path) -> int:
        number = len(self.now.jobs) + 1
        self.calls.append((kind.value, audio))
        self.show(jobs=(*self.now.jobs, Job(number, kind, audio.name, JobStatus.QUEUED)))
        return number
