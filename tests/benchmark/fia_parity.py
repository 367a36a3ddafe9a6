"""How far the forms of one FIA network lie apart, for every preset with random weights.

`python -m tests.benchmark.fia_parity [PRESET ...]` prints the largest difference of any pixel
(pictures are [0, 1]) between cached and uncached, between torch and ONNX Runtime, and the PSNR of
torch where convolutions and products are in 16-bit floats (autocast; minutes for the larger ones).
"Moves" is the largest change when the expression is zeroed: a network that ignores its inputs
agrees with anything. Needs torch.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from core.onnx_session import open_session
from render.engines.base import EngineSettings
from render.engines.onnx_engine import ONNX_CPU
from render.fia.config import PRESETS
from render.fia.model import FiaModel
from tests.fia_network import drawn
from weights.training.fia import export
from weights.training.fia.ship import write_pair

Named = dict[str, torch.Tensor]


@torch.no_grad()
def differences(preset: str, folder: Path) -> dict[str, str]:
    """One row of the table."""
    network = drawn(PRESETS[preset])
    inputs = export.example_inputs(network.config)
    named = export.decoder_inputs(network, inputs)
    whole = network(**inputs).numpy()
    alone = network.decoder(*named.values()).numpy()
    export.export_full(network, folder / "whole.onnx")
    decoder = write_pair(network, preset, folder)
    onnx_whole = run(folder / "whole.onnx", inputs, folder)
    onnx_alone = run(decoder, named, folder)
    session = open_session(FiaModel.open(decoder).enrolment)
    names = [output.name for output in session.get_outputs()]
    portrait = {name: inputs[name].numpy() for name in ("source", "reference")}
    kept = zip(names, map(torch.from_numpy, session.run(names, portrait)), strict=True)
    onnx_cached = run(decoder, named | dict(kept), folder)
    still = named | {"beta": torch.zeros_like(named["beta"])}
    row = {
        "cached, torch": f"{np.abs(alone - whole).max():.1e}",
        "cached, ONNX Runtime": f"{np.abs(onnx_cached - onnx_whole).max():.1e}",
        "torch to ONNX Runtime": f"{np.abs(onnx_alone - alone).max():.1e}",
    }
    for name, kind in {"float16": torch.float16, "bfloat16": torch.bfloat16}.items():
        with torch.autocast("cpu", kind):
            found = network.decoder(*named.values()).float().numpy()
        row[f"{name}, dB"] = f"{-10 * np.log10(np.mean((found - alone) ** 2)):.1f}"
    row["moves"] = f"{np.abs(network.decoder(*still.values()).numpy() - alone).max():.2f}"
    return row


def run(model: Path, named: Named, folder: Path) -> np.ndarray:
    """The output of an exported network on one CPU thread."""
    engine = ONNX_CPU.load(model, EngineSettings(cache_folder=folder))
    return engine.run({name: value.numpy() for name, value in named.items()}).copy()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", default=list(PRESETS))
    for number, preset in enumerate(parser.parse_args().presets):
        with tempfile.TemporaryDirectory() as folder:
            row = differences(preset, Path(folder))
        if number == 0:
            print("| preset | " + " | ".join(row) + " |\n|---" + "|---" * len(row) + "|")
        print(f"| {preset} | " + " | ".join(row.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
