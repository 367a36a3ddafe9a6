"""Augmentation of batches while training: cheap, so every batch is heard anew.

Of log-mel spectra: powers of sounds add (cross terms average out), gains and filters are offsets in
dB, a longer vocal tract squeezes the band axis, and a room smears power over time. Of waveforms:
the same without tract and room, which `augment` has drawn for each utterance.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from core.types import SAMPLE_RATE_HZ
from core.voice import logmel
from core.voice.logmel import NUM_BANDS, TOKEN_SAMPLES
from weights.training.voice.coarticulation import CHANNEL_INDEX, CHANNELS

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


@lru_cache(maxsize=1)
def _opening(device: torch.device) -> Tensor:
    """Which movements (C,) open with the loudness: 1, the others 0."""
    opens = torch.zeros(len(CHANNELS))
    opens[_LOUDNESS_CHANNELS] = 1
    return opens.to(device)


@lru_cache(maxsize=4)
def _frequencies(samples: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Of the spectrum of so many samples: Hz (F,), and shapes (4, F) over the mel axis."""
    hz = torch.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ, device=device)
    mels = torch.log10(1 + hz / 700)
    return hz, _shapes(mels / mels[-1])


def _shapes(places: Tensor) -> Tensor:
    """What smooth frequency responses are made of, (4, len(places)), at places in [0, 1]."""
    return torch.stack([torch.cos(np.pi * k * places) for k in range(1, 5)])


def louder(sound: Tensor, mel: Tensor, gain_db: Tensor) -> tuple[Tensor, Tensor]:
    """Sound (B, S) and its log-mel tokens (B, T, D) with gains (B,) in dB."""
    factor = torch.exp(_DB * gain_db)
    return sound * factor.sqrt()[:, None], to_mel(to_power(mel) * factor[:, None, None])


class _Draws:
    """What both mixers draw. Draws are numpy's; they go to where the noise lies, and batches."""

    def __init__(self, config: MixingConfig, noise: Tensor, rng: np.random.Generator) -> None:
        self.config = config
        self._noise = noise
        self._device = noise.device
        self._rng = rng

    def _placed(self, drawn: NDArray) -> Tensor:
        """What was drawn, float32 or int64, where the batches are; without waiting for them."""
        kind = np.int64 if drawn.dtype.kind == "i" else np.float32
        return torch.from_numpy(drawn.astype(kind)).to(self._device, non_blocking=True)

    def _uniform(self, low: float, high: float, count: int) -> Tensor:
        return self._placed(self._rng.uniform(low, high, count))

    def _chosen(self, chance: float, count: int) -> Tensor:
        return self._placed(self._rng.random(count) < chance)

    def _wander(self, batch: int, steps: int) -> Tensor:
        """Wandering gains (B, steps of 10 ms) in dB, 0 where none was chosen.

        They stand for stress, which machines lack.
        """
        knots = int(steps / 100 * self._rng.uniform(1.5, 4)) + 2
        wander = self._placed(self._rng.normal(0, self.config.prosody_db, (batch, 1, knots)))
        chosen = self._chosen(self.config.prosody_chance, batch)[:, None]
        return F.interpolate(wander, steps, mode="linear", align_corners=True)[:, 0] * chosen

    def _opened(self, curves: Tensor, gain_db: Tensor) -> Tensor:
        """Movements (B, T, C) that open with the loudness, gains (B, T) in dB."""
        exponent = gain_db / 20 * np.log(self.config.opening_per_20_db)
        factor = torch.exp(exponent[..., None] * _opening(self._device))
        return (curves * factor).clamp(0, 1)

    def _weights(self, batch: int) -> NDArray[np.float32]:
        """How much of each of the `_shapes` (B, 4) frequency responses have, in dB."""
        return self._rng.normal(0, self.config.filter_db, (batch, 4)).astype(np.float32)

    def _limits(
        self, low: tuple[float, float], high: tuple[float, float], count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Below and above which place each response is cut, (B,); infinite where it is not."""
        is_cut = self._rng.random(count) < self.config.band_limit_chance
        is_cut_low = is_cut & (self._rng.random(count) < 0.5)
        lowest, highest = self._rng.uniform(*low, count), self._rng.uniform(*high, count)
        return np.where(is_cut_low, lowest, -np.inf), np.where(is_cut, highest, np.inf)


class Mixer(_Draws):
    """Draws and applies all changes to a batch of log-mel tokens."""

    def __init__(self, config: MixingConfig, noise: Tensor, rng: np.random.Generator) -> None:
        """Keep noise (pieces, T, D), on the device of the batches to come."""
        super().__init__(config, noise, rng)
        low, high = config.tract
        tracts = [_tract_matrix(f) for f in np.linspace(low, high, 24)]
        self._tracts = torch.stack(tracts).to(self._device)
        self._shapes = _shapes(torch.linspace(0, 1, NUM_BANDS)).numpy()

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
        gain = self._uniform(*self.config.gain_db, len(power))
        power = power * torch.exp(_DB * gain)[:, None, None]
        return self._drop_bands(to_mel(power)), curves

    def _tract(self, power: Tensor) -> Tensor:
        which = self._placed(self._rng.integers(0, len(self._tracts), len(power)))
        moved = torch.bmm(power, self._tracts[which])
        chosen = self._chosen(self.config.tract_chance, len(power))[:, None, None]
        return moved * chosen + power * (1 - chosen)

    def _room(self, power: Tensor) -> Tensor:
        if self._rng.random() >= self.config.room_chance:
            return power
        rate = 60 / (100 * self._rng.uniform(0.12, 0.6))  # dB a step
        kernel = np.exp(-_DB * rate * np.arange(_ROOM_STEPS, 0, -1))
        kernel *= self._rng.uniform(0.05, 0.5) / kernel.sum()
        padded = F.pad(power.transpose(1, 2), (_ROOM_STEPS, 0))[:, :, :-1]
        strips = padded.reshape(-1, 1, padded.shape[2])  # (B * NUM_BANDS, 1, steps)
        tail = F.conv1d(strips, self._placed(kernel)[None, None])
        return power + tail.reshape(len(power), NUM_BANDS, -1).transpose(1, 2)

    def _at_snr(self, other: Tensor, level: Tensor, snr_db: Tensor) -> Tensor:
        now = other.sum(2).quantile(0.9, dim=1).clamp_min(1e-6)
        return other * (level / now * torch.exp(-_DB * snr_db))[:, None, None]

    def _babble(self, power: Tensor, level: Tensor) -> Tensor:
        """One to three other sequences of the batch, talking behind the first."""
        batch = len(power)
        voices = self._rng.integers(1, 4)
        other = sum(power.roll(int(k), 0) for k in self._rng.choice(batch - 1, voices) + 1)
        snr = self._uniform(*self.config.babble_snr_db, batch)
        chosen = self._chosen(self.config.babble_chance, batch)[:, None, None]
        return power + self._at_snr(other, level, snr) * chosen

    def _add_noise(self, power: Tensor, level: Tensor) -> Tensor:
        batch, steps, _ = power.shape
        pieces = self._noise[self._placed(self._rng.integers(0, len(self._noise), batch))]
        noise = to_power(pieces.float())
        repeat = -(-steps // noise.shape[1])
        noise = noise.repeat(1, repeat, 1)[:, :steps].roll(int(self._rng.integers(steps)), 1)
        snr = self._uniform(*self.config.noise_snr_db, batch)
        chosen = self._chosen(self.config.noise_chance, batch)[:, None, None]
        return power + self._at_snr(noise, level, snr) * chosen

    def _filter(self, power: Tensor) -> Tensor:
        """A smooth random frequency response, sometimes with its ends cut off."""
        batch, band = len(power), np.arange(NUM_BANDS)
        response = self._weights(batch) @ self._shapes  # (B, NUM_BANDS)
        lowest, highest = self._limits((1, 6), (NUM_BANDS - 13, NUM_BANDS), batch)
        response -= 30 * (band < np.floor(lowest)[:, None]) + 40 * (
            band >= np.floor(highest)[:, None]
        )
        return power * torch.exp(_DB * self._placed(response))[:, None]

    def _drop_bands(self, mel: Tensor) -> Tensor:
        """Some neighbouring bands say nothing but their mean."""
        batch, band = len(mel), np.arange(NUM_BANDS)
        is_chosen = self._rng.random(batch) < self.config.dropout_chance
        first = self._rng.integers(0, NUM_BANDS - 5, batch)[:, None]
        count = self._rng.integers(2, 6, batch)[:, None]
        inside = is_chosen[:, None] & (first <= band) & (band < first + count)
        is_dropped = self._placed(inside)[:, None, None]  # (B, 1, 1, NUM_BANDS)
        halves = mel.unflatten(2, (2, NUM_BANDS))  # (B, T, 2, NUM_BANDS)
        share = is_dropped / (mel.shape[1] * self._placed(count)[:, None, None])
        mean = (halves * share).sum((1, 3), keepdim=True)  # (B, 1, 2, 1)
        return torch.where(is_dropped > 0, mean, halves).flatten(2)


class SoundMixer(_Draws):
    """Draws and applies all changes to a batch of waveforms."""

    def __init__(self, config: MixingConfig, noise: Tensor, rng: np.random.Generator) -> None:
        """Keep noise (pieces, T, TOKEN_SAMPLES), int16, on the device of the batches to come."""
        super().__init__(config, noise.flatten(1), rng)

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
        gain = self._uniform(*self.config.gain_db, len(sound))
        return sound * torch.exp(_DB / 2 * gain)[:, None], curves

    def _add(
        self,
        sound: Tensor,
        other: Tensor,
        level: Tensor,
        chance: float,
        snr_db: tuple[float, float],
    ) -> Tensor:
        snr = self._uniform(*snr_db, len(sound))
        scale = level / _loud(other).clamp_min(1e-4) * torch.exp(-_DB / 2 * snr)
        return sound + other * (scale * self._chosen(chance, len(sound)))[:, None]

    def _babble(self, sound: Tensor) -> Tensor:
        """One to three other sequences of the batch, talking behind the first."""
        voices = self._rng.integers(1, 4)
        return sum(sound.roll(int(k), 0) for k in self._rng.choice(len(sound) - 1, voices) + 1)

    def _noise_pieces(self, batch: int, count: int) -> Tensor:
        which = self._placed(self._rng.integers(0, len(self._noise), batch))
        repeat = -(-count // self._noise.shape[1])
        return self._noise[which].repeat(1, repeat)[:, :count].float() / 32767

    def _filter(self, sound: Tensor) -> Tensor:
        """A smooth random frequency response over the mel axis, sometimes with its ends cut off."""
        batch, count = sound.shape
        hz, shapes = _frequencies(count, self._device)
        response = self._placed(self._weights(batch)) @ shapes  # (B, F)
        lowest, highest = self._limits((100, 400), (2500, 7000), batch)
        response -= 30 * (hz < self._placed(lowest)[:, None])
        response -= 40 * (hz > self._placed(highest)[:, None])
        return torch.fft.irfft(torch.fft.rfft(sound) * torch.exp(_DB / 2 * response), count)


def _loud(sound: Tensor) -> Tensor:
    """Root mean square of the loud tokens of sound (B, T * TOKEN_SAMPLES), shape (B,)."""
    power = sound.unflatten(1, (-1, TOKEN_SAMPLES)).square().mean(2)
    return power.quantile(0.9, dim=1).sqrt()
