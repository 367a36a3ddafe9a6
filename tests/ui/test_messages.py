"""Sentences of the session: each has a template, and every language translates every template."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import core
from core import presets
from core.errors import DeviceError
from core.messages import Message
from core.session import DeviceKind
from tests.ui.test_texts import places
from ui.texts import LANGUAGES, Texts, read_messages

ROOT = Path(core.__file__).parents[1]
SPEAKERS = (
    "app/avatars.py", "app/parts.py", "app/pictures.py", "app/live", "audio_io", "core/avatar.py",
    "core/avatar_library.py", "core/face_model", "core/onnx_session.py", "core/portrait",
    "core/preset_files.py", "core/presets.py", "render/engines", "render/fia/enrolment.py",
    "render/fia/model.py", "render/muxer.py", "render/provenance.py",
    "render/recorder.py", "render/video_reader.py", "render/video_writer.py", "render/sinks",
    "weights/store.py",
)  # fmt: skip
"""What the window can get a sentence from."""
COMMAND_LINE_ONLY = {"person_mask.py", "tracking.py"}
KINDS = {
    "DeviceError", "ModelError", "WeightsError", "PortraitError", "ConfigError", "MediaError",
    "RealTalkError", "Message", "_complain",
}  # fmt: skip
STAGES = ("capture", "expression", "renderer", "output", "camera", "virtual microphone", "monitor")


@cache
def calls() -> tuple[tuple[str, ast.Call], ...]:
    """Every call that makes a sentence, with the file's name and line."""
    return tuple(_calls())


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for place in SPEAKERS:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            if file.name in COMMAND_LINE_ONLY:
                continue
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                    if name in KINDS and node.args:
                        yield f"{file.name}:{node.lineno}", node


def templates() -> set[str]:
    """All templates: written in calls, and kept in constants or declarations."""
    from core.portrait import quality
    from render.sinks import desktop, v4l2

    found = {about.about for about in presets.FIELDS.values() if about.pattern}
    found |= {*presets._KINDS.values(), *quality._HIDDEN.values(), *desktop._ADVICE.values()}
    found |= {v4l2._BUSY, *STAGES, *(kind.value for kind in DeviceKind)}
    for _, call in calls():
        for part in ast.walk(call.args[0]) if call.args else ():
            if isinstance(part, ast.IfExp):
                found |= {p.value for p in (part.body, part.orelse) if isinstance(p, ast.Constant)}
        found |= {a.value for a in call.args if isinstance(a, ast.Constant) and " " in str(a.value)}
    return found - {""}


def test_no_sentence_is_glued_together_where_it_is_made() -> None:
    glued = [
        where for where, call in calls() if any(isinstance(a, ast.JoinedStr) for a in call.args)
    ]
    assert glued == []


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    needed, messages = templates(), read_messages(language)
    assert sorted(needed - messages.keys()) == []
    used = {a.value for _, call in calls() for a in ast.walk(call) if isinstance(a, ast.Constant)}
    assert sorted(messages.keys() - needed - used) == []
    for english, other in messages.items():
        assert places(other) <= places(english), english
        assert places(english) - places(other) <= {"device"}, english


def test_a_message_is_translated_with_everything_in_it() -> None:
    inner = DeviceError(
        "The {device} “{name}” is not connected.", device=Message("camera"), name="X"
    )
    notice = Message("A command failed: {reason}", reason=inner)
    assert notice == "A command failed: The camera “X” is not connected."
    german = Texts("de").words(notice)
    assert german == "Ein Befehl ist fehlgeschlagen: Kamera „X“ ist nicht angeschlossen."
    assert Texts("en").words(notice) == notice
    assert Texts("de").words("not from us") == "not from us"
    assert Texts("de").words(Message("Nobody translated {this}.", this=5)) == "Nobody translated 5."


def test_errors_are_described_in_the_language() -> None:
    german = Texts("de")
    assert german.describe(DeviceError("The sound output is closed.")).startswith("Die Tonausgabe")
    assert "boom" in german.describe(RuntimeError("boom"))
