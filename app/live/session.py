"""The live session: turns the window's or command line's wishes into running parts."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app import folders
from app.live.calibration import Calibration
from app.live.camera_stage import CameraStage
from app.live.devices_watch import DevicesWatch
from app.live.drawing import Drawing, Enlarged, scaled_size
from app.live.file_jobs import play_file, render_file
from app.live.jobs import JobControl, JobQueue
from app.live.notices import Notices
from app.live.parts import LiveParts
from app.live.pipeline import LivePipeline
from app.live.recording_target import RecordingTarget
from app.live.stages import FrameTarget
from audio_io.devices import SoundSystem
from audio_io.gain_gate import GateSettings
from core.avatar import Avatar
from core.errors import DeviceError, RealTalkError
from core.messages import Message
from core.pipeline import SpeechStage
from core.preset_files import SHIPPED
from core.presets import Preset
from core.renderer import Renderer
from core.session import Device, DeviceKind, JobKind, Mode, Recording, SessionState, Severity
from core.stage import Stage
from core.types import ExpressionFrame, ImageArray, VideoFrame
from render.sinks.readback import can_read_back

if TYPE_CHECKING:
    from render.sinks import CameraSink

logger = logging.getLogger(__name__)

_VIRTUAL_MICROPHONE = "virtual microphone"
_STOP_S = 1.2
"""Time for the running parts to stop; `close` promises 2 s in all."""


class LiveSession:
    """See `core.session.Session`.

    Slow work happens on two threads: one carries out commands in the order given, the other
    builds renderers and enrols pictures.

    Args:
        parts: Builds speech stage, renderer, camera and the like.
        preset: Settings to begin with.
    """

    def __init__(self, parts: LiveParts, preset: Preset = SHIPPED[0]) -> None:
        self._parts = parts
        self._notices = Notices()
        self._system = self._open_sound()
        self._watch = DevicesWatch(self._system, parts.cameras)
        self._jobs = JobQueue()
        self._commands = ThreadPoolExecutor(1, "commands")
        self._builder = ThreadPoolExecutor(1, "builder")
        self._lock = threading.Lock()
        self._chosen = SessionState(preset_name=preset.name)
        """What was asked for; only the fields that commands set are meaningful."""
        self._preset = preset
        self._avatar: Avatar | None = None
        self._gate = GateSettings()
        self._motion = parts.motion(preset)
        self._pipeline: LivePipeline | None = None
        self._camera = CameraStage(self._make_sink, self._stage_failed)
        self._camera.start()
        self._recording: tuple[Path, RecordingTarget] | None = None
        self._playing_file = False
        self._marks: FrameTarget | None = None
        """What the camera's pictures go through while sound and picture are measured."""
        self._renderer_number = 0
        self._drawing = Drawing(preset.rendering.neural)
        self._closed = False

    # Devices

    def devices(self, kind: DeviceKind) -> tuple[Device, ...]:
        """See `Session.devices`."""
        return self._watch.devices(kind)

    def refresh_devices(self) -> None:
        """See `Session.refresh_devices`."""
        self._watch.refresh()

    def set_microphone(self, device_id: str | None) -> None:
        """See `Session.set_microphone`."""
        self._choose(microphone=device_id)
        self._do(self._apply_microphone)

    def set_camera(self, device_id: str | None) -> None:
        """See `Session.set_camera`."""
        self._choose(camera=device_id)
        self._apply_camera()

    def set_virtual_microphone(self, device_id: str | None) -> None:
        """See `Session.set_virtual_microphone`."""
        self._choose(virtual_microphone=device_id)
        self._do(self._apply_virtual_microphone)

    def set_output(self, device_id: str | None) -> None:
        """See `Session.set_output`."""
        self._choose(output=device_id)

    def set_sound_shift_ms(self, shift_ms: float) -> None:
        """See `Session.set_sound_shift_ms`."""
        self._choose(sound_shift_ms=shift_ms)
        pipeline = self._pipeline
        if pipeline is not None:
            pipeline.sound_shift_s = shift_ms / 1000

    def repair_camera(self, device_id: str) -> "Future[str]":
        """See `Session.repair_camera`."""
        return self._builder.submit(self._parts.repair_camera, device_id)

    # Running

    def set_mode(self, mode: Mode) -> None:
        """See `Session.set_mode`."""
        self._choose(mode=mode)
        self._do(self._apply_mode)

    def close(self) -> None:
        """See `Session.close`."""
        if self._closed:
            return
        self._closed = True
        deadline_s = time.monotonic() + 1.8
        self._choose(mode=Mode.OFF)
        self._camera.stop()
        self._watch.stop()
        self.stop_recording()
        self._commands.shutdown(wait=False)
        self._builder.shutdown(wait=False, cancel_futures=True)
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.stop(_STOP_S)
        for stage in (self._camera, self._watch):
            _join(stage, deadline_s - time.monotonic())
        self._jobs.close(max(deadline_s - time.monotonic(), 0.05))

    # Avatar and settings

    def set_avatar(self, avatar: Avatar | None) -> None:
        """See `Session.set_avatar`."""
        self._avatar = avatar
        self._choose(avatar_name=avatar.name if avatar else None)
        if self._pipeline is not None:
            self._pipeline.expression.tune(self._tune_speech)
        self._rebuild_renderer()

    def apply_preset(self, preset: Preset) -> None:
        """See `Session.apply_preset`."""
        before, self._preset = self._preset, preset
        self._choose(preset_name=preset.name)
        self._parts.tune_motion(self._motion, preset)
        pipeline = self._pipeline
        if pipeline is not None and before.speech != preset.speech:
            pipeline.expression.remake_speech(self._make_speech)
        elif pipeline is not None and before.motion != preset.motion:
            pipeline.expression.tune(self._tune_speech)
        if before.camera != preset.camera:
            self._camera.reopen()
        if (before.camera, before.rendering) != (preset.camera, preset.rendering):
            self._drawing = Drawing(preset.rendering.neural)
        if (before.background, before.framing, before.rendering, before.camera.size) != (
            preset.background,
            preset.framing,
            preset.rendering,
            preset.camera.size,
        ):
            self._rebuild_renderer()

    def enrol(
        self, picture: Path, points: Mapping[str, tuple[float, float]] | None = None
    ) -> "Future[Avatar]":
        """See `Session.enrol`."""
        return self._builder.submit(self._parts.enrol, picture, points)

    def refit(self, avatar: Avatar, points: Mapping[str, tuple[float, float]]) -> "Future[Avatar]":
        """See `Session.refit`."""
        return self._builder.submit(self._parts.refit, avatar, points)

    def fit_preview(self, avatar: Avatar) -> "Future[ImageArray]":
        """See `Session.fit_preview`."""
        return self._builder.submit(self._parts.fit_preview, avatar)

    # Voice

    def set_gain_db(self, gain_db: float) -> None:
        """See `Session.set_gain_db`."""
        self._gate = replace(self._gate, gain_db=gain_db)
        self._apply_voice()

    def set_noise_gate_db(self, threshold_dbfs: float | None) -> None:
        """See `Session.set_noise_gate_db`."""
        self._gate = replace(self._gate, gate_dbfs=threshold_dbfs)
        self._apply_voice()

    def set_muted(self, muted: bool) -> None:
        """See `Session.set_muted`."""
        self._choose(muted=muted)
        self._apply_voice()

    def set_push_to_talk(self, enabled: bool) -> None:
        """See `Session.set_push_to_talk`."""
        self._choose(push_to_talk=enabled)
        self._apply_voice()

    def set_talking(self, talking: bool) -> None:
        """See `Session.set_talking`."""
        self._choose(talking=talking)
        self._apply_voice()

    def panic(self) -> None:
        """See `Session.panic`."""
        self._choose(panicked=True)
        self._apply_voice()

    def resume(self) -> None:
        """See `Session.resume`."""
        self._choose(panicked=False)
        self._apply_voice()

    # Recording and files

    def start_recording(self, path: Path | None = None) -> None:
        """See `Session.start_recording`."""
        self._do(lambda: self._begin_recording(path))

    def stop_recording(self) -> None:
        """See `Session.stop_recording`."""
        recording, self._recording = self._recording, None
        if recording is not None:
            self._commands.submit(self._finish_recording, recording[1])

    def play_file(self, audio: Path) -> int:
        """See `Session.play_file`."""

        def task(control: JobControl) -> str:
            pipeline = self._pipeline
            if pipeline is None:
                raise RealTalkError("Switch the preview on, then play the file again.")
            self._playing_file = True
            self._apply_voice()
            try:
                return play_file(pipeline, audio, self._chosen.output, control)
            finally:
                self._playing_file = False
                self._apply_voice()

        return self._jobs.add(JobKind.PLAY, audio.name, task)

    def render_file(self, audio: Path, video: Path) -> int:
        """See `Session.render_file`."""
        avatar, preset = self._avatar, self._preset

        def task(control: JobControl) -> Path:
            if avatar is None:
                raise RealTalkError("Choose an avatar, then render the file again.")
            return render_file(self._parts, avatar, preset, audio, video, control)

        return self._jobs.add(JobKind.RENDER, video.name, task)

    def calibrate(self) -> int:
        """See `Session.calibrate`."""

        return self._jobs.add(JobKind.CALIBRATE, Message("Sound and picture"), self._measure)

    def _measure(self, control: JobControl) -> str:
        chosen, pipeline, system = self._chosen, self._pipeline, self._system
        if chosen.camera is not None and not can_read_back(chosen.camera):
            raise DeviceError(
                "This camera cannot be read back, so its delay cannot be measured. Sound and "
                "picture leave this program in step; if the call shows them apart, move the sound "
                "by hand in the settings."
            )
        if (
            chosen.mode is not Mode.LIVE or pipeline is None or system is None
            or chosen.camera is None or not self._camera.alive
            or _VIRTUAL_MICROPHONE not in pipeline.players
        ):  # fmt: skip
            raise DeviceError(
                "Go live with an avatar, a camera and a virtual microphone, then measure again."
            )
        calibration = Calibration(
            pipeline, system, _VIRTUAL_MICROPHONE, (chosen.camera, self._camera),
            self._preset.camera.size, self._preset.camera.rate_hz, self._show_marks,
        )  # fmt: skip
        try:
            return calibration.run(control.progress)
        finally:
            self._choose(sound_shift_ms=1000 * pipeline.sound_shift_s)

    def _show_marks(self, marks: FrameTarget | None) -> None:
        self._marks = marks

    def cancel_job(self, job_id: int) -> None:
        """See `Session.cancel_job`."""
        self._jobs.cancel(job_id)

    def clear_jobs(self) -> None:
        """See `Session.clear_jobs`."""
        self._jobs.clear()

    # Looking

    def state(self) -> SessionState:
        """See `Session.state`."""
        self._collect_notices()
        chosen = replace(
            self._chosen,
            camera_alive=self._camera.alive,
            frames_sent=self._camera.sent,
            recording=_describe(self._recording),
            jobs=self._jobs.snapshot(),
            notices=self._notices.snapshot(),
        )
        pipeline = self._pipeline
        return chosen if pipeline is None else self._with_pipeline(chosen, pipeline)

    def latest_frame(self) -> VideoFrame | None:
        """See `Session.latest_frame`."""
        pipeline = self._pipeline
        picture = pipeline.output.newest.peek() if pipeline else None
        return picture.video if picture else None

    def _with_pipeline(self, state: SessionState, pipeline: LivePipeline) -> SessionState:
        fps, content_fps = pipeline.output.rates()
        latency = pipeline.output.latency()
        player = pipeline.players.get(_VIRTUAL_MICROPHONE)
        microphone, renderer = pipeline.microphone, pipeline.renderer.renderer
        drawing = renderer.drawn if isinstance(renderer, Enlarged) else renderer
        playing = player is not None and player.alive
        return replace(
            state,
            stages={**pipeline.stages, self._camera.name: self._camera.state},
            microphone_alive=microphone is not None and microphone.alive,
            virtual_microphone_alive=playing,
            level=pipeline.voice.level(),
            fps=fps,
            content_fps=content_fps,
            latency=replace(latency, output_ms=latency.output_ms + 1000 * self._camera.send_s),
            delay_ms=1000 * pipeline.voice_delay_s() if playing else None,
            sync_offset_ms=pipeline.sync_offset_ms(_VIRTUAL_MICROPHONE),
            dropped_frames=pipeline.dropped,
            overflows=microphone.overflows if microphone else 0,
            engine=self._parts.engine(drawing) if drawing else "",
        )

    # Carrying out

    def _choose(self, **changes: object) -> None:
        with self._lock:
            self._chosen = replace(self._chosen, **changes)  # type: ignore[arg-type]

    def _do(self, command: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                command()
            except RealTalkError as error:
                self._notices.tell(Severity.ERROR, "session", error.message)
            except Exception as error:
                logger.exception("a command failed")
                self._notices.tell(
                    Severity.ERROR, "session", Message("A command failed: {reason}", reason=error)
                )

        if not self._closed:
            self._commands.submit(guarded)

    def _apply_mode(self) -> None:
        if self._chosen.mode is Mode.OFF:
            pipeline, self._pipeline = self._pipeline, None
            if pipeline is not None:
                pipeline.stop(_STOP_S)
        elif self._pipeline is None:
            self._pipeline = LivePipeline(
                self._system, self._make_speech, self._motion, self._targets, self._stage_failed
            )
            self._pipeline.sound_shift_s = self._chosen.sound_shift_ms / 1000
            self._pipeline.renderer.drawn = self._note_drawn
            self._pipeline.start()
            self._apply_voice()
            self._rebuild_renderer()
        self._apply_microphone()
        self._apply_camera()
        self._apply_virtual_microphone()

    def _apply_microphone(self) -> None:
        pipeline = self._pipeline
        if pipeline is not None and pipeline.microphone is not None:
            pipeline.microphone.set_device(self._chosen.microphone)

    def _apply_camera(self) -> None:
        # Once opened the camera is held: call programs lose a camera that goes away.
        if self._chosen.mode is Mode.LIVE or self._chosen.camera is None:
            self._camera.set_camera(self._chosen.camera)

    def _apply_virtual_microphone(self) -> None:
        pipeline = self._pipeline
        if pipeline is None:
            return
        wanted = self._chosen.virtual_microphone if self._chosen.mode is Mode.LIVE else None
        running = pipeline.players.get(_VIRTUAL_MICROPHONE)
        if running is not None and wanted != running.device_id:
            pipeline.stop_playing(_VIRTUAL_MICROPHONE)
            running = None
        if wanted is not None and running is None:
            pipeline.play_to(_VIRTUAL_MICROPHONE, wanted)

    def _apply_voice(self) -> None:
        chosen, pipeline = self._chosen, self._pipeline
        if pipeline is None:
            return
        held_back = chosen.push_to_talk and not chosen.talking
        quiet = chosen.muted or held_back
        if self._playing_file:
            quiet = False
            gate = GateSettings()
        else:
            gate = self._gate
        pipeline.voice.settings = replace(gate, open=not (quiet or chosen.panicked))
        pipeline.expression.resting = quiet
        pipeline.expression.frozen = chosen.panicked

    def _make_speech(self) -> SpeechStage:
        return self._parts.speech(self._preset, self._avatar)

    def _tune_speech(self, speech: SpeechStage) -> None:
        self._parts.tune_speech(speech, self._preset, self._avatar)

    def _make_sink(self, camera_id: str) -> "CameraSink":
        return self._parts.camera(camera_id, self._preset)

    def _targets(self) -> tuple[FrameTarget, ...]:
        recording = self._recording
        live = self._chosen.mode is Mode.LIVE
        camera = (self._marks or self._camera,) if live else ()
        return (*camera, recording[1]) if recording else camera

    def _rebuild_renderer(self) -> None:
        self._renderer_number += 1
        number = self._renderer_number
        avatar, preset = self._avatar, self._preset

        def build() -> None:
            if number != self._renderer_number:
                return
            try:
                renderer = self._warm_renderer(avatar, preset) if avatar else None
            except Exception as error:
                logger.exception("the avatar cannot be drawn")
                self._drawing.begin()  # the old renderer goes on
                self._notices.tell(
                    Severity.ERROR,
                    "avatar",
                    Message("The avatar cannot be drawn: {reason}", reason=error),
                )
                return
            pipeline = self._pipeline
            if pipeline is not None and number == self._renderer_number:
                pipeline.renderer.renderer = renderer
                self._drawing.begin()
                self._notices.over("avatar")

        if not self._closed:
            self._builder.submit(build)

    def _warm_renderer(self, avatar: Avatar, preset: Preset) -> Renderer:
        """A renderer that has drawn once: the first frame of some takes seconds."""
        size, drawing = preset.camera.size, self._drawing
        drawn_size = scaled_size(size, drawing.scale)
        preset = preset.changed("rendering.neural", drawing.neural)
        renderer = self._parts.renderer(avatar, preset, drawn_size, self._note_engine())
        if drawn_size != size:
            renderer = Enlarged(renderer, size)
        renderer.render(ExpressionFrame.at_rest())
        return renderer

    def _note_engine(self) -> Callable[[str], None]:
        """What tells of all engines that do not work for one renderer, in one notice."""
        told = ""

        def note(problem: str) -> None:
            nonlocal told
            logger.warning("%s", problem)
            told = Message("{said} {more}", said=told, more=problem) if told else problem
            self._notices.tell(Severity.WARNING, "engine", told)

        return note

    def _note_drawn(self, draw_s: float) -> None:
        if self._drawing.observe(draw_s):
            logger.info("the face is drawn like this now: %s", self._drawing.level)
            self._rebuild_renderer()

    def _begin_recording(self, path: Path | None) -> None:
        pipeline = self._pipeline
        if self._recording is not None:
            return
        if pipeline is None or self._avatar is None:
            raise RealTalkError("Switch the preview on with an avatar, then record.")
        path = path or folders.new_recording(self._preset)
        path.parent.mkdir(parents=True, exist_ok=True)
        file = self._parts.recording(path, self._avatar, self._preset)
        self._recording = path, RecordingTarget(file, pipeline.voice.ring)

    def _finish_recording(self, recording: RecordingTarget) -> None:
        try:
            recording.file.stop()
        except RealTalkError as error:
            self._notices.tell(Severity.ERROR, "recording", error.message)

    def _end_failed_recording(self) -> None:
        recording = self._recording
        if recording is not None and recording[1].file.problem:
            self._recording = None
            self._notices.tell(Severity.ERROR, "recording", recording[1].file.problem)

    def _stage_failed(self, stage: Stage) -> None:
        text = Message(
            "The {stage} stopped: {reason}. Switch off and on again.",
            stage=Message(stage.name), reason=stage.error,
        )  # fmt: skip
        self._notices.tell(Severity.ERROR, stage.name, text)

    def _collect_notices(self) -> None:
        self._end_failed_recording()
        pipeline = self._pipeline
        self._notices.show(Severity.ERROR, "camera", self._camera.problem)
        microphone = pipeline.microphone if pipeline else None
        self._notices.show(Severity.ERROR, "microphone", microphone.problem if microphone else "")
        player = pipeline.players.get(_VIRTUAL_MICROPHONE) if pipeline else None
        self._notices.show(Severity.ERROR, _VIRTUAL_MICROPHONE, player.problem if player else "")
        problem = pipeline.renderer.problem if pipeline else ""
        self._notices.show(Severity.WARNING, "renderer", problem or self._say_drawing())

    def _say_drawing(self) -> str:
        size, scale = self._preset.camera.size, self._drawing.scale
        if self._pipeline is None:
            return ""
        if scale == 1.0:
            return self._say_neural()
        width, height = scaled_size(size, scale)
        return Message(
            "This computer is busy: the face is drawn at {drawn} instead of {size} and enlarged. "
            "Close other programs or choose a smaller camera mode.",
            size=f"{size[0]} × {size[1]}",
            drawn=f"{width} × {height}",
        )

    def _say_neural(self) -> str:
        if self._drawing.neural == self._preset.rendering.neural:
            return ""
        if self._drawing.neural != "off":
            return Message(
                "This computer is busy: the light neural renderer stands in for the large one. "
                "Close other programs, or choose it under Picture."
            )
        return Message(
            "This computer is too slow for the neural renderer now: the mouth is drawn without it. "
            "Close other programs, or switch it off under Picture."
        )

    def _open_sound(self) -> SoundSystem | None:
        try:
            return SoundSystem()
        except DeviceError as error:
            self._notices.tell(Severity.ERROR, "sound", error.message)
            return None


def _describe(recording: tuple[Path, RecordingTarget] | None) -> Recording | None:
    if recording is None:
        return None
    path, target = recording
    return Recording(path, target.file.duration_s, target.file.size_bytes)


def _join(stage: Stage, timeout_s: float) -> None:
    try:
        stage.join(max(timeout_s, 0.05))
    except RealTalkError as error:
        logger.error("%s", error)
