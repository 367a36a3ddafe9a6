"""What the transformer learns from: people with a face shape and a way of speaking of their own.

A person is drawn for every few utterances: shape coefficients, and a style that depends on them in
part (larger jaws move more; drawn, not measured) and on habit for the rest. So the shape token says
something about the amplitude, and past expressions say nearly all of it, as in the paper's data.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.blendshapes import INDEX
from core.face_model import FaceModel
from core.types import HOP_SAMPLES
from core.voice.priors import NAMED_AMPLITUDES, representative
from weights.training.voice import augment, features
from weights.training.voice.a2e import SIDED_CHANNELS
from weights.training.voice.coarticulation import CHANNELS, Style
from weights.training.voice.engines import Utterance

SHAPE_SIZE = 80
_SHARE_FROM_SHAPE = 0.6
_MOUTH_CM = 0.05
_AT_REST = 0.05
NAMED_STYLES = {
    "neutral": Style(),
    "lively": Style(amplitude=NAMED_AMPLITUDES["lively"], crispness=1.25, smile=0.1),
    "subtle": Style(amplitude=NAMED_AMPLITUDES["subtle"], crispness=0.85),
}
"""The named ways of speaking, as the transformer is shown them."""


@dataclass(frozen=True)
class Person:
    """Shape coefficients (SHAPE_SIZE,) and a way of speaking."""

    shape: NDArray[np.float32]
    style: Style


def draw_person(rng: np.random.Generator) -> Person:
    """Somebody new."""
    shape = rng.standard_normal(SHAPE_SIZE).astype(np.float32)
    own = rng.standard_normal(4)
    rest = np.sqrt(1 - _SHARE_FROM_SHAPE**2)
    habit = [_SHARE_FROM_SHAPE * shape[i] + rest * own[i] for i in range(4)]
    style = Style(
        amplitude=float(np.clip(np.exp(0.3 * habit[0]), 0.45, 1.8)),
        crispness=float(np.clip(np.exp(0.25 * habit[1]), 0.5, 2.0)),
        smile=float(np.clip(0.12 * habit[2], 0, 0.3)),
        asymmetry=float(np.clip(0.35 * habit[3], -1, 1)),
    )
    return Person(shape, style)


def sided(curves: NDArray[np.float32], asymmetry: float) -> NDArray[np.float32]:
    """Movements (T, CHANNELS) with left and right apart, (T, SIDED_CHANNELS)."""
    out = np.zeros((len(curves), len(SIDED_CHANNELS)), np.float32)
    for row, name in enumerate(SIDED_CHANNELS):
        base = name.removesuffix("Left").removesuffix("Right")
        gain = 1 + 0.4 * asymmetry * (name.endswith("Left") - float(name.endswith("Right")))
        out[:, row] = curves[:, CHANNELS.index(base)] * gain
    return np.clip(out, 0, 1)


@dataclass(frozen=True)
class Spoken:
    """One person's utterance: sound (T * HOP_SAMPLES,) and expressions (T, C) at 25 Hz."""

    person: int
    sound: NDArray[np.int16]
    expressions: NDArray[np.float16]


def speak(
    utterances: list[Utterance], seed: int, per_person: int = 2
) -> tuple[list[Spoken], list[Person]]:
    """Give utterances to people with styles of their own."""
    rng = np.random.default_rng(seed)
    spoken, people = [], []
    for i, said in enumerate(utterances):
        if i % per_person == 0:
            people.append(draw_person(rng))
        example = features.example(said, rng, augment.Chances(), people[-1].style)
        sound = features.as_int16(example.sound)
        frames = len(sound) // HOP_SAMPLES
        curves = sided(example.movement.curves, people[-1].style.asymmetry)
        expressions = curves[: 2 * frames].reshape(frames, 2, -1).mean(1)
        own = sound[: frames * HOP_SAMPLES]
        spoken.append(Spoken(len(people) - 1, own, expressions.astype(np.float16)))
    return spoken, people


def named_histories(utterances: list[Utterance]) -> dict[str, NDArray[np.float32]]:
    """Past expressions (N, C) that stand for each of the named styles."""
    histories = {}
    for name, style in NAMED_STYLES.items():
        rng = np.random.default_rng(0)
        said = [features.example(u, rng, augment.CLEAN, style).movement for u in utterances]
        curves = sided(np.concatenate([m.curves for m in said]), style.asymmetry)
        rounded = curves.astype(np.float16)
        histories[name] = representative(rounded[is_speaking(rounded)].astype(np.float32))
    return histories


def is_speaking(expressions: NDArray[np.float16]) -> NDArray[np.bool_]:
    """Which frames of (T, C) have a mouth that is not at rest; all where none moves."""
    moving = expressions.max(1) > _AT_REST
    return moving if moving.any() else np.ones_like(moving)


def mouth_basis(path: Path) -> Tensor:
    """Displacements (C, 3V) of all vertices that the mouth's expressions move, in cm."""
    face = FaceModel.load(path)
    deltas = face.expression[[INDEX[name] for name in SIDED_CHANNELS]]  # (C, V, 3)
    moving = np.linalg.norm(deltas, axis=2).max(0) > _MOUTH_CM
    return torch.from_numpy(deltas[:, moving].reshape(len(deltas), -1).astype(np.float32))
