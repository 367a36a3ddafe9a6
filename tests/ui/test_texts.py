"""Texts: every sentence in every language, filled with the same values, none left over."""

import ast
import re
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path

import pytest

import ui
from core.preset_files import SHIPPED
from core.presets import FIELDS
from core.session import JobStatus, Mode
from ui.actions import COMMANDS
from ui.first_start import STEPS
from ui.global_keys.listener import State
from ui.live.live_page import PANELS
from ui.settings import SETTINGS
from ui.texts import LANGUAGES, Texts, language_for, read_catalogue

SOURCES = Path(ui.__file__).parent
STATUS = ("mode", "fps", "latency", "sync", "drops", "engine")


def literals(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


@cache
def keys_in_sources() -> set[str]:
    """Every literal of the sources that looks like a text key."""
    found = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(re.findall(r"^[a-z_]+(?:\.[a-z_0-9]+)+$", node.value))
    return found


@cache
def keys_called() -> set[str]:
    """Literal keys in calls such as `texts("live.go")`."""
    found = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in ("texts", "_texts") and not isinstance(node.args[0], ast.JoinedStr):
                    found |= set(literals(node.args[0]))
    return found


def values(kind: type[Enum]) -> list[str]:
    return [item.value for item in kind]


def keys_from_data() -> set[str]:
    """Keys the window makes from declarations."""
    found = {f"command.{command.name}" for command in COMMANDS}
    found |= {f"commands.{command.group}" for command in COMMANDS}
    for setting in SETTINGS:
        if setting.group:
            found |= {f"setting.{setting.key}", f"setting.{setting.key}.about"}
            found |= {f"setting.{setting.key}.{choice}" for choice in setting.choices}
            found |= {f"settings.group.{setting.group}"}
        if setting.unit:
            found.add(setting.unit)
    for path, field in FIELDS.items():
        if path in ("background.colour", "background.picture"):
            continue
        found.add(f"preset.{path}")
        if path == "camera.mode" or not field.choices:
            found.add(f"preset.{path}.about")
        else:
            found |= {f"preset.{path}.{c}" for c in field.choices} | {f"preset.{path}.about"}
    found.discard("preset.recording.folder.about")
    found |= {f"preset.shipped.{p.name.lower().replace(' ', '_')}" for p in SHIPPED}
    found |= {f"files.status.{status}" for status in values(JobStatus)}
    found |= {f"status.mode.{mode}" for mode in values(Mode)}
    found |= {f"status.{name}.{part}" for name in STATUS for part in ("name", "about")}
    found |= {f"panel.{name}" for name in PANELS}
    found |= {f"global_key.{state}" for state in values(State) if state != State.OFF.value}
    found |= {f"nav.{name}" for name in ("live", "avatars", "files", "settings", "help")}
    found |= {f"first.{step}" for step in STEPS}
    found |= {f"first.{step}.{part}" for step in STEPS for part in ("title", "about")}
    found |= {f"control.{name}" for name in ("mute", "talk", "panic", "record")}
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing_and_none_is_left_over(language: str) -> None:
    catalogue = read_catalogue(language)
    needed = keys_called() | keys_from_data()
    assert sorted(needed - catalogue.keys()) == []
    unused = catalogue.keys() - needed - keys_in_sources()
    assert sorted(key for key in unused if not key.startswith("point.")) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_point_that_can_be_dragged_has_a_name(language: str) -> None:
    points = pytest.importorskip("core.portrait.points", reason="enrolment is not here yet")
    named = {key for key in read_catalogue(language) if key.startswith("point.")}
    assert named == {f"point.{name}" for name in points.EDITABLE}


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_have_the_same_places_for_values(language: str) -> None:
    english, other = read_catalogue("en"), read_catalogue(language)
    for key, text in english.items():
        assert places(other[key]) == places(text), key
        assert other[key].strip() == other[key] != "", key


def places(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


@pytest.mark.parametrize(("language", "share"), [("de", 0.9), ("zh", 0.95)])
def test_translations_are_translated(language: str, share: float) -> None:
    english, other = read_catalogue("en"), read_catalogue(language)
    changed = sum(other[key] != text for key, text in english.items())
    assert changed / len(english) > share


def test_sources_hold_no_bare_words_for_the_user() -> None:
    """No widget is given an English sentence directly."""
    setters = {"setText", "setToolTip", "setWindowTitle", "setAccessibleName", "addItem"}
    allowed = {"", "RealTalk Cam", "✓"}
    bare = []
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in setters and node.args:
                words = getattr(node.args[0], "value", "")
                if isinstance(words, str) and words not in allowed:
                    bare.append(f"{path.name}:{node.lineno} {words!r}")
    assert bare == []


@pytest.mark.parametrize(
    ("choice", "locale", "language"),
    [
        ("system", "de_AT", "de"),
        ("system", "zh-Hans-CN", "zh"),
        ("system", "fr_FR", "en"),
        ("system", "C", "en"),
        ("zh", "de_DE", "zh"),
    ],
)
def test_language_for(choice: str, locale: str, language: str) -> None:
    assert language_for(choice, locale) == language


def test_a_key_that_is_nowhere_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Texts("en")("no.such.key")
