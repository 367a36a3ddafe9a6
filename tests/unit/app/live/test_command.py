"""`realtalk live`: runs, writes figures, and freezes on a signal."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from app import cli
from app.live.session import LiveSession
from core.errors import DeviceError
from tests.live_fakes import FakeParts, make_avatar

TO_SEND = getattr(signal, "SIGUSR1", None)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> FakeParts:
    def no_sound() -> None:
        raise DeviceError("The PortAudio library is missing.")

    made = FakeParts()
    monkeypatch.setattr("app.live.session.SoundSystem", no_sound)
    monkeypatch.setattr("app.live.parts.ShippedParts", lambda: made)
    monkeypatch.setattr("app.avatars.open_avatar", lambda portrait, note: make_avatar())
    return made


def test_figures_of_a_run_are_written(parts: FakeParts, tmp_path: Path) -> None:
    stats = tmp_path / "stats.json"
    assert cli.main(["live", "--seconds", "2", "--quiet", "--stats", str(stats)]) == 0
    figures = json.loads(stats.read_text(encoding="utf-8"))
    assert figures["camera_alive"] is True
    assert figures["frames_sent"] > 20
    assert figures["microphone_alive"] is False
    assert len(parts.camera_log.rows) >= figures["frames_sent"]


@pytest.mark.skipif(TO_SEND is None, reason="this system has no SIGUSR1")
def test_a_signal_freezes_and_the_next_one_resumes(
    parts: FakeParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert TO_SEND is not None
    done: list[str] = []
    for name in ("panic", "resume"):
        original = getattr(LiveSession, name)

        def noted(session: LiveSession, name: str = name, original=original) -> None:  # type: ignore[no-untyped-def]
            done.append(name)
            original(session)

        monkeypatch.setattr(LiveSession, name, noted)

    def send() -> None:
        for _ in range(2):
            time.sleep(0.7)
            os.kill(os.getpid(), TO_SEND)

    before = signal.getsignal(TO_SEND)
    sender = threading.Thread(target=send)
    sender.start()
    assert cli.main(["live", "--seconds", "2", "--quiet"]) == 0
    sender.join()
    assert done == ["panic", "resume"]
    assert signal.getsignal(TO_SEND) == before
