"""What happens to a voice on its way to a microphone and through a line, applied to waveforms.

Everything draws from the generator it is given, so a corpus is the same for the same seed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, resample_poly, sosfilt

from weights.training.voice.engines import SAMPLE_RATE_HZ, Segment

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Chances:
    """How often each change is made; 0 everywhere leaves the sound clean."""

    disguise: float = 0.7
    equaliser: float = 0.5
    room: float = 0.3
    telephone: float = 0.1
    codec: float = 0.15
    clipping: float = 0.1


CLEAN = Chances(0, 0, 0, 0, 0, 0)


def disguise(
    sound: Sound, segments: list[Segment], rng: np.random.Generator
) -> tuple[Sound, list[Segment]]:
    """Another speaker: pitch, formants and speed scaled together by resampling."""
    percent = int(rng.uniform(82, 124))
    factor = percent / 100
    moved = [Segment(s.label, s.start_s * factor, s.end_s * factor) for s in segments]
    return resample_poly(sound, percent, 100).astype(np.float32), moved


def peak_equaliser(sound: Sound, centre_hz: float, gain_db: float, q: float) -> Sound:
    """One bell filter (audio cookbook form)."""
    amplitude = 10 ** (gain_db / 40)
    omega = 2 * np.pi * centre_hz / SAMPLE_RATE_HZ
    alpha = np.sin(omega) / (2 * q)
    numerator = np.array([1 + alpha * amplitude, -2 * np.cos(omega), 1 - alpha * amplitude])
    denominator = np.array([1 + alpha / amplitude, -2 * np.cos(omega), 1 - alpha / amplitude])
    return lfilter(numerator / denominator[0], denominator / denominator[0], sound)


def room(sound: Sound, rng: np.random.Generator) -> Sound:
    """A diffuse room: decaying noise behind the direct sound."""
    time = np.arange(int(0.4 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    decay = rng.standard_normal(len(time)) * 10 ** (-3 * time / rng.uniform(0.1, 0.6))
    decay *= rng.uniform(0.1, 0.7) / np.sqrt((decay**2).sum())
    decay[0] = 1
    return fftconvolve(sound, decay)[: len(sound)]


def telephone(sound: Sound, rng: np.random.Generator) -> Sound:
    """The band of a telephone line."""
    band = (rng.uniform(150, 350), rng.uniform(3000, 3700))
    return sosfilt(butter(3, band, "bandpass", fs=SAMPLE_RATE_HZ, output="sos"), sound)


def codec(sound: Sound, rng: np.random.Generator) -> Sound:
    """Companded to few levels, as cheap codecs and bad lines do."""
    levels = 2 ** rng.integers(5, 8)
    mu = 255.0
    peak = np.abs(sound).max() + 1e-6
    squeezed = np.sign(sound) * np.log1p(mu * np.abs(sound) / peak) / np.log1p(mu)
    squeezed = np.round(squeezed * levels) / levels
    return np.sign(squeezed) * np.expm1(np.abs(squeezed) * np.log1p(mu)) / mu * peak


def degrade(sound: Sound, rng: np.random.Generator, chances: Chances) -> Sound:
    """The way through room, microphone and line; keeps the length."""
    if rng.random() < chances.equaliser:
        for _ in range(rng.integers(1, 4)):
            centre = np.exp(rng.uniform(np.log(120), np.log(6500)))
            sound = peak_equaliser(sound, centre, rng.uniform(-8, 8), rng.uniform(0.4, 1.5))
    if rng.random() < chances.room:
        sound = room(sound, rng)
    if rng.random() < chances.telephone:
        sound = telephone(sound, rng)
    if rng.random() < chances.codec:
        sound = codec(sound, rng)
    if rng.random() < chances.clipping:
        peak = np.percentile(np.abs(sound), 99.5) + 1e-6
        sound = np.tanh(sound / peak * rng.uniform(1, 3)) * peak
    return sound.astype(np.float32)


def normalise(sound: Sound, level: float = 0.35) -> Sound:
    """Scale so that the loud parts reach `level`."""
    return sound / (np.percentile(np.abs(sound), 99.5) + 1e-6) * level


def relative_loudness(sound: Sound, range_db: float = 25.0) -> NDArray[np.float32]:
    """Level at 100 Hz, [0, 1]: 1 at the 95th percentile, 0 at `range_db` below it."""
    step = SAMPLE_RATE_HZ // 100
    count = len(sound) // step
    power = (sound[: count * step].reshape(count, step) ** 2).mean(1)
    level_db = 10 * np.log10(power + 1e-10)
    relative = (level_db - np.percentile(level_db, 95) + range_db) / range_db
    return np.clip(relative, 0, 1).astype(np.float32)


def _coloured(count: int, pole: float, rng: np.random.Generator) -> Sound:
    return lfilter([1], [1, -pole], rng.standard_normal(count))


def _hum(count: int, rng: np.random.Generator) -> Sound:
    time = np.arange(count) / SAMPLE_RATE_HZ
    base = rng.choice([50.0, 60.0, 100.0, 120.0])
    out = sum(
        rng.uniform(0, 1) / k * np.sin(2 * np.pi * base * k * time + rng.uniform(0, 6))
        for k in range(1, 9)
    )
    return out + 0.02 * rng.standard_normal(count)


def _clicks(count: int, rng: np.random.Generator) -> Sound:
    """Typing and knocks."""
    out = 0.01 * rng.standard_normal(count)
    for _ in range(max(1, int(count / SAMPLE_RATE_HZ * rng.uniform(2, 9)))):
        at = rng.integers(0, max(1, count - 1600))
        length = int(rng.uniform(60, 900))
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 4))
        out[at : at + length] += _band(burst, rng) * rng.uniform(0.5, 2)
    return out


def _band(sound: Sound, rng: np.random.Generator) -> Sound:
    low = np.exp(rng.uniform(np.log(80), np.log(3000)))
    high = min(7800.0, low * rng.uniform(1.6, 5))
    return sosfilt(butter(2, (low, high), "bandpass", fs=SAMPLE_RATE_HZ, output="sos"), sound)


def _breath(count: int, rng: np.random.Generator) -> Sound:
    """Breaths: broad-band noise that swells and fades."""
    out = np.zeros(count)
    at = 0
    while at < count:
        length = int(rng.uniform(0.2, 0.9) * SAMPLE_RATE_HZ)
        swell = np.sin(np.linspace(0, np.pi, length)) ** rng.uniform(0.7, 2)
        breath = _band(rng.standard_normal(length), rng) + 0.1 * rng.standard_normal(length)
        part = (breath * swell)[: count - at]
        out[at : at + len(part)] += part
        at += length + int(rng.uniform(0.1, 1.5) * SAMPLE_RATE_HZ)
    return out


def _tones(count: int, rng: np.random.Generator) -> Sound:
    """Something like music: chords of steady or gliding partials that start and stop."""
    out = np.zeros(count)
    at = 0
    while at < count:
        length = min(count - at, int(rng.uniform(0.08, 0.9) * SAMPLE_RATE_HZ))
        time = np.arange(length) / SAMPLE_RATE_HZ
        fade = np.exp(-time / rng.uniform(0.05, 1.0))
        for _ in range(rng.integers(1, 5)):
            base = np.exp(rng.uniform(np.log(80), np.log(1500)))
            glide = rng.uniform(-0.3, 0.3) if rng.random() < 0.2 else 0.0
            for k in range(1, rng.integers(2, 8)):
                phase = 2 * np.pi * base * k * (time + glide * time**2)
                out[at : at + length] += fade / k**1.2 * np.sin(phase)
        at += length
    return out


def _bursts(count: int, rng: np.random.Generator) -> Sound:
    """Noise whose level wanders: wind, traffic, rustling."""
    knots = rng.uniform(-25, 0, max(2, int(count / SAMPLE_RATE_HZ * rng.uniform(1, 6))))
    level = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(knots)), knots)
    return _coloured(count, rng.uniform(-0.5, 0.98), rng) * 10 ** (level / 20)


def noise(count: int, rng: np.random.Generator) -> Sound:
    """`count` samples of something that is no speech, at standard deviation 1."""
    kinds = (
        lambda: rng.standard_normal(count),
        lambda: _coloured(count, 0.97, rng),
        lambda: _coloured(count, 0.85, rng),
        lambda: _hum(count, rng),
        lambda: _clicks(count, rng),
        lambda: _breath(count, rng),
        lambda: _tones(count, rng),
        lambda: _bursts(count, rng),
        lambda: _band(rng.standard_normal(count), rng),
    )
    out = kinds[rng.integers(len(kinds))]()
    return (out / (np.std(out) + 1e-9)).astype(np.float32)
