"""A checkpoint becomes the pair of ONNX files that the program runs."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from render.fia.model import DECODER_SUFFIX, ENROLMENT_SUFFIX
from render.fia.network import FiaNetwork
from weights.training import storage
from weights.training.fia import export

Storage = Callable[[Path, Path], None]
STORAGES: dict[str, Storage | None] = {
    "float32": None,
    "float16": storage.store_weights_half,
    "int8": storage.store_weights_int8,
}


def write_pair(network: FiaNetwork, name: str, folder: Path, storage: str = "float32") -> Path:
    """Export both parts of a network.

    Args:
        network: Trained.
        name: Of the files: NAME_decoder.onnx and NAME_enrolment.onnx.
        folder: Where they go.
        storage: How weights are stored: a key of `STORAGES`.

    Returns:
        The decoder's path, for `FiaModel.open`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    writers = {DECODER_SUFFIX: export.export_decoder, ENROLMENT_SUFFIX: export.export_enrolment}
    store = STORAGES[storage]
    for suffix, write in writers.items():
        target = folder / f"{name}{suffix}"
        if store is None:
            write(network, target)
            continue
        with tempfile.TemporaryDirectory() as scratch:
            write(network, Path(scratch) / "full.onnx")
            store(Path(scratch) / "full.onnx", target)
    return folder / f"{name}{DECODER_SUFFIX}"
