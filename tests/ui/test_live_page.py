"""The live page: picture, switch, mute, talk, panic, record, devices, status."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QScrollArea, QToolButton

from core.errors import DeviceError
from core.session import (
    Device,
    DeviceKind,
    Latency,
    Level,
    Mode,
    Notice,
    Recording,
    Severity,
)
from core.stage import StageState
from core.types import VideoFrame
from tests.ui.bench import Bench, click, drop, press, until
from tests.ui.fake_session import draw_face
from ui.live.live_page import PANELS
from ui.texts import LANGUAGES
from ui.theme import LIGHT, Theme, style_sheet


def test_preview_starts_with_the_avatar_of_the_last_time(bench: Bench) -> None:
    assert bench.session.avatar is not None and bench.session.avatar.name == "Ada"
    assert bench.session.now.mode is Mode.PREVIEW
    assert until(lambda: bench.window.live.avatar_name.text() == "Ada")


def test_the_preview_shows_the_newest_frame_and_skips_none_twice(bench: Bench) -> None:
    preview = bench.window.live.preview
    rgb = np.zeros((72, 128, 3), np.uint8)
    rgb[..., 0] = 250
    bench.session.frame = VideoFrame(7, rgb)
    assert until(lambda: preview.shown_index == 7)
    assert until(lambda: preview.frames_painted == 1)
    seen = preview.grab().toImage().pixelColor(preview.width() // 2, preview.height() // 2)
    assert seen.red() > 240 and seen.green() < 10
    QTest.qWait(120)
    assert preview.frames_painted == 1
    bench.session.frame = VideoFrame(9, np.ascontiguousarray(rgb[..., ::-1]))
    assert until(lambda: preview.frames_painted == 2)


def test_the_mirror_turns_the_window_s_picture_only(bench: Bench) -> None:
    preview = bench.window.live.preview
    rgb = np.zeros((72, 128, 3), np.uint8)
    rgb[:, :64] = 255
    bench.session.frame = VideoFrame(1, rgb)
    assert until(lambda: preview.shown_index == 1)
    left, y = preview.width() // 4, preview.height() // 2
    assert preview.grab().toImage().pixelColor(left, y).red() > 240
    bench.settings.set("mirror_preview", True)
    assert preview.grab().toImage().pixelColor(left, y).red() < 10
    assert bench.session.frame.rgb[0, 0, 0] == 255


def test_the_big_switch_goes_live_and_ends_it(bench: Bench) -> None:
    switch = bench.window.live.controls.go_live
    assert until(lambda: switch.isEnabled())
    click(switch)
    assert bench.session.now.mode is Mode.LIVE
    assert switch.text() == bench.texts("live.end")
    assert "LIVE" in bench.window.live.preview.accessibleDescription()
    bench.show(stages={"renderer": StageState.STARTING})
    assert switch.text() == bench.texts("live.starting")
    bench.show(stages={"renderer": StageState.RUNNING})
    press(bench.window, "Ctrl+L")
    assert bench.session.now.mode is Mode.PREVIEW
    assert switch.text() == bench.texts("live.go")


def test_the_switch_waits_for_an_avatar(bench: Bench) -> None:
    bench.show(avatar_name=None)
    assert not bench.window.live.controls.go_live.isEnabled()
    bench.window.actions_["go_live"].trigger()
    assert bench.session.now.mode is Mode.PREVIEW
    assert bench.window.page == "avatars"


def test_mute_panic_and_record(bench: Bench) -> None:
    controls = bench.window.live.controls
    click(controls.mute)
    assert bench.session.now.muted and controls.mute.isChecked()
    click(controls.mute)
    assert not bench.session.now.muted and not controls.mute.isChecked()
    press(bench.window, "F8")
    assert bench.session.now.panicked and controls.panic.isChecked()
    assert bench.texts("badge.frozen") in bench.window.live.preview.accessibleDescription()
    click(controls.panic)
    assert not bench.session.now.panicked
    press(bench.window, "Ctrl+R")
    bench.show(recording=Recording(Path("take.mp4"), 75.0, 10))
    assert "0:01:15" in bench.window.live.preview.accessibleDescription()
    click(controls.record)
    assert bench.session.called("stop_recording") == 1


def test_push_to_talk_by_key_and_by_button(bench: Bench) -> None:
    live = bench.window.live
    click(live.devices.push_to_talk.switch)
    bench.window.watcher.poll_state()
    assert bench.session.now.push_to_talk and live.controls.talk.isVisible()
    QTest.keyPress(bench.window, Qt.Key.Key_F2)
    assert bench.session.now.talking
    QTest.keyRelease(bench.window, Qt.Key.Key_F2)
    assert not bench.session.now.talking
    QTest.mousePress(live.controls.talk, Qt.MouseButton.LeftButton)
    assert bench.session.now.talking
    QTest.mouseRelease(live.controls.talk, Qt.MouseButton.LeftButton)
    assert not bench.session.now.talking


def test_letters_typed_into_a_field_are_no_talk_key(bench: Bench) -> None:
    bench.settings.set_shortcuts({"talk": "T"})
    bench.window.actions_.apply_keys(bench.settings.shortcuts())
    bench.window.show_page("avatars")
    bench.window.avatar_stack.setCurrentWidget(bench.window.enrol)
    bench.window.activateWindow()
    bench.window.enrol.name.setFocus()
    assert until(lambda: QApplication.focusWidget() is bench.window.enrol.name)
    QTest.keyClicks(bench.window.enrol.name, "Tot")
    assert bench.window.enrol.name.text() == "Tot"
    assert ("set_talking", True) not in bench.session.calls


def test_devices_are_chosen_remembered_and_followed(bench: Bench) -> None:
    devices = bench.window.live.devices
    devices.microphone.combo.setCurrentIndex(devices.microphone.combo.findData("mic-b"))
    devices.microphone.combo.activated.emit(devices.microphone.combo.currentIndex())
    assert bench.session.now.microphone == "mic-b"
    assert bench.settings.get("microphone") == "mic-b"
    devices.camera.combo.activated.emit(devices.camera.combo.findData("cam-a"))
    assert bench.session.last("set_camera") == ("cam-a",)
    combo = devices.virtual_microphone.combo
    combo.activated.emit(combo.findData("vm-a"))
    assert bench.session.last("set_virtual_microphone") == ("vm-a",)
    combo.activated.emit(combo.findData(""))
    assert bench.session.last("set_virtual_microphone") == (None,)


def test_hot_plug_a_lost_device_stays_chosen_and_comes_back(bench: Bench) -> None:
    chooser = bench.window.live.devices.microphone
    bench.show(microphone="mic-b", microphone_alive=True)
    assert chooser.state_line.kind == "good"
    both = bench.session.lists[DeviceKind.MICROPHONE]
    bench.session.lists[DeviceKind.MICROPHONE] = both[:1]
    bench.window.watcher.poll_devices()
    bench.window.watcher.poll_state()
    assert chooser.current == "mic-b"
    assert "not connected" in chooser.combo.currentText()
    assert chooser.state_line.text == bench.texts("devices.gone")
    new = Device(DeviceKind.MICROPHONE, "mic-c", "New microphone")
    bench.session.lists[DeviceKind.MICROPHONE] = (*both, new)
    assert until(lambda: chooser.combo.findData("mic-c") >= 0, 3)
    bench.window.watcher.poll_state()
    assert chooser.state_line.kind == "good"


def test_opening_a_chooser_and_f5_look_for_new_devices(bench: Bench) -> None:
    chooser = bench.window.live.devices.camera
    chooser.combo.showPopup()
    chooser.combo.hidePopup()
    press(bench.window, "F5")
    assert bench.session.called("refresh_devices") == 2


@pytest.mark.parametrize("helps", [True, False])
def test_a_dead_camera_says_so_and_can_be_repaired(bench: Bench, helps: bool) -> None:
    chooser = bench.window.live.devices.camera
    bench.show(camera="cam-b")
    assert chooser.state_line.kind == "error"
    assert "Press Repair" in chooser.state_line.text
    click(chooser.repair_button)
    if helps:
        bench.session.promise("repair_camera").set_result("The camera works again.")
        words = "The camera works again."
    else:
        bench.session.promise("repair_camera").set_exception(DeviceError("Reload the module."))
        words = "Reload the module."
    assert until(lambda: words in bench.window.live.banners.messages)


def test_gain_gate_and_meter(bench: Bench) -> None:
    devices = bench.window.live.devices
    devices.gain.slider.setValue(devices.gain.slider.value() + 6)
    assert bench.session.last("set_gain_db") == (6.0,)
    devices.gate.slider.setValue(devices.gate.slider.value() - 10)
    assert bench.session.last("set_noise_gate_db") == (-60.0,)
    click(devices.gate_switch.switch)
    assert bench.session.last("set_noise_gate_db") == (None,)
    assert not devices.gate.isEnabled()
    assert bench.settings.get("gain_db") == 6.0
    bench.show(level=Level(-3.0, -10.0, False, True))
    assert devices.meter.shown_peak_dbfs == -3.0
    bench.show(level=Level(-50.0, -60.0, False, True))
    assert -10 < devices.meter.shown_peak_dbfs < -3.0


def test_double_click_puts_a_slider_back(bench: Bench) -> None:
    gain = bench.window.live.devices.gain
    gain.slider.setValue(gain.slider.value() + 6)
    QTest.mouseDClick(gain.slider, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    assert gain.value == 0
    assert bench.session.last("set_gain_db") == (0.0,)


def test_status_bar(bench: Bench) -> None:
    status = bench.window.status
    bench.show(
        mode=Mode.LIVE,
        fps=24.8,
        latency=Latency(12, 100, 6, 14, 8, 141, 158, 171),
        sync_offset_ms=-6.2,
        dropped_frames=3,
        engine="warp, CPU",
    )
    assert [w.text() for w in (status.fps, status.latency, status.sync, status.drops)] == [
        "25 fps",
        "158 ms latency",
        "Sync −6 ms",
        "3 dropped",
    ]
    assert status.engine.text() == "warp, CPU"
    assert "lookahead 100 ms" in status.latency.toolTip()
    assert status.sync.property("role") == "value"
    bench.show(sync_offset_ms=20.0)
    assert status.sync.property("role") == "alarm"
    bench.show(mode=Mode.OFF, sync_offset_ms=None)
    assert not status.fps.isVisible() and not status.sync.isVisible()


def test_notices_come_go_and_can_be_dismissed(bench: Bench) -> None:
    live = bench.window.live
    live.show_panel("motion")
    gone = Notice(Severity.ERROR, "microphone", "The microphone is gone.", 0.0)
    slow = Notice(Severity.WARNING, "renderer", "Drawing is slow.", 0.0)
    bench.show(notices=(gone, slow))
    assert live.banners.messages == [gone.text, slow.text]
    click(live.banners.findChildren(QPushButton)[0])
    assert live.tabs.current == "devices"
    click(live.banners.findChildren(QToolButton)[0])
    assert live.banners.messages == [slow.text]
    bench.show(notices=(gone, slow))
    assert live.banners.messages == [slow.text]
    bench.show(notices=())
    assert live.banners.messages == [] and not live.banners.isVisible()
    bench.show(notices=(gone,))
    assert live.banners.messages == [gone.text]


def test_many_notices_do_not_push_the_picture_out(bench: Bench) -> None:
    many = tuple(Notice(Severity.ERROR, "camera", f"Trouble {n}.", 0.0) for n in range(9))
    bench.show(notices=many)
    bench.show(notices=many)
    assert len(bench.window.live.banners.messages) == bench.window.live.banners.MAX_SHOWN


def test_preview_can_be_paused(bench: Bench) -> None:
    bench.session.frame = VideoFrame(1, draw_face())
    assert until(lambda: bench.window.live.preview.shown_index == 1)
    press(bench.window, "Ctrl+P")
    assert bench.session.now.mode is Mode.OFF
    bench.session.frame = None
    bench.window.watcher.poll_state()
    assert bench.window.live.preview.shown_index is None
    press(bench.window, "Ctrl+P")
    assert bench.session.now.mode is Mode.PREVIEW


def test_a_picture_dropped_on_the_live_page_is_enrolled(bench: Bench, tmp_path: Path) -> None:
    assert not drop(bench.window.live, tmp_path / "notes.txt")
    assert drop(bench.window.live, tmp_path / "me.jpg")
    assert bench.session.last("enrol") == (tmp_path / "me.jpg",)
    assert bench.window.page == "avatars"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_panel_is_wider_than_its_column(
    application: QApplication, theme: Theme, tmp_path: Path, language: str
) -> None:
    bench = Bench(theme, tmp_path, language=language)
    bench.add_avatars()
    bench.open()
    application.setStyleSheet(style_sheet(LIGHT))  # Its fonts and margins count here.
    assert until(bench.window.live.isVisible)
    try:
        for name in PANELS:
            bench.window.live.show_panel(name)
            (area,) = [a for a in bench.window.live.findChildren(QScrollArea) if a.isVisible()]
            assert area.widget().minimumSizeHint().width() <= area.viewport().width(), name
    finally:
        application.setStyleSheet("")
        bench.close()
