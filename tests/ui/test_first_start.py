"""The first start: three steps, each tried out live, each can be skipped."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QPushButton

from core.session import Mode
from tests.ui.bench import Bench, click, drop, until
from tests.ui.fake_session import make_avatar
from ui.first_start import FirstStart
from ui.widgets.drop_zone import DropZone


def begin(bench: Bench) -> FirstStart:
    bench.open((960, 600))
    page = bench.window.first_start
    assert page is not None and bench.window.page == "first_start"
    return page


def test_all_three_steps(new_bench: Bench) -> None:
    page, session = begin(new_bench), new_bench.session
    assert page.step == "portrait"
    assert drop(page.findChildren(DropZone)[0], Path("/x/me.jpg"))
    session.promise("enrol").set_result(make_avatar("Me"))
    assert until(lambda: page.enrol.avatar is not None)
    click(page.enrol.consent)
    page.enrol.keep.click()
    assert until(lambda: page.step == "microphone")
    assert until(lambda: session.now.avatar_name == "me")
    assert session.now.mode is Mode.PREVIEW

    combo = page.microphone.combo
    combo.activated.emit(combo.findData("mic-b"))
    assert session.now.microphone == "mic-b"
    new_bench.window.watcher.poll_state()
    assert page.microphone_result.text == new_bench.texts("first.microphone.speak")
    session.speak()
    assert until(lambda: "microphone" in page.passed)
    assert page.microphone_result.text == new_bench.texts("first.microphone.heard")
    click(page.next)

    assert page.step == "camera" and session.now.mode is Mode.LIVE
    combo = page.camera.combo
    combo.activated.emit(combo.findData("cam-a"))
    assert session.now.camera == "cam-a"
    new_bench.show(camera_alive=True, frames_sent=3)
    assert "camera" not in page.passed
    new_bench.show(frames_sent=30)
    assert page.passed == {"portrait", "microphone", "camera"}
    click(page.next)

    assert new_bench.window.page == "live"
    assert session.now.mode is Mode.PREVIEW
    assert new_bench.settings.get("first_start_done")


def test_silence_and_a_dead_camera_do_not_pass(new_bench: Bench) -> None:
    page = begin(new_bench)
    page.go_to("microphone")
    for _ in range(12):
        new_bench.show(microphone_alive=True)
    page.go_to("camera")
    new_bench.show(camera="cam-b", frames_sent=50)
    new_bench.show(camera="cam-b", frames_sent=90)
    assert page.passed == frozenset()
    assert page.camera.repair_button.isVisible()


def test_steps_can_be_skipped_and_gone_back_to(new_bench: Bench) -> None:
    page = begin(new_bench)
    assert page.next.text() == new_bench.texts("first.skip_step")
    click(page.next)
    assert page.step == "microphone"
    click(page.back)
    assert page.step == "portrait"
    skip = next(
        b for b in page.findChildren(QPushButton) if b.text() == new_bench.texts("first.skip_all")
    )
    click(skip)
    assert new_bench.window.page == "avatars"
    assert new_bench.settings.get("first_start_done")


def test_a_sample_portrait_can_be_taken(new_bench: Bench) -> None:
    sample = new_bench.folder / "portrait.jpg"
    new_bench.services = replace(new_bench.services, samples=(sample,))
    page = begin(new_bench)
    click(next(b for b in page.findChildren(QPushButton) if b.text() == "Portrait"))
    assert new_bench.session.last("enrol") == (sample,)


def test_a_picture_dropped_on_the_first_step_is_enrolled(new_bench: Bench) -> None:
    page = begin(new_bench)
    assert drop(page.findChildren(DropZone)[0], Path("/x/me.jpg"))
    assert new_bench.session.last("enrol") == (Path("/x/me.jpg"),)
    page.enrol.left.emit()
    assert page.portrait_stack.currentIndex() == 0


def test_it_can_be_seen_again(bench: Bench) -> None:
    bench.window.actions_["first_start"].trigger()
    assert bench.window.page == "first_start"
    assert until(lambda: "portrait" in bench.window.first_start.passed)
