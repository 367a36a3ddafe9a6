"""Presets: every value survives the file, nothing is lost, broken files say what is wrong."""

import string
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.preset_files import SHIPPED, SHIPPED_FOLDER, PresetStore, read_preset, write_preset
from core.presets import FIELDS, Field, Preset

BROKEN = """name = "Mine"
future = [1, 2]

[motion]
blnk = 0.5
sway = 9

[camera]
lookahead_ms = 40
"mark" = 1
[recroding]
format = "mp4"
"""


def values_of(field: Field) -> st.SearchStrategy[Any]:
    if field.choices:
        return st.sampled_from(field.choices)
    if field.step:
        return st.floats(field.minimum, field.maximum)
    if isinstance(field.default, bool):
        return st.booleans()
    if field.pattern:
        return st.from_regex(field.pattern, fullmatch=True).filter(str.isascii)
    return st.text(st.characters(exclude_categories=["Cs"]))


@st.composite
def presets(draw: st.DrawFn) -> Preset:
    preset = Preset(name=draw(st.text(string.ascii_letters + "äß中 ", min_size=1)).strip() or "x")
    for path, field in FIELDS.items():
        preset = preset.changed(path, draw(values_of(field)))
    return preset


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(preset=presets())
def test_every_value_survives_the_file(preset: Preset, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    write_preset(preset, path)
    assert read_preset(path) == (preset, ())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.one_of(st.text(), st.binary()))
def test_any_file_is_read_or_refused_in_words(content: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / "any.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    try:
        preset, _ = read_preset(path)
    except ConfigError as error:
        assert str(path) in str(error)
    else:
        assert preset.motion == Preset(name="x").motion


def test_broken_and_unknown_fields_are_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "Mine"\nfuture = [1, 2]\n[motion]\nblink = 9.0\nsway = 0.25\nsparkle = 3\n'
        '[hologram]\ndepth = 2.5\n[camera]\nmode = "8K"\nmark = 1\n',
        encoding="utf-8",
    )
    preset, problems = read_preset(path)
    assert preset.motion.sway == 0.25
    assert preset.motion.blink == 1.0
    words = "\n".join(problems)
    for part in ("future", "motion.blink", "motion.sparkle", "hologram", "8K", "camera.mark"):
        assert part in words
    write_preset(preset, path)
    again, _ = read_preset(path)
    assert again.unknown == {
        "future": [1, 2],
        "motion": {"sparkle": 3},
        "hologram": {"depth": 2.5},
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("motion.blink", 2.5),
        ("motion.blink", float("nan")),
        ("motion.blink", "1"),
        ("motion.blink", True),
        ("framing.whole", 1),
        ("background.kind", "beach"),
        ("background.colour", "green"),
        ("speech.lookahead_ms", 60),
    ],
)
def test_values_that_do_not_fit_are_refused(path: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=path):
        Preset(name="x").changed(path, value)


def test_five_ship_and_differ() -> None:
    assert len(SHIPPED) == 5
    assert len({replace(preset, name="") for preset in map(_hashable, SHIPPED)}) == 5


def _hashable(preset: Preset) -> Preset:
    return replace(preset, unknown=())  # type: ignore[arg-type]


def test_shipped_presets_cannot_be_overwritten(tmp_path: Path) -> None:
    store = PresetStore(tmp_path)
    with pytest.raises(ConfigError, match="another name"):
        store.save(SHIPPED[0])
    with pytest.raises(ConfigError, match="stays"):
        store.remove(SHIPPED[0].name)


def test_save_list_load_remove(tmp_path: Path) -> None:
    store = PresetStore(tmp_path / "presets")
    kept = store.save(Preset(name="a/b: <mine>").changed("motion.blink", 0.5))
    assert kept.name == "a b mine"
    assert store.names()[5:] == ("a b mine",)
    assert store.load("a b mine") == (kept, ())
    store.remove("a b mine")
    assert len(store.names()) == 5


def test_import_finds_a_free_name_and_saving_keeps_a_broken_file(tmp_path: Path) -> None:
    store = PresetStore(tmp_path / "presets")
    source = tmp_path / "Natural.toml"
    source.write_text('name = "Natural"\n[motion]\nblink = 7\n', encoding="utf-8")
    first, problems = store.import_file(source)
    second, _ = store.import_file(source)
    assert (first.name, second.name) == ("Natural 2", "Natural 3")
    assert "motion.blink" in problems[0]
    broken = store.folder / "bad.toml"
    broken.write_text("not toml at all", encoding="utf-8")
    store.save(Preset(name="bad"))
    assert broken.with_suffix(".bak").read_text(encoding="utf-8") == "not toml at all"


def test_an_empty_name_and_a_later_version_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name"):
        PresetStore(tmp_path).save(Preset(name=" / "))
    path = tmp_path / "later.toml"
    path.write_text("version = 99\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="Update"):
        read_preset(path)


def test_problems_name_the_line_and_what_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BROKEN, encoding="utf-8")
    _, problems = read_preset(path)
    assert sorted(problems) == [
        "Line 10: 'camera.mark' is 1; it must be true or false. The default False is used.",
        "Line 11: 'recroding' is unknown; did you mean 'recording'? It is kept.",
        "Line 2: 'future' is unknown to this version. It is kept.",
        "Line 5: 'motion.blnk' is unknown; did you mean 'motion.blink'? It is kept.",
        "Line 6: 'motion.sway' is 9.0; it must lie between 0 and 2. The default 1.0 is used.",
        "Line 9: 'camera.lookahead_ms' is unknown; did you mean 'speech.lookahead_ms'? It is kept.",
    ]


def test_fields_of_inline_tables_and_dotted_keys_are_found(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("\nmotion = {blink = 5}\nspeech.lookahead_ms = 7\n", encoding="utf-8")
    _, problems = read_preset(path)
    assert [problem.split(":")[0] for problem in problems] == ["Line 2", "Line 3"]


def test_a_file_that_is_no_toml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "Mine"\n[motion\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="line 2"):
        read_preset(path)


@pytest.mark.parametrize("path", sorted(SHIPPED_FOLDER.iterdir()), ids=lambda path: path.stem)
def test_shipped_files_can_be_copied_and_imported(path: Path, tmp_path: Path) -> None:
    preset, problems = read_preset(path)
    assert problems == ()
    assert preset in SHIPPED
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert all(f"\n{name.split('.')[1]} = " in text for name in FIELDS)
    imported, problems = PresetStore(tmp_path).import_file(path)
    assert problems == ()
    assert imported == replace(preset, name=f"{preset.name} 2")


def test_what_is_exported_imports_as_the_same(tmp_path: Path) -> None:
    mine = Preset(name="Mine", avatar="ada.avatar").changed("background.colour", "#123456")
    write_preset(mine, tmp_path / "export.toml")
    assert PresetStore(tmp_path / "other").import_file(tmp_path / "export.toml") == (mine, ())
