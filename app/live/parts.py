"""What a live session is made of: a seam, so that tests run it with parts of their own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from app.live.recording_target import RecordingFile
from core.avatar import Avatar
from core.pipeline import MotionStage, SpeechStage
from core.presets import Preset
from core.renderer import Renderer
from core.session import Device, DeviceKind
from core.types import ImageArray

if TYPE_CHECKING:
    from render.sinks import CameraSink


class LiveParts(Protocol):
    """Builds parts; every method may take seconds and is called off the caller's thread."""

    def speech(self, preset: Preset, avatar: Avatar | None) -> SpeechStage:
        """Speech to expression as this person speaks, at sample 0."""
        ...

    def tune_speech(self, speech: SpeechStage, preset: Preset, avatar: Avatar | None) -> None:
        """Give a running speech stage the preset's and the person's expressiveness."""
        ...

    def motion(self, preset: Preset) -> MotionStage:
        """Life motion."""
        ...

    def tune_motion(self, motion: MotionStage, preset: Preset) -> None:
        """Give running life motion the preset's strengths."""
        ...

    def renderer(
        self, avatar: Avatar, preset: Preset, size: tuple[int, int], note: Callable[[str], None]
    ) -> Renderer:
        """What draws the avatar; `note` is told of every engine that does not work."""
        ...

    def engine(self, renderer: Renderer) -> str:
        """What draws, in words."""
        ...

    def enrol(
        self, picture: Path, points: Mapping[str, tuple[float, float]] | None = None
    ) -> Avatar:
        """See `Session.enrol`."""
        ...

    def refit(self, avatar: Avatar, points: Mapping[str, tuple[float, float]]) -> Avatar:
        """See `Session.refit`."""
        ...

    def fit_preview(self, avatar: Avatar) -> ImageArray:
        """See `Session.fit_preview`."""
        ...

    def recording(self, path: Path, avatar: Avatar, preset: Preset) -> RecordingFile:
        """Open a recording that survives a crash."""
        ...

    def cameras(self) -> tuple[Device, ...]:
        """The cameras of this machine."""
        ...

    def camera(self, camera_id: str, preset: Preset) -> "CameraSink":
        """A sink for a camera, in the preset's mode, not yet open."""
        ...

    def repair_camera(self, camera_id: str) -> str:
        """See `Session.repair_camera`."""
        ...


class ShippedParts:
    """The product's own parts (see `LiveParts`). Networks are imported when first needed."""

    def speech(self, preset: Preset, avatar: Avatar | None) -> SpeechStage:
        """See `LiveParts.speech`."""
        from app import parts

        return parts.speech_stage(preset, avatar)

    def tune_speech(self, speech: SpeechStage, preset: Preset, avatar: Avatar | None) -> None:
        """See `LiveParts.tune_speech`."""
        from app import parts
        from core.voice import ExpressionStream

        assert isinstance(speech, ExpressionStream)
        speech.speak_as(parts.speaker(preset, avatar))
        speech.controls = parts.speech_controls(preset, avatar)

    def motion(self, preset: Preset) -> MotionStage:
        """See `LiveParts.motion`."""
        from core.life import LifeMotion

        return LifeMotion(preset.motion.life())

    def tune_motion(self, motion: MotionStage, preset: Preset) -> None:
        """See `LiveParts.tune_motion`."""
        from core.life import LifeMotion

        assert isinstance(motion, LifeMotion)
        motion.settings = preset.motion.life()

    def renderer(
        self, avatar: Avatar, preset: Preset, size: tuple[int, int], note: Callable[[str], None]
    ) -> Renderer:
        """See `LiveParts.renderer`."""
        from app import parts

        return parts.renderer(avatar, preset, size, note, threads=parts.threads_in_a_call())

    def engine(self, renderer: Renderer) -> str:
        """See `LiveParts.engine`."""
        from app import parts

        return parts.engine(renderer)

    def enrol(
        self, picture: Path, points: Mapping[str, tuple[float, float]] | None = None
    ) -> Avatar:
        """See `LiveParts.enrol`."""
        from app.avatars import enrol_picture

        return enrol_picture(picture, points)

    def refit(self, avatar: Avatar, points: Mapping[str, tuple[float, float]]) -> Avatar:
        """See `LiveParts.refit`."""
        from app.avatars import refit

        return refit(avatar, points)

    def fit_preview(self, avatar: Avatar) -> ImageArray:
        """See `LiveParts.fit_preview`."""
        from app import parts
        from core.portrait.preview import draw_fit_over

        return draw_fit_over(avatar, parts.face_model())

    def recording(self, path: Path, avatar: Avatar, preset: Preset) -> RecordingFile:
        """See `LiveParts.recording`."""
        from audio_io.voice_input import VOICE_RATE_HZ
        from render.mark import VisibleMark
        from render.provenance import Provenance, hash_picture
        from render.recorder import Recorder

        size = preset.camera.size
        return Recorder(
            path,
            size,
            provenance=Provenance(portrait_sha256=hash_picture(avatar.image_rgb)),
            mark=VisibleMark(size) if preset.recording.mark else None,
            sample_rate_hz=VOICE_RATE_HZ,
        )

    def cameras(self) -> tuple[Device, ...]:
        """See `LiveParts.cameras`."""
        from render.sinks import list_cameras

        return tuple(
            Device(
                kind=DeviceKind.CAMERA, id=camera.id, name=camera.name, detail=camera.detail,
                default=number == 0, problem=camera.problem, repairable=camera.repairable,
            )
            for number, camera in enumerate(list_cameras())
        )  # fmt: skip

    def camera(self, camera_id: str, preset: Preset) -> "CameraSink":
        """See `LiveParts.camera`."""
        from render.sinks import make_camera

        return make_camera(camera_id, preset.camera.size, preset.camera.rate_hz)

    def repair_camera(self, camera_id: str) -> str:
        """See `LiveParts.repair_camera`."""
        from render.sinks import repair_camera

        return repair_camera(camera_id)
