"""Expression curves as files, for other programs and to drive a face without sound.

One row a frame: `index`, `time_s`, `voiced`, then the 52 names of `core.blendshapes` and the six
entries of the head pose. CSV and JSON are for people and other software, NPZ is small and exact.
"""

import contextlib
import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from core import blendshapes
from core.errors import MediaError
from core.types import FRAME_RATE_HZ, ExpressionFrame

POSE_NAMES = ("headPitch", "headYaw", "headRoll", "headX", "headY", "headZ")
SUFFIXES = (".csv", ".json", ".npz")
_NUMBERS = (*blendshapes.NAMES, *POSE_NAMES)
_COLUMNS = ("index", "time_s", "voiced", *_NUMBERS)
_FORMAT = "realtalk-expressions"


def write_frames(
    path: Path, frames: Iterable[ExpressionFrame], frame_rate_hz: float = FRAME_RATE_HZ
) -> int:
    """Write frames as they come; the file appears under its name only when it is complete.

    Args:
        path: Ends in .csv, .json or .npz.
        frames: In order.
        frame_rate_hz: Of the frames.

    Returns:
        Number of frames written.

    Raises:
        MediaError: The ending is unknown, or the file cannot be written.
    """
    writer = _WRITERS[_suffix(path)]
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as stream:
            count = writer(stream, frames, frame_rate_hz)
        temporary.replace(path)
    except OSError as error:
        raise MediaError(
            "The curves cannot be written to {path} ({reason}).", path=path, reason=error.strerror
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return count


def read_frames(path: Path) -> tuple[list[ExpressionFrame], float]:
    """Read what `write_frames` wrote.

    Returns:
        The frames, and their rate in Hz.

    Raises:
        MediaError: The file is missing, or is no such file.
    """
    reader = _READERS[_suffix(path)]
    try:
        frames, rate = reader(path)
    except OSError as error:
        raise MediaError(
            "The curves {path} cannot be read ({reason}).", path=path, reason=error.strerror
        ) from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise MediaError(
            "{path} holds no expression curves ({reason!r}).", path=path, reason=error
        ) from error
    if not frames:
        raise MediaError("{path} holds no frames.", path=path)
    return frames, rate


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise MediaError(
            "{path}: curves are written and read as {names}.", path=path, names=", ".join(SUFFIXES)
        )
    return suffix


def _row(frame: ExpressionFrame, rate: float) -> list[Any]:
    numbers = [round(float(v), 6) for v in (*frame.beta, *frame.pose)]
    return [frame.index, round(frame.index / rate, 6), int(frame.voiced), *numbers]


def _frame(index: int, voiced: bool, numbers: list[float]) -> ExpressionFrame:
    values = np.array(numbers, np.float32)
    if values.shape != (len(_NUMBERS),) or not np.isfinite(values).all():
        raise ValueError(f"frame {index} does not have {len(_NUMBERS)} numbers")
    return ExpressionFrame(
        index, np.clip(values[: blendshapes.NUM], 0, 1), values[blendshapes.NUM :], voiced
    )


def _write_csv(stream: IO[bytes], frames: Iterable[ExpressionFrame], rate: float) -> int:
    count = 0
    stream.write(f"# {_FORMAT} {rate:g} Hz\n{','.join(_COLUMNS)}\n".encode())
    for frame in frames:
        stream.write((",".join(map(str, _row(frame, rate))) + "\n").encode())
        count += 1
    return count


def _read_csv(path: Path) -> tuple[list[ExpressionFrame], float]:
    with path.open(newline="", encoding="utf-8") as stream:
        heading = stream.readline().split()
        if heading[:2] != ["#", _FORMAT]:
            raise ValueError("the first line is missing")
        frames = [
            _frame(int(row["index"]), row["voiced"] == "1", [float(row[n]) for n in _NUMBERS])
            for row in csv.DictReader(stream)
        ]
    return frames, float(heading[2])


def _write_json(stream: IO[bytes], frames: Iterable[ExpressionFrame], rate: float) -> int:
    head = {"format": _FORMAT, "frame_rate_hz": rate, "columns": _COLUMNS}
    stream.write((json.dumps(head)[:-1] + ', "frames": [').encode())
    count = 0
    for frame in frames:
        separator = ",\n" if count else "\n"
        stream.write((separator + json.dumps(_row(frame, rate))).encode())
        count += 1
    stream.write(b"\n]}\n")
    return count


def _read_json(path: Path) -> tuple[list[ExpressionFrame], float]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["format"] != _FORMAT or tuple(content["columns"]) != _COLUMNS:
        raise ValueError("unknown columns")
    frames = [_frame(int(row[0]), bool(row[2]), row[3:]) for row in content["frames"]]
    return frames, float(content["frame_rate_hz"])


def _write_npz(stream: IO[bytes], frames: Iterable[ExpressionFrame], rate: float) -> int:
    rows = list(frames)
    np.savez_compressed(
        stream,
        format=np.array(_FORMAT),
        frame_rate_hz=np.array(rate),
        names=np.array(blendshapes.NAMES),
        index=np.array([f.index for f in rows], np.int64),
        voiced=np.array([f.voiced for f in rows], np.bool_),
        beta=np.array([f.beta for f in rows], np.float32).reshape(-1, blendshapes.NUM),
        pose=np.array([f.pose for f in rows], np.float32).reshape(-1, len(POSE_NAMES)),
    )
    return len(rows)


def _read_npz(path: Path) -> tuple[list[ExpressionFrame], float]:
    with np.load(path, allow_pickle=False) as data:
        if str(data["format"]) != _FORMAT or tuple(data["names"]) != blendshapes.NAMES:
            raise ValueError("unknown columns")
        numbers = np.concatenate([data["beta"], data["pose"]], 1)
        rows: Iterator[tuple[Any, Any, Any]] = zip(
            data["index"], data["voiced"], numbers, strict=True
        )
        frames = [_frame(int(i), bool(v), list(n)) for i, v, n in rows]
        return frames, float(data["frame_rate_hz"])


_WRITERS: dict[str, Callable[[IO[bytes], Iterable[ExpressionFrame], float], int]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".npz": _write_npz,
}
_READERS: dict[str, Callable[[Path], tuple[list[ExpressionFrame], float]]] = {
    ".csv": _read_csv,
    ".json": _read_json,
    ".npz": _read_npz,
}
