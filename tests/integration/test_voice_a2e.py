"""The shipped transformer: streams like the default voice network, and follows its priors."""

from pathlib import Path

import numpy as np
import pytest

from app import parts, speaking
from app.cli import main
from audio_io.files import read_audio
from core.blendshapes import INDEX
from core.types import HOP_SAMPLES
from core.voice import ExpressionStream, VoiceModel
from core.voice.curves_io import read_frames


@pytest.fixture(scope="module")
def sentence() -> np.ndarray:
    return np.concatenate([block.samples for block in read_audio(parts.SAMPLE_SPEECH)])


def heard(model: VoiceModel, sound: np.ndarray, block: int) -> np.ndarray:
    stream = ExpressionStream(model)
    frames = [f for i in range(0, len(sound), block) for f in stream.push(sound[i : i + block])]
    return np.stack([frame.beta for frame in frames + stream.finish()])


def test_cutting_the_sound_changes_nothing(sentence: np.ndarray) -> None:
    model = parts.voice_model("a2e")
    whole = heard(model, sentence, len(sentence))
    assert len(whole) == -(-len(sentence) // HOP_SAMPLES)
    for block in (333, HOP_SAMPLES, 16_000):
        np.testing.assert_array_equal(heard(model, sentence, block), whole)


def test_agrees_with_the_default_network(sentence: np.ndarray) -> None:
    jaw = [heard(parts.voice_model(v), sentence, 4000)[:, INDEX["jawOpen"]] for v in parts.VOICES]
    assert np.corrcoef(*jaw)[0, 1] > 0.9


def test_past_expressions_set_the_size_of_the_movement(sentence: np.ndarray) -> None:
    model = parts.voice_model("a2e")
    assert set(model.styles) == set(speaking.NAMED)
    nobody = np.zeros(80, np.float32)
    size = {
        name: heard(model.of_speaker(nobody, name), sentence, 4000)[:, INDEX["jawOpen"]].std()
        for name in model.styles
    }
    assert size["subtle"] < 0.9 * size["neutral"] < 0.9 * size["lively"]


def test_from_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "curves.csv"
    assert main(["express", str(parts.SAMPLE_SPEECH), "-o", str(out), "--voice", "a2e"]) == 0
    assert max(frame.beta[INDEX["jawOpen"]] for frame in read_frames(out)[0]) > 0.1
