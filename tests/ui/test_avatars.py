"""Avatars: the gallery, and enrolment from the picture to the kept avatar."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QPushButton

from core.errors import PortraitError
from core.portrait.picture import read_picture
from core.portrait.points import EDITABLE
from core.session import Mode
from tests.ui.bench import Bench, click, dialog, drop, press, until
from tests.ui.fake_session import POINTS, draw_face, make_avatar
from ui.avatars.enrol_page import EnrolPage


def enrolled(bench: Bench, **verdict: object) -> EnrolPage:
    """The enrolment page with a fitted portrait."""
    page = bench.window.enrol
    bench.window.enrol_picture(bench.folder / "me.jpg")
    bench.session.promise("enrol").set_result(make_avatar("me", **verdict))
    assert until(lambda: page.avatar is not None)
    return page


def test_nothing_is_painted_beside_the_picture(bench: Bench) -> None:
    """Whatever the window's shape, there is no dark bar in a light window."""
    editor = enrolled(bench).editor
    editor.set_whole(True)
    editor.resize(900, 300)
    shown = editor.grab().toImage()
    page = editor.palette().window().color()
    assert shown.pixelColor(20, 150).getRgb() == page.getRgb()
    assert shown.pixelColor(450, 150).getRgb() != page.getRgb()


def test_the_gallery_shows_avatars_and_marks_the_one_in_use(bench: Bench) -> None:
    gallery = bench.window.gallery
    assert until(lambda: len(gallery.entries) == 2)
    assert [entry.name for entry in gallery.entries] == ["Ada", "Grace"]
    assert gallery.is_in_use(gallery.entries[0].path)


def test_a_click_on_a_card_uses_that_avatar(bench: Bench) -> None:
    gallery = bench.window.gallery
    assert until(lambda: len(gallery.entries) == 2)
    bench.window.show_page("avatars")
    card = gallery.cards.visualItemRect(gallery.cards.item(1))
    QTest.mouseClick(
        gallery.cards.viewport(), Qt.MouseButton.LeftButton, pos=card.center() + QPoint(0, 1)
    )
    assert until(lambda: bench.session.now.avatar_name == "Grace")
    assert bench.settings.get("avatar").endswith("Grace.avatar")
    press(bench.window, "Ctrl+Shift+Right")
    assert until(lambda: bench.session.now.avatar_name == "Ada")
    press(bench.window, "Ctrl+Shift+Left")
    assert until(lambda: bench.session.now.avatar_name == "Grace")


def test_a_broken_avatar_says_what_is_wrong(bench: Bench) -> None:
    (bench.avatars.folder / "bad.avatar").write_bytes(b"x")
    gallery = bench.window.gallery
    gallery.reload()
    assert until(lambda: len(gallery.entries) == 3)
    gallery.cards.itemActivated.emit(gallery.cards.item(1))
    assert "bad.avatar" in gallery.banners.messages[0]
    assert bench.session.called("set_avatar") == 1


def test_the_avatar_of_the_last_time_may_be_gone(new_bench: Bench) -> None:
    new_bench.settings.set("first_start_done", True)
    new_bench.settings.set("avatar", str(new_bench.folder / "gone.avatar"))
    window = new_bench.open()
    assert until(lambda: bool(window.gallery.banners.messages))
    assert "gone.avatar" in window.gallery.banners.messages[0]
    assert window.page == "avatars"


def test_rename_and_delete(bench: Bench) -> None:
    gallery = bench.window.gallery
    assert until(lambda: len(gallery.entries) == 2)
    gallery.rename(gallery.entries[0])
    asked = dialog(QInputDialog)
    asked.setTextValue("Countess")
    asked.accept()
    assert until(lambda: [entry.name for entry in gallery.entries] == ["Countess", "Grace"])
    assert gallery.is_in_use(gallery.entries[0].path)
    gallery.remove(gallery.entries[1])
    question = dialog(QMessageBox)
    assert "Grace" in question.text()
    click(question.defaultButton())
    QTest.qWait(50)
    assert len(gallery.entries) == 2
    gallery.remove(gallery.entries[1])
    question = dialog(QMessageBox)
    click(next(b for b in question.buttons() if b is not question.defaultButton()))
    assert until(lambda: [entry.name for entry in gallery.entries] == ["Countess"])


@pytest.mark.parametrize("way", ["page", "zone"])
def test_dropping_a_picture_starts_enrolment(bench: Bench, way: str) -> None:
    gallery = bench.window.gallery
    bench.window.show_page("avatars")
    target = gallery if way == "page" else gallery.drop_zone
    assert not drop(target, Path("/x/song.mp3"))
    assert drop(target, Path("/x/me.HEIC"))
    assert bench.session.last("enrol") == (Path("/x/me.HEIC"),)
    assert bench.window.avatar_stack.currentWidget() is bench.window.enrol


def test_the_file_dialog_starts_enrolment(bench: Bench) -> None:
    picture = bench.folder / "me.png"
    picture.write_bytes(b"x")
    press(bench.window, "Ctrl+O")
    asked = dialog(QFileDialog)
    asked.setOption(QFileDialog.Option.DontUseNativeDialog)
    asked.fileSelected.emit(str(picture))
    asked.close()
    assert bench.session.last("enrol") == (picture,)


def test_the_window_lives_while_a_picture_is_enrolled(bench: Bench) -> None:
    cv2.imwrite(str(bench.folder / "me.png"), draw_face()[..., ::-1])
    bench.window.enrol_picture(bench.folder / "me.png")
    page = bench.window.enrol
    assert page.progress.isVisible()
    assert not page.keep.isEnabled()
    assert until(lambda: page.editor.has_picture)
    assert page.editor.points == {}
    bench.window.show_page("live")
    click(bench.window.live.controls.mute)
    assert bench.session.now.muted


def test_verdict_and_reasons_are_told_in_words(bench: Bench) -> None:
    page = enrolled(bench, ok=False, reasons=("The face is turned. Look ahead.", "It is dark."))
    assert page.verdict.kind == "warning"
    assert "turned" in page.reasons.text() and "dark" in page.reasons.text()
    page = enrolled(bench)
    assert page.verdict.text == bench.texts("enrol.verdict.good")
    assert not page.reasons.isVisible()


def test_the_fit_is_drawn_over_the_picture_and_can_be_hidden(bench: Bench) -> None:
    page = enrolled(bench)
    red = np.zeros((720, 600, 3), np.uint8)
    red[..., 0] = 255
    bench.session.promise("fit_preview").set_result(red)
    middle = QPoint(page.editor.width() // 2, page.editor.height() // 2)
    assert until(lambda: page.editor.grab().toImage().pixelColor(middle).red() == 255)
    page.editor.set_show_overlay(False)
    assert page.editor.grab().toImage().pixelColor(middle).green() > 60


def test_consent_and_name_are_needed_to_keep(bench: Bench) -> None:
    page = enrolled(bench)
    assert not page.keep.isEnabled() and page.keep.toolTip()
    click(page.consent)
    assert page.keep.isEnabled()
    page.name.setText("  ")
    assert not page.keep.isEnabled()
    page.name.setText("Countess")
    click(page.keep)
    assert until(lambda: bench.session.now.avatar_name == "Countess")
    assert bench.window.page == "live"
    assert until(lambda: "Countess" in [entry.name for entry in bench.window.gallery.entries])
    again = enrolled(bench)
    assert not again.consent.isChecked()


def test_a_point_dragged_by_mouse_is_fitted_again(bench: Bench) -> None:
    page = enrolled(bench)
    editor = page.editor
    start = editor.to_widget(POINTS["mouth_corner_left"]).toPoint()
    target = start + QPoint(20, -10)
    QTest.mousePress(editor, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(editor, target)
    QTest.mouseRelease(editor, Qt.MouseButton.LeftButton, pos=target)
    _, points = bench.session.last("refit")
    assert points["mouth_corner_left"] == pytest.approx(editor.to_image(QPointF(target)), abs=1)
    assert list(points) == ["mouth_corner_left"]
    assert page.progress.isVisible()
    moved = make_avatar("me", ok=False, reasons=("Odd.",))
    bench.session.promise("refit").set_result(moved)
    assert until(lambda: page.avatar is moved)
    click(page.undo)
    assert page.avatar is not moved
    assert page.verdict.kind == "good"


def test_points_move_by_keyboard(bench: Bench) -> None:
    page = enrolled(bench)
    editor = page.editor
    editor.setFocus()
    QTest.keyClick(editor, Qt.Key.Key_Tab)
    assert editor.current == "eye_right_outer"
    assert page.doing.text() == bench.texts("point.eye_right_outer")
    QTest.keyClick(editor, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(editor, Qt.Key.Key_Up)
    assert bench.session.called("refit") == 2
    x, y = POINTS["eye_right_outer"]
    assert bench.session.last("refit")[1]["eye_right_outer"] == (x + 10, y - 1)


def test_a_point_cannot_leave_the_picture(bench: Bench) -> None:
    editor = enrolled(bench).editor
    start = editor.to_widget(POINTS["chin"]).toPoint()
    QTest.mousePress(editor, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(editor, QPoint(-500, 5000))
    QTest.mouseRelease(editor, Qt.MouseButton.LeftButton, pos=QPoint(-500, 5000))
    assert bench.session.last("refit")[1]["chin"] == (0.0, 720.0)


def test_no_face_says_so_and_offers_another_picture(bench: Bench) -> None:
    bench.window.enrol_picture(Path("/x/wall.jpg"))
    words = "No face was found in wall.jpg. Choose another picture."
    bench.session.promise("enrol").set_exception(PortraitError(words))
    page = bench.window.enrol
    assert until(lambda: page.banners.messages == [words])
    assert not page.progress.isVisible() and not page.keep.isEnabled()
    click(page.banners.findChildren(QPushButton)[0])
    asked = dialog(QFileDialog)
    asked.fileSelected.emit("/x/face.jpg")
    asked.close()
    assert bench.session.last("enrol") == (Path("/x/face.jpg"),)
    assert page.banners.messages == []


def test_points_set_by_hand_enrol_what_shows_no_face(bench: Bench) -> None:
    picture = bench.folder / "statue.png"
    cv2.imwrite(str(picture), np.full((400, 300, 3), 128, np.uint8))
    bench.window.enrol_picture(picture)
    page = bench.window.enrol
    assert until(lambda: page.editor.has_picture)
    assert not page.fit_points.isVisible() and page.editor.points == {}
    bench.session.promise("enrol").set_exception(PortraitError("No face was found."))
    assert until(page.fit_points.isVisible)
    assert page.doing.text() == bench.texts("enrol.by_hand")
    start = page.editor.to_widget(page.editor.points["chin"]).toPoint()
    QTest.mousePress(page.editor, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(page.editor, start + QPoint(0, 30))
    QTest.mouseRelease(page.editor, Qt.MouseButton.LeftButton, pos=start + QPoint(0, 30))
    assert bench.session.called("refit") == 0
    click(page.fit_points)
    file, points = bench.session.last("enrol")
    zoom = read_picture(picture).zoom
    chin = page.editor.points["chin"]
    assert file == picture and set(points) == set(EDITABLE)
    assert points["chin"] == pytest.approx((chin[0] / zoom, chin[1] / zoom))
    assert page.progress.isVisible() and not page.fit_points.isEnabled()
    avatar = make_avatar("statue")
    bench.session.promise("enrol").set_result(avatar)
    assert until(lambda: page.avatar is avatar)
    assert not page.fit_points.isVisible()


def test_an_unexpected_error_is_told_and_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.window.enrol_picture(Path("/x/me.jpg"))
    bench.session.promise("enrol").set_exception(ZeroDivisionError("by zero"))
    page = bench.window.enrol
    assert until(lambda: bool(page.banners.messages))
    assert "by zero" in page.banners.messages[0]
    assert "a background task failed" in caplog.text
    caplog.clear()


def test_a_late_result_of_an_earlier_picture_is_ignored(bench: Bench) -> None:
    bench.window.enrol_picture(Path("/x/one.jpg"))
    first = bench.session.promise("enrol")
    bench.window.enrol_picture(Path("/x/two.jpg"))
    first.set_result(make_avatar("one"))
    QTest.qWait(50)
    assert bench.window.enrol.avatar is None
    bench.session.promise("enrol").set_result(make_avatar("two"))
    assert until(lambda: bench.window.enrol.avatar is not None)
    assert bench.window.enrol.name.text() == "two"


def test_a_failed_refit_puts_the_points_back(bench: Bench) -> None:
    page = enrolled(bench)
    editor = page.editor
    editor.setFocus()
    QTest.keyClick(editor, Qt.Key.Key_Tab)
    QTest.keyClick(editor, Qt.Key.Key_Left)
    bench.session.promise("refit").set_exception(PortraitError("That cannot be a mouth."))
    assert until(lambda: page.banners.messages == ["That cannot be a mouth."])
    assert editor.points["eye_right_outer"] == POINTS["eye_right_outer"]


def test_the_whole_picture_or_the_face(bench: Bench) -> None:
    editor = enrolled(bench).editor
    near = editor.to_widget(POINTS["eye_left_outer"]) - editor.to_widget(POINTS["eye_right_outer"])
    editor.set_whole(True)
    far = editor.to_widget(POINTS["eye_left_outer"]) - editor.to_widget(POINTS["eye_right_outer"])
    assert near.x() > far.x() > 10


def test_leaving_enrolment_keeps_the_old_avatar(bench: Bench) -> None:
    page = enrolled(bench)
    page.left.emit()
    assert bench.window.avatar_stack.currentWidget() is bench.window.gallery
    assert bench.session.now.avatar_name == "Ada"
    assert bench.session.now.mode is Mode.PREVIEW
