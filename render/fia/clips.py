"""Recorded frames of one person with their truth: what training and evaluation read.

A clip is one NPZ file. Pictures are crops of S by S pixels, uint8, [0, 255].
"""

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from core.errors import MediaError
from core.types import FloatArray, ImageArray


@dataclass(frozen=True, eq=False)
class Clip:
    """F frames of one person.

    Attributes:
        reference: The portrait, (S, S, 3).
        widest: What no mouth shape changes, 255; what may change, 0; (S, S).
        alpha: Identity coefficients, (K,) float32.
        beta: Expression of each frame, (F, 52) float32.
        rho: Pose of each frame, (F, 6) float32, as `network_pose` gives it.
        base: The frames as the warp renderer draws them (guided mode), or the source frames with
            their own mouth (paper), (F, S, S, 3).
        target: The true frames, (F, S, S, 3).
        mask: 255 keeps, 0 repaints, (F, S, S).
        teeth: How much of each pixel shows a tooth, (F, S, S).
    """

    reference: ImageArray
    widest: ImageArray
    alpha: FloatArray
    beta: FloatArray
    rho: FloatArray
    base: ImageArray
    target: ImageArray
    mask: ImageArray
    teeth: ImageArray

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.beta)

    def save(self, path: Path) -> None:
        """Write the clip; an existing file is replaced only once the new one is whole."""
        unfinished = path.with_name(f".{path.name}.part")
        with unfinished.open("wb") as stream:
            np.savez(stream, **{field.name: getattr(self, field.name) for field in fields(self)})
        unfinished.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Clip":
        """Read a clip.

        Raises:
            MediaError: The file is no clip.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(**{field.name: stored[field.name] for field in fields(cls)})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise MediaError(f"{path} is not a recorded clip ({error}).") from error


def clip_files(folder: Path) -> list[Path]:
    """The clips of a folder, in order.

    Raises:
        MediaError: There are none.
    """
    found = sorted(folder.glob("*.npz"))
    if not found:
        raise MediaError(f"There are no clips (*.npz) in {folder}.")
    return found


def to_network(picture: ImageArray) -> FloatArray:
    """Pictures (F, S, S[, 3]) uint8 as the network takes them: (F, 1 or 3, S, S), [0, 1]."""
    channels = picture[..., None] if picture.ndim == 3 else picture
    return np.ascontiguousarray(channels.transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def from_network(output: FloatArray) -> ImageArray:
    """Pictures of the network (F, 3, S, S) as uint8 (F, S, S, 3)."""
    levels = np.rint(np.clip(output, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(0, 2, 3, 1))
