"""The teacher: sounds, their mouth classes, and the movements they make."""

import random

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("soundfile")

from weights.training.voice import augment, metrics, phones, texts
from weights.training.voice.coarticulation import (
    CHANNEL_INDEX,
    OPENING,
    WIDTH,
    Style,
    movement,
)
from weights.training.voice.engines import Segment, segments_of


def say(labels: str, step_s: float = 0.12) -> list[Segment]:
    return segments_of(
        [(i * step_s, label) for i, label in enumerate(labels)], len(labels) * step_s
    )


def curves(labels: str, style: Style | None = None) -> np.ndarray:
    return movement(say(labels), len(labels) * 0.12, None, style or Style()).curves


@pytest.mark.parametrize(
    ("symbol", "label"),
    [
        ("p", "p"),
        ("m̩", "p"),
        ("ɑː", "A"),
        ("aɪ", "aI"),
        ("tʃ", "S"),
        ("ts", "s"),
        ("", "_"),
        ("ʁ", "k"),
    ],
)
def test_ipa(symbol: str, label: str) -> None:
    assert phones.from_ipa(symbol) == label


def test_every_table_names_known_classes() -> None:
    for table in (phones._ARPABET, *phones._FESTIVAL.values()):
        assert set("".join(table.values())) <= set(phones.CLASSES)
    assert phones.from_festival("a1", "it") == "a"
    assert phones.from_festival("pau", "en") == "_"


def test_lips_close_for_p_and_open_for_a() -> None:
    opening = curves("_ApA_") @ OPENING
    assert opening[15] < 0.01
    assert min(opening[9], opening[21]) > 0.08


def test_a_short_closure_is_still_reached() -> None:
    segments = [Segment("A", 0, 0.3), Segment("p", 0.3, 0.36), Segment("A", 0.36, 0.7)]
    assert (movement(segments, 0.7).curves @ OPENING)[15:18].min() < 0.02


def test_rounding_begins_before_its_vowel() -> None:
    pucker = CHANNEL_INDEX["mouthPucker"]
    assert curves("_ttu_")[17, pucker] > 3 * curves("_tti_")[17, pucker]


def test_spread_is_wide_and_round_is_narrow() -> None:
    assert (curves("_i_") @ WIDTH)[9] > 0.03 > -0.03 > (curves("_u_") @ WIDTH)[9]


def test_rests_at_both_ends() -> None:
    out = curves("____A____")
    assert np.abs(out[[0, -1]]).max() < 0.02


def test_louder_is_wider() -> None:
    jaws = [
        movement(say("_A_"), 0.36, np.full(40, level, np.float32)).curves[9, 0]
        for level in (0.2, 1.0)
    ]
    assert jaws[1] > 1.3 * jaws[0]


def test_styles() -> None:
    jaw = CHANNEL_INDEX["jawOpen"]
    assert curves("_A_", Style(amplitude=0.5))[9, jaw] == pytest.approx(curves("_A_")[9, jaw] / 2)
    assert curves("___", Style(smile=0.2))[9, CHANNEL_INDEX["mouthSmile"]] == pytest.approx(0.2)


def test_sentences_are_drawn_from_every_language_and_repeat_with_their_seed() -> None:
    for language in texts.vocabulary():
        a, b = (texts.sentence(language, random.Random(5)) for _ in range(2))
        assert a == b
        assert a[-1] in ".?!"
    assert len(texts.vocabulary()) >= 12


def test_invented_words_use_the_letters_of_their_language() -> None:
    rng = random.Random(1)
    letters = set("".join(texts.vocabulary()["it"]))
    assert all(set(texts.invented_word("it", rng)) <= letters for _ in range(50))


def test_noise_is_at_level_one_and_changes_keep_the_length() -> None:
    rng = np.random.default_rng(0)
    always = augment.Chances(0, 1, 1, 1, 1, 1)
    for _ in range(12):
        sound = augment.noise(8000, rng)
        assert sound.std() == pytest.approx(1, abs=0.05)
        assert len(augment.degrade(sound * 0.1, rng, always)) == 8000


def test_disguise_moves_sound_and_times_together() -> None:
    sound, segments = augment.disguise(
        np.zeros(16000, np.float32), [Segment("a", 0.2, 0.8)], np.random.default_rng(0)
    )
    assert segments[0].end_s / 0.8 == pytest.approx(len(sound) / 16000, abs=0.01)


def test_metrics() -> None:
    time = np.arange(200, dtype=np.float32)
    truth = np.sin(time / 5)
    assert metrics.best_lag(np.roll(truth, -2), truth)[0] == 2
    assert metrics.correlation(truth, np.zeros_like(truth)) == 0.0
    opening = np.ones(100, np.float32)
    opening[[20, 21, 50, 51, 52]] = 0
    speech = np.ones(100, bool)
    events = metrics.dips(opening, speech)
    assert events.tolist() == [20, 51]
    found = metrics.detection(np.array([21, 80]), events)
    assert (found.precision, found.recall) == (0.5, 0.5)
