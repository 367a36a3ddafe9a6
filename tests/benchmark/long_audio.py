"""Hours of sound in bounded memory: a generated voice, low resolution, memory along the way.

python -m tests.benchmark.long_audio --hours 3
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from app.parts import SAMPLE_PORTRAIT, SAMPLE_SPEECH
from tests.shared import ROOT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--size", default="64")
    parser.add_argument("--fps", default="5")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sound, film = Path(name, "long.flac"), Path(name, "long.mp4")
        loop = ["ffmpeg", "-v", "error", "-stream_loop", "-1", "-i", str(SAMPLE_SPEECH)]
        subprocess.run([*loop, "-t", str(args.hours * 3600), str(sound)], check=True)
        command = [sys.executable, "-m", "app.cli", "render", str(SAMPLE_PORTRAIT), str(sound)]
        options = ["-o", str(film), "--size", args.size, "--fps", args.fps]
        started = time.monotonic()
        process = subprocess.Popen([*command, *options], cwd=ROOT)
        memory = watch(process)
        elapsed_s = time.monotonic() - started
        if process.returncode:
            raise SystemExit(process.returncode)
        early = memory[min(60, len(memory) - 1)]
        print(
            f"{args.hours:g} h of sound in {elapsed_s:.0f} s "
            f"({args.hours * 3600 / elapsed_s:.0f}x), peak {max(memory):.0f} MB, "
            f"{max(memory) - early:+.1f} MB after the first minute"
        )


def watch(process: "subprocess.Popen[bytes]") -> list[float]:
    """Resident memory in MB, once a second until the process ends."""
    memory = []
    handle = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            memory.append(handle.memory_info().rss / 2**20)
        except psutil.Error:
            break
        time.sleep(1.0)
    process.wait()
    return memory


if __name__ == "__main__":
    main()
