"""Sound against picture, measured through a real PipeWire camera and virtual microphone."""

import time

import numpy as np
import pytest

from core.presets import Preset
from core.session import JobStatus
from render.sinks import CameraSink
from render.sinks.pipewire import PipeWireCamera
from tests.integration.audio_server import require_audio_programs
from tests.integration.live_rig import LiveRig
from tests.integration.pipewire_server import PipeWireSound
from tests.live_fakes import FakeParts, until

SHIFT_MS = 35.0


@pytest.fixture(autouse=True)
def _programs() -> None:
    require_audio_programs()


def test_a_shift_is_measured_and_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    def camera(parts: FakeParts, camera_id: str, preset: Preset) -> CameraSink:
        return PipeWireCamera(preset.camera.size, preset.camera.rate_hz)

    monkeypatch.setattr(FakeParts, "camera", camera)
    with LiveRig(monkeypatch, server=PipeWireSound(), camera="pipewire") as rig:
        session = rig.session
        until(lambda: session.state().camera_alive, 5.0)
        time.sleep(6.0)
        print(session.state())
        session.set_sound_shift_ms(SHIFT_MS)
        for _ in range(3):
            session.calibrate()
            until(lambda: session.state().jobs[-1].status in (JobStatus.DONE, JobStatus.FAILED), 60.0)
            print(session.state().jobs[-1].message, session.state().sound_shift_ms)
        assert abs(session.state().sound_shift_ms) < 15
