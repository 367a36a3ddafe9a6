"""The other shipped voice networks: they stream like the default; transformers follow priors."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app import parts, speaking
from app.cli import main
from app.live.parts import ShippedParts
from audio_io.files import read_audio
from core.blendshapes import INDEX
from core.preset_files import SHIPPED
from core.presets import FIELDS
from core.types import HOP_SAMPLES, ExpressionFrame
from core.voice import ExpressionStream, VoiceModel
from core.voice.curves_io import read_frames
from tests.synthetic_avatar import synthetic_avatar

OTHERS = {"a2e": 0.85, "hubert": 0.75}
"""The voices besides the default, and how well their jaw must follow its jaw (r)."""


@pytest.fixture(scope="module")
def sentence() -> np.ndarray:
    return np.concatenate([block.samples for block in read_audio(parts.SAMPLE_SPEECH)])


def heard(model: VoiceModel, sound: np.ndarray, block: int, lookahead_ms: int = 80) -> np.ndarray:
    stream = ExpressionStream(model, lookahead_ms)
    frames = [f for i in range(0, len(sound), block) for f in stream.push(sound[i : i + block])]
    return np.stack([frame.beta for frame in frames + stream.finish()])


def test_presets_offer_what_is_shipped() -> None:
    assert FIELDS["speech.voice"].choices == tuple(parts.VOICES) == ("mel", *OTHERS)
    for voice in parts.VOICES:
        lookaheads = set(parts.voice_model(voice).lookaheads_ms)
        assert lookaheads == set(FIELDS["speech.lookahead_ms"].choices)


@pytest.mark.parametrize("voice", OTHERS)
def test_cutting_the_sound_changes_nothing(voice: str, sentence: np.ndarray) -> None:
    model = parts.voice_model(voice)
    whole = heard(model, sentence, len(sentence))
    assert len(whole) == -(-len(sentence) // HOP_SAMPLES)
    for block in (333, HOP_SAMPLES, 16_000):
        np.testing.assert_array_equal(heard(model, sentence, block), whole)


@pytest.mark.parametrize("voice", OTHERS)
@pytest.mark.parametrize("lookahead_ms", [40, 80])
def test_agrees_with_the_default_network(
    voice: str, lookahead_ms: int, sentence: np.ndarray
) -> None:
    jaw = [
        heard(parts.voice_model(v), sentence, 4000, lookahead_ms)[:, INDEX["jawOpen"]]
        for v in ("mel", voice)
    ]
    assert np.corrcoef(*jaw)[0, 1] > OTHERS[voice]


def test_past_expressions_set_the_size_of_the_movement(sentence: np.ndarray) -> None:
    model = parts.voice_model("a2e")
    assert set(model.styles) == set(speaking.NAMED)
    nobody = np.zeros(80, np.float32)
    size = {
        name: heard(model.of_speaker(nobody, name), sentence, 4000)[:, INDEX["jawOpen"]].std()
        for name in model.styles
    }
    assert size["subtle"] < 0.9 * size["neutral"] < 0.9 * size["lively"]


def test_a_live_voice_follows_another_avatar(sentence: np.ndarray) -> None:
    live, preset = ShippedParts(), SHIPPED[0].changed("speech.voice", "a2e")
    subtle, lively = (
        replace(synthetic_avatar(64), style=speaking.NAMED[name]) for name in ("subtle", "lively")
    )
    stream = live.speech(preset, subtle)
    before = jaw_spread(stream.push(sentence))
    live.tune_speech(stream, preset, lively)
    assert jaw_spread(stream.push(sentence)) > 1.15 * before
    with pytest.raises(ValueError, match="another network"):
        stream.speak_as(parts.voice_model("mel"))


@pytest.mark.parametrize("voice", OTHERS)
def test_from_the_command_line(voice: str, tmp_path: Path) -> None:
    out = tmp_path / "curves.csv"
    assert main(["express", str(parts.SAMPLE_SPEECH), "-o", str(out), "--voice", voice]) == 0
    assert max(frame.beta[INDEX["jawOpen"]] for frame in read_frames(out)[0]) > 0.1


def jaw_spread(frames: list[ExpressionFrame]) -> float:
    return float(np.std([frame.beta[INDEX["jawOpen"]] for frame in frames if frame.voiced]))
