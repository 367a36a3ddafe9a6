import argparse
from pathlib import Path

import pytest

from app import choices, parts
from core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "size"), [("512", (512, 512)), ("1280x720", (1280, 720)), ("64X65", (64, 65))]
)
def test_sizes(text, size):
    assert choices.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "63", "1921", "12x", "1x2x3", "-512", "big", "512.5"])
def test_wrong_sizes_are_named(text):
    with pytest.raises(argparse.ArgumentTypeError):
        choices.parse_size(text)


def test_background_words_colours_and_pictures(tmp_path):
    picture = tmp_path / "sea.png"
    picture.write_bytes(b"x")
    assert choices.parse_background("blur").kind == "blur"
    assert choices.parse_background("#102030").colour_rgb == (16, 32, 48)
    assert choices.parse_background(str(picture)).picture == str(picture)


@pytest.mark.parametrize("text", ["sea.png", "#12", "#ggggggg", "", "colour"])
def test_wrong_backgrounds_are_explained(text):
    with pytest.raises(ConfigError):
        choices.parse_background(text)


def test_preset_by_name_by_file_and_by_default(tmp_path):
    first = choices.find_preset(None, tmp_path)
    assert choices.find_preset(first.name, tmp_path) == first
    changed = first.changed("motion.blink", 0.5)
    file = tmp_path / "mine.toml"
    choices_write(changed, file)
    assert choices.find_preset(str(file), tmp_path).motion.blink == 0.5
    with pytest.raises(ConfigError):
        choices.find_preset("no such preset", tmp_path)


def choices_write(preset, file):
    from core.preset_files import write_preset

    write_preset(preset, file)


def test_the_neural_renderer_by_name_by_file_and_by_preset(tmp_path):
    by_preset = choices.choose_preset(None, tmp_path)
    assert by_preset.rendering.neural == "off"
    mine = choices.choose_preset(None, tmp_path, neural="mine_decoder.onnx").rendering
    assert parts.neural_decoder(mine) == Path("mine_decoder.onnx")
    for name in ("pocket", "compact"):
        shipped = choices.choose_preset(None, tmp_path, neural=name).rendering
        assert parts.neural_decoder(shipped).name == f"fia_{name}_decoder.onnx"
    assert parts.neural_decoder(choices.parse_neural("off")) is None
    with pytest.raises(ConfigError, match="names no file"):
        parts.neural_decoder(by_preset.changed("rendering.neural", "file").rendering)


@pytest.mark.parametrize(("cpus", "call", "film"), [(1, 1, 1), (2, 1, 2), (4, 2, 4), (32, 2, 4)])
def test_a_call_gets_fewer_threads_than_a_film(monkeypatch, cpus, call, film):
    monkeypatch.setattr("os.cpu_count", lambda: cpus)
    assert (parts.threads_in_a_call(), parts.threads_for_a_film()) == (call, film)


def test_background_replaces_the_presets(tmp_path):
    assert choices.choose_preset(None, tmp_path, background="blur").background.kind == "blur"
