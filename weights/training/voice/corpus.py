"""Speak the corpus: many hours of synthetic speech with the times of its sounds.

    python -m weights.training.voice.corpus --out DIR [--scale 1.0] [--part espeak|flite|festival]

Writes one .npz a job into DIR; what is already there is kept, so the command resumes. Held out
from training, and found again by name: a voice (flite rms), a voice and recording (festival
lp_diphone, Italian), a language (German).
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from weights.training.voice import engines, phones, texts
from weights.training.voice.engines import Segment, Utterance

HELD_OUT = {"flite_rms": "unseen voice", "espeak_de": "unseen language", "festival_lp_diphone": ""}
_SECONDS_PER_FESTIVAL_SENTENCE = 3.5


@dataclass(frozen=True)
class Job:
    """One file of the corpus: its name and who speaks it."""

    name: str
    speak: Callable[[], list[Utterance]]


def jobs(scale: float, seed: int, part: str | None) -> list[Job]:
    """All jobs, in an order that does not matter."""
    out = []
    if part in (None, "espeak"):
        for language in texts.vocabulary():
            seconds = scale * (2400 if language == "en" else 600)
            out.append(Job(f"espeak_{language}", _espeak(language, seconds, seed)))
    if part in (None, "flite"):
        for voice in engines.FLITE_VOICES:
            seconds = scale * (600 if voice == "rms" else 2700)
            out.append(
                Job(f"flite_{voice}", lambda v=voice, s=seconds: list(engines.flite(v, s, seed)))
            )
    if part in (None, "festival"):
        for voice in engines.FESTIVAL_VOICES:
            count = round(scale * 700 / _SECONDS_PER_FESTIVAL_SENTENCE)
            out.append(
                Job(
                    f"festival_{voice}",
                    lambda v=voice, n=count: list(engines.festival(v, n, seed)),
                )
            )
    return out


def _espeak(language: str, seconds: float, seed: int) -> Callable[[], list[Utterance]]:
    def speak() -> list[Utterance]:
        if not engines.espeak_available():
            return []
        with tempfile.TemporaryDirectory() as folder:
            spool = Path(folder) / "spool"
            return engines.forked(engines.espeak(language, seconds, seed), spool)

    return speak


def save(path: Path, utterances: list[Utterance]) -> None:
    """Write utterances as flat arrays, atomically."""
    kinds, bounds, counts = [], [], []
    for said in utterances:
        counts.append(len(said.segments))
        kinds += [phones.CLASSES.index(s.label) for s in said.segments]
        bounds += [(s.start_s, s.end_s) for s in said.segments]
    temporary = path.with_suffix(".tmp.npz")
    np.savez(
        temporary,
        samples=np.concatenate([u.samples for u in utterances]),
        lengths=np.array([len(u.samples) for u in utterances], np.int64),
        segment_counts=np.array(counts, np.int32),
        kinds=np.array(kinds, np.uint8),
        bounds=np.array(bounds, np.float32),
        voices=np.array([u.voice for u in utterances]),
        languages=np.array([u.language for u in utterances]),
    )
    temporary.rename(path)


def load(path: Path) -> list[Utterance]:
    """Read what `save` wrote."""
    with np.load(path) as data:
        sound = _split(data["samples"], data["lengths"])
        kinds = _split(data["kinds"], data["segment_counts"])
        bounds = _split(data["bounds"], data["segment_counts"])
        return [
            Utterance(
                sound[i],
                [
                    Segment(phones.CLASSES[k], float(a), float(b))
                    for k, (a, b) in zip(kinds[i], bounds[i], strict=True)
                ],
                str(data["voices"][i]),
                str(data["languages"][i]),
            )
            for i in range(len(sound))
        ]


def _split(flat: NDArray, lengths: NDArray) -> list[NDArray]:
    return np.split(flat, np.cumsum(lengths)[:-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scale", type=float, default=1.0, help="1: about twelve hours")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", choices=("espeak", "flite", "festival"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for job in jobs(arguments.scale, arguments.seed, arguments.part):
        path = arguments.out / f"{job.name}.npz"
        if path.exists():
            continue
        began = time.monotonic()
        utterances = job.speak()
        if not utterances:
            print(f"{job.name}: nothing said (engine or voice missing)", flush=True)
            continue
        save(path, utterances)
        seconds = sum(len(u.samples) for u in utterances) / engines.SAMPLE_RATE_HZ
        speed = seconds / (time.monotonic() - began)
        count = len(utterances)
        print(f"{job.name}: {count} utterances, {seconds:.0f} s, {speed:.0f}x", flush=True)


if __name__ == "__main__":
    main()
