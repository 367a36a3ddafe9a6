"""Fixtures for window tests: one application, and Qt's warnings as failures."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytest.importorskip("PySide6", reason="the window's packages are not installed")

from PySide6.QtCore import QEvent, QtMsgType, qInstallMessageHandler
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.ui.bench import Bench, until

if TYPE_CHECKING:
    from ui.theme import Theme

_OFFSCREEN = "This plugin does not support"
"""What the off-screen platform says about windows raised or keyboards grabbed."""


@pytest.fixture(scope="session")
def application() -> QApplication:
    found = QApplication.instance()
    return found if isinstance(found, QApplication) else QApplication([])


@pytest.fixture(scope="session")
def theme(application: QApplication) -> Iterator["Theme"]:
    """Colours without the style sheet, which costs more than the rest of a window.

    Tests that look at sizes put on the sheet themselves.
    """
    from ui.theme import Theme

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ui.theme.style_sheet", lambda colours: "")
        yield Theme(application, "light")


@pytest.fixture(autouse=True)
def no_warnings(application: QApplication, caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Fail on any message of Qt and on any logged warning; tests that expect one clear them."""
    messages: list[str] = []

    def note(kind: QtMsgType, context: object, message: str) -> None:
        if kind is not QtMsgType.QtDebugMsg and not message.startswith(_OFFSCREEN):
            messages.append(message)

    before = qInstallMessageHandler(note)
    caplog.set_level(logging.WARNING)
    yield messages
    for _ in range(2):
        QTest.qWait(1)
        application.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qInstallMessageHandler(before)
    logged = [record.getMessage() for record in caplog.get_records("call")]
    assert not messages, f"Qt said: {messages}"
    assert not logged, f"logged: {logged}"


@pytest.fixture
def bench(theme: "Theme", tmp_path: Path) -> Iterator[Bench]:
    """A window with a fake session, two avatars, past the first start."""
    made = Bench(theme, tmp_path)
    made.add_avatars()
    made.open()
    assert until(lambda: made.session.avatar is not None)
    made.window.watcher.poll_state()
    yield made
    made.close()


@pytest.fixture
def new_bench(theme: "Theme", tmp_path: Path) -> Iterator[Bench]:
    """Nothing yet: no avatar, first start to come; open it in the test."""
    made = Bench(theme, tmp_path, first_start_done=False)
    yield made
    made.close()
