"""A decoder whose convolutions compute in 8-bit integers, for processors that are quick at them.

Weights get a scale for each output channel and 7 bits (processors without VNNI add products of
8-bit numbers in 16 bits, which 8 would overflow), what flows between the convolutions one range
for each place, measured on pictures. These are the convolutions of the residual blocks, 60 % of
the work; the others gain nothing or, as the last one, leave their rounding in the picture.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from core.errors import ModelError
from render.engines.identity import model_hash
from render.engines.onnx_engine import MADE_FROM, int8_file
from render.fia.clips import Clip, clip_files
from render.fia.network import FiaNetwork
from weights.training import storage
from weights.training.fia import export
from weights.training.fia.distil import unfamiliar
from weights.training.fia.resident import masked, pack, unpack

PEOPLE = 48
"""Whose pictures give the ranges; as many more judge the result."""
LEAST_PSNR_DB = 35.0
"""Inside the mask, for every picture."""

Feed = dict[str, np.ndarray]


def write_int8(network: FiaNetwork, decoder: Path, clips: Path) -> float:
    """Write the file for 8-bit integers beside a decoder.

    Args:
        network: What was exported.
        decoder: Where it was exported to.
        clips: Folder; most of the people are made unlike themselves (`distil.unfamiliar`).

    Returns:
        The least PSNR of a picture inside its mask against computing in floats, dB.

    Raises:
        ModelError: That is below `LEAST_PSNR_DB`; no file is written.
        MediaError: There are no clips, or one cannot be read.
    """
    feeds = list(_feeds(network, clips))
    with tempfile.TemporaryDirectory() as scratch:
        full, small = Path(scratch) / "full.onnx", Path(scratch) / "int8.onnx"
        export.export_decoder(network, full)
        _quantise(full, small, feeds[::2])
        worst = min(_psnr_db(full, small, feeds[1::2]))
        if worst < LEAST_PSNR_DB:
            raise ModelError(
                f"{decoder.name} loses too much in 8-bit integers ({worst:.1f} dB, "
                f"{LEAST_PSNR_DB:.0f} are needed). It is shipped without them."
            )
        storage.store_weights_half(small, small)  # Of the layers that compute in floats.
        model = onnx.load(str(small))
        helper.set_model_props(
            model, {"fia_config": network.config.to_json(), MADE_FROM: model_hash(decoder)}
        )
        storage.write(model, int8_file(decoder))
    return worst


@torch.no_grad()
def _feeds(network: FiaNetwork, clips: Path) -> Iterator[Feed]:
    """The decoder's inputs for one picture of each person."""
    rng = np.random.default_rng(0)
    network.eval()
    for path in clip_files(clips)[: 2 * PEOPLE]:
        batch = unfamiliar(unpack(pack(masked(Clip.load(path), network.config))), rng)
        names = ("alpha", "beta", "rho", "base", "mask", "source", "reference")
        inputs = {name: batch[name][:1] for name in names}
        named = export.decoder_inputs(network, inputs)
        yield {name: tensor.contiguous().numpy() for name, tensor in named.items()}


class _Reader(CalibrationDataReader):
    def __init__(self, feeds: list[Feed]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Feed | None:
        """The next picture's inputs."""
        return next(self._feeds, None)


def _quantise(full: Path, small: Path, feeds: list[Feed]) -> None:
    prepared = full.with_name("prepared.onnx")
    quant_pre_process(str(full), str(prepared), skip_symbolic_shape=True)
    nodes = onnx.load(str(prepared)).graph.node
    chosen = [n.name for n in nodes if n.op_type == "Conv" and n.name.startswith("/levels.")]
    quantize_static(
        str(prepared),
        str(small),
        _Reader(feeds),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        nodes_to_quantize=chosen,
        per_channel=True,
        reduce_range=True,
    )


def _psnr_db(full: Path, small: Path, feeds: list[Feed]) -> Iterator[float]:
    """Of each picture, inside its mask."""
    engines = [ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
               for path in (full, small)]  # fmt: skip
    for feed in feeds:
        expected, found = (engine.run(None, feed)[0] for engine in engines)
        inside = np.broadcast_to(feed["mask"] < 0.5, expected.shape)
        yield float(-10 * np.log10(np.mean((found - expected)[inside] ** 2) + 1e-12))
