"""Sentences to be spoken: word salads with the rhythm of sentences, in many languages.

What the ears must learn is sound, not meaning, so a sentence is drawn from three sources: common
words (`vocabulary.txt`), invented words whose letters follow each other as in the common ones, and
numbers, which the speech engines read out in their own language.
"""

import random
from collections import defaultdict
from functools import cache
from pathlib import Path

VOCABULARY = Path(__file__).with_name("vocabulary.txt")
ENGINE_LEXICA = {
    "en": Path("/usr/share/festival/dicts/cmu/cmudict-0.4.out"),
    "it": Path("/usr/share/festival/dicts/ifd/lex.out"),
}
"""Pronunciation lexica that festival brings along; used for their words where installed."""
INVENTED_SHARE = {"cmn": 0.0, "ko": 0.0}
_BOUNDARY = "\0"


@cache
def vocabulary() -> dict[str, tuple[str, ...]]:
    """Common words of every language, by language code."""
    table = {}
    for line in VOCABULARY.read_text(encoding="utf-8").splitlines():
        code, _, words = line.partition(":")
        table[code] = tuple(dict.fromkeys(words.split()))
    return table


@cache
def lexicon(language: str) -> tuple[str, ...]:
    """Further words from a pronunciation lexicon of the engines; empty where there is none."""
    path = ENGINE_LEXICA.get(language)
    if path is None or not path.is_file():
        return ()
    words = []
    for line in path.read_text(encoding="latin1").splitlines():
        parts = line.split('"')
        is_entry = len(parts) >= 3 and parts[0].strip() == "("
        if is_entry and parts[1].isalpha() and parts[1].isascii():
            words.append(parts[1])
    return tuple(words)


@cache
def _successors(language: str) -> dict[str, list[str]]:
    table: dict[str, list[str]] = defaultdict(list)
    for word in vocabulary()[language]:
        letters = _BOUNDARY * 2 + word + _BOUNDARY
        for i in range(len(letters) - 2):
            table[letters[i : i + 2]].append(letters[i + 2])
    return table


def invented_word(language: str, rng: random.Random, longest: int = 11) -> str:
    """A word that does not exist, with the letter sequences (pairs) of the language."""
    table = _successors(language)
    for _ in range(20):
        letters = _BOUNDARY * 2
        while len(letters) < longest + 2:
            letters += rng.choice(table[letters[-2:]])
            if letters[-1] == _BOUNDARY:
                break
        word = letters.strip(_BOUNDARY)
        if len(word) > 2:
            return word
    return rng.choice(vocabulary()[language])


def sentence(language: str, rng: random.Random, words: tuple[int, int] = (3, 14)) -> str:
    """One sentence with commas, stops, questions and exclamations.

    Args:
        language: A code of `vocabulary.txt`.
        rng: Source of all choices.
        words: Fewest and most words.
    """
    known, extra = vocabulary()[language], lexicon(language)
    invented = INVENTED_SHARE.get(language, 0.3)
    out = []
    for _ in range(rng.randint(*words)):
        draw = rng.random()
        if draw < 0.06:
            word = str(int(10 ** rng.uniform(0, 4)))
        elif draw < 0.06 + invented:
            word = invented_word(language, rng)
        elif extra and draw < 0.7:
            word = rng.choice(extra)
        else:
            word = rng.choice(known)
        out.append(word + ("," if rng.random() < 0.09 else ""))
    end = rng.choices((".", "?", "!"), (0.7, 0.18, 0.12))[0]
    return " ".join(out).rstrip(",") + end
