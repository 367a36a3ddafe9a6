"""How ONNX files are written: whole or not at all, with smaller weights where wanted."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


def store_weights_half(source: Path, target: Path) -> None:
    """Store large weights as 16-bit floats with a cast that the session folds when it loads."""
    model = onnx.load(str(source))

    def store(name: str, values: np.ndarray) -> tuple[list[onnx.TensorProto], onnx.NodeProto]:
        stored = numpy_helper.from_array(values.astype(np.float16), f"{name}.half")
        node = helper.make_node("Cast", [stored.name], [name], to=onnx.TensorProto.FLOAT)
        return [stored], node

    _replace_weights(model, store)
    write(model, target)


def store_weights_int8(source: Path, target: Path) -> None:
    """Store large weights as 8-bit integers with one scale for each output channel.

    They are unpacked when the session loads and compute in floats: a quarter of the size, the
    same speed.
    """
    model = onnx.load(str(source))

    def store(name: str, values: np.ndarray) -> tuple[list[onnx.TensorProto], onnx.NodeProto]:
        flat = np.abs(values).reshape(len(values), -1).max(axis=1)
        scale = np.maximum(flat / 127, 1e-12).astype(np.float32)
        shape = (-1,) + (1,) * (values.ndim - 1)
        rounded = np.rint(values / scale.reshape(shape)).astype(np.int8)
        parts = [
            numpy_helper.from_array(rounded, f"{name}.int8"),
            numpy_helper.from_array(scale, f"{name}.scale"),
            numpy_helper.from_array(np.zeros(len(scale), np.int8), f"{name}.zero"),
        ]
        inputs = [part.name for part in parts]
        return parts, helper.make_node("DequantizeLinear", inputs, [name], axis=0)

    _replace_weights(model, store)
    write(model, target)


def _replace_weights(model: onnx.ModelProto, store) -> None:
    """Replace each float weight of at least 1024 values by what `store` makes of it."""
    kept, nodes = [], []
    for initializer in model.graph.initializer:
        values = numpy_helper.to_array(initializer)
        if values.dtype == np.float32 and values.size >= 1024 and values.ndim > 1:
            tensors, node = store(initializer.name, values)
            kept.extend(tensors)
            nodes.append(node)
        else:
            kept.append(initializer)
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes.extend(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def write(model: onnx.ModelProto, path: Path) -> None:
    """Check a model and write it; an existing file is replaced only by a whole one."""
    onnx.checker.check_model(model)
    unfinished = path.with_name(f"{path.name}.part")
    onnx.save(model, str(unfinished))
    unfinished.replace(path)
