"""The torch decoder from an exported ONNX file, so that one weights file serves every engine.

Needs torch and onnx, which come with the extras `[tensorrt]` and `[train]`.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from core.errors import ModelError
from render.fia.config import FiaConfig
from render.fia.network import Decoder


def read_config(model: Path) -> FiaConfig:
    """The description stored in an exported file.

    Raises:
        ModelError: The file is not an exported FIA network.
    """
    return _config(onnx.load(str(model)), model)


def input_shapes(model: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a file's inputs, in the order of `Decoder.forward`."""
    graph = onnx.load(str(model)).graph
    return {
        entry.name: tuple(side.dim_value for side in entry.type.tensor_type.shape.dim)
        for entry in graph.input
    }


def load_decoder(model: Path) -> Decoder:
    """The decoder in torch, in evaluation mode, with the weights of the file.

    Raises:
        ModelError: The file is not an exported FIA decoder.
    """
    proto = onnx.load(str(model))
    decoder = Decoder(_config(proto, model))
    weights = _weights(proto)
    state = decoder.state_dict()
    missing = [name for name in state if name not in weights]
    if missing:
        raise ModelError(f"{model.name} is not a FIA decoder: it lacks {missing[0]}.")
    decoder.load_state_dict({name: torch.from_numpy(weights[name].copy()) for name in state})
    return decoder.eval()


def _config(proto: onnx.ModelProto, model: Path) -> FiaConfig:
    for entry in proto.metadata_props:
        if entry.key == "fia_config":
            return FiaConfig.from_json(entry.value)
    raise ModelError(f"{model.name} is not an exported FIA network.")


def _weights(proto: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """Initializers by name, those stored in 8 or 16 bits unpacked."""
    stored = {one.name: numpy_helper.to_array(one) for one in proto.graph.initializer}
    weights = {name: values for name, values in stored.items() if values.dtype == np.float32}
    for node in proto.graph.node:
        if node.op_type == "Cast" and node.input[0] in stored:
            weights[node.output[0]] = stored[node.input[0]].astype(np.float32)
        elif node.op_type == "DequantizeLinear" and node.input[0] in stored:
            values, scale = stored[node.input[0]], stored[node.input[1]]
            shape = (-1,) + (1,) * (values.ndim - 1)
            weights[node.output[0]] = values.astype(np.float32) * scale.reshape(shape)
    return weights
