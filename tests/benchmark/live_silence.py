"""Does the mouth stay shut when nobody speaks, and how soon does it open when somebody does?

`python -m tests.benchmark.live_silence [--seconds 60] [--speech FILE]`
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from app import parts
from app.parts import SAMPLE_SPEECH
from audio_io.files import read_audio
from core.preset_files import SHIPPED
from core.types import HOP_SAMPLES, SAMPLE_RATE_HZ, FloatArray

FACE_HEIGHT_PX = 360.0
"""Of a face in a 720-line picture with the default framing, chin to brow."""
_OPEN_PX = 2.0
"""From here on an opening is seen."""


def main() -> None:
    """Print one line a noise, then the onset of speech."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--speech", type=Path, default=SAMPLE_SPEECH)
    args = parser.parse_args()
    count = round(args.seconds * SAMPLE_RATE_HZ)
    for name, sound in (
        ("digital silence", np.zeros(count, np.float32)),
        ("fan at -50 dBFS", fan(count, -50.0)),
        ("fan at -40 dBFS", fan(count, -40.0)),
        ("typing", typing(count)),
    ):
        gap_px = openings_px(sound)
        starts = int((np.diff((gap_px > _OPEN_PX).astype(int)) > 0).sum())
        row = {
            "sound": name,
            "opening_std_px": round(float(gap_px.std()), 3),
            "opening_max_px": round(float(gap_px.max()), 2),
            "false_openings": starts,
        }
        print(json.dumps(row), flush=True)
    print(json.dumps({"speech_onset_to_opening_ms": onset_ms(args.speech)}))


def fan(count: int, level_dbfs: float) -> FloatArray:
    """Low, steady noise."""
    noise = lfilter([1.0], [1.0, -0.95], np.random.default_rng(0).normal(size=count))
    return (noise / noise.std() * 10 ** (level_dbfs / 20)).astype(np.float32)


def typing(count: int) -> FloatArray:
    """Eight keys a second: short clicks over a quiet room."""
    random = np.random.default_rng(0)
    sound = random.normal(size=count) * 10 ** (-65 / 20)
    click = random.normal(size=400) * np.exp(-np.arange(400) / 80)
    for start in np.cumsum(random.exponential(SAMPLE_RATE_HZ / 8, size=count // 1600)).astype(int):
        part = sound[start : start + click.size]
        part += random.uniform(0.05, 0.2) * click[: part.size]
    return sound.astype(np.float32)


def openings_px(sound: FloatArray) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Gap between the lips of the mean face in every frame, shape (T,), pixels."""
    model = parts.face_model()
    speech = parts.speech_stage(SHIPPED[0])
    neutral = model.shape(np.zeros(len(model.identity), np.float32))
    upper, lower = (model.landmarks[f"lip_rim_{side}"] for side in ("upper", "lower"))
    middle = len(upper) // 2
    height_cm = np.ptp(neutral[model.landmarks["inner_face68"], 1])
    frames = [*speech.push(sound), *speech.finish()]
    gaps = []
    for frame in frames:
        posed = model.pose(neutral, frame.beta)
        gaps.append(posed[upper[middle], 1] - posed[lower[len(lower) // 2], 1])
    rest = model.pose(neutral, np.zeros_like(frames[0].beta))
    closed = rest[upper[middle], 1] - rest[lower[len(lower) // 2], 1]
    return np.maximum(np.array(gaps) - closed, 0.0) * FACE_HEIGHT_PX / height_cm


def onset_ms(path: Path) -> int:
    """Sound's onset after a second of silence to the first seen opening, in the content's time."""
    sound = np.concatenate([block.samples for block in read_audio(path)])
    begun = int(np.flatnonzero(np.abs(sound) > 0.05)[0])
    silence = np.zeros(SAMPLE_RATE_HZ, np.float32)
    gap_px = openings_px(np.concatenate([silence, sound[begun : begun + 2 * SAMPLE_RATE_HZ]]))
    first = int(np.flatnonzero(gap_px > _OPEN_PX)[0])
    return round((first * HOP_SAMPLES - SAMPLE_RATE_HZ) * 1000 / SAMPLE_RATE_HZ)


if __name__ == "__main__":
    main()
