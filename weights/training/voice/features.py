"""Turn the spoken corpus into what the voice network is trained on.

    python -m weights.training.voice.features --corpus DIR --out DIR [--copies 1] [--sound]

Writes flat arrays (`mel.npy`, `curves.npy`, `labels.npy`, `speech.npy`, and `human.npy`: whether a
human voice was recorded for it) of all training utterances one after another with pauses between
them, `noise.npy` (spectra of non-speech), and one `.npz` a
held-out group with clean sound and its curves. `--sound` also writes the waveforms, int16:
`sound.npy` and `noise_sound.npy`.
"""

import argparse
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.voice.logmel import HISTORY_SAMPLES, TOKEN_SAMPLES, log_mel
from weights.training.voice import augment, corpus, phones
from weights.training.voice.coarticulation import CHANNELS, NEUTRAL, Movement, Style, movement
from weights.training.voice.engines import SAMPLE_RATE_HZ, Segment, Utterance

REST_S = 0.3
"""Silence before and after each utterance."""
VALIDATION_SHARE = 0.01
HELD_OUT_UTTERANCES = 60
_CHUNK = 200


@dataclass(frozen=True)
class Example:
    """Sound, float32 (T * TOKEN_SAMPLES,), and its movement of T frames."""

    sound: NDArray[np.float32]
    movement: Movement


def example(
    said: Utterance,
    rng: np.random.Generator,
    chances: augment.Chances,
    style: Style = NEUTRAL,
) -> Example:
    """An utterance as the network hears it, with the movement it should make."""
    sound, segments = _with_rests(said)
    if rng.random() < chances.disguise:
        sound, segments = augment.disguise(sound, segments, rng)
    count = len(sound) // TOKEN_SAMPLES
    sound = augment.normalise(sound[: count * TOKEN_SAMPLES])
    loudness = augment.relative_loudness(sound)
    moved = movement(segments, count * TOKEN_SAMPLES / SAMPLE_RATE_HZ, loudness, style)
    return Example(augment.degrade(sound, rng, chances), moved)


def _with_rests(said: Utterance) -> tuple[NDArray[np.float32], list[Segment]]:
    """Sound and segments with silence around them, into which the mouth opens and closes."""
    quiet = round(REST_S * SAMPLE_RATE_HZ)
    sound = np.pad(said.samples.astype(np.float32) / 32768, quiet)
    end = REST_S + len(said.samples) / SAMPLE_RATE_HZ
    moved = [Segment(s.label, s.start_s + REST_S, s.end_s + REST_S) for s in said.segments]
    rests = Segment(phones.REST, 0.0, REST_S), Segment(phones.REST, end, end + REST_S)
    return sound, [rests[0], *moved, rests[1]]


def pause(rng: np.random.Generator) -> Example:
    """Silence between utterances: often short, sometimes seconds of audible noise."""
    tokens = int(rng.uniform(3, 60)) if rng.random() < 0.9 else int(rng.uniform(100, 250))
    level = 10 ** (rng.uniform(-85, -45) / 20)
    sound = augment.noise(tokens * TOKEN_SAMPLES, rng) * level
    return Example(sound.astype(np.float32), _rest(tokens))


def _rest(tokens: int) -> Movement:
    return Movement(
        np.zeros((tokens, len(CHANNELS)), np.float32),
        np.full(tokens, phones.CLASSES.index(phones.REST), np.uint8),
        np.zeros(tokens, np.float32),
    )


def spectra(sound: NDArray[np.float32]) -> NDArray[np.float16]:
    """Log-mel tokens of a whole sound, shape (T, TOKEN_SIZE)."""
    return log_mel(np.pad(sound, (HISTORY_SAMPLES, 0))).astype(np.float16)


def as_int16(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    """Sound in [-1, 1] as it is stored."""
    return np.clip(sound * 32767, -32767, 32767).astype(np.int16)


def training_utterances(folder: Path) -> Iterator[Utterance]:
    """Everything that is not held out, in a shuffled order that the seed of the corpus fixes."""
    files = sorted(p for p in folder.glob("*.npz") if p.stem not in corpus.HELD_OUT)
    everything = [said for file in files for said in corpus.load(file)]
    random.Random(0).shuffle(everything)
    yield from everything


def write_held_out(folder: Path, out: Path) -> None:
    """One file a held-out group: clean sound (int16), curves and labels."""
    for name in corpus.HELD_OUT:
        path = folder / f"{name}.npz"
        if path.exists():
            write_group(out / f"held_{name}.npz", corpus.load(path)[:HELD_OUT_UTTERANCES])


def write_group(path: Path, utterances: list[Utterance]) -> None:
    """Clean examples one after another."""
    rng = np.random.default_rng(0)
    parts = [example(said, rng, augment.CLEAN) for said in utterances]
    sound = np.concatenate([p.sound for p in parts])
    np.savez(
        path,
        samples=as_int16(sound),
        curves=np.concatenate([p.movement.curves for p in parts]).astype(np.float16),
        labels=np.concatenate([p.movement.labels for p in parts]),
        lengths=np.array([len(p.movement.labels) for p in parts]),
    )


def training_arrays(
    utterances: list[Utterance], seed: int, with_sound: bool = False
) -> dict[str, NDArray]:
    """Flat arrays of augmented utterances with a pause after each."""
    rng = np.random.default_rng(seed)
    names = ["mel", "curves", "labels", "speech", "human", *(["sound"] if with_sound else [])]
    parts: dict[str, list[NDArray]] = {name: [] for name in names}
    for said in utterances:
        for part in (example(said, rng, augment.Chances()), pause(rng)):
            parts["mel"].append(spectra(part.sound))
            parts["curves"].append(part.movement.curves.astype(np.float16))
            parts["labels"].append(part.movement.labels)
            parts["speech"].append(part.movement.speech.astype(np.uint8))
            parts["human"].append(np.full(len(part.movement.labels), said.is_human, np.uint8))
            if with_sound:
                parts["sound"].append(as_int16(part.sound))
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--copies", type=int, default=1, help="augmented versions of each utterance"
    )
    parser.add_argument("--sound", action="store_true", help="write the waveforms too")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_held_out(arguments.corpus, arguments.out)
    utterances = list(training_utterances(arguments.corpus))
    held = max(1, int(len(utterances) * VALIDATION_SHARE))
    write_group(arguments.out / "held_seen_voices.npz", utterances[:held])
    rest = utterances[held:] * arguments.copies
    chunks = [rest[i : i + _CHUNK] for i in range(0, len(rest), _CHUNK)]
    seeds = [arguments.seed * 100_000 + i for i in range(len(chunks))]
    with ProcessPoolExecutor(arguments.workers) as pool:
        keep = [arguments.sound] * len(chunks)
        results = list(pool.map(training_arrays, chunks, seeds, keep))
    for name in results[0]:
        np.save(arguments.out / f"{name}.npy", np.concatenate([r[name] for r in results]))
    rng = np.random.default_rng(arguments.seed)
    noise = [augment.noise(6 * SAMPLE_RATE_HZ, rng) * 0.05 for _ in range(400)]
    np.save(arguments.out / "noise.npy", np.stack([spectra(n) for n in noise]))
    if arguments.sound:
        np.save(arguments.out / "noise_sound.npy", np.stack([as_int16(n) for n in noise]))
    print(f"{sum(len(r['labels']) for r in results) / 50 / 3600:.1f} h with pauses")


if __name__ == "__main__":
    main()
