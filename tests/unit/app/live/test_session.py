"""The live session with readable parts and no sound card: commands in, snapshots out."""

import dataclasses
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app.live.session import LiveSession
from app.parts import SAMPLE_SPEECH
from audio_io.capture import MicrophoneStream
from core.avatar import Style
from core.errors import DeviceError, PortraitError
from core.messages import Message
from core.preset_files import SHIPPED
from core.presets import Preset
from core.session import DeviceKind, JobStatus, Mode, Session, Severity
from core.stage import StageState
from tests.live_fakes import BrightnessRenderer, FakeParts, make_avatar, until

SMALL = SHIPPED[0].changed("camera.mode", "640x360@25")


@pytest.fixture
def parts() -> FakeParts:
    return FakeParts()


@pytest.fixture
def session(parts: FakeParts, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveSession]:
    def no_sound() -> None:
        raise DeviceError("The PortAudio library is missing.")

    monkeypatch.setattr("app.live.session.SoundSystem", no_sound)
    before = set(threading.enumerate())
    made = LiveSession(parts, SMALL)
    yield made
    made.close()
    until(lambda: not set(threading.enumerate()) - before, 2.0)


def _go_live(session: LiveSession) -> None:
    session.set_avatar(make_avatar())
    session.set_camera("fake")
    session.set_mode(Mode.LIVE)
    until(lambda: session.state().content_fps > 5)


class _Tone(threading.Thread):
    """Speaks into the pipeline in place of a microphone."""

    def __init__(self, session: LiveSession) -> None:
        super().__init__(daemon=True)
        assert session._pipeline is not None
        self._pipeline = session._pipeline
        self._stream = MicrophoneStream(48_000)
        self._ended = threading.Event()

    def __enter__(self) -> "_Tone":
        self._pipeline.instead = self._stream
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self.join(2.0)
        self._pipeline.instead = None

    def run(self) -> None:
        block = 0.5 * np.sin(2 * np.pi * 400 * np.arange(960) / 48_000).astype(np.float32)
        while not self._ended.wait(0.02):
            self._stream.ring.write(block)


def _brightness(session: LiveSession) -> int:
    frame = session.latest_frame()
    return -1 if frame is None else int(frame.rgb[0, 0, 0])


def test_is_what_the_window_expects(session: LiveSession) -> None:
    as_protocol: Session = session
    assert as_protocol.state().mode is Mode.OFF
    assert as_protocol.latest_frame() is None


def test_without_sound_it_says_so_and_the_face_lives_on(
    session: LiveSession, parts: FakeParts
) -> None:
    _go_live(session)
    state = session.state()
    assert state.stages["output"] is StageState.RUNNING
    assert any("PortAudio" in notice.text for notice in state.notices)
    until(lambda: len(parts.camera_log.rows) > 20)
    gaps = np.diff(parts.camera_log.array()[10:, 0])
    assert np.median(gaps) == pytest.approx(0.04, abs=0.01)
    assert session.state().camera_alive
    assert session.state().engine == "fake"


def test_speech_opens_the_mouth_and_mute_closes_it(session: LiveSession) -> None:
    _go_live(session)
    with _Tone(session):
        until(lambda: _brightness(session) > 200)
        assert session.state().level.gate_open
        session.set_muted(True)
        begun_s = time.monotonic()
        until(lambda: _brightness(session) == 0)
        assert time.monotonic() - begun_s < 0.4
        session.set_muted(False)
        until(lambda: _brightness(session) > 200)


def test_push_to_talk_passes_speech_only_while_held(session: LiveSession) -> None:
    _go_live(session)
    session.set_push_to_talk(True)
    with _Tone(session):
        time.sleep(0.5)
        assert _brightness(session) == 0
        session.set_talking(True)
        until(lambda: _brightness(session) > 200)
        session.set_talking(False)
        until(lambda: _brightness(session) == 0, 1.0)


def test_panic_rests_the_face_until_resumed(session: LiveSession) -> None:
    _go_live(session)
    with _Tone(session):
        until(lambda: _brightness(session) > 200)
        session.panic()
        until(lambda: _brightness(session) == 0, 1.0)
        assert session.state().panicked
        assert not session.state().muted
        session.resume()
        until(lambda: _brightness(session) > 200)


def test_a_camera_that_fails_is_told_and_tried_again(
    session: LiveSession, parts: FakeParts
) -> None:
    parts.camera_log.broken = True
    _go_live(session)
    until(lambda: any(n.source == "camera" for n in session.state().notices))
    assert not session.state().camera_alive
    parts.camera_log.broken = False
    until(lambda: session.state().camera_alive)
    assert not any(n.source == "camera" for n in session.state().notices)
    parts.camera_log.broken = True
    until(lambda: not session.state().camera_alive)


def test_the_camera_is_held_when_going_back_to_preview(
    session: LiveSession, parts: FakeParts
) -> None:
    _go_live(session)
    until(lambda: session.state().camera_alive)
    session.set_mode(Mode.PREVIEW)
    until(lambda: session.state().mode is Mode.PREVIEW)
    sent = len(parts.camera_log.rows)
    time.sleep(0.3)
    assert parts.camera_log.opened.is_set()
    assert len(parts.camera_log.rows) <= sent + 1
    session.set_camera(None)
    until(lambda: not parts.camera_log.opened.is_set())


def test_presets_act_on_running_parts(session: LiveSession, parts: FakeParts) -> None:
    _go_live(session)
    calm = SMALL.changed("motion.expressiveness", 0.0)
    session.apply_preset(calm)
    with _Tone(session):
        time.sleep(0.5)
        assert _brightness(session) == 0
        session.apply_preset(SMALL)
        until(lambda: _brightness(session) > 200)
    assert len(parts.speech_stages) == 1
    session.apply_preset(SMALL.changed("speech.lookahead_ms", 40))
    until(lambda: len(parts.speech_stages) == 2)
    renderers = parts.renderers
    session.apply_preset(SMALL.changed("framing.face_height", 0.7))
    until(lambda: parts.renderers == renderers + 1)


def test_a_busy_machine_draws_smaller_and_says_so(
    session: LiveSession, parts: FakeParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(
        _avatar: object, _preset: object, size: tuple[int, int], _note: object
    ) -> BrightnessRenderer:
        return BrightnessRenderer(size, 0.06 * (size[0] / 640) ** 4)

    monkeypatch.setattr(parts, "renderer", slow)
    _go_live(session)
    assert session.state().content_fps < 20
    until(lambda: any("480 × 270" in notice.text for notice in session.state().notices), 15.0)
    until(lambda: session.state().content_fps > 22, 10.0)
    frame = session.latest_frame()
    assert frame is not None
    assert frame.rgb.shape == (360, 640, 3)
    session.apply_preset(SMALL.changed("camera.mode", "640x480@25"))
    assert not any("enlarged" in notice.text for notice in session.state().notices)


@pytest.mark.parametrize(("wanted", "words"), [("compact", "stands in"), ("pocket", "too slow")])
def test_a_slow_machine_takes_a_lighter_network_or_none_and_says_so(
    session: LiveSession,
    parts: FakeParts,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str,
    words: str,
) -> None:
    def renderer(
        _avatar: object, preset: Preset, size: tuple[int, int], _note: object
    ) -> BrightnessRenderer:
        return BrightnessRenderer(size, 0.06 if preset.rendering.neural == wanted else 0.001)

    monkeypatch.setattr(parts, "renderer", renderer)
    session.apply_preset(SMALL.changed("rendering.neural", wanted))
    _go_live(session)
    until(lambda: any(words in notice.text for notice in session.state().notices), 15.0)
    until(lambda: session.state().content_fps > 22, 10.0)
    assert not any("enlarged" in notice.text for notice in session.state().notices)
    session.apply_preset(SMALL)
    assert not any(words in notice.text for notice in session.state().notices)


def test_engines_that_do_not_work_are_told_in_one_notice(
    session: LiveSession, parts: FakeParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def renderer(
        _avatar: object, _preset: object, size: tuple[int, int], note: Callable[[str], None]
    ) -> BrightnessRenderer:
        note(Message("{engine} is missing.", engine="TensorRT"))
        note("CUDA is missing.")
        return BrightnessRenderer(size)

    monkeypatch.setattr(parts, "renderer", renderer)
    _go_live(session)
    (told,) = [notice for notice in session.state().notices if notice.source == "engine"]
    assert (told.severity, told.text) == (Severity.WARNING, "TensorRT is missing. CUDA is missing.")
    assert isinstance(told.text, Message)
    first = told.text.values["said"]
    assert isinstance(first, Message)  # It can be translated.


def test_another_person_speaks_in_another_way(session: LiveSession) -> None:
    _go_live(session)
    with _Tone(session):
        until(lambda: _brightness(session) > 200)
        session.set_avatar(dataclasses.replace(make_avatar(), style=Style("still", 0.0)))
        until(lambda: _brightness(session) == 0)


def test_an_avatar_that_cannot_be_drawn_is_told(session: LiveSession) -> None:
    _go_live(session)
    session.set_avatar(make_avatar("broken"))
    until(lambda: any(n.source == "avatar" for n in session.state().notices))
    assert session.state().content_fps > 0
    session.set_avatar(make_avatar("good"))
    until(lambda: not any(n.source == "avatar" for n in session.state().notices))
    assert session.state().avatar_name == "good"


def test_enrolment_resolves_or_raises(session: LiveSession, tmp_path: Path) -> None:
    picture = tmp_path / "me.png"
    picture.write_bytes(b"")
    avatar = session.enrol(picture).result(5.0)
    assert avatar.name == "me"
    assert session.refit(avatar, {"chin": (1.0, 2.0)}).result(5.0).name == "refitted"
    assert session.fit_preview(avatar).result(5.0).shape == (8, 8, 3)
    with pytest.raises(PortraitError):
        session.enrol(tmp_path / "none.png").result(5.0)


def test_recording_takes_pictures_and_the_voice_in_step(
    session: LiveSession, parts: FakeParts, tmp_path: Path
) -> None:
    _go_live(session)
    session.start_recording(tmp_path / "a.mp4")
    until(lambda: session.state().recording is not None)
    until(lambda: len(parts.recording_log.indices) >= 10)
    assert session.state().recording.duration_s > 0  # type: ignore[union-attr]
    session.stop_recording()
    until(lambda: parts.recording_log.closed)
    assert session.state().recording is None
    indices = parts.recording_log.indices
    assert indices == sorted(set(indices))
    sound = parts.recording_log.sound
    assert sound[0].start_index == indices[0] * 1920
    for before, after in itertools.pairwise(sound):
        assert after.start_index == before.start_index + before.samples.size
    assert sound[-1].start_index + sound[-1].samples.size == (indices[-1] + 1) * 1920


def test_a_full_disk_ends_the_recording_with_a_message(
    session: LiveSession, parts: FakeParts, tmp_path: Path
) -> None:
    _go_live(session)
    session.start_recording(tmp_path / "a.mp4")
    until(lambda: len(parts.recording_log.indices) >= 3)
    parts.recording_log.problem = "The disk is full."
    until(lambda: session.state().recording is None)
    assert any("disk is full" in n.text for n in session.state().notices)
    assert session.state().content_fps > 0


def test_a_failing_stage_is_told(session: LiveSession, parts: FakeParts) -> None:
    _go_live(session)

    def fail(samples: object) -> list[object]:
        raise RuntimeError("no expression")

    parts.speech_stages[0].push = fail  # type: ignore[method-assign,assignment]
    until(lambda: session.state().stages["expression"] is StageState.FAILED)
    errors = [n for n in session.state().notices if n.severity is Severity.ERROR]
    assert any("no expression" in n.text for n in errors)
    session.set_mode(Mode.OFF)
    until(lambda: session._pipeline is None)
    session.set_mode(Mode.LIVE)
    until(lambda: session.state().content_fps > 5)


def test_the_face_goes_on_after_the_machine_slept(session: LiveSession) -> None:
    _go_live(session)
    pipeline = session._pipeline
    assert pipeline is not None
    before = session.latest_frame()
    assert before is not None
    pipeline.voice.clock._time_s -= 3600.0  # now is an hour later
    until(lambda: (session.latest_frame() or before).index > before.index + 3500 * 25)
    until(lambda: session.state().content_fps > 5)
    assert session.state().stages["expression"] is StageState.RUNNING
    assert session.state().latency.total_p50_ms < 1000


def test_jobs_without_what_they_need_fail_with_words(session: LiveSession, tmp_path: Path) -> None:
    play = session.play_file(tmp_path / "a.wav")
    render = session.render_file(tmp_path / "a.wav", tmp_path / "a.mp4")
    calibrate = session.calibrate()
    until(lambda: all(job.status is JobStatus.FAILED for job in session.state().jobs))
    assert [job.id for job in session.state().jobs] == [play, render, calibrate]
    assert all(job.message for job in session.state().jobs)
    session.clear_jobs()
    assert session.state().jobs == ()


def test_a_file_speaks_through_the_running_avatar(session: LiveSession) -> None:
    _go_live(session)
    session.set_muted(True)
    job = session.play_file(SAMPLE_SPEECH)
    until(lambda: _brightness(session) > 100)
    until(lambda: 0.2 < session.state().jobs[0].progress < 1)
    session.cancel_job(job)
    until(lambda: session.state().jobs[0].status is JobStatus.CANCELLED)
    until(lambda: _brightness(session) == 0, 2.0)
    assert session.state().muted


def test_a_file_is_rendered_while_live(session: LiveSession, tmp_path: Path) -> None:
    _go_live(session)
    video = tmp_path / "out.mp4"
    session.render_file(SAMPLE_SPEECH, video)
    until(lambda: session.state().jobs[0].status is JobStatus.DONE, 60.0)
    assert session.state().jobs[0].output == video
    assert video.stat().st_size > 1000
    cancelled = tmp_path / "cancelled.mp4"
    job = session.render_file(SAMPLE_SPEECH, cancelled)
    until(lambda: session.state().jobs[1].progress > 0)
    session.cancel_job(job)
    until(lambda: session.state().jobs[1].status is JobStatus.CANCELLED)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_devices_are_listed(session: LiveSession) -> None:
    assert session.devices(DeviceKind.CAMERA)[0].id == "fake"
    assert session.devices(DeviceKind.MICROPHONE) == ()


def test_closes_quickly_while_live_and_twice(session: LiveSession, parts: FakeParts) -> None:
    _go_live(session)
    begun_s = time.monotonic()
    session.close()
    session.close()
    assert time.monotonic() - begun_s < 2.0
    assert not parts.camera_log.opened.is_set()
    session.set_mode(Mode.LIVE)
    assert dataclasses.is_dataclass(session.state())
