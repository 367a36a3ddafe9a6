"""The window as a whole: keys, settings, languages, colours, accessibility, layout, the end."""

import json
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QWidget,
)

from core.errors import ConfigError
from core.session import DeviceKind, JobStatus, Mode, Notice, SessionState, Severity
from tests.ui.bench import Bench, click, press, until
from tests.ui.fake_session import make_avatar
from ui.actions import COMMANDS, conflicts
from ui.live.live_page import PANELS
from ui.main_window import MINIMUM_SIZE, PAGES
from ui.settings import SETTINGS, Settings
from ui.theme import Theme, style_sheet
from ui.tray import Tray
from ui.widgets.basics import ElidedLabel

PORTABLE = QKeySequence.SequenceFormat.PortableText


def test_pages_and_panels_by_key(bench: Bench) -> None:
    for number, page in enumerate(PAGES, 1):
        press(bench.window, f"Ctrl+{number}")
        assert bench.window.page == page
    for number, panel in enumerate(PANELS, 1):
        press(bench.window, f"Alt+{number}")
        assert bench.window.page == "live" and bench.window.live.tabs.current == panel


def test_every_command_has_a_key_of_its_own_and_does_something(bench: Bench) -> None:
    assert all(command.keys for command in COMMANDS)
    assert conflicts({command.name: command.keys for command in COMMANDS}) == {}
    for command in COMMANDS:
        action = bench.window.actions_[command.name]
        assert command.held or action.receivers("2triggered(bool)") > 0, command.name


def test_the_help_sheet_shows_every_key(bench: Bench) -> None:
    press(bench.window, "F1")
    sheet = QApplication.activeModalWidget()
    assert sheet is not None
    shown = {item.text() for item in sheet.findChildren(QLabel)}
    for command in COMMANDS:
        assert bench.window.actions_.shown_keys(command.name) in shown
    sheet.close()


def test_every_setting_can_be_changed_in_the_dialog(bench: Bench) -> None:
    dialog = bench.window.show_settings()
    assert set(dialog.editors) == {setting.key for setting in SETTINGS if setting.group}
    dialog.editors["mirror_preview"].click()
    assert bench.settings.get("mirror_preview") is True
    dialog.editors["preview_rate_hz"].setValue(12)
    assert bench.settings.get("preview_rate_hz") == 12
    combo = dialog.editors["appearance"]
    combo.activated.emit(combo.findData("dark"))
    assert bench.context.theme.is_dark
    dialog.reset()
    assert bench.settings.get("preview_rate_hz") == 30
    assert dialog.editors["preview_rate_hz"].value() == 30
    dialog.close()
    stored = json.loads((bench.folder / "window.json").read_text(encoding="utf-8"))
    assert stored["mirror_preview"] is False


def test_keys_can_be_changed_and_a_key_used_twice_is_refused(bench: Bench) -> None:
    dialog = bench.window.show_settings()
    dialog.key_edits["mute"].setKeySequence(QKeySequence("F8"))
    assert dialog.key_problem.kind == "error"
    assert bench.settings.shortcuts() == {}
    dialog.key_edits["mute"].setKeySequence(QKeySequence("Ctrl+Shift+M"))
    assert bench.settings.shortcuts() == {"mute": "Ctrl+Shift+M"}
    dialog.close()
    press(bench.window, "Ctrl+Shift+M")
    assert bench.session.now.muted
    press(bench.window, "Ctrl+M")
    assert bench.session.now.muted


def test_light_and_dark_by_key_and_by_the_system(bench: Bench, application: QApplication) -> None:
    theme = bench.context.theme
    assert not theme.is_dark
    press(bench.window, "Ctrl+Shift+D")
    assert theme.is_dark and bench.settings.get("appearance") == "dark"
    press(bench.window, "Ctrl+Shift+D")
    assert not theme.is_dark
    bench.settings.set("appearance", "system")
    application.styleHints().setColorScheme(Qt.ColorScheme.Dark)
    dark = until(lambda: theme.is_dark, 1)
    application.styleHints().setColorScheme(Qt.ColorScheme.Unknown)
    bench.settings.set("appearance", "light")
    if application.styleHints().colorScheme() is Qt.ColorScheme.Unknown and not dark:
        pytest.skip("this platform has no colour scheme to follow")
    assert dark


def test_settings_file_broken_values_are_named_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "window.json"
    path.write_text('{"gain_db": 99, "language": "de", "future": [1]}', encoding="utf-8")
    settings = Settings(path)
    assert settings.get("gain_db") == 0.0 and settings.get("language") == "de"
    assert any("gain_db" in p for p in settings.problems)
    assert any("future" in p for p in settings.problems)
    settings.set("mirror_preview", True)
    assert json.loads(path.read_text(encoding="utf-8"))["future"] == [1]
    path.write_text("{broken", encoding="utf-8")
    assert "kept" in Settings(path).problems[0]
    assert path.with_suffix(".broken").read_text(encoding="utf-8") == "{broken"
    with pytest.raises(ConfigError):
        settings.set("appearance", "pink")


def test_broken_settings_are_told_at_start(new_bench: Bench) -> None:
    new_bench.settings.problems = ("The setting 'gain_db' is 99.",)
    new_bench.settings.set("first_start_done", True)
    window = new_bench.open()
    assert window.live.banners.messages == ["The setting 'gain_db' is 99."]


def test_the_user_s_choices_reach_the_session_at_start(new_bench: Bench) -> None:
    settings, session = new_bench.settings, new_bench.session
    for key, value in {
        "microphone": "mic-b",
        "camera": "cam-a",
        "virtual_microphone": "vm-a",
        "output": "out-a",
        "gain_db": 3.0,
        "gate_dbfs": -42.0,
        "push_to_talk": True,
    }.items():
        settings.set(key, value)
    new_bench.open()
    assert (session.now.microphone, session.now.camera) == ("mic-b", "cam-a")
    assert (session.now.virtual_microphone, session.now.output) == ("vm-a", "out-a")
    assert session.last("set_gain_db") == (3.0,)
    assert session.last("set_noise_gate_db") == (-42.0,)
    assert session.now.push_to_talk


def test_without_a_choice_the_default_microphone_listens(new_bench: Bench) -> None:
    new_bench.open()
    assert new_bench.session.now.microphone == "mic-a"
    new_bench.session.lists[DeviceKind.MICROPHONE] = ()


@pytest.mark.parametrize("wanted", ["preview_at_start", "live_at_start"])
def test_what_runs_at_start(new_bench: Bench, wanted: str) -> None:
    new_bench.add_avatars()
    new_bench.settings.set("first_start_done", True)
    new_bench.settings.set("preview_at_start", wanted == "live_at_start")
    new_bench.settings.set("live_at_start", wanted == "live_at_start")
    new_bench.open()
    assert until(lambda: new_bench.session.avatar is not None)
    expected = Mode.LIVE if wanted == "live_at_start" else Mode.OFF
    assert new_bench.session.now.mode is expected


def test_the_window_remembers_its_size(bench: Bench, theme: Theme) -> None:
    bench.window.resize(1000, 640)
    bench.window.close()
    again = Bench(theme, bench.folder)
    again.settings.set("window_geometry", bench.settings.get("window_geometry"))
    assert again.open((0, 0)) and again.settings.get("window_geometry")
    again.close()


# ---- accessibility and layout -----------------------------------------------------------------


def fill(bench: Bench) -> None:
    """Bring every part of the window into a state with something in it."""
    bench.window.enrol_picture(Path("/x/me.jpg"))
    bench.session.promise("enrol").set_result(make_avatar(ok=False, reasons=("Look ahead.",)))
    assert until(lambda: bench.window.enrol.avatar is not None)
    bench.window.files.add([Path("/x/a.wav")])
    bench.session.change_job(1, status=JobStatus.RUNNING, progress=0.5)
    bench.show(push_to_talk=True, notices=(Notice(Severity.ERROR, "camera", "Busy.", 0.0),))


def test_every_control_has_an_accessible_name(bench: Bench) -> None:
    fill(bench)
    bench.window.show_first_start()
    dialogs = [bench.window.show_settings(), bench.window.show_help()]
    nameless = []
    for root in (bench.window, *dialogs):
        for kind in (
            QAbstractButton,
            QComboBox,
            QAbstractSlider,
            QLineEdit,
            QAbstractItemView,
        ):
            for widget in root.findChildren(kind):
                text = widget.text() if isinstance(widget, QAbstractButton) else ""
                if not is_internal(widget) and not widget.accessibleName() and not text:
                    nameless.append(widget)
    assert nameless == []
    for opened in dialogs:
        opened.close()


def is_internal(widget: QWidget) -> bool:
    """Whether Qt made it as a part of a control: editors, scroll bars, pop-up lists."""
    parents = []
    parent = widget.parentWidget()
    while parent is not None:
        parents.append(type(parent).__name__)
        parent = parent.parentWidget()
    inside = {"QComboBox", "_OpeningCombo", "QSpinBox", "QKeySequenceEdit", "QLineEdit"}
    names = {"QScrollBar", "QComboBoxListView", "QExpandingLineEdit"}
    return type(widget).__name__ in names or bool(inside & set(parents))


@pytest.mark.parametrize("language", ["en", "de", "zh"])
def test_nothing_is_cut_off_at_the_smallest_size(
    theme: Theme, tmp_path: Path, language: str, application: QApplication
) -> None:
    application.setStyleSheet(style_sheet(theme.colours))
    bench = Bench(theme, tmp_path, language=language)
    try:
        bench.add_avatars()
        bench.open((MINIMUM_SIZE.width(), MINIMUM_SIZE.height()))
        assert until(lambda: bench.session.avatar is not None)
        fill(bench)
        for page in PAGES:
            bench.window.show_page(page)
            assert until(lambda: not cut_off(bench.window), 2), cut_off(bench.window)
        bench.window.show_page("live")
        for panel in PANELS:
            bench.window.live.show_panel(panel)
            assert until(lambda: not cut_off(bench.window), 2), cut_off(bench.window)
        bench.window.show_first_start()
        assert until(lambda: not cut_off(bench.window), 2), cut_off(bench.window)
        assert bench.window.size() == MINIMUM_SIZE
    finally:
        bench.close()
        QTest.qWait(1)
        application.setStyleSheet("")


def cut_off(root: QWidget) -> list[str]:
    """Texts that have less room than they need."""
    found = []
    for widget in root.findChildren(QWidget):
        if not widget.isVisible() or not isinstance(widget, QLabel | QAbstractButton):
            continue
        if isinstance(widget, ElidedLabel) or not widget.text():
            continue
        if isinstance(widget, QLabel) and widget.wordWrap():
            needed, room = widget.heightForWidth(widget.width()), widget.height()
        else:
            needed = widget.fontMetrics().size(0, widget.text()).width()
            room = widget.contentsRect().width()
        if needed > room + 1:
            found.append(f"{widget.text()!r} needs {needed}, has {room}")
    return found


# ---- tray -------------------------------------------------------------------------------------


def test_the_tray_shows_the_mode_and_brings_the_window_back(bench: Bench) -> None:
    tray = Tray(bench.context, bench.window.actions_, bench.window)
    seen: list[bool] = []
    tray.window_wanted.connect(lambda: seen.append(True))
    quiet = tray.icon().cacheKey()
    tray.show_session(SessionState(mode=Mode.LIVE))
    assert tray.icon().cacheKey() != quiet
    assert bench.texts("status.mode.live") in tray.toolTip()
    tray.activated.emit(Tray.ActivationReason.Trigger)
    assert seen
    names = [action.objectName() for action in tray.contextMenu().actions()]
    assert {"go_live", "mute", "panic", "record", "quit"} <= set(names)


# ---- never blocks, ends in time ---------------------------------------------------------------


def test_closing_stops_polling_and_says_so_once(bench: Bench) -> None:
    goodbyes: list[bool] = []
    bench.window.closing.connect(lambda: goodbyes.append(True))
    bench.window.close()
    bench.window.shut_down()
    assert goodbyes == [True]
    before = len(bench.session.calls)
    QTest.qWait(250)
    assert len(bench.session.calls) == before


def test_closing_with_work_under_way_does_not_wait_for_it(bench: Bench) -> None:
    bench.window.enrol_picture(Path("/x/me.jpg"))
    hold = threading.Event()
    bench.tasks.run(bench.window, hold.wait, lambda _: None, lambda _: None)
    begun_s = time.monotonic()
    bench.window.close()
    bench.tasks.close()
    assert time.monotonic() - begun_s < 0.5
    hold.set()
    bench.session.promise("enrol").set_result(make_avatar())
    QTest.qWait(50)
    assert bench.window.enrol.avatar is None


def test_results_for_a_widget_that_is_gone_are_dropped(
    bench: Bench, application: QApplication
) -> None:
    widget = QWidget()
    future: Future[int] = Future()
    seen: list[object] = []
    bench.tasks.watch(widget, future, seen.append, seen.append)
    widget.deleteLater()
    application.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    future.set_result(1)
    QTest.qWait(30)
    assert seen == []


def test_the_window_answers_while_a_command_of_the_session_is_slow(bench: Bench) -> None:
    """A hundred snapshots, redraws and clicks take no longer than they must."""
    begun_s = time.monotonic()
    for n in range(100):
        bench.show(fps=float(n), dropped_frames=n)
    per_update_ms = (time.monotonic() - begun_s) * 10
    assert per_update_ms < 40
    click(bench.window.live.controls.mute)
    assert bench.session.now.muted


def test_commands_from_outside(bench: Bench) -> None:
    bench.window.obey("panic")
    bench.window.obey("panic")
    assert bench.session.now.panicked and bench.session.called("resume") == 0
    bench.window.obey("mute")
    assert bench.session.now.muted
    bench.window.hide()
    bench.window.obey("show")
    assert bench.window.isVisible()
