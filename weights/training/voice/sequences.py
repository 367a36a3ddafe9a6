"""Batches of the training data: random stretches of what `features` wrote."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.voice.logmel import TOKEN_SAMPLES
from weights.training.voice import coarticulation as teacher
from weights.training.voice import phones
from weights.training.voice.mixing import Mixer, SoundMixer
from weights.training.voice.settings import TrainConfig

EARLY_TOKENS = 4
"""The gate is taught to open this long before the voice, as the mouth does."""


@dataclass(frozen=True)
class Heard:
    """What a kind of network hears of the training data.

    Attributes:
        file: Of all utterances, one after another.
        noise_file: Of things that are no speech.
        rows_per_token: Rows of these arrays that make a token.
        scale: That the rows are divided by.
        mixer: What changes a batch.
    """

    file: str
    noise_file: str
    rows_per_token: int
    scale: float
    mixer: type[Mixer] | type[SoundMixer]


HEARD = {
    "mel": Heard("mel.npy", "noise.npy", 1, 1.0, Mixer),
    "sound": Heard("sound.npy", "noise_sound.npy", TOKEN_SAMPLES, 32767.0, SoundMixer),
}
"""By `SpeechNet.INPUT`."""


class Sequences:
    """Random stretches of the flat training arrays."""

    def __init__(
        self, folder: Path, config: TrainConfig, rng: np.random.Generator, what: str = "mel"
    ) -> None:
        self.kind = HEARD[what]
        self._heard = np.load(folder / self.kind.file, mmap_mode="r")
        self._curves = np.load(folder / "curves.npy", mmap_mode="r")
        self._labels = np.load(folder / "labels.npy")
        self._speech = np.load(folder / "speech.npy")
        self._human = None if config.human_share is None else np.load(folder / "human.npy")
        self.noise = np.load(folder / self.kind.noise_file, mmap_mode="r")
        self._config = config
        self._rng = rng
        sample = self._curves[:: max(1, len(self._curves) // 20000)].astype(np.float32)
        self.deviation = torch.from_numpy(sample.std(0))
        self.shape_deviation = torch.tensor(
            [(sample @ teacher.OPENING).std(), (sample @ teacher.WIDTH).std()]
        )

    def draw(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What is heard (B, T, D) or (B, S), curves (B, T, C), labels (B, T), speech (B, T)."""
        c, rows = self._config, self.kind.rows_per_token
        starts = [self._start() for _ in range(c.batch)]
        heard = np.stack([self._heard[s * rows : (s + c.tokens) * rows] for s in starts])
        parts = self._curves, self._labels, self._speech
        curves, labels, speech = (
            np.stack([part[s : s + c.tokens] for s in starts]) for part in parts
        )
        for i in range(round(c.batch * c.rest_share)):
            heard[i] = self._noise_piece(c.tokens * rows)
            curves[i], speech[i] = 0, 0
            labels[i] = phones.CLASSES.index(phones.REST)
        return (
            torch.from_numpy(heard.astype(np.float32) / np.float32(self.kind.scale)),
            torch.from_numpy(curves.astype(np.float32)),
            torch.from_numpy(labels.astype(np.int64)),
            torch.from_numpy(early(speech).astype(np.float32)),
        )

    def _start(self) -> int:
        """Where a sequence begins, so that human voices have their share."""
        c = self._config
        last = len(self._labels) - c.tokens
        if self._human is None:
            return int(self._rng.integers(last))
        human = self._rng.random() < c.human_share
        while self._human[start := int(self._rng.integers(last))] != human:
            pass
        return start

    def _noise_piece(self, count: int) -> np.ndarray:
        piece = self.noise[self._rng.integers(len(self.noise))]
        return np.resize(piece, (count, *piece.shape[1:]))  # repeats it as often as needed


def early(speech: np.ndarray, tokens: int = EARLY_TOKENS) -> np.ndarray:
    """Speech (B, T) that begins some tokens sooner."""
    out = speech.copy()
    for shift in range(1, tokens + 1):
        out[:, :-shift] |= speech[:, shift:]
    return out
