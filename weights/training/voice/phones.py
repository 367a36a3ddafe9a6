"""What each engine calls a speech sound, and which of our mouth classes it is.

A mouth class is one letter; a sound is written as one or two of them (a diphthong moves from the
first to the second). Vowels are named after their X-SAMPA letters; consonants after the sound that
stands for the class:

    p lips closed (p b m)        f lip on teeth (f v)         w rounded, narrow (w)
    S rounded sibilant (sh ch)   s sibilant, teeth together   T tongue between the teeth (th)
    t tongue tip (t d n)         l tip up, sides open (l)     r English r; also a bunched tongue
    k tongue back (k g ng x R)   j spread, narrow (y)         h takes the mouth of its neighbour
    _ rest
"""

import unicodedata

VOWELS = "aAEeiI@VoOuUy71R"
CONSONANTS = "pfwSsTtlrkjh"
REST = "_"
CLASSES = VOWELS + CONSONANTS + REST
"""All classes; the index of a letter is the class number the network is trained to tell."""

_IPA_OF_CLASS = {
    "a": "aɐæ",
    "A": "ɑɒ",
    "E": "ɛœ̃",
    "e": "e",
    "i": "iɪ̯",
    "I": "ɪ",
    "@": "əɘɚɜɝ",
    "V": "ʌɤ",
    "o": "oɵ",
    "O": "ɔ",
    "u": "uʉ",
    "U": "ʊ",
    "y": "yʏ",
    "7": "øœɶ",
    "1": "ɨɯᵻ",
    "p": "pbmɓʙ",
    "f": "fvɱⱱʋɸβ",
    "w": "wʍɥ",
    "S": "ʃʒɕʑʂʐɧ",
    "s": "szɬɮ",
    "T": "θð",
    "t": "tdnɾɗʈɖɳɽ",
    "l": "lɫɭ",
    "r": "rɹɻ",
    "k": "kɡgŋxɣqɢχʁʀɴcɟçʝɲʎɠħʕɰ",
    "j": "j",
    "h": "hɦʔ",
}
_IPA = {
    symbol: letter
    for letter, symbols in _IPA_OF_CLASS.items()
    for symbol in symbols
    if not unicodedata.combining(symbol)
} | {"ɪ": "I", "œ": "7"}

_ARPABET = {
    "aa": "A", "ae": "E", "ah": "V", "ao": "O", "aw": "aU", "ax": "@", "ay": "aI", "eh": "E",
    "er": "R", "ey": "eI", "ih": "I", "iy": "i", "ow": "oU", "oy": "OI", "uh": "U", "uw": "u",
    "axr": "R", "b": "p", "p": "p", "m": "p", "em": "p", "f": "f", "v": "f", "w": "w", "ch": "S",
    "jh": "S", "sh": "S", "zh": "S", "s": "s", "z": "s", "th": "T", "dh": "T", "t": "t", "d": "t",
    "n": "t", "en": "t", "dx": "t", "nx": "t", "l": "l", "el": "l", "r": "r", "k": "k", "g": "k",
    "ng": "k", "y": "j", "hh": "h", "hv": "h",
}  # fmt: skip
_CZECH = {
    "a": "a", "e": "E", "i": "I", "i:": "i", "o": "O", "u": "u", "c": "s", "c~": "S", "ch": "k",
    "d~": "t", "dz": "s", "dz~": "S", "h": "h", "n*": "k", "n~": "t", "r~": "S", "r~*": "S",
    "s~": "S", "t~": "t", "z~": "S", "r": "t",
}  # fmt: skip
_ROMANCE = {
    "E": "E", "O": "O", "ax": "@", "tS": "S", "dZ": "S", "S": "S", "Z": "S", "ts": "s", "dz": "s",
    "J": "k", "L": "k", "ng": "k", "nf": "f", "r": "t", "rr": "t", "l": "l", "w": "w", "j": "j",
}  # fmt: skip
_FINNISH = {"@": "E", "7": "7", "&": "a", "y": "y", "N": "k", "L": "k", "r": "t", "v": "f"}
_INDIAN = {
    "a": "V", "aa": "a", "ay": "aI", "aw": "aU", "ae": "E", "eh": "E", "e": "e", "ei": "e",
    "ih": "I", "i": "i", "iy": "i", "ii": "i", "o": "o", "oh": "O", "oo": "o", "uh": "U", "u": "u",
    "uw": "u", "uu": "u", "sh": "S", "shh": "S", "ch": "S", "chh": "S", "c": "S", "jh": "S",
    "j": "S", "jjh": "S", "y": "j", "v": "f", "w": "f", "ng": "k", "N": "k", "ny": "k", "nj": "k",
    "ph": "p", "bh": "p", "r": "t", "rr": "t", "rx": "t", "nx": "t", "lx": "l",
}  # fmt: skip
_RUSSIAN = {
    "a": "@", "aa": "a", "ae": "@", "ay": "@", "ee": "E", "e": "I", "i": "I", "ii": "i", "oo": "o",
    "u": "U", "ur": "U", "uu": "u", "y": "1", "yy": "1", "c": "s", "ch": "S", "sh": "S",
    "sch": "S", "zh": "S", "h": "k", "hh": "k", "v": "f", "vv": "f", "r": "t", "rr": "t",
}  # fmt: skip
_FESTIVAL = {
    "en": _ARPABET,
    "cs": _CZECH,
    "it": _ROMANCE,
    "ca": _ROMANCE,
    "fi": _FINNISH,
    "hi": _INDIAN,
    "mr": _INDIAN,
    "te": _INDIAN,
    "ru": _RUSSIAN,
}
_SILENT = {"#", "##", "_", "pau", "h#", "brth", "sil", "?"}


def from_ipa(symbol: str) -> str:
    """Mouth classes of one espeak-ng phoneme given in IPA; rest for pauses and marks."""
    plain = [_IPA[c] for c in unicodedata.normalize("NFD", symbol) if c in _IPA]
    if not plain:
        return REST
    if plain[0] in VOWELS:
        return "".join(c for c in plain if c in VOWELS or c in "rjw")[:2]
    if plain[0] == "t" and len(plain) > 1 and plain[1] in "sS":
        return plain[1]
    return plain[0]


def from_arpabet(symbol: str) -> str:
    """Mouth classes of one flite segment."""
    return _ARPABET.get(symbol, REST)


def from_festival(symbol: str, language: str) -> str:
    """Mouth classes of one festival segment of a voice of that language."""
    if symbol in _SILENT:
        return REST
    table = _FESTIVAL[language]
    for key in (symbol, symbol.rstrip("1"), symbol.rstrip(":"), symbol.rstrip(":1")[:1]):
        if key in table:
            return table[key]
        if key in _IPA:
            return _IPA[key]
    return _IPA.get(symbol[:1].lower(), REST)
