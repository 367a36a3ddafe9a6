"""Makes NVIDIA's libraries known that pip installed, and says which one is missing.

ONNX Runtime's CUDA and TensorRT providers are linked against libraries that the system's loader
does not look for among Python packages. What is loaded before them is found by its name.
"""

import contextlib
import ctypes
import functools
import importlib.util
import io
import logging
import sys
from pathlib import Path

import onnxruntime as ort

logger = logging.getLogger(__name__)

TENSORRT_PACKAGE = "tensorrt_libs"
TENSORRT_PARTS = ("nvinfer", "nvinfer_plugin", "nvonnxparser")
"""In the order in which they need each other."""
TENSORRT_MAJOR = 10
"""The version that ONNX Runtime is linked against; torch-tensorrt brings another one."""


@functools.cache
def load_libraries() -> None:
    """Load CUDA, cuDNN and TensorRT from Python packages, as far as they are installed, once."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):  # It prints what it does not find.
        ort.preload_dlls()
    for line in said.getvalue().splitlines():
        logger.info("%s", line)
    for path in tensorrt_libraries():
        try:
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            logger.info("%s cannot be loaded: %s", path.name, error)


def tensorrt_libraries() -> list[Path]:
    """TensorRT's libraries in the package `tensorrt-cu13-libs` or `tensorrt-cu12-libs`."""
    package = importlib.util.find_spec(TENSORRT_PACKAGE)
    if package is None:
        return []
    folders = [Path(folder) for folder in package.submodule_search_locations or ()]
    pattern = "{}_{}.dll" if sys.platform == "win32" else "lib{}.so.{}"
    names = [pattern.format(part, TENSORRT_MAJOR) for part in TENSORRT_PARTS]
    return [folder / name for name in names for folder in folders if (folder / name).is_file()]


def missing_library(provider: str) -> str:
    """Why ONNX Runtime's library of a provider cannot be loaded, in the system's words.

    Args:
        provider: Part of its file's name, such as "cuda".

    Returns:
        Empty if it can be loaded, or is not there.
    """
    name = f"onnxruntime_providers_{provider}"
    file = f"{name}.dll" if sys.platform == "win32" else f"lib{name}.so"
    path = Path(ort.__file__).parent / "capi" / file
    if not path.is_file():
        return ""
    try:
        ctypes.CDLL(str(path))
    except OSError as error:
        return str(error)
    return ""
