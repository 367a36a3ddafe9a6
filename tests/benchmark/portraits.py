"""Portraits times voices: films to look at, contact sheets, and lengths read back by ffprobe.

python -m tests.benchmark.portraits --portraits DIR --speech DIR -o OUT --seconds 6
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np

from app.cli import main as realtalk
from app.pictures import write_picture

PORTRAITS = (
    "photo_woman_frown",
    "photo_beard_grin",
    "photo_glasses_curls",
    "painting_girl_red",
    "painting_smile",
    "render_girl",
    "drawing_young_man",
    "statue_warrior",
)
VOICES = ("en_speech_1961", "de", "zh_female")
COLUMNS = 8


def cut(source: Path, seconds: float, target: Path) -> Path:
    """The first seconds of a sound, as a WAV file."""
    command = ["ffmpeg", "-y", "-v", "error", "-t", str(seconds), "-i", str(source), str(target)]
    subprocess.run(command, check=True)
    return target


def lengths(film: Path) -> dict[str, float]:
    """Seconds of picture and of sound, as ffprobe reads them."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", str(film)]
    streams = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return {s["codec_type"]: float(s["duration"]) for s in streams["streams"]}


def sheet(film: Path) -> np.ndarray:
    """COLUMNS frames spread over a film, side by side."""
    with av.open(str(film)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    chosen = np.linspace(0, len(frames) - 1, COLUMNS + 2)[1:-1].astype(int)
    return np.hstack([cv2.resize(frames[i], (256, 256)) for i in chosen])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=6.0)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    worst = 0.0
    for name in PORTRAITS:
        rows = []
        for voice in VOICES:
            sound = cut(args.speech / f"{voice}.flac", args.seconds, args.output / f"{voice}.wav")
            film = args.output / f"{name}-{voice}.mp4"
            portrait = args.portraits / f"{name}.jpg"
            code = realtalk(["render", str(portrait), str(sound), "-o", str(film), "--quiet"])
            if code:
                return code
            found = lengths(film)
            apart = abs(found["video"] - found["audio"]) * 25
            worst = max(worst, apart)
            print(f"{film.name}: {found['video']:.2f} s, sound {apart:.2f} frames apart")
            rows.append(sheet(film))
        write_picture(args.output / f"{name}.jpg", np.vstack(rows))
    print(f"largest difference: {worst:.2f} frames")
    return int(worst > 1.0)


if __name__ == "__main__":
    sys.exit(main())
