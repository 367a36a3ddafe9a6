"""Opens small networks on one CPU thread."""

from pathlib import Path

import onnxruntime

from core.errors import ModelError


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """A session on the CPU with one thread; weights stored in 8 bits compute in floats.

    Raises:
        ModelError: The file is missing or is no network.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own without a common base
        raise ModelError(
            "The network {path} cannot be loaded ({reason}). Install the program again.",
            path=path,
            reason=error,
        ) from error
