"""A network small enough to build in a test, without any training library but onnx."""

from pathlib import Path

import pytest


def tiny_model(path: Path, side: int | str = 4) -> Path:
    """Write `output = frame * gain + constant`; all inputs (1, side), fixed unless a name."""
    onnx = pytest.importorskip("onnx", reason="needs the extra [train]")
    make = onnx.helper
    names = ("frame", "gain", "constant")
    inputs = [make.make_tensor_value_info(n, onnx.TensorProto.FLOAT, (1, side)) for n in names]
    output = make.make_tensor_value_info("output", onnx.TensorProto.FLOAT, (1, side))
    nodes = [
        make.make_node("Mul", ["frame", "gain"], ["scaled"]),
        make.make_node("Add", ["scaled", "constant"], ["output"]),
    ]
    graph = make.make_graph(nodes, "tiny", inputs, [output])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path
