"""The window with a real live session: enrol the sample, draw it, change the language, end."""

import faulthandler
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app import gui
from core.session import Mode
from tests.ui.bench import until
from tests.ui.fake_session import FakeSession

LONG_S = 200.0
"""Enrolment and the first frame compile once per machine."""


@pytest.fixture
def composition(application: QApplication, tmp_path: Path) -> Iterator[gui.Composition]:
    made = gui.Composition(
        application, FakeSession(), tmp_path / "w.json", tmp_path / "avatars", tmp_path / "presets"
    )
    application.setStyleSheet("")
    yield made
    made.close()


def test_a_new_language_makes_the_window_anew(composition: gui.Composition) -> None:
    composition.open()
    first = composition.window
    assert first is not None
    composition.settings.set("language", "de")
    assert until(lambda: composition.window not in (None, first))
    assert composition.window is not None
    assert composition.window.live.controls.mute.text() == "Stumm"
    assert composition.window.isVisible()


def test_closing_the_window_ends_the_run(composition: gui.Composition) -> None:
    def close() -> None:
        assert composition.window is not None
        composition.window.close()

    QTimer.singleShot(100, close)
    begun_s = time.monotonic()
    composition.run()
    assert composition.window is None
    assert time.monotonic() - begun_s < 5


def test_a_session_that_hangs_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()

    class Stuck(FakeSession):
        def close(self) -> None:
            release.wait(20)

    begun_s = time.monotonic()
    assert not gui.close_in_time(Stuck(), 0.3)
    assert time.monotonic() - begun_s < 1.5
    assert "did not close" in caplog.text
    caplog.clear()
    release.set()


def test_log_and_crash_log_are_written(tmp_path: Path) -> None:
    handlers = logging.getLogger().handlers[:]
    crash_log = gui.start_logging(tmp_path / "logs" / "realtalk.log")
    assert crash_log is not None
    assert (tmp_path / "logs" / "realtalk.crash").exists()
    faulthandler.enable()
    crash_log.close()
    for handler in set(logging.getLogger().handlers) - set(handlers):
        logging.getLogger().removeHandler(handler)
        handler.close()


def test_the_sample_portrait_from_first_start_to_the_picture_and_the_end(
    application: QApplication, tmp_path: Path
) -> None:
    pytest.importorskip("sounddevice", exc_type=(ImportError, OSError), reason="needs PortAudio")
    from app.live.parts import ShippedParts
    from app.live.session import LiveSession
    from app.parts import SAMPLE_PORTRAIT

    session = LiveSession(ShippedParts())
    composition = gui.Composition(
        application, session, tmp_path / "w.json", tmp_path / "avatars", tmp_path / "presets"
    )
    application.setStyleSheet("")
    composition.open()
    window = composition.window
    assert window is not None and window.first_start is not None
    page = window.first_start
    page.enrol_picture(SAMPLE_PORTRAIT)
    assert until(lambda: page.enrol.avatar is not None, LONG_S), page.enrol.banners.messages
    page.enrol.consent.setChecked(True)
    page.enrol.keep.click()
    assert until(lambda: page.step == "microphone", LONG_S)
    assert until(lambda: session.latest_frame() is not None, LONG_S)
    assert session.state().mode is Mode.PREVIEW
    page.finished.emit()
    assert until(lambda: window.live.preview.shown_index is not None, LONG_S)
    begun_s = time.monotonic()
    window.close()
    composition.close()
    assert gui.close_in_time(session)
    assert time.monotonic() - begun_s < 2.0
    QTest.qWait(1)
