"""The file page: play and render files through the avatar, with queue, progress and cancel."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from core.session import JobStatus
from tests.ui.bench import Bench, click, dialog, drop, press, until
from ui.files.files_page import free_name


def sounds(bench: Bench, *names: str) -> list[Path]:
    paths = [bench.folder / name for name in names]
    for path in paths:
        path.write_bytes(b"x")
    return paths


def test_dropped_files_are_played_in_turn(bench: Bench) -> None:
    page = bench.window.files
    press(bench.window, "Ctrl+3")
    first, second = sounds(bench, "a.wav", "b.mp3")
    assert drop(page, first, second)
    assert ("play", first) in bench.session.calls and ("play", second) in bench.session.calls
    bench.window.watcher.poll_state()
    assert [row.words.text() for row in page.rows.values()] == ["a.wav", "b.mp3"]
    assert not drop(page, Path("/x/picture.png"))


def test_progress_result_and_failure(bench: Bench) -> None:
    page = bench.window.files
    bench.window.show_page("files")
    page.add(sounds(bench, "a.wav", "b.wav", "c.wav"))
    bench.session.change_job(1, status=JobStatus.RUNNING, progress=0.43, remaining_s=75.0)
    bench.session.change_job(
        2, status=JobStatus.FAILED, message="b.wav holds no sound. Choose another file."
    )
    bench.window.watcher.poll_state()
    assert page.rows[1].state.text() == "43 %, 1 min left"
    assert page.rows[1].progress.value() == 430 and not page.rows[1].progress.isHidden()
    assert "no sound" in page.rows[2].state.text()
    assert page.rows[2].cancel.isHidden()
    assert page.rows[3].state.text() == bench.texts("files.status.queued")
    bench.session.change_job(1, status=JobStatus.DONE, progress=1.0, output=bench.folder / "a.mp4")
    bench.window.watcher.poll_state()
    assert not page.rows[1].open.isHidden() and page.rows[1].progress.isHidden()


def test_cancel_one_cancel_all_and_clear(bench: Bench) -> None:
    page = bench.window.files
    bench.window.show_page("files")
    page.add(sounds(bench, "a.wav", "b.wav", "c.wav"))
    bench.window.watcher.poll_state()
    click(page.rows[2].cancel)
    assert bench.session.last("cancel_job") == (2,)
    press(bench.window, "Ctrl+Shift+Backspace")
    assert {call[1] for call in bench.session.calls if call[0] == "cancel_job"} == {1, 2, 3}
    bench.window.watcher.poll_state()
    click(page.clear)
    bench.window.watcher.poll_state()
    assert page.rows == {} and page.empty.isVisible()


def test_one_file_is_rendered_where_the_user_wants_it(bench: Bench) -> None:
    page = bench.window.files
    bench.window.show_page("files")
    page.action.button("render").click()
    (sound,) = sounds(bench, "talk.wav")
    page.add([sound])
    asked = dialog(QFileDialog)
    target = bench.folder / "out.mp4"
    asked.fileSelected.emit(str(target))
    asked.close()
    assert ("render_file", sound, target) in bench.session.calls


def test_many_files_are_rendered_beside_their_sources(bench: Bench) -> None:
    page = bench.window.files
    page.action.button("render").click()
    first, second = sounds(bench, "a.wav", "b.wav")
    (bench.folder / "b (avatar).mp4").write_bytes(b"old")
    page.add([first, second])
    rendered = [call[2].name for call in bench.session.calls if call[0] == "render_file"]
    assert rendered == ["a (avatar).mp4", "b (avatar) 2.mp4"]


def test_without_an_avatar_it_says_what_to_do(bench: Bench) -> None:
    bench.show(avatar_name=None)
    bench.window.files.add(sounds(bench, "a.wav"))
    assert bench.window.files.banners.messages == [bench.texts("files.no_avatar")]
    assert bench.session.called("play") == 0


def test_the_dialog_takes_several_files(bench: Bench) -> None:
    first, second = sounds(bench, "a.wav", "b.wav")
    press(bench.window, "Ctrl+Shift+O")
    asked = dialog(QFileDialog)
    asked.filesSelected.emit([str(first), str(second)])
    asked.close()
    assert bench.session.called("play") == 2


def test_output_device_and_calibration(bench: Bench) -> None:
    combo = bench.window.files.output.combo
    combo.activated.emit(combo.findData("out-a"))
    assert bench.session.last("set_output") == ("out-a",)
    bench.show(virtual_microphone_alive=True, camera_alive=True)
    click(bench.window.live.devices.measure)
    assert bench.session.called("calibrate") == 1
    press(bench.window, "Ctrl+Shift+K")
    assert bench.window.page == "files"
    assert until(lambda: len(bench.window.files.rows) == 2)
    bench.show(sound_shift_ms=-12.0)
    assert bench.settings.get("sound_shift_ms") == -12.0
    assert bench.window.live.devices.sound_shift.value == -12
    bench.window.live.devices.sound_shift.changed.emit(20.0)
    assert bench.session.last("set_sound_shift_ms") == (20.0,)


def test_free_name_counts_up(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    assert free_name(path) == path
    for expected in ("a.mp4", "a 2.mp4", "a 3.mp4"):
        found = free_name(path)
        assert found.name == expected
        found.write_bytes(b"")
