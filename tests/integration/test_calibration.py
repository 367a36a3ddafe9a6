"""Sound against picture, measured through a real PipeWire camera and virtual microphone."""

import time

import numpy as np
import pytest

from core.presets import Preset
from core.session import JobStatus
from render.sinks import CameraSink
from render.sinks.pipewire import PipeWireCamera
from tests.integration.audio_server import require_audio_programs
from tests.integration.live_rig import LiveRig, pair
from tests.integration.pipewire_server import PipeWireSound
from tests.live_fakes import FakeParts, until

WRONG_MS = 60.0
OVER = (JobStatus.DONE, JobStatus.FAILED)


@pytest.fixture(autouse=True)
def _programs() -> None:
    require_audio_programs()


def test_sound_moved_by_hand_is_measured_and_put_right(monkeypatch: pytest.MonkeyPatch) -> None:
    def camera(parts: FakeParts, camera_id: str, preset: Preset) -> CameraSink:
        return PipeWireCamera(preset.camera.size, preset.camera.rate_hz)

    monkeypatch.setattr(FakeParts, "camera", camera)
    with LiveRig(monkeypatch, server=PipeWireSound(), camera="pipewire") as rig:
        session = rig.session
        until(lambda: session.state().camera_alive)
        session.set_sound_shift_ms(WRONG_MS)
        time.sleep(3.0)
        session.calibrate()
        until(lambda: session.state().jobs[-1].status in OVER, 60.0)
        (job,) = session.state().jobs
        print(job.message)
        assert job.status is JobStatus.DONE
        assert abs(session.state().sound_shift_ms) < 20
        assert f"shifted by {session.state().sound_shift_ms:+.0f} ms" in job.message
        # The voice is the microphone's again.
        spoken = len(rig.spoken_s())
        until(lambda: len(rig.spoken_s()) > spoken + 2)
        assert (rig.heard_s() > rig.spoken_s()[spoken]).any()


def test_the_voice_is_with_the_picture_from_the_first_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with LiveRig(monkeypatch, server=PipeWireSound()) as rig:
        begun_s = time.monotonic()
        time.sleep(9.0)
        rows = pair(rig.heard_s(), rig.seen_s())
    late_ms = 1000 * rows[rows[:, 0] > begun_s + 2, 1]
    print(np.round(late_ms, 1))
    assert len(late_ms) >= 8
    assert 0 <= late_ms.mean() <= 25
    assert (np.abs(late_ms - 15) < 30).mean() > 0.85
