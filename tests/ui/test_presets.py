"""Presets in the window: sliders, choose, save, import, export; every value reaches the session."""

from pathlib import Path

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QFileDialog, QInputDialog, QMessageBox

from core.preset_files import SHIPPED, read_preset, write_preset
from core.presets import FIELDS, Preset
from tests.ui.bench import Bench, click, dialog, press, until
from ui.live.preset_panels import LIFE
from ui.widgets.slider_row import SliderRow


def test_every_motion_has_a_slider_that_counts_at_once(bench: Bench) -> None:
    panel = bench.window.live.motion
    for name in ("expressiveness", *LIFE):
        row = panel.rows[f"motion.{name}"]
        assert isinstance(row, SliderRow)
        row.slider.setValue(10)
        assert bench.session.preset is not None
        assert bench.session.preset.get(f"motion.{name}") == 0.5
    assert bench.window.presets.modified


def test_every_preset_value_has_a_control(bench: Bench) -> None:
    live = bench.window.live
    shown = {*live.motion.rows, *live.picture.rows, *live.recording.rows}
    by_dialog = {"background.colour", "background.picture", "recording.folder"}
    by_dialog.add("rendering.network")
    assert shown | by_dialog == set(FIELDS)


def test_background_choices_show_what_belongs_to_them(bench: Bench) -> None:
    press(bench.window, "Alt+3")
    picture = bench.window.live.picture
    kinds = picture.rows["background.kind"]
    kinds.button("blur").click()
    assert picture.rows["background.blur"].isVisible()
    kinds.button("colour").click()
    assert not picture.rows["background.blur"].isVisible()
    click(picture.colour_button)
    asked = dialog(QColorDialog)
    asked.colorSelected.emit(QColor("#123456"))
    asked.close()
    assert bench.session.preset.background.colour == "#123456"
    kinds.button("picture").click()
    click(picture.picture_button)
    files = dialog(QFileDialog)
    files.fileSelected.emit("/x/beach.jpg")
    files.close()
    assert bench.session.preset.background.kind == "picture"
    assert bench.session.preset.background.picture == str(Path("/x/beach.jpg"))


def test_the_mouth_can_be_painted_by_a_network(bench: Bench) -> None:
    press(bench.window, "Alt+3")
    picture = bench.window.live.picture
    kinds = picture.rows["rendering.neural"]
    kinds.button("compact").click()
    assert bench.session.preset.rendering.neural == "compact"
    assert not picture.network_button.isVisible()
    kinds.button("file").click()
    click(picture.network_button)
    files = dialog(QFileDialog)
    assert files.nameFilters() == ["Networks (*_decoder.onnx)"]
    files.fileSelected.emit("/x/mine_decoder.onnx")
    files.close()
    assert bench.session.preset.rendering.neural == "file"
    assert bench.session.preset.rendering.network == str(Path("/x/mine_decoder.onnx"))


def test_framing_camera_and_recording(bench: Bench) -> None:
    live = bench.window.live
    press(bench.window, "Alt+3")
    live.picture.rows["framing.face_height"].slider.setValue(20)
    assert bench.session.preset.framing.face_height == 0.35
    click(live.picture.rows["framing.whole"].switch)
    assert bench.session.preset.framing.whole
    assert not live.picture.rows["framing.face_height"].isEnabled()
    modes = live.picture.rows["camera.mode"]
    modes.activated.emit(modes.findData("1920x1080@25"))
    assert bench.session.preset.camera.size == (1920, 1080)
    press(bench.window, "Alt+4")
    live.recording.rows["recording.format"].button("mkv").click()
    assert bench.session.preset.recording.format == "mkv"
    click(live.recording.folder_button)
    asked = dialog(QFileDialog)
    asked.fileSelected.emit("/x/takes")
    asked.close()
    assert bench.session.preset.recording.folder == str(Path("/x/takes"))


def test_choose_a_shipped_preset_and_step_through_them(bench: Bench) -> None:
    combo = bench.window.live.preset_bar.combo
    combo.activated.emit(combo.findData("Lively show"))
    assert until(lambda: bench.session.now.preset_name == "Lively show")
    assert bench.session.preset.motion == SHIPPED[2].motion
    assert bench.settings.get("preset") == "Lively show"
    press(bench.window, "Ctrl+PgDown")
    assert until(lambda: bench.session.now.preset_name == "Still picture")
    press(bench.window, "Ctrl+PgUp")
    assert until(lambda: bench.session.now.preset_name == "Lively show")


def test_a_changed_shipped_preset_is_saved_under_another_name(bench: Bench) -> None:
    bench.window.live.motion.rows["motion.sway"].slider.setValue(4)
    assert "•" in bench.window.live.preset_bar.combo.currentText()
    press(bench.window, "Ctrl+S")
    asked = dialog(QInputDialog)
    assert asked.textValue() == "My Natural"
    asked.setTextValue("Mine")
    asked.accept()
    assert until(lambda: bench.session.now.preset_name == "Mine")
    assert not bench.window.presets.modified
    kept, problems = bench.presets.load("Mine")
    assert kept.motion.sway == 0.2 and problems == ()
    assert kept.avatar == "Ada.avatar"
    assert until(lambda: "Mine" in bench.window.presets.names)
    bench.window.live.motion.rows["motion.sway"].slider.setValue(8)
    press(bench.window, "Ctrl+S")
    assert until(lambda: bench.presets.load("Mine")[0].motion.sway == 0.4)


def test_a_preset_brings_its_avatar(bench: Bench) -> None:
    bench.presets.save(Preset(name="As Grace", avatar="Grace.avatar"))
    bench.window.presets.choose("As Grace")
    assert until(lambda: bench.session.now.avatar_name == "Grace")


def test_undo_changes_and_delete(bench: Bench) -> None:
    presets, bar = bench.window.presets, bench.window.live.preset_bar
    presets.save_as("Mine")
    assert until(lambda: presets.preset.name == "Mine")
    presets.set("motion.blink", 0.0)
    presets.revert()
    assert bench.session.preset.motion.blink == 1.0
    bar.remove()
    question = dialog(QMessageBox)
    click(next(b for b in question.buttons() if b is not question.defaultButton()))
    assert until(lambda: presets.preset.name == "Natural")
    assert until(lambda: "Mine" not in presets.names)


def test_import_says_what_is_broken_and_export_writes_what_is_in_use(bench: Bench) -> None:
    source = bench.folder / "given.toml"
    source.write_text(
        'name = "Given"\n[motion]\nblink = 9\nsway = 0.3\nnew = 1\n', encoding="utf-8"
    )
    press(bench.window, "Ctrl+I")
    asked = dialog(QFileDialog)
    asked.fileSelected.emit(str(source))
    asked.close()
    assert until(lambda: bench.session.now.preset_name == "Given")
    words = "\n".join(bench.window.live.banners.messages)
    assert "motion.blink" in words and "motion.new" in words
    assert bench.session.preset.motion.sway == 0.3
    press(bench.window, "Ctrl+E")
    asked = dialog(QFileDialog)
    target = bench.folder / "out.toml"
    asked.fileSelected.emit(str(target))
    asked.close()
    assert until(target.exists)
    assert until(lambda: read_preset(target)[0].motion.sway == 0.3)


def test_a_file_that_is_no_preset_says_so(bench: Bench) -> None:
    source = bench.folder / "photo.toml"
    source.write_bytes(b"\xff\xd8 no")
    bench.window.presets.import_file(source)
    assert until(lambda: any("photo.toml" in m for m in bench.window.live.banners.messages))
    assert bench.session.now.preset_name == "Natural"


def test_the_preset_of_the_last_time_is_used_again(new_bench: Bench) -> None:
    write_preset(
        Preset(name="Mine").changed("motion.nods", 0.5), new_bench.presets.folder / "Mine.toml"
    )
    new_bench.settings.set("preset", "Mine")
    new_bench.open()
    assert until(lambda: new_bench.session.now.preset_name == "Mine")
    assert new_bench.session.preset.motion.nods == 0.5
