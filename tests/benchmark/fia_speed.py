"""FIA in ONNX Runtime: whole, with a cached reference, and the decoder alone.

`python -m tests.benchmark.fia_speed [PRESET ...] [--threads N ...]` prints medians of one run;
ratios are what counts. `--shipped` measures the networks that ship instead, in floats and in 8-bit
integers. With one thread the time is the processor's, which other programs on the
machine hardly stretch; with more it is the clock's. Needs torch (random weights are exported).
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from render.engines.base import Engine, EngineSettings
from render.engines.onnx_engine import ONNX_CPU, ONNX_CPU_INT8
from render.fia.config import PRESETS
from weights import store

ROUNDS = 7


def measure(preset: str, threads: int, folder: Path) -> dict[str, float]:
    """Median milliseconds of each part."""
    settings = EngineSettings(threads=threads, cache_folder=folder)
    engines: dict[str, Engine] = {
        part: ONNX_CPU.load(folder / f"{preset}_{part}.onnx", settings)
        for part in ("whole", "reference cached", "decoder alone")
    }
    return _medians_ms(engines, threads, ROUNDS)


def shipped(threads: list[int]) -> None:
    """Print what the shipped decoders take in floats and in 8-bit integers."""
    print("| network | threads | floats, ms | 8-bit integers, ms | ratio |\n|---|---|---|---|---|")
    for decoder in sorted(store.FOLDER.glob("fia_*_decoder.onnx")):
        for count in threads:
            settings = EngineSettings(threads=count)
            factories = (ONNX_CPU, ONNX_CPU_INT8)
            engines: dict[str, Engine] = {
                one.name: one.load(decoder, settings) for one in factories
            }
            floats, integers = _medians_ms(engines, count, 8 * ROUNDS).values()
            cells = f"{floats:.1f} | {integers:.1f} | {floats / integers:.2f}"
            print(f"| {decoder.stem} | {count} | {cells} |", flush=True)


def _medians_ms(engines: dict[str, Engine], threads: int, rounds: int) -> dict[str, float]:
    """Of each engine, taken in turn so that load hits all alike."""
    times: dict[str, list[float]] = {part: [] for part in engines}
    for engine in engines.values():
        engine.warm_up(1)
    for _ in range(rounds):
        for part, engine in engines.items():
            times[part].append(_run_ms(engine, threads))
    return {part: float(np.median(one)) for part, one in times.items()}


def export(preset: str, folder: Path) -> None:
    """Write the three networks of a preset with random weights."""
    import torch

    from render.fia.network import FiaNetwork
    from weights.training.fia import export as parts

    torch.manual_seed(0)
    network = FiaNetwork(PRESETS[preset]).eval()
    parts.export_full(network, folder / f"{preset}_whole.onnx")
    parts.export_reference_cached(network, folder / f"{preset}_reference cached.onnx")
    parts.export_decoder(network, folder / f"{preset}_decoder alone.onnx")


def designs(presets: list[str], threads: list[int]) -> None:
    """Print one table for all presets asked for, with random weights."""
    alone: dict[tuple[str, int], float] = {}
    print("| preset | threads | whole, ms | reference cached, ms | decoder alone, ms | ratio |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for preset in presets:
            export(preset, Path(name))
            for count in threads:
                found = measure(preset, count, Path(name))
                alone[preset, count] = found["decoder alone"]
                cells = " | ".join(f"{value:.1f}" for value in found.values())
                ratio = found["whole"] / found["decoder alone"]
                print(f"| {preset} | {count} | {cells} | {ratio:.2f} |", flush=True)
    for preset, count in alone:
        if "paper" in presets and preset != "paper":
            times = alone["paper", count] / alone[preset, count]
            print(f"{preset}: decoder {times:.1f} times as fast as paper's, {count} thread(s)")


def main() -> None:
    """Print the table asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--shipped", action="store_true", help="the networks that ship instead")
    options = parser.parse_args()
    if options.shipped:
        shipped(options.threads)
    else:
        designs(options.presets, options.threads)


def _run_ms(engine: Engine, threads: int) -> float:
    now = time.process_time if threads == 1 else time.perf_counter
    start = now()
    engine.warm_up(1)
    return (now() - start) * 1e3


if __name__ == "__main__":
    main()
