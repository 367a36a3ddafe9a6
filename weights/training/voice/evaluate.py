"""Print how well the voice network follows voices it has never heard.

    python -m weights.training.voice.evaluate --corpus DIR [--speech DIR] [--model FILE]

DIR is where `features` has put its held-out groups. Beside every score stand two baselines from the
same run: the level of the sound, and the prediction rolled by half its length.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.blendshapes import INDEX
from core.face_model import FaceModel
from core.types import HOP_SAMPLES, SAMPLE_RATE_HZ, ExpressionFrame
from core.voice import ExpressionStream, VoiceModel
from weights import store
from weights.training.voice import augment, metrics, phones
from weights.training.voice.coarticulation import CHANNELS, OPENING, WIDTH

CHANNEL_COLUMNS = [INDEX[name if name in INDEX else f"{name}Left"] for name in CHANNELS]
"""Columns of an expression that stand for the channels; of pairs, the left side."""
_CLIP_SECONDS = 120.0
SOUND_LATE_FRAMES = {"speaker_studio": 1}
"""Clips whose sound is known to come late against their picture, in frames."""


def express(
    model: VoiceModel, samples: NDArray[np.float32], lookahead_ms: int = 80
) -> list[ExpressionFrame]:
    """All frames of a sound."""
    stream = ExpressionStream(model, lookahead_ms)
    return stream.push(samples) + stream.finish()


def betas(frames: list[ExpressionFrame]) -> NDArray[np.float32]:
    """Expressions of frames, shape (T, 52)."""
    return np.stack([frame.beta for frame in frames])


@dataclass(frozen=True)
class Group:
    """A held-out group: sound, its curves (T, C) and labels (T,) at 25 fps."""

    samples: NDArray[np.float32]
    curves: NDArray[np.float32]
    speech: NDArray[np.bool_]

    @classmethod
    def load(cls, path: Path) -> "Group":
        """Read one file of `features`, at most `_CLIP_SECONDS` of it."""
        with np.load(path) as data:
            hops = int(min(len(data["labels"]) // 2, _CLIP_SECONDS * 25))
            samples = data["samples"][: hops * HOP_SAMPLES].astype(np.float32) / 32767
            curves = data["curves"][: hops * 2].astype(np.float32).reshape(hops, 2, -1).mean(1)
            labels = data["labels"][: hops * 2].reshape(hops, 2)
        rest = phones.CLASSES.index(phones.REST)
        return cls(samples, curves, (labels != rest).all(1))


@dataclass(frozen=True)
class Scores:
    """Correlations of one prediction with the truth, and how well closures were found."""

    jaw: float
    opening: float
    width: float
    mean: float
    closures: metrics.Detection

    @classmethod
    def of(cls, predicted: NDArray[np.float32], group: Group) -> "Scores":
        """Score curves (T, C)."""
        truth = group.curves
        opening, true_opening = predicted @ OPENING, truth @ OPENING
        found = metrics.dips(opening, group.speech)
        return cls(
            metrics.correlation(predicted[:, 0], truth[:, 0]),
            metrics.correlation(opening, true_opening),
            metrics.correlation(predicted @ WIDTH, truth @ WIDTH),
            metrics.mean_channel_correlation(predicted, truth),
            metrics.detection(found, metrics.dips(true_opening, group.speech)),
        )

    def __str__(self) -> str:
        return (
            f"jaw {self.jaw:.3f}  opening {self.opening:.3f}  width {self.width:.3f}  "
            f"mean {self.mean:.3f}  closures F1 {self.closures.f1:.2f} "
            f"(P {self.closures.precision:.2f} R {self.closures.recall:.2f})"
        )


def predict(model: VoiceModel, group: Group, lookahead_ms: int = 80) -> NDArray[np.float32]:
    """Curves (T, C) predicted from a group's sound."""
    return betas(express(model, group.samples, lookahead_ms))[:, CHANNEL_COLUMNS]


def with_noise(group: Group, snr_db: float, other: NDArray[np.float32]) -> Group:
    """The group with another sound added, at this ratio of their levels."""
    other = np.resize(other, len(group.samples))
    scale = np.std(group.samples) / np.std(other) * 10 ** (-snr_db / 20)
    return Group((group.samples + scale * other).astype(np.float32), group.curves, group.speech)


def held_out_table(model: VoiceModel, folder: Path) -> None:
    """Synthetic voices with known truth."""
    files = sorted(folder.glob("held_*.npz"))
    groups = {file.stem.removeprefix("held_"): Group.load(file) for file in files}
    print("\nHeld-out synthetic speech, lookahead 80 ms (r; closure dips)")
    for name, group in groups.items():
        predicted = predict(model, group)
        level = metrics.level_db(group.samples, HOP_SAMPLES)[:, None] * np.ones((1, len(CHANNELS)))
        level_r = metrics.correlation(level[:, 0], group.curves[:, 0])
        level_opening = metrics.correlation(level[:, 0], group.curves @ OPENING)
        level_width = metrics.correlation(level[:, 0], group.curves @ WIDTH)
        print(f"{name:22s} {Scores.of(predicted, group)}")
        print(f"{'  level baseline':22s} jaw {level_r:.3f}  opening {level_opening:.3f}  "
              f"width {level_width:.3f}")  # fmt: skip
        rolled = np.roll(predicted, len(predicted) // 2, 0)
        print(f"{'  rolled':22s} {Scores.of(rolled, group)}")
    voice = groups.get("flite_rms")
    if voice is None:
        return
    rng = np.random.default_rng(7)
    print("\nThe unseen voice (flite_rms) under other conditions")
    if 40 in model.lookaheads_ms:
        print(f"{'lookahead 40 ms':22s} {Scores.of(predict(model, voice, 40), voice)}")
    white = rng.standard_normal(len(voice.samples)).astype(np.float32)
    others = [g for n, g in groups.items() if n not in ("flite_rms", "seen_voices")]
    conditions = [(f"white noise {snr} dB", snr, white) for snr in (25, 15, 5)]
    conditions += [("babble -12 dB", 12, others[0].samples)] if others else []
    for name, snr, sound in conditions:
        noisy = with_noise(voice, snr, sound)
        print(f"{name:22s} {Scores.of(predict(model, noisy), voice)}")


class MouthRuler:
    """Measures the mouth of the average face in the picture, in outer-eye distances."""

    def __init__(self) -> None:
        self._face = FaceModel.load(store.path("face_model.npz"))
        self._neutral = self._face.shape(np.zeros(len(self._face.identity), np.float32))
        marks = self._face.landmarks
        self._corners = marks["lip_rim_upper"][[0, -1]]
        eyes = self._neutral[[marks["eye_right_upper"][0], marks["eye_left_upper"][-1]]]
        self._eye_distance = float(np.linalg.norm(eyes[0] - eyes[1]))

    def measure(self, beta: NDArray[np.float32]) -> tuple[float, float]:
        """Inner-lip gap at the middle, and mouth-corner distance, seen from the front."""
        posed = self._face.pose(self._neutral, beta)
        width = float(np.ptp(posed[self._corners, 0]))
        return self._face.lip_gap(posed) / self._eye_distance, width / self._eye_distance


def real_talkers_table(model: VoiceModel, speech: Path) -> None:
    """Filmed people: correlation with what the camera saw of their mouths."""
    folder = speech / "real_talkers"
    ruler = MouthRuler()
    curves = np.load(folder / "lip_curves.npz")
    rows: dict[str, list[float]] = {}
    print("\nFilmed people (r at lag 0 / best within ±200 ms; lag in ms, + means we are early)")
    for name in curves:
        samples, _ = soundfile.read(folder / f"{name}.flac", dtype="float32")
        seen = curves[name]
        frames = express(model, samples)
        predicted = np.array([ruler.measure(b) for b in betas(frames)])
        level = metrics.level_db(samples, HOP_SAMPLES)
        count = min(len(seen), len(predicted), len(level))
        shift = -SOUND_LATE_FRAMES.get(name, 0)
        speaking = np.array([frame.voiced for frame in frames[:count]])
        text = []
        for column, what in enumerate(("gap", "width")):
            truth = seen[:count, column]
            for who, curve in (
                ("ours", predicted[:count, column]),
                ("level", level[:count]),
                ("rolled", np.roll(predicted[:count, column], count // 2)),
            ):
                rows.setdefault(f"{what} {who}", []).append(metrics.correlation(curve, truth))
                fixed = metrics.lagged_correlation(curve, truth, shift)
                rows.setdefault(f"{what} {who}, in step", []).append(fixed)
                spoken = metrics.correlation(curve[speaking], truth[speaking])
                rows.setdefault(f"{what} {who}, speaking", []).append(spoken)
            lag, best = metrics.best_lag(predicted[:count, column], truth)
            rows.setdefault(f"{what} best lag", []).append(best)
            now = rows[f"{what} ours"][-1]
            text.append(f"{what} {now:.2f} / {best:.2f} at {lag * 40:+d} (level "
                        f"{rows[f'{what} level'][-1]:.2f})")  # fmt: skip
        print(f"{name:16s} {'   '.join(text)}")
    for name, values in rows.items():
        print(f"  mean {name:22s} {np.mean(values):+.3f}")


def rest_table(model: VoiceModel) -> None:
    """What should leave the mouth at rest, whatever its level up to -30 dBFS."""
    rng = np.random.default_rng(11)
    count = 20 * SAMPLE_RATE_HZ
    time = np.arange(count) / SAMPLE_RATE_HZ
    hum = sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 5))
    sounds = {
        "silence": np.zeros(count),
        "white noise": rng.standard_normal(count),
        "brown noise": augment._coloured(count, 0.97, rng),
        "hum 50 Hz": hum,
        "typing": augment._clicks(count, rng),
        "breaths": augment._breath(count, rng),
    }
    print("\nRest (mean opening in jawOpen; highest channel; share of frames voiced)")
    for name, sound in sounds.items():
        for level in (-30, -45, -60):
            scaled = sound / (np.std(sound) + 1e-9) * 10 ** (level / 20)
            frames = express(model, np.clip(scaled, -1, 1).astype(np.float32))
            beta = betas(frames)
            voiced = np.mean([f.voiced for f in frames])
            print(f"{name:12s} {level} dBFS  mean {beta[:, INDEX['jawOpen']].mean():.4f}  "
                  f"highest {beta.max():.3f}  voiced {voiced:.2f}")  # fmt: skip
            if name == "silence":
                break


def cost(model: VoiceModel, hops: int = 1500) -> None:
    """Time of one hop, one thread, everything included."""
    rng = np.random.default_rng(0)
    samples = (0.05 * rng.standard_normal(hops * HOP_SAMPLES)).astype(np.float32)
    stream = ExpressionStream(model)
    times = []
    for i in range(hops):
        began = time.perf_counter()
        stream.push(samples[i * HOP_SAMPLES : (i + 1) * HOP_SAMPLES])
        times.append((time.perf_counter() - began) * 1e3)
    p50, p95 = np.percentile(times[50:], [50, 95])
    print(f"\nCost of a hop, one thread: median {p50:.3f} ms, p95 {p95:.3f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="folder with held_*.npz")
    parser.add_argument("--speech", type=Path, help="folder with real_talkers/")
    parser.add_argument("--model", type=Path, help="default: the shipped weights")
    arguments = parser.parse_args()
    path = arguments.model or store.path("voice.onnx")
    model = VoiceModel.load(path)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    held_out_table(model, arguments.corpus)
    if arguments.speech:
        real_talkers_table(model, arguments.speech)
    rest_table(model)
    cost(model)


if __name__ == "__main__":
    main()
