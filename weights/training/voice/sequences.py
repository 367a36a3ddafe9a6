"""Batches of the training data: random stretches of what `features` wrote.

On a processor the arrays stay in their files, memory-mapped; on a GPU they lie whole in its memory,
so that a batch costs it one gather an array.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.voice.logmel import TOKEN_SAMPLES, TOKEN_SIZE
from weights.training.voice import coarticulation as teacher
from weights.training.voice import phones
from weights.training.voice.mixing import Mixer, SoundMixer
from weights.training.voice.settings import TrainConfig

EARLY_TOKENS = 4
"""The gate is taught to open this long before the voice, as the mouth does."""
_REST = phones.CLASSES.index(phones.REST)


@dataclass(frozen=True)
class Heard:
    """What a kind of network hears of the training data.

    Attributes:
        file: Of all utterances, one after another.
        noise_file: Of things that are no speech.
        token_size: Values that make a token.
        scale: That the values are divided by.
        mixer: What changes a batch.
    """

    file: str
    noise_file: str
    token_size: int
    scale: float
    mixer: type[Mixer] | type[SoundMixer]


HEARD = {
    "mel": Heard("mel.npy", "noise.npy", TOKEN_SIZE, 1.0, Mixer),
    "sound": Heard("sound.npy", "noise_sound.npy", TOKEN_SAMPLES, 32767.0, SoundMixer),
}
"""By `SpeechNet.INPUT`."""


@dataclass(frozen=True)
class Batch:
    """Stretches of the training data, on the device of their `Sequences`.

    Attributes:
        heard: Log-mel tokens (B, T, TOKEN_SIZE), or sound (B, T * TOKEN_SAMPLES).
        curves: Movements (B, T, C).
        labels: Mouth classes (B, T), int64.
        speech: Whether somebody speaks (B, T), 0 or 1.
        mel: Log-mel tokens (B, T, TOKEN_SIZE) of the same sound, where asked for.
    """

    heard: Tensor
    curves: Tensor
    labels: Tensor
    speech: Tensor
    mel: Tensor | None = None


class _Source:
    """One kind of what is heard, with what is no speech, as tokens."""

    def __init__(self, folder: Path, kind: Heard, device: torch.device) -> None:
        self._kind = kind
        self._tokens = _array(folder / kind.file, device).view(-1, kind.token_size)  # (N, D)
        noise = _array(folder / kind.noise_file, device)
        self.noise = noise.view(len(noise), -1, kind.token_size)  # (pieces, tokens, D)

    def draw(self, places: Tensor, pieces: Tensor) -> Tensor:
        """Tokens (B, T, D), float32, at `places` (B, T); the first are noise, `pieces` (R,)."""
        tokens = self._tokens[places]
        beat = torch.arange(places.shape[1], device=places.device) % self.noise.shape[1]
        tokens[: len(pieces)] = self.noise[pieces[:, None], beat]  # repeated as often as needed
        return tokens.float() / self._kind.scale


class Sequences:
    """Random stretches of the flat training arrays."""

    def __init__(
        self,
        folder: Path,
        config: TrainConfig,
        rng: np.random.Generator,
        what: str = "mel",
        device: torch.device | str = "cpu",
        with_mel: bool = False,
    ) -> None:
        """Open the arrays.

        Args:
            folder: Of `features`.
            config: Size of the batches, and shares of what they hold.
            rng: What draws.
            what: Is heard, a key of `HEARD`.
            device: Where batches are wanted.
            with_mel: Whether they shall tell the log-mel tokens too, whatever is heard.
        """
        self.kind, self.device = HEARD[what], torch.device(device)
        self._heard = _Source(folder, self.kind, self.device)
        self._mel = _Source(folder, HEARD["mel"], self.device) if with_mel else None
        self._curves = _array(folder / "curves.npy", self.device)
        self._labels = _array(folder / "labels.npy", self.device)
        self._speech = _array(folder / "speech.npy", self.device)
        self.noise = self._heard.noise
        self._config, self._rng = config, rng
        self._last = len(self._labels) - config.tokens
        share = config.human_share
        self._starts = None if share is None else _starts(folder / "human.npy", self._last)
        curves = np.load(folder / "curves.npy", mmap_mode="r")
        sample = curves[:: max(1, len(curves) // 20000)].astype(np.float32)
        shapes = [(sample @ teacher.OPENING).std(), (sample @ teacher.WIDTH).std()]
        self.deviation = torch.from_numpy(sample.std(0)).to(self.device)
        self.shape_deviation = torch.tensor(shapes, device=self.device)

    def draw(self) -> Batch:
        """A new batch."""
        c = self._config
        starts, rests = self._draw_starts(c.batch), round(c.batch * c.rest_share)
        pieces = self._placed(self._rng.integers(len(self.noise), size=rests))
        places = self._placed(starts)[:, None] + torch.arange(c.tokens, device=self.device)
        curves, labels, speech = (
            part[places] for part in (self._curves, self._labels, self._speech)
        )
        curves[:rests], labels[:rests], speech[:rests] = 0, _REST, 0
        heard = self._heard.draw(places, pieces)
        return Batch(
            heard if self.kind is HEARD["mel"] else heard.flatten(1),
            curves.float(),
            labels.long(),
            early(speech).float(),
            self._mel.draw(places, pieces) if self._mel else None,
        )

    def _draw_starts(self, count: int) -> NDArray[np.int64]:
        """Where sequences begin, so that human voices have their share."""
        if self._starts is None:
            return self._rng.integers(self._last, size=count)
        is_human = self._rng.random(count) < self._config.human_share
        starts = np.empty(count, np.int64)
        for chosen, known in zip((~is_human, is_human), self._starts, strict=True):
            if chosen.any():
                starts[chosen] = known[self._rng.integers(len(known), size=chosen.sum())]
        return starts

    def _placed(self, index: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(index).to(self.device, non_blocking=True)


def _array(path: Path, device: torch.device) -> Tensor:
    """An array of a file: mapped into memory on a processor, copied to a GPU."""
    return torch.from_numpy(np.load(path, mmap_mode="c")).to(device)


def _starts(path: Path, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where other and where human voices can begin."""
    is_human = np.load(path)[:last] != 0
    return np.flatnonzero(~is_human), np.flatnonzero(is_human)


def early(speech: Tensor, tokens: int = EARLY_TOKENS) -> Tensor:
    """Speech (B, T) that begins some tokens sooner."""
    out = speech.clone()
    for shift in range(1, tokens + 1):
        out[:, :-shift] |= speech[:, shift:]
    return out
