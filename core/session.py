"""What the window knows of the running system: commands in, snapshots out.

The window is handed a `Session`. No command waits for a device, a network or a file: it returns
at once and its effect shows in a later `state()`. Everything that comes back is a plain, frozen
value, so a window polls `state()` and `latest_frame()` on its own timer and never locks anything.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.stage import StageState
from core.types import ImageArray, VideoFrame

if TYPE_CHECKING:
    from core.avatar import Avatar
    from core.presets import Preset


class DeviceKind(Enum):
    """What a device is used for."""

    MICROPHONE = "microphone"
    OUTPUT = "output"
    CAMERA = "camera"
    VIRTUAL_MICROPHONE = "virtual microphone"


@dataclass(frozen=True, slots=True)
class Device:
    """A device the user can choose.

    Attributes:
        kind: What it is used for.
        id: Stable name to hand back to the session and to keep in settings.
        name: What to show.
        detail: Further words, such as "48 kHz, PulseAudio" or "needs no kernel module".
        default: Whether it is the system's (or our) first choice.
        problem: Why it cannot be used now and what to do about it; empty when it can.
        repairable: Whether `Session.repair_camera` may help.
    """

    kind: DeviceKind
    id: str
    name: str
    detail: str = ""
    default: bool = False
    problem: str = ""
    repairable: bool = False


class Mode(Enum):
    """How much of the pipeline runs."""

    OFF = "off"
    PREVIEW = "preview"
    """Microphone and face run; camera and virtual microphone are not fed by the voice."""
    LIVE = "live"
    """Everything runs."""


class Severity(Enum):
    """How bad a notice is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know now. It leaves `SessionState.notices` when it is over.

    Attributes:
        severity: INFO for falls back and repairs, WARNING where something is degraded, ERROR
            where something the user asked for does not work.
        source: Which part speaks: "microphone", "camera", "virtual microphone", "avatar",
            "recording", "expression", "renderer", "engine", "file".
        text: What happened, to which thing, and what to do; mostly a `core.messages.Message`,
            which a window can translate. So are a device's words and a job's message.
        since_s: `time.monotonic()` when it began.
    """

    severity: Severity
    source: str
    text: str
    since_s: float


@dataclass(frozen=True, slots=True)
class Level:
    """Loudness at the microphone after gain, before the gate.

    Attributes:
        peak_dbfs: Peak of the last 100 ms, dB relative to full scale, -120 for silence.
        rms_dbfs: Root mean square of the last 100 ms.
        clipped: Whether the last second touched full scale.
        gate_open: Whether sound passes: noise gate open, not muted, push-to-talk held.
    """

    peak_dbfs: float = -120.0
    rms_dbfs: float = -120.0
    clipped: bool = False
    gate_open: bool = False


@dataclass(frozen=True, slots=True)
class Latency:
    """From a sound at the microphone to the changed picture at the camera, in milliseconds.

    Each part is the median over the last seconds; `total_*` are measured per frame, end to end.

    Attributes:
        capture_ms: Device and callback: from the sound to the sample in the ring buffer.
        lookahead_ms: Waiting for the hop to fill and for the future audio the face wants.
        expression_ms: Speech to expression.
        render_ms: Expression to picture, hand-over included.
        output_ms: Pacing and the camera's send.
        total_p50_ms, total_p95_ms, total_p99_ms: Percentiles of the whole way.
    """

    capture_ms: float = 0.0
    lookahead_ms: float = 0.0
    expression_ms: float = 0.0
    render_ms: float = 0.0
    output_ms: float = 0.0
    total_p50_ms: float = 0.0
    total_p95_ms: float = 0.0
    total_p99_ms: float = 0.0


class JobKind(Enum):
    """What a job does."""

    PLAY = "play"
    RENDER = "render"
    CALIBRATE = "calibrate"


class JobStatus(Enum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """Snapshot of a job of the queue. Jobs run one after another; finished ones stay listed.

    Attributes:
        id: Number to cancel it by.
        kind: What it does.
        title: What to show, such as the file's name.
        status: Where it is.
        progress: 0 to 1.
        remaining_s: Estimate of the time left, None when unknown.
        message: Result or error in words.
        output: The file it wrote, once done.
    """

    id: int
    kind: JobKind
    title: str
    status: JobStatus
    progress: float = 0.0
    remaining_s: float | None = None
    message: str = ""
    output: Path | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """The recording being written.

    Attributes:
        path: The file.
        duration_s: Seconds written.
        size_bytes: Bytes on disk.
    """

    path: Path
    duration_s: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SessionState:
    """Everything a status bar can show, at one moment.

    Attributes:
        mode: What was asked for.
        stages: State of each running part: "capture", "expression", "renderer", "output",
            "virtual microphone".
        microphone, camera, virtual_microphone, output: Ids of the devices chosen, None for none.
        microphone_alive: Whether sound arrives; False while the device is gone or silent-dead.
        camera_alive: Whether the camera takes frames.
        virtual_microphone_alive: Whether the delayed voice is being played.
        muted: Whether the user muted.
        push_to_talk: Whether speech passes only while the key is held.
        talking: Whether the push-to-talk key is held.
        panicked: Whether `panic` holds the resting face.
        level: Loudness at the microphone.
        fps: Frames per second handed to the camera (or preview), over the last second.
        content_fps: Of those, pictures that are new.
        latency: The way of sound to picture.
        delay_ms: Delay of the virtual microphone now, None while it does not run.
        sync_offset_ms: Sound at the virtual microphone against the picture; + means the sound is
            early. None while unknown.
        sound_shift_ms: What was measured or set by hand, added to the delay of the sound.
        dropped_frames: Expression frames that were never drawn because newer ones came.
        overflows: Blocks of sound lost at the microphone.
        frames_sent: Frames handed to the camera since the mode was entered.
        engine: What draws, such as "warp, CPU".
        avatar_name: Name of the avatar in use, None for none.
        preset_name: Name of the preset in use.
        recording: The recording in progress, None for none.
        jobs: The queue, oldest first.
        notices: What the user should know now, oldest first.
    """

    mode: Mode = Mode.OFF
    stages: Mapping[str, StageState] = field(default_factory=dict)
    microphone: str | None = None
    camera: str | None = None
    virtual_microphone: str | None = None
    output: str | None = None
    microphone_alive: bool = False
    camera_alive: bool = False
    virtual_microphone_alive: bool = False
    muted: bool = False
    push_to_talk: bool = False
    talking: bool = False
    panicked: bool = False
    level: Level = Level()
    fps: float = 0.0
    content_fps: float = 0.0
    latency: Latency = Latency()
    delay_ms: float | None = None
    sync_offset_ms: float | None = None
    sound_shift_ms: float = 0.0
    dropped_frames: int = 0
    overflows: int = 0
    frames_sent: int = 0
    engine: str = ""
    avatar_name: str | None = None
    preset_name: str = ""
    recording: Recording | None = None
    jobs: tuple[Job, ...] = ()
    notices: tuple[Notice, ...] = ()


class Session(Protocol):
    """One avatar, one microphone, one camera: what the window drives.

    Threads: every method may be called from any thread and returns within a few milliseconds,
    `close` excepted. Failures after a command has returned show as notices in `state()`.
    """

    def devices(self, kind: DeviceKind) -> tuple[Device, ...]:
        """The devices known now, the default first. Kept fresh in the background."""
        ...

    def refresh_devices(self) -> None:
        """Look for new devices soon (a chooser was opened)."""
        ...

    def set_mode(self, mode: Mode) -> None:
        """Switch the pipeline off, to preview, or live; it runs as soon as an avatar is set."""
        ...

    def close(self) -> None:
        """Stop everything and release all devices; returns within 2 s. Safe to call twice."""
        ...

    def set_avatar(self, avatar: "Avatar | None") -> None:
        """Draw this avatar from the next frame on."""
        ...

    def set_microphone(self, device_id: str | None) -> None:
        """Listen to this microphone; None for none (the face rests)."""
        ...

    def set_camera(self, device_id: str | None) -> None:
        """Send frames to this camera; None for none. Once opened it is held until changed."""
        ...

    def set_virtual_microphone(self, device_id: str | None) -> None:
        """Play the delayed voice into this device; None for none."""
        ...

    def set_sound_shift_ms(self, shift_ms: float) -> None:
        """Delay the virtual microphone by this much more (+) or less (-), -200 to 200 ms."""
        ...

    def set_output(self, device_id: str | None) -> None:
        """Where `play_file` is heard; None for the system's default."""
        ...

    def apply_preset(self, preset: "Preset") -> None:
        """Use these settings from the next frame on; cheap enough for every move of a slider."""
        ...

    def set_gain_db(self, gain_db: float) -> None:
        """Amplify the microphone, -40 to +40 dB."""
        ...

    def set_noise_gate_db(self, threshold_dbfs: float | None) -> None:
        """Close the gate below this level, -90 to 0 dBFS; None leaves it open."""
        ...

    def set_muted(self, muted: bool) -> None:
        """Mute: silence goes out and the mouth rests at once."""
        ...

    def set_push_to_talk(self, enabled: bool) -> None:
        """Let speech pass only while `set_talking(True)`."""
        ...

    def set_talking(self, talking: bool) -> None:
        """The push-to-talk key went down or up."""
        ...

    def panic(self) -> None:
        """Freeze to the resting face and mute, now; `resume` ends it."""
        ...

    def resume(self) -> None:
        """End `panic`: the face lives again, muted as before the panic."""
        ...

    def enrol(
        self, picture: Path, points: Mapping[str, tuple[float, float]] | None = None
    ) -> "Future[Avatar]":
        """Make an avatar from a picture file.

        Args:
            picture: The file.
            points: Set by hand, by name (`core.portrait.points.EDITABLE`), in pixels of the
                upright file; five or more do without a face being found (cartoons, statues).

        Returns:
            A future that resolves on a worker thread to the avatar (its `verdict` may still be
            bad), or raises `PortraitError` with words for the user.
        """
        ...

    def refit(
        self, avatar: "Avatar", points: Mapping[str, tuple[float, float]]
    ) -> "Future[Avatar]":
        """Fit again with these named points (image pixels) held where the user dragged them."""
        ...

    def fit_preview(self, avatar: "Avatar") -> "Future[ImageArray]":
        """The fit drawn over the portrait: shape (H, W, 3), uint8 RGB, of the portrait's size."""
        ...

    def start_recording(self, path: Path | None = None) -> None:
        """Record what the camera shows and the synchronous voice; None names the file by time."""
        ...

    def stop_recording(self) -> None:
        """Finish the recording in the background."""
        ...

    def play_file(self, audio: Path) -> int:
        """Queue a sound or video file to speak through the avatar, heard at the output.

        Returns:
            The job's id.
        """
        ...

    def render_file(self, audio: Path, video: Path) -> int:
        """Queue rendering a file to a video with the avatar and preset of now.

        Returns:
            The job's id.
        """
        ...

    def calibrate(self) -> int:
        """Queue measuring sound against picture, with camera and virtual microphone read back.

        For about 20 s clicks take the voice's place and a square blinks in the picture. The
        result moves the sound (`SessionState.sound_shift_ms`). Where the camera cannot be read
        back the job fails with words that say so.

        Returns:
            The job's id.
        """
        ...

    def cancel_job(self, job_id: int) -> None:
        """Cancel a queued or running job; a partly written file is removed."""
        ...

    def clear_jobs(self) -> None:
        """Forget finished jobs."""
        ...

    def repair_camera(self, device_id: str) -> "Future[str]":
        """Try the repair that `Device.repairable` offers; resolves to the result in words."""
        ...

    def state(self) -> SessionState:
        """A snapshot of everything worth showing."""
        ...

    def latest_frame(self) -> VideoFrame | None:
        """The newest picture, None before the first. A copy: valid as long as it is held."""
        ...
