"""Draw predicted mouth movement over spectrogram and sounds, to be looked at.

    python -m weights.training.voice.plot --corpus DIR --out DIR [--model FILE]

DIR is where `features` has put its held-out groups; two utterances of each group are drawn.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from core.types import SAMPLE_RATE_HZ
from core.voice import VoiceModel
from weights import store
from weights.training.voice import phones
from weights.training.voice.coarticulation import CHANNEL_INDEX, OPENING, WIDTH
from weights.training.voice.evaluate import CHANNEL_COLUMNS, betas, express

_PER_GROUP = 2
_LONGEST_S = 5.0
_TOKENS_PER_S = 50


def draw(
    sound: NDArray[np.float32],
    labels: NDArray[np.uint8],
    truth: NDArray[np.float32],
    model: VoiceModel,
) -> Figure:
    """One utterance.

    Args:
        sound: (N,) at 16 kHz.
        labels: Mouth class (T,) at 50 Hz.
        truth: The teacher's movement (T, C) at 50 Hz.
        model: Whose prediction is drawn.
    """
    predicted = betas(express(model, sound))[:, CHANNEL_COLUMNS]
    figure = Figure(figsize=(13, 8), layout="constrained")
    rows = figure.subplots(4, 1, sharex=True)
    rows[0].specgram(sound + 1e-6, NFFT=400, Fs=SAMPLE_RATE_HZ, noverlap=240, cmap="magma")
    edges = np.flatnonzero(np.diff(np.r_[255, labels.astype(int), 255]))
    for start, end in itertools.pairwise(edges):
        middle = (start + end) / 2 / _TOKENS_PER_S
        rows[0].text(middle, 7200, phones.CLASSES[labels[start]], color="white", ha="center")
        for row in rows:
            row.axvline(start / _TOKENS_PER_S, color="grey", linewidth=0.3)
    jaw = np.eye(truth.shape[1], dtype=np.float32)[CHANNEL_INDEX["jawOpen"]]
    for row, (name, weights) in zip(
        rows[1:], {"jaw": jaw, "opening": OPENING, "width": WIDTH}.items(), strict=True
    ):
        row.plot(np.arange(len(truth)) / _TOKENS_PER_S, truth @ weights, label="teacher")
        row.plot((np.arange(len(predicted)) + 0.5) / 25, predicted @ weights, label="network")
        row.set_ylabel(name)
    rows[1].legend(loc="upper right")
    rows[-1].set_xlabel("s")
    return figure


def utterances(path: Path) -> list[tuple[NDArray, NDArray, NDArray]]:
    """The first utterances of a held-out group that are not too long: sound, labels, truth."""
    found, start = [], 0
    with np.load(path) as data:
        samples, labels, curves = data["samples"], data["labels"], data["curves"]
        for length in data["lengths"]:
            part, start = slice(start, start + length), start + length
            if length <= _LONGEST_S * _TOKENS_PER_S and len(found) < _PER_GROUP:
                sound = samples[part.start * 320 : part.stop * 320].astype(np.float32) / 32767
                found.append((sound, labels[part], curves[part].astype(np.float32)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="folder with held_*.npz")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="default: the shipped weights")
    arguments = parser.parse_args()
    model = VoiceModel.load(arguments.model or store.path("voice.onnx"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(arguments.corpus.glob("held_*.npz")):
        for number, (sound, labels, truth) in enumerate(utterances(path)):
            figure = draw(sound, labels, truth, model)
            figure.savefig(arguments.out / f"{path.stem.removeprefix('held_')}_{number}.png")


if __name__ == "__main__":
    main()
