"""From mouth classes with times to mouth movements: the teacher of the voice network.

Each class pulls each channel towards a target with a certain strength, for a certain time before
and after the sound itself (dominance functions, after Cohen and Massaro 1993). What differs from
the textbook model, because real mouths do it:

* the jaw and the lips move separately: a closure is a state of the lips, laid over whatever the
  jaw is doing, and is always reached, however short the sound;
* rounding starts early (about 150 ms) and ends soon;
* the lips hardly notice what the tongue does: between vowels they stay open for s, t and k, though
  the jaw rises;
* short vowels do not reach their targets; loud ones go beyond them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weights.training.voice import phones
from weights.training.voice.engines import Segment

FRAME_RATE_HZ = 50
CHANNELS = (
    "jawOpen",
    "jawForward",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthStretch",
    "mouthSmile",
    "mouthDimple",
    "mouthLowerDown",
    "mouthUpperUp",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthPress",
    "mouthShrugLower",
    "mouthShrugUpper",
    "cheekPuff",
    "tongueOut",
)
"""What the voice network moves: ARKit names, pairs named once (both sides get the same)."""
CHANNEL_INDEX = {name: i for i, name in enumerate(CHANNELS)}
_CLOSURE = len(CHANNELS)
_SHORT = {
    "j": "jawOpen",
    "jf": "jawForward",
    "fu": "mouthFunnel",
    "pu": "mouthPucker",
    "st": "mouthStretch",
    "sm": "mouthSmile",
    "di": "mouthDimple",
    "ld": "mouthLowerDown",
    "uu": "mouthUpperUp",
    "rl": "mouthRollLower",
    "ru": "mouthRollUpper",
    "pr": "mouthPress",
    "sl": "mouthShrugLower",
    "su": "mouthShrugUpper",
    "cp": "cheekPuff",
    "to": "tongueOut",
}


def _target(**values: float) -> NDArray[np.float32]:
    out = np.zeros(len(CHANNELS) + 1, np.float32)
    for short, value in values.items():
        out[_CLOSURE if short == "closure" else CHANNEL_INDEX[_SHORT[short]]] = value
    return out


_TARGETS = {
    "a": _target(j=0.70, ld=0.42, uu=0.28, st=0.14, sm=0.05),
    "A": _target(j=0.64, ld=0.30, uu=0.18, fu=0.08),
    "E": _target(j=0.54, ld=0.44, uu=0.28, st=0.32, sm=0.14),
    "e": _target(j=0.40, ld=0.42, uu=0.22, st=0.36, sm=0.22),
    "i": _target(j=0.20, ld=0.42, uu=0.20, st=0.48, sm=0.36, di=0.16),
    "I": _target(j=0.27, ld=0.38, uu=0.18, st=0.32, sm=0.20),
    "@": _target(j=0.31, ld=0.28, uu=0.14, st=0.08),
    "V": _target(j=0.47, ld=0.34, uu=0.18, st=0.10),
    "o": _target(j=0.34, fu=0.30, pu=0.45, ld=0.10),
    "O": _target(j=0.52, fu=0.28, pu=0.26, ld=0.14),
    "u": _target(j=0.12, fu=0.16, pu=0.80),
    "U": _target(j=0.19, fu=0.18, pu=0.48, ld=0.05),
    "y": _target(j=0.11, fu=0.20, pu=0.74),
    "7": _target(j=0.27, fu=0.32, pu=0.48, ld=0.06),
    "1": _target(j=0.22, ld=0.32, uu=0.12, st=0.26, sm=0.08),
    "R": _target(j=0.25, fu=0.26, pu=0.28, ld=0.10),
    "p": _target(j=0.06, pr=0.25, rl=0.20, ru=0.24, cp=0.05, closure=1.0),
    "f": _target(j=0.11, rl=0.50, uu=0.28, su=0.06, closure=0.30),
    "w": _target(j=0.08, fu=0.14, pu=0.82),
    "S": _target(j=0.12, fu=0.48, pu=0.26, ld=0.38, uu=0.30, jf=0.15),
    "s": _target(j=0.10, ld=0.60, uu=0.34, st=0.28, sm=0.12, jf=0.08),
    "T": _target(j=0.20, to=0.45, ld=0.40, uu=0.20),
    "t": _target(j=0.18, ld=0.44, uu=0.20, st=0.10, to=0.04),
    "l": _target(j=0.25, ld=0.40, uu=0.18, to=0.12),
    "r": _target(j=0.18, fu=0.28, pu=0.28, ld=0.16),
    "k": _target(j=0.26, ld=0.32, uu=0.14),
    "j": _target(j=0.18, ld=0.38, uu=0.16, st=0.38, sm=0.24),
    "h": _target(j=0.30, ld=0.16, uu=0.06),
    "_": _target(),
}
_TABLE = np.stack([_TARGETS[label] for label in phones.CLASSES])
_GROUPS = {
    "jaw": ("j", "jf"),
    "round": ("fu", "pu"),
    "spread": ("st", "sm", "di"),
    "lift": ("ld", "uu"),
    "seal": ("rl", "ru", "pr", "sl", "su", "cp"),
    "tongue": ("to",),
}
_GROUP_NAMES = (*_GROUPS, "closure")
_GROUP_CHANNELS = [
    [CHANNEL_INDEX[_SHORT[short]] for short in shorts] for shorts in _GROUPS.values()
] + [[_CLOSURE]]
_REACH_BEFORE_S = {
    "jaw": 0.070,
    "round": 0.110,
    "spread": 0.080,
    "lift": 0.055,
    "seal": 0.042,
    "tongue": 0.050,
    "closure": 0.036,
}
_REACH_AFTER_S = _REACH_BEFORE_S | {"jaw": 0.065, "round": 0.065, "closure": 0.032}
_STRENGTH = {
    "p": {"jaw": 1.5, "seal": 5.0, "closure": 9.0, "round": 0.2, "spread": 0.2, "lift": 1.0},
    "f": {"jaw": 1.7, "seal": 4.0, "closure": 6.0, "round": 0.3, "spread": 0.3, "lift": 3.0},
    "w": {"jaw": 1.5, "round": 3.0, "spread": 1.5, "lift": 1.5},
    "S": {"jaw": 2.0, "round": 1.9, "spread": 1.0, "lift": 1.2},
    "s": {"jaw": 2.0, "round": 0.35, "spread": 0.6, "lift": 0.8},
    "T": {"jaw": 1.3, "round": 0.35, "spread": 0.4, "lift": 0.8, "tongue": 4.0},
    "t": {"jaw": 0.7, "round": 0.25, "spread": 0.35, "lift": 0.4},
    "l": {"jaw": 0.6, "round": 0.25, "spread": 0.35, "lift": 0.4},
    "r": {"jaw": 0.9, "round": 0.9, "spread": 0.6, "lift": 0.7},
    "k": {"jaw": 0.4, "round": 0.15, "spread": 0.2, "lift": 0.3},
    "j": {"jaw": 0.9, "round": 0.5, "spread": 1.0, "lift": 0.8},
    "h": {"jaw": 0.15, "round": 0.08, "spread": 0.08, "lift": 0.12, "seal": 0.3},
    "_": {"jaw": 1.0, "round": 0.8, "spread": 0.8, "lift": 1.0},
}
_ROUND_VOWELS = "oOuUy7"
_NEUTRAL_PULL = 0.03
_FULL_VOWEL_S = 0.075
_FULL_REST_S = 0.35
"""Shorter pauses do not bring the mouth to rest."""
_RELEASE = 0.2
"""Last part of a lip closure in which the lips already part: the engines count burst and
aspiration to it (measured: the sound opens 10 to 30 ms before their boundary)."""
_LOUDNESS_CHANNELS = [CHANNEL_INDEX[_SHORT[short]] for short in ("j", "ld", "uu")]
_SMOOTHING = np.array([0.06, 0.24, 0.40, 0.24, 0.06], np.float32)
CLOSURE_PER_JAW = 0.77
"""How much mouthClose seals the lips per jawOpen (a property of ARKit-style face models)."""
SEALED_CHANNELS = [CHANNEL_INDEX[n] for n in ("mouthLowerDown", "mouthUpperUp", "mouthFunnel")]
SEALED_SHARE = 0.9
"""How much of these movements sealed lips take back."""


def _strengths() -> NDArray[np.float32]:
    table = np.ones((len(phones.CLASSES), len(_GROUP_NAMES)), np.float32)
    for label, groups in _STRENGTH.items():
        for group, value in groups.items():
            table[phones.CLASSES.index(label), _GROUP_NAMES.index(group)] = value
    for label in _ROUND_VOWELS:
        table[phones.CLASSES.index(label), _GROUP_NAMES.index("round")] = 1.6
        table[phones.CLASSES.index(label), _GROUP_NAMES.index("spread")] = 1.3
    return table


_STRENGTHS = _strengths()
_BEFORE = np.array([_REACH_BEFORE_S[name] for name in _GROUP_NAMES], np.float32)
_AFTER = np.array([_REACH_AFTER_S[name] for name in _GROUP_NAMES], np.float32)


@dataclass(frozen=True)
class Style:
    """How somebody speaks; neutral by default.

    Attributes:
        amplitude: Of all movements; 1 is neutral.
        crispness: Above 1 consonants pull harder, so targets are reached; below 1 they blur.
        smile: Resting smile added to every frame.
        asymmetry: [-1, 1]; positive moves the left side more.
    """

    amplitude: float = 1.0
    crispness: float = 1.0
    smile: float = 0.0
    asymmetry: float = 0.0


NEUTRAL = Style()


@dataclass(frozen=True)
class Movement:
    """The teacher's answer at `FRAME_RATE_HZ`.

    Attributes:
        curves: Channel values, shape (T, len(CHANNELS)), float32, [0, 1].
        labels: Mouth class under each frame, shape (T,), uint8.
        speech: 1 within speech, pauses under 150 ms included, shape (T,), float32.
    """

    curves: NDArray[np.float32]
    labels: NDArray[np.uint8]
    speech: NDArray[np.float32]


def movement(
    segments: list[Segment],
    duration_s: float,
    loudness: NDArray[np.float32] | None = None,
    style: Style = NEUTRAL,
) -> Movement:
    """Mouth movement of an utterance.

    Args:
        segments: Mouth classes with times.
        duration_s: Of the sound.
        loudness: Relative level at 100 Hz, [0, 1], 1 for the loudest sounds of the utterance.
        style: Amplitude, crispness and smile are applied; asymmetry belongs to both-sided output.
    """
    count = round(duration_s * FRAME_RATE_HZ)
    time = (np.arange(count, dtype=np.float32) + 0.5) / FRAME_RATE_HZ
    kind = np.array([phones.CLASSES.index(s.label) for s in segments])
    start = np.array([s.start_s for s in segments], np.float32)
    end = np.array([s.end_s for s in segments], np.float32)
    targets = _TABLE[kind].copy()
    strength = _STRENGTHS[kind].copy()
    vowel = kind < len(phones.VOWELS)
    strength[~vowel] *= style.crispness
    if loudness is not None:
        for i in np.flatnonzero(vowel):
            part = loudness[int(start[i] * 100) : int(end[i] * 100) + 1]
            targets[i, _LOUDNESS_CHANNELS] *= 0.62 + 0.55 * (part.mean() if len(part) else 0.7)
    full = np.clip((end - start) / _FULL_VOWEL_S, 0.3, 1.0)
    strength[vowel] *= full[vowel, None]
    pause = kind == phones.CLASSES.index(phones.REST)
    strength[pause] *= np.clip((end - start)[pause, None] / _FULL_REST_S, 0.2, 1.0)
    released = np.where(kind == phones.CLASSES.index("p"), end - _RELEASE * (end - start), end)
    margin = 0.3 * (released - start)
    early = np.maximum(0, start + margin - time[:, None])
    late = np.maximum(0, time[:, None] - released + margin)
    curves = np.zeros((count, len(CHANNELS) + 1), np.float32)
    for group, channels in enumerate(_GROUP_CHANNELS):
        distance = early / _BEFORE[group] + late / _AFTER[group]
        dominance = strength[:, group] * np.exp(-distance * np.sqrt(np.sqrt(distance)))
        pull = dominance.sum(1, keepdims=True) + np.float32(_NEUTRAL_PULL)
        curves[:, channels] = dominance @ targets[:, channels] / pull
    curves = _seal(_smooth(curves))
    curves *= style.amplitude
    curves[:, CHANNEL_INDEX["mouthSmile"]] += style.smile
    labels = _labels(kind, end, time)
    return Movement(np.clip(curves, 0, 1).astype(np.float32), labels, _speech(labels))


def _smooth(curves: NDArray[np.float32]) -> NDArray[np.float32]:
    half = len(_SMOOTHING) // 2
    padded = np.pad(curves, ((half, half), (0, 0)), "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(_SMOOTHING), axis=0)
    return np.asarray(windows @ _SMOOTHING, np.float32)


def _seal(curves: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay the closure state over the movements of jaw and lips; drops the closure column."""
    closure = np.clip(curves[:, _CLOSURE] * 1.12, 0, 1)
    curves = curves[:, :_CLOSURE]
    jaw = curves[:, CHANNEL_INDEX["jawOpen"]]
    curves[:, CHANNEL_INDEX["mouthClose"]] = closure * CLOSURE_PER_JAW * jaw
    curves[:, SEALED_CHANNELS] *= 1 - SEALED_SHARE * closure[:, None] ** 2
    return curves


def _labels(
    kind: NDArray[np.int64], end: NDArray[np.float32], time: NDArray[np.float32]
) -> NDArray[np.uint8]:
    index = np.minimum(np.searchsorted(end, time), len(kind) - 1)
    return kind[index].astype(np.uint8)


def _speech(labels: NDArray[np.uint8], longest_pause: int = 7) -> NDArray[np.float32]:
    speech = labels != phones.CLASSES.index(phones.REST)
    edges = np.flatnonzero(np.diff(np.r_[True, speech, True].astype(np.int8)))
    for begin, stop in edges.reshape(-1, 2):
        if stop - begin <= longest_pause and begin > 0 and stop < len(speech):
            speech[begin:stop] = True
    return speech.astype(np.float32)


_OPENING = {
    "jawOpen": 0.324,
    "mouthClose": -0.417,
    "mouthFunnel": 0.121,
    "mouthPucker": -0.014,
    "mouthLowerDown": 0.066,
    "mouthUpperUp": 0.078,
    "mouthPress": -0.024,
    "mouthRollLower": -0.028,
    "mouthRollUpper": 0.018,
    "mouthShrugLower": -0.072,
    "mouthShrugUpper": 0.051,
    "mouthDimple": -0.018,
}
_WIDTH = {
    "jawOpen": -0.064,
    "mouthClose": 0.032,
    "mouthFunnel": -0.077,
    "mouthPucker": -0.104,
    "mouthStretch": 0.148,
    "mouthSmile": 0.158,
    "mouthDimple": 0.018,
    "mouthRollUpper": 0.036,
    "mouthShrugLower": 0.016,
    "cheekPuff": -0.062,
}


def _weights_of(table: dict[str, float]) -> NDArray[np.float32]:
    return np.array([table.get(name, 0.0) for name in CHANNELS], np.float32)


OPENING = _weights_of(_OPENING)
"""Inner-lip gap per unit of each channel, in outer-eye distances (measured on the face model)."""
WIDTH = _weights_of(_WIDTH)
"""Mouth-corner distance per unit of each channel, in outer-eye distances."""
