"""FIA on an NVIDIA GPU: every engine and preset beside the physical floor.

`python -m tests.benchmark.fia_gpu [PRESET ...] [--engine NAME ...] [--batches N ...]`

First the card's own ceilings: a large product of 16-bit matrices and a large copy. The floor of one
frame is its operations at the first rate, or its weights read once at the second, whichever takes
longer. Then each engine at batch 1: the kernels alone (medians, by events), and the whole call that
uploads beta, rho, guide and mask and downloads the picture. Last, pictures a second of the
compiled decoder in batches, with the energy that the card counts. Needs torch with CUDA.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from core.errors import ModelError
from render.engines.base import EngineSettings
from render.engines.choose import LADDER
from render.engines.torch_engine import TorchEngine
from render.fia.config import PRESETS
from render.fia.frozen import freeze
from tests.fia_network import drawn
from weights.training.fia import cost, export

Work = Callable[[], object]
RUNS = 200


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--engine", nargs="+", help="names (default: all that are installed)")
    parser.add_argument("--batches", type=int, nargs="*", default=[16, 64])
    options = parser.parse_args()
    flops, bandwidth = ceilings()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    print(f"16-bit product {flops / 1e12:.0f} TFLOP/s, copy {bandwidth / 1e12:.2f} TB/s\n")
    print("| preset | engine | floor, ms | kernels, ms | whole call, ms | PSNR to CPU, dB |")
    print("|---|---|---|---|---|---|")
    for preset in options.presets:
        with tempfile.TemporaryDirectory() as folder:
            for row in alone(preset, options.engine, Path(folder), (flops, bandwidth)):
                print(f"| {preset} | {row} |", flush=True)
    print("\n| preset | batch | pictures/s | share of the product's rate | J a picture |")
    print("|---|---|---|---|---|")
    for preset in options.presets:
        for batch in options.batches:
            print(f"| {preset} | {batch} | {batched(preset, batch, flops)} |", flush=True)


def ceilings() -> tuple[float, float]:
    """Floating-point operations and bytes (read and written) a second."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.float16) for _ in range(2))
    large = torch.empty(2**30, device="cuda", dtype=torch.uint8)
    other = torch.empty_like(large)
    flops = 2 * 8192**3 / (median_ms(lambda: a @ b, 20) / 1e3)
    return flops, 2 * 2**30 / (median_ms(lambda: other.copy_(large), 20) / 1e3)


def alone(
    preset: str, names: list[str] | None, folder: Path, rates: tuple[float, float]
) -> list[str]:
    """A row for each engine, one picture at a time."""
    network = drawn(PRESETS[preset])
    model = folder / "decoder.onnx"
    export.export_decoder(network, model)
    named = export.decoder_inputs(network, export.example_inputs(network.config))
    with torch.no_grad():
        expected = network.decoder(*named.values()).numpy()
    floor = floor_ms(network.decoder, list(named.values()), rates)
    arrays = {name: value.numpy() for name, value in named.items()}
    changing = {name: arrays.pop(name) for name in ("beta", "rho", "base", "mask")}
    rows = []
    for factory in LADDER[:-1]:
        if not factory.available(model) or (names and factory.name not in names):
            continue
        try:
            started = time.perf_counter()
            engine = factory.load(model, EngineSettings(cache_folder=folder))
            engine.set_constants(arrays)
            engine.warm_up()
        except ModelError as error:
            rows.append(f"{factory.name} | {error}")
            continue
        ready = time.perf_counter() - started
        found = engine.run(changing)
        kernels = "" if not isinstance(engine, TorchEngine) else kernels_ms(engine)
        psnr = -10 * np.log10(np.mean((found - expected) ** 2))
        whole = statistics.median(_clock_ms(lambda e=engine: e.run(changing)) for _ in range(RUNS))
        rows.append(
            f"{factory.name} (ready in {ready:.0f} s) | {floor:.3f} | {kernels} | {whole:.3f} | "
            f"{psnr:.1f}"
        )
    return rows


def kernels_ms(engine: TorchEngine) -> str:
    """The program alone, one run behind the other."""
    return f"{median_ms(lambda: engine.warm_up(RUNS), 9) / RUNS:.3f}"


def floor_ms(
    module: torch.nn.Module, inputs: list[torch.Tensor], rates: tuple[float, float]
) -> float:
    """What no engine can beat."""
    operations = 2 * cost.multiply_accumulates(module, *inputs)
    weights = 2 * (cost.parameters(module) + sum(value.numel() for value in inputs))
    return max(operations / rates[0], weights / rates[1]) * 1e3


@torch.inference_mode()
def batched(preset: str, batch: int, flops: float) -> str:
    """Pictures a second, share of the measured peak, and energy."""
    network = drawn(PRESETS[preset])
    inputs = export.example_inputs(network.config, batch=batch)
    operations = 2 * cost.multiply_accumulates(
        network.decoder,
        *export.decoder_inputs(network, export.example_inputs(network.config)).values(),
    )
    network = network.cuda()
    named = export.decoder_inputs(network, {key: value.cuda() for key, value in inputs.items()})
    given = [value.half() for value in named.values()]
    frozen = freeze(network.decoder).half().to(memory_format=torch.channels_last)
    run = torch.compile(frozen, dynamic=False)
    median_ms(lambda: run(*given), 5)
    before, started = _joules(), time.perf_counter()
    for _ in range(RUNS):
        run(*given)
    torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    rate, energy = RUNS * batch / seconds, (_joules() - before) / (RUNS * batch)
    return f"{rate:.0f} | {rate * operations / flops:.2f} | {energy:.4f}"


def median_ms(work: Work, runs: int) -> float:
    """Median time on the card, by events."""
    for _ in range(3):
        work()
    times = []
    for _ in range(runs):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def _clock_ms(work: Work) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def _joules() -> float:
    """Energy that the card has used so far; nan where it does not count."""
    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(torch.cuda.current_device())
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3
    except Exception:  # the library may be missing, and raises many classes
        return float("nan")


if __name__ == "__main__":
    main()
