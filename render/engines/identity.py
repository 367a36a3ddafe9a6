"""Keys for everything cached per machine: model, GPU, driver or library changed means a new key."""

import functools
import hashlib
import importlib.metadata
import platform
import subprocess
from pathlib import Path

LIBRARIES = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-ep-nv-tensorrt-rtx-cu12",
    "onnxruntime-ep-nv-tensorrt-rtx-cu13",
    "nvidia-cublas",
    "nvidia-cublas-cu12",
    "nvidia-cudnn-cu12",
    "nvidia-cudnn-cu13",
    "tensorrt-cu12-libs",
    "tensorrt-cu13-libs",
    "torch",
    "torch-tensorrt",
)


@functools.lru_cache(maxsize=16)
def _digest(path: Path, size: int, modified_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def model_hash(path: Path) -> str:
    """SHA-256 of a model file; read again only when the file has changed."""
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@functools.cache
def nvidia_gpus() -> str:
    """Names and driver of the NVIDIA GPUs, as their driver tells; empty where there is none."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return "; ".join(found.stdout.split("\n")).strip("; ")


def hardware() -> str:
    """What networks run on: the NVIDIA GPUs, or the machine's processor where there is none."""
    return nvidia_gpus() or f"no NVIDIA GPU; {platform.machine()} {platform.processor()}"


def library_versions() -> str:
    """Installed versions of the inference libraries, and of those they need."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def cache_key(model: Path, *details: object) -> str:
    """A folder name for caches of this model on this machine."""
    parts = (model_hash(model), hardware(), library_versions(), *map(str, details))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
