"""Offline rendering on one core: how many times real time, where the time goes, peak memory.

python -m tests.benchmark.offline_speed --repeat 3
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from app.parts import SAMPLE_PORTRAIT, SAMPLE_SPEECH
from tests.shared import ROOT

SIZES = ("512", "1280x720", "1920x1080")
CHILD = """
import json, os, resource, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(sys.argv[1])})
from app.cli import main
code = main(sys.argv[2:])
heavy = [name for name in ("torch", "transformers", "scipy") if name in sys.modules]
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"peak_mb": peak_mb, "heavy": heavy}))
raise SystemExit(code)
"""


def measure(core: int, portrait: Path, audio: Path, size: str, folder: Path) -> dict[str, Any]:
    """One render in a process of its own that may use one core."""
    output = folder / "out.mp4"
    words = ["render", str(portrait), str(audio), "-o", str(output), "--size", size, "--json"]
    result = subprocess.run(
        [sys.executable, "-c", CHILD, str(core), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    report, extra = map(json.loads, result.stdout.strip().splitlines())
    return {**report, **extra}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portrait", type=Path, default=SAMPLE_PORTRAIT)
    parser.add_argument("--audio", type=Path, default=SAMPLE_SPEECH)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--core", type=int, default=0)
    args = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, load {os.getloadavg()[0]:.1f}, one core")
    print("size        x real time (median, best)   shares of the time          peak MB  heavy")
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            runs = [
                measure(args.core, args.portrait, args.audio, size, Path(folder))
                for _ in range(args.repeat)
            ]
            speeds = [run["times_real_time"] for run in runs]
            best = max(runs, key=lambda run: run["times_real_time"])
            shares = " ".join(f"{name} {part:.0%}" for name, part in best["shares"].items())
            heavy = ", ".join(best["heavy"]) or "none"
            print(
                f"{size:10}  {statistics.median(speeds):5.1f}  {max(speeds):5.1f}"
                f"                {shares:32} {best['peak_mb']:6.0f}  {heavy}"
            )


if __name__ == "__main__":
    main()
