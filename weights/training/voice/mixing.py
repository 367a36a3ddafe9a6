"""Augmentation of batches while training: cheap, so every batch is heard anew.

Of log-mel spectra: powers of sounds add (cross terms average out), gains and filters are offsets in
dB, a longer vocal tract squeezes the band axis, and a room smears power over time. Of waveforms:
the same without tract and room, which `augment` has drawn for each utterance.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.types import SAMPLE_RATE_HZ
from core.voice import logmel
from core.voice.logmel import NUM_BANDS, TOKEN_SAMPLES
from weights.training.voice.coarticulation import CHANNEL_INDEX

_FLOOR, _SHIFT, _SCALE = logmel._FLOOR, logmel._SHIFT, logmel._SCALE
_LOUDNESS_CHANNELS = [
    CHANNEL_INDEX[name] for name in ("jawOpen", "mouthClose", "mouthLowerDown", "mouthUpperUp")
]
_DB = np.log(10) / 10
_ROOM_STEPS = 40


@dataclass(frozen=True, kw_only=True)
class MixingConfig:
    """Chances and strengths of each change, per sequence of a batch."""

    gain_db: tuple[float, float] = (-34.0, 8.0)
    prosody_chance: float = 0.5
    prosody_db: float = 5.0
    opening_per_20_db: float = 2.0
    tract_chance: float = 0.6
    tract: tuple[float, float] = (0.84, 1.18)
    filter_db: float = 3.5
    band_limit_chance: float = 0.2
    room_chance: float = 0.3
    noise_chance: float = 0.8
    noise_snr_db: tuple[float, float] = (0.0, 45.0)
    babble_chance: float = 0.4
    babble_snr_db: tuple[float, float] = (4.0, 26.0)
    dropout_chance: float = 0.15


GENTLE = MixingConfig(
    tract_chance=0.5,
    tract=(0.9, 1.12),
    filter_db=2.2,
    band_limit_chance=0.1,
    room_chance=0.2,
    noise_chance=0.55,
    noise_snr_db=(6.0, 45.0),
    babble_chance=0.3,
    dropout_chance=0.05,
)
"""For the second half of the training: what tells b from d is easily drowned."""


def to_power(mel: Tensor) -> Tensor:
    """Band powers (B, 2T, NUM_BANDS) of tokens (B, T, 2 * NUM_BANDS)."""
    flat = mel.reshape(len(mel), -1, NUM_BANDS)
    return (torch.exp(flat * _SCALE - _SHIFT) - _FLOOR).clamp_min(0)


def to_mel(power: Tensor) -> Tensor:
    """The inverse of `to_power`."""
    flat = (torch.log(power + _FLOOR) + _SHIFT) / _SCALE
    return flat.reshape(len(power), -1, 2 * NUM_BANDS)


def _tract_matrix(factor: float) -> Tensor:
    """Matrix that reads band b at the frequency `factor` times as high."""
    to_mels = lambda hz: 2595 * np.log10(1 + hz / 700)  # noqa: E731
    to_hz = lambda mels: 700 * (10 ** (mels / 2595) - 1)  # noqa: E731
    edges = to_mels(np.array([logmel._LOWEST_HZ, logmel._HIGHEST_HZ]))
    centres = np.linspace(edges[0], edges[1], NUM_BANDS + 2)[1:-1]
    moved = to_mels(to_hz(centres) * factor)
    position = np.clip((moved - centres[0]) / (centres[1] - centres[0]), 0, NUM_BANDS - 1.001)
    matrix = np.zeros((NUM_BANDS, NUM_BANDS), np.float32)
    low = position.astype(int)
    matrix[low, np.arange(NUM_BANDS)] = 1 - (position - low)
    matrix[low + 1, np.arange(NUM_BANDS)] += position - low
    return torch.from_numpy(matrix)


class _Draws:
    """What both mixers draw."""

    def __init__(self, config: MixingConfig, rng: np.random.Generator) -> None:
        self.config = config
        self._rng = rng

    def _uniform(self, low: float, high: float, count: int) -> np.ndarray:
        return self._rng.uniform(low, high, count).astype(np.float32)

    def _chosen(self, chance: float, count: int) -> Tensor:
        return torch.from_numpy((self._rng.random(count) < chance).astype(np.float32))

    def _wander(self, batch: int, steps: int) -> Tensor:
        """Wandering gains (B, steps of 10 ms) in dB, 0 where none was chosen.

        They stand for stress, which machines lack.
        """
        knots = int(steps / 100 * self._rng.uniform(1.5, 4)) + 2
        wander = torch.from_numpy(
            self._rng.normal(0, self.config.prosody_db, (batch, 1, knots)).astype(np.float32)
        )
        chosen = self._chosen(self.config.prosody_chance, batch)[:, None]
        return F.interpolate(wander, steps, mode="linear", align_corners=True)[:, 0] * chosen

    def _opened(self, curves: Tensor, gain_db: Tensor) -> Tensor:
        """Movements (B, T, C) that open with the loudness, gains (B, T) in dB."""
        factor = torch.exp(gain_db / 20 * np.log(self.config.opening_per_20_db))
        curves = curves.clone()
        curves[..., _LOUDNESS_CHANNELS] *= factor[..., None]
        return curves.clamp(0, 1)

    def _responses(self, points: Tensor, batch: int) -> Tensor:
        """Smooth random frequency responses (B, len(points)) in dB, at places [0, 1]."""
        shapes = torch.stack([torch.cos(np.pi * k * points) for k in range(1, 5)])
        weights = self._rng.normal(0, self.config.filter_db, (batch, 4)).astype(np.float32)
        return torch.from_numpy(weights) @ shapes


class Mixer(_Draws):
    """Draws and applies all changes to a batch of log-mel tokens."""

    def __init__(self, config: MixingConfig, noise_mel: np.ndarray, rng: np.random.Generator):
        super().__init__(config, rng)
        self._noise = torch.from_numpy(noise_mel.astype(np.float32))
        low, high = config.tract
        self._tracts = torch.stack([_tract_matrix(f) for f in np.linspace(low, high, 24)])

    def __call__(self, mel: Tensor, curves: Tensor) -> tuple[Tensor, Tensor]:
        """Changed tokens (B, T, D) and movements (B, T, C)."""
        power = to_power(mel)
        wander = self._wander(len(mel), power.shape[1])
        curves = self._opened(curves, wander[:, ::2])
        power = power * torch.exp(_DB * wander)[..., None]
        power = self._tract(power)
        power = self._room(power)
        level = power.sum(2).quantile(0.9, dim=1).clamp_min(1e-4)  # (B,) loud frames
        power = self._babble(power, level)
        power = self._add_noise(power, level)
        power = self._filter(power)
        gain = torch.from_numpy(self._uniform(*self.config.gain_db, len(power)))
        power = power * torch.exp(_DB * gain)[:, None, None]
        return self._drop_bands(to_mel(power)), curves

    def _tract(self, power: Tensor) -> Tensor:
        which = self._rng.integers(0, len(self._tracts), len(power))
        moved = torch.bmm(power, self._tracts[which])
        chosen = self._chosen(self.config.tract_chance, len(power))[:, None, None]
        return moved * chosen + power * (1 - chosen)

    def _room(self, power: Tensor) -> Tensor:
        chosen = self._chosen(self.config.room_chance, 1)
        if not chosen:
            return power
        rate = 60 / (100 * self._rng.uniform(0.12, 0.6))  # dB a step
        kernel = torch.exp(-_DB * rate * torch.arange(_ROOM_STEPS, 0, -1).float())
        kernel *= self._rng.uniform(0.05, 0.5) / kernel.sum()
        padded = F.pad(power.transpose(1, 2), (_ROOM_STEPS, 0))[:, :, :-1]
        tail = F.conv1d(padded.reshape(-1, 1, padded.shape[2]), kernel[None, None])
        return power + tail.reshape(len(power), NUM_BANDS, -1).transpose(1, 2)

    def _at_snr(self, other: Tensor, level: Tensor, snr_db: Tensor) -> Tensor:
        now = other.sum(2).quantile(0.9, dim=1).clamp_min(1e-6)
        return other * (level / now * torch.exp(-_DB * snr_db))[:, None, None]

    def _babble(self, power: Tensor, level: Tensor) -> Tensor:
        """One to three other sequences of the batch, talking behind the first."""
        batch = len(power)
        voices = self._rng.integers(1, 4)
        other = sum(power.roll(int(k), 0) for k in self._rng.choice(batch - 1, voices) + 1)
        snr = torch.from_numpy(self._uniform(*self.config.babble_snr_db, batch))
        chosen = self._chosen(self.config.babble_chance, batch)[:, None, None]
        return power + self._at_snr(other, level, snr) * chosen

    def _add_noise(self, power: Tensor, level: Tensor) -> Tensor:
        batch, steps, _ = power.shape
        pieces = self._noise[self._rng.integers(0, len(self._noise), batch)]
        noise = to_power(pieces)
        repeat = -(-steps // noise.shape[1])
        noise = noise.repeat(1, repeat, 1)[:, :steps].roll(int(self._rng.integers(steps)), 1)
        snr = torch.from_numpy(self._uniform(*self.config.noise_snr_db, batch))
        chosen = self._chosen(self.config.noise_chance, batch)[:, None, None]
        return power + self._at_snr(noise, level, snr) * chosen

    def _filter(self, power: Tensor) -> Tensor:
        """A smooth random frequency response, sometimes with its ends cut off."""
        batch = len(power)
        response = self._responses(torch.linspace(0, 1, NUM_BANDS), batch)
        for i in np.flatnonzero(self._rng.random(batch) < self.config.band_limit_chance):
            if self._rng.random() < 0.5:
                response[i, : self._rng.integers(1, 6)] -= 30
            response[i, NUM_BANDS - self._rng.integers(1, 14) :] -= 40
        return power * torch.exp(_DB * response)[:, None]

    def _drop_bands(self, mel: Tensor) -> Tensor:
        for i in np.flatnonzero(self._rng.random(len(mel)) < self.config.dropout_chance):
            first, count = self._rng.integers(0, NUM_BANDS - 5), self._rng.integers(2, 6)
            for half in (0, NUM_BANDS):
                part = slice(half + first, half + first + count)
                mel[i, :, part] = mel[i, :, part].mean()
        return mel


class SoundMixer(_Draws):
    """Draws and applies all changes to a batch of waveforms."""

    def __init__(self, config: MixingConfig, noise: np.ndarray, rng: np.random.Generator):
        super().__init__(config, rng)
        self._noise = noise

    def __call__(self, sound: Tensor, curves: Tensor) -> tuple[Tensor, Tensor]:
        """Changed sound (B, T * TOKEN_SAMPLES) and movements (B, T, C)."""
        wander = self._wander(len(sound), 2 * curves.shape[1])
        curves = self._opened(curves, wander[:, ::2])
        gain = F.interpolate(wander[:, None], sound.shape[1], mode="linear")[:, 0]
        sound = sound * torch.exp(_DB / 2 * gain)
        level, c = _loud(sound).clamp_min(1e-3), self.config  # (B,)
        sound = self._add(sound, self._babble(sound), level, c.babble_chance, c.babble_snr_db)
        noise = self._noise_pieces(*sound.shape)
        sound = self._add(sound, noise, level, c.noise_chance, c.noise_snr_db)
        sound = self._filter(sound)
        gain = torch.from_numpy(self._uniform(*self.config.gain_db, len(sound)))
        return sound * torch.exp(_DB / 2 * gain)[:, None], curves

    def _add(
        self,
        sound: Tensor,
        other: Tensor,
        level: Tensor,
        chance: float,
        snr_db: tuple[float, float],
    ) -> Tensor:
        snr = torch.from_numpy(self._uniform(*snr_db, len(sound)))
        scale = level / _loud(other).clamp_min(1e-4) * torch.exp(-_DB / 2 * snr)
        return sound + other * (scale * self._chosen(chance, len(sound)))[:, None]

    def _babble(self, sound: Tensor) -> Tensor:
        """One to three other sequences of the batch, talking behind the first."""
        voices = self._rng.integers(1, 4)
        return sum(sound.roll(int(k), 0) for k in self._rng.choice(len(sound) - 1, voices) + 1)

    def _noise_pieces(self, batch: int, count: int) -> Tensor:
        pieces = self._noise[self._rng.integers(0, len(self._noise), batch)]
        repeated = np.stack([np.resize(piece, count) for piece in pieces])
        return torch.from_numpy(repeated.astype(np.float32) / 32767)

    def _filter(self, sound: Tensor) -> Tensor:
        """A smooth random frequency response over the mel axis, sometimes with its ends cut off."""
        count = sound.shape[1]
        hz = torch.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ)
        mels = torch.log10(1 + hz / 700)
        response = self._responses(mels / mels[-1], len(sound))
        for i in np.flatnonzero(self._rng.random(len(sound)) < self.config.band_limit_chance):
            if self._rng.random() < 0.5:
                response[i, hz < self._rng.uniform(100, 400)] -= 30
            response[i, hz > self._rng.uniform(2500, 7000)] -= 40
        return torch.fft.irfft(torch.fft.rfft(sound) * torch.exp(_DB / 2 * response), count)


def _loud(sound: Tensor) -> Tensor:
    """Root mean square of the loud tokens of sound (B, T * TOKEN_SAMPLES), shape (B,)."""
    power = sound.unflatten(1, (-1, TOKEN_SAMPLES)).square().mean(2)
    return power.quantile(0.9, dim=1).sqrt()
