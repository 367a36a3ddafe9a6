"""The sound server's devices, without a sound server."""

import subprocess
import threading

import pytest

from audio_io import devices
from core.session import DeviceKind


def test_the_server_can_be_asked_while_a_stream_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening names the device in environment variables that a question copies."""
    done = subprocess.CompletedProcess([], 0, stdout="fine\n")
    monkeypatch.setattr(devices.subprocess, "run", lambda *_args, **_more: done)
    ended = threading.Event()

    def open_and_close() -> None:
        while not ended.is_set():
            with devices._pulse_environment("somewhere", DeviceKind.MICROPHONE):
                pass

    thread = threading.Thread(target=open_and_close)
    thread.start()
    try:
        assert all(devices.run_pactl("info") == "fine" for _ in range(20_000))
    finally:
        ended.set()
        thread.join()
