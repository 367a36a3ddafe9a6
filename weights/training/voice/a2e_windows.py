"""Batches for the transformer: what an encoder hears of people, and random windows of it.

Both happen on the device that trains. Shape legend: as in `a2e`; R recordings, P people, and
M = sum of T over all recordings.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core.voice.logmel import TOKEN_SAMPLES
from weights.training.voice.a2e import A2EConfig
from weights.training.voice.a2e_data import Person, Spoken, is_speaking
from weights.training.voice.model import LOOKAHEAD_TOKENS, SpeechNet

_HISTORY_NOISE = 0.02
_NO_HISTORY_CHANCE = 0.1
_SHAPE_NOISE = 0.5
"""In standard deviations. Eighty clean coefficients name each person of the training, and a network
that knows whom it hears learns nothing of shapes, and no longer looks at the past."""
_NO_SHAPE_CHANCE = 0.3
_MANY = 1 << 40


@dataclass(frozen=True)
class Recording:
    """An utterance as an encoder hears it: features (2T, F) at 50 Hz, expressions (T, C)."""

    person: int
    features: NDArray[np.float16]
    expressions: NDArray[np.float16]


def record(
    spoken: list[Spoken], encoder: SpeechNet, before: int = 14, batch: int = 32
) -> list[Recording]:
    """Hear utterances through a trained encoder, on its device, from a stream's very beginning.

    Expressions are shifted by the shortest lookahead, so the newest of a window lies that far back;
    before the sound lie `before` frames of an empty window. Utterances of like length are heard
    together.
    """
    late = LOOKAHEAD_TOKENS[0] // 2
    recordings: dict[int, Recording] = {}
    with ThreadPoolExecutor() as pool:
        order = sorted(range(len(spoken)), key=lambda i: len(spoken[i].sound))
        for first in range(0, len(order), batch):
            chosen = order[first : first + batch]
            heard = list(pool.map(lambda i: _prepared(spoken[i], encoder), chosen))
            for i, features in zip(chosen, hear_together(heard, encoder), strict=True):
                padded = np.pad(features.half().numpy(), ((2 * before, 0), (0, 0)))
                late_by = ((before + late, 0), (0, 0))
                expressions = np.pad(spoken[i].expressions, late_by)[: len(padded) // 2]
                recordings[i] = Recording(spoken[i].person, padded, expressions)
    return [recordings[i] for i in range(len(spoken))]


def _prepared(one: Spoken, encoder: SpeechNet) -> Tensor:
    return torch.from_numpy(encoder.prepare(one.sound.astype(np.float32) / 32767))


@torch.no_grad()
def hear_together(heard: list[Tensor], encoder: SpeechNet) -> list[Tensor]:
    """Features (T, F), on the CPU, of each of several sounds as `SpeechNet.prepare` gives them.

    Shorter ones are followed by zeros, which an encoder that only looks back does not notice.
    """
    device = next(encoder.parameters()).device
    rows = 1 if encoder.INPUT == "mel" else TOKEN_SAMPLES
    state = tuple(part.to(device) for part in encoder.initial_state(len(heard)))
    features, _ = encoder.hear(pad_sequence(heard, batch_first=True).to(device), state)
    features = features.cpu()
    return [own[: len(one) // rows] for own, one in zip(features, heard, strict=True)]


class Windows:
    """Random windows of recordings, each with its person's shape and past expressions.

    Everything lies on the device in flat tensors; a batch is drawn there by index.

    Attributes:
        device: Where batches are drawn.
    """

    def __init__(
        self,
        recordings: list[Recording],
        people: list[Person],
        config: A2EConfig,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        """Keep what is long enough, of people with at least two such recordings."""
        self.device = torch.device(device)
        self._config = config
        self._generator = torch.Generator(self.device)
        self.restart(seed)
        kept = _usable(recordings, config.queries)
        expressions = np.concatenate([r.expressions for r in kept])
        self._features = self._flat(np.concatenate([r.features for r in kept]))  # (2M, F)
        self._expressions = self._flat(expressions)  # (M, C)
        self._shapes = self._flat(np.stack([p.shape for p in people]))  # (P, A)
        person = np.array([r.person for r in kept])
        lengths = np.array([len(r.expressions) for r in kept])
        self._person = self._flat(person)  # (R,), in order
        self._first = self._flat(np.cumsum(lengths) - lengths)  # (R,)
        self._starts = self._flat(lengths - config.queries + 1)  # (R,)
        self._own_first = self._flat(np.searchsorted(person, person))  # (R,) of the person's
        self._own_count = self._flat(np.bincount(person)[person])  # (R,)
        moving = [is_speaking(r.expressions) for r in kept]
        counts = np.array([m.sum() for m in moving])
        self._moving = self._flat(np.flatnonzero(np.concatenate(moving)))  # frames of (M,)
        self._moving_first = self._flat(np.cumsum(counts) - counts)  # (R,)
        self._moving_count = self._flat(counts)  # (R,)

    def restart(self, seed: int) -> None:
        """Draw from now on what this seed gives."""
        self._generator.manual_seed(seed)

    def draw(self, batch: int, *, guard: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Audio (B, L, F), shape (B, A), history (B, N, C), truth (B, T, C).

        Args:
            batch: B.
            guard: Blur and drop history, so that it is not simply copied, and shape, so that people
                are not known by it.
        """
        c = self._config
        recording = self._below(len(self._person), batch)
        first = self._first[recording] + self._below(self._starts[recording], batch)
        tokens = 2 * first[:, None] + torch.arange(c.audio_tokens, device=self.device)
        frames = first[:, None] + torch.arange(c.queries, device=self.device)
        history = self._history(recording, guard)
        return (
            self._features[tokens].float(),
            self._shape(recording, guard),
            history,
            self._expressions[frames].float(),
        )

    def _shape(self, recording: Tensor, guard: bool) -> Tensor:
        """Shape coefficients (B, A) of each person."""
        shape = self._shapes[self._person[recording]]
        return self._guarded(shape, _SHAPE_NOISE, _NO_SHAPE_CHANCE) if guard else shape

    def _history(self, recording: Tensor, guard: bool) -> Tensor:
        """Speaking frames of another recording of each person (B,), in no order."""
        frames = self._history_frames(recording)
        history = self._expressions[frames].float()  # (B, N, C)
        return self._guarded(history, _HISTORY_NOISE, _NO_HISTORY_CHANCE) if guard else history

    def _guarded(self, prior: Tensor, noise: float, drop_chance: float) -> Tensor:
        """A prior (B, ...) with noise, now and then zeros instead."""
        drawn = torch.randn(prior.shape, generator=self._generator, device=self.device)
        chances = torch.rand(
            (len(prior), *(1 for _ in prior.shape[1:])),
            generator=self._generator,
            device=self.device,
        )
        return (prior + noise * drawn) * (chances >= drop_chance)

    def _history_frames(self, recording: Tensor) -> Tensor:
        """Which of all frames (B, N) are shown as the past of recordings (B,)."""
        count, first = self._own_count[recording], self._own_first[recording]
        step = 1 + self._below(count - 1, len(recording))
        other = first + (recording - first + step) % count
        place = self._below(
            self._moving_count[other][:, None], len(recording), self._config.history_tokens
        )
        return self._moving[self._moving_first[other][:, None] + place]

    def _below(self, bound: Tensor | int, *shape: int) -> Tensor:
        """Random numbers of this shape in [0, bound)."""
        drawn = torch.randint(_MANY, shape, generator=self._generator, device=self.device)
        return drawn % bound

    def _flat(self, array: NDArray) -> Tensor:
        return torch.from_numpy(array).to(self.device)


def _usable(recordings: list[Recording], queries: int) -> list[Recording]:
    """Recordings that are long enough, by person, without people who have but one."""
    long = [r for r in recordings if len(r.expressions) > queries]
    counts = np.bincount([r.person for r in long])
    return sorted((r for r in long if counts[r.person] > 1), key=lambda r: r.person)
