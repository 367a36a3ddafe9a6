"""Pictures of the window as it runs, to be looked at: three sizes, light and dark.

`xvfb-run -a -s '-screen 0 1920x1080x24' python -m tests.benchmark.window_pictures FOLDER`

Everything is real: a private sound server whose microphone speaks, the sample portrait enrolled by
the first start's own buttons, the face live.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from app.gui import Composition, close_in_time, name_application
from app.live.parts import ShippedParts
from app.live.session import LiveSession
from app.parts import SAMPLE_PORTRAIT, SAMPLE_SPEECH
from audio_io.virtual_mic import OWN_ID
from tests.benchmark.live_endurance import speak
from tests.integration.audio_server import MICROPHONE, AudioServer
from ui.live.live_page import PANELS
from ui.main_window import MainWindow

SIZES = ((960, 600), (1280, 800), (1920, 1080))
_ENROL_S, _LIVE_S, _SETTLE_MS = 60.0, 30.0, 700


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--language", default="en")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    application = QApplication([])
    name_application(application)
    with AudioServer() as server, tempfile.TemporaryDirectory() as home:
        ended = threading.Event()
        speaker = threading.Thread(target=speak, args=(server, SAMPLE_SPEECH, ended))
        speaker.start()
        session = LiveSession(ShippedParts())
        composition = _compose(application, session, Path(home), arguments.language)
        try:
            assert composition.window is not None
            _take(composition.window, session, arguments.folder)
        finally:
            composition.close()
            close_in_time(session)
            ended.set()
            speaker.join(5.0)


def _compose(
    application: QApplication, session: LiveSession, home: Path, language: str
) -> Composition:
    composition = Composition(
        application, session, home / "window.json", home / "avatars", home / "presets"
    )
    composition.settings.set("language", language)
    composition.settings.set("microphone", f"pulse:{MICROPHONE}")
    composition.settings.set("camera", "memory")
    composition.settings.set("virtual_microphone", OWN_ID)
    composition.open()
    return composition


def _take(window: MainWindow, session: LiveSession, folder: Path) -> None:
    first = window.first_start
    assert first is not None
    _each(window, folder, "first-start", window)
    first.enrol_picture(SAMPLE_PORTRAIT)
    _wait(lambda: first.enrol.avatar is not None, _ENROL_S)
    _each(window, folder, "first-start-fit", window)
    first.enrol.consent.setChecked(True)
    first.enrol.keep.click()
    _wait(lambda: session.latest_frame() is not None, _LIVE_S)
    for step in ("microphone", "camera"):
        first.go_to(step)
        QTest.qWait(1500)
        _each(window, folder, f"first-start-{step}", window)
    first._skip_all()
    QTest.qWait(1000)
    window.actions_["go_live"].trigger()
    _wait(lambda: session.state().camera_alive, _LIVE_S)
    for panel in PANELS:
        window.actions_[f"panel_{panel}"].trigger()
        QTest.qWait(2000)
        _each(window, folder, f"live-{panel}", window)
    for page in ("avatars", "files"):
        window.show_page(page)
        _each(window, folder, page, window)
    for name, make in (("settings", window.show_settings), ("help", window.show_help)):
        _dialog(window, folder, name, make)


def _dialog(window: MainWindow, folder: Path, name: str, make: Callable[[], QDialog]) -> None:
    dialog = make()
    _each(window, folder, name, dialog, sizes=SIZES[1:2])
    dialog.close()


def _each(
    window: MainWindow,
    folder: Path,
    name: str,
    shown: QWidget,
    sizes: tuple[tuple[int, int], ...] = SIZES,
) -> None:
    """The same in every size, light and dark."""
    for look in ("light", "dark"):
        window._context.settings.set("appearance", look)
        for width, height in sizes:
            window.resize(width, height)
            QTest.qWait(_SETTLE_MS)
            path = folder / f"{name}-{look}-{width}x{height}.png"
            if not shown.grab().save(str(path)):
                raise OSError(f"{path} could not be written")
            print(path.name, flush=True)


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    end_s = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError(f"it did not happen within {seconds:g} s")
        QTest.qWait(20)


if __name__ == "__main__":
    main()
