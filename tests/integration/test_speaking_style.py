"""A way of speaking, learned from a film that shows one."""

import dataclasses
from pathlib import Path

import pytest

from app import parts, speaking
from app.avatars import open_avatar
from app.cli import main
from core.avatar import Avatar, Style
from core.errors import ConfigError


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaking, "_PICTURES", 30)


def film(folder: Path, amplitude: float) -> Path:
    """The sample person saying the sample sentence with more or less movement."""
    avatar = open_avatar(parts.SAMPLE_PORTRAIT)
    avatar = dataclasses.replace(avatar, style=Style("drawn", amplitude))
    avatar.save(folder / f"{amplitude}.avatar")
    out = folder / f"{amplitude}.mp4"
    speech = str(parts.SAMPLE_SPEECH)
    command = ["render", str(folder / f"{amplitude}.avatar"), speech, "-o", str(out)]
    assert main([*command, "--size", "320", "--quiet"]) == 0
    return out


def test_a_lively_person_is_told_from_a_quiet_one(tmp_path: Path) -> None:
    films = {amplitude: film(tmp_path, amplitude) for amplitude in (0.6, 1.4)}
    quiet, lively = (speaking.learn(path) for path in films.values())
    assert quiet.amplitude < 0.85 < 1.05 < lively.amplitude
    assert lively.history.sum() > quiet.history.sum()

    command = ["enroll", str(parts.SAMPLE_PORTRAIT), "-o", str(tmp_path / "me.avatar"), "--quiet"]
    assert main([*command, "--style-from", str(films[1.4])]) == 0
    kept = Avatar.load(tmp_path / "me.avatar").style
    assert kept.name == "learned"
    assert kept.amplitude == pytest.approx(lively.amplitude)


def test_a_film_of_somebody_silent_teaches_nothing(tmp_path: Path) -> None:
    """The right face, but the mouth rests while the voice speaks."""
    with pytest.raises(ConfigError, match="does not move with its voice"):
        speaking.learn(film(tmp_path, 0.0))


def test_a_style_by_name(tmp_path: Path) -> None:
    command = ["enroll", str(parts.SAMPLE_PORTRAIT), "-o", str(tmp_path / "me.avatar"), "--quiet"]
    assert main([*command, "--style", "subtle"]) == 0
    assert Avatar.load(tmp_path / "me.avatar").style.amplitude == pytest.approx(0.7)
