"""An avatar: one enrolled portrait, everything a renderer needs, in a single file.

The file is a ZIP archive: `avatar.json` (version, names, verdict, points, where it came from),
`portrait.png`, `arrays.npz` (shape, expression, pose, residual offsets, style) and, where there
is one, `person_mask.png`.
"""

import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core import blendshapes
from core.camera import HeadPose
from core.errors import PortraitError
from core.types import FloatArray, ImageArray

FORMAT = "realtalk-avatar"
VERSION = 1
MAX_SIDE_PX = 2160
_MAX_MEMBER_BYTES = 64 * 1024 * 1024
_HEADER = "avatar.json"
_IMAGE = "portrait.png"
_ARRAYS = "arrays.npz"
_MASK = "person_mask.png"
_DAMAGE = (KeyError, TypeError, ValueError, RuntimeError, EOFError, AttributeError, zlib.error)


@dataclass(frozen=True)
class Quality:
    """What enrolment thinks of a portrait.

    Attributes:
        ok: Whether the avatar can be shown without reserve.
        reasons: Whole sentences: what is wrong or was decided, and what would help.
    """

    ok: bool = True
    reasons: tuple[str, ...] = ()


def _no_history() -> FloatArray:
    return np.zeros((0, blendshapes.NUM), np.float32)


@dataclass(frozen=True)
class Style:
    """How this person speaks.

    Attributes:
        name: Shown in menus.
        amplitude: Factor on the mouth's movement, 0 to 2.
        history: Past expressions of the speaker, shape (N, 52), float32, [0, 1]; N may be 0.
    """

    name: str = "neutral"
    amplitude: float = 1.0
    history: FloatArray = field(default_factory=_no_history)

    def __post_init__(self) -> None:
        if not 0.0 <= self.amplitude <= 2.0:
            raise ValueError(f"style amplitude {self.amplitude} is outside 0 to 2")
        _require_array("style history", self.history, np.float32, (None, blendshapes.NUM))


@dataclass(frozen=True)
class Avatar:
    """An enrolled portrait.

    Vertices of the portrait in pixels are
    `pose.project(model.pose(model.shape(alpha), beta))[:, :2] + offset_px`.

    Attributes:
        image_rgb: The upright portrait, shape (H, W, 3), uint8, longest side at most 2160.
        alpha: Identity coefficients, shape (K,), float32, about N(0, 1).
        beta: Expression in the portrait, shape (52,), float32, [0, 1].
        pose: Head pose in the portrait's pixels.
        offset_px: What the fit leaves over at every vertex, shape (V, 2), float32, pixels.
        points: Editable points by name, each (x, y) in pixels, pixel centres at +0.5.
        verdict: Whether the portrait is good enough, and why.
        person_mask: Person 255, background 0, shape (H, W), uint8; None where unknown.
        style: How this person speaks.
        name: Shown in menus.
        provenance: Where the picture came from, as short texts by key.
        model_hash: SHA-256 of the face model that alpha and offset_px belong to.
    """

    image_rgb: ImageArray
    alpha: FloatArray
    beta: FloatArray
    pose: HeadPose
    offset_px: FloatArray
    points: Mapping[str, tuple[float, float]]
    verdict: Quality = field(default_factory=Quality)
    person_mask: ImageArray | None = None
    style: Style = field(default_factory=Style)
    name: str = "avatar"
    provenance: Mapping[str, str] = field(default_factory=dict)
    model_hash: str = ""

    def __post_init__(self) -> None:
        _require_array("image_rgb", self.image_rgb, np.uint8, (None, None, 3))
        height, width = self.image_rgb.shape[:2]
        if not 0 < min(height, width) <= max(height, width) <= MAX_SIDE_PX:
            raise ValueError(f"image_rgb is {width}x{height}; sides must be 1 to {MAX_SIDE_PX}")
        _require_array("alpha", self.alpha, np.float32, (None,))
        _require_array("beta", self.beta, np.float32, (blendshapes.NUM,))
        _require_array("offset_px", self.offset_px, np.float32, (None, 2))
        if self.person_mask is not None:
            _require_array("person_mask", self.person_mask, np.uint8, (height, width))

    def check_model(self, model_hash: str) -> None:
        """Make sure the avatar belongs to the face model in use.

        Raises:
            PortraitError: It was enrolled with another model; its numbers would mean nothing.
        """
        if self.model_hash != model_hash:
            raise PortraitError(
                "The avatar '{name}' was made with another version of the face model. Enrol "
                "its portrait again.",
                name=self.name,
            )

    def save(self, path: Path) -> None:
        """Write the avatar file; an existing file is replaced only once the new one is whole.

        Raises:
            PortraitError: The file cannot be written.
        """
        path = Path(path)
        temporary: Path | None = None
        try:
            with tempfile.NamedTemporaryFile(
                dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
            ) as stream:
                temporary = Path(stream.name)
                with zipfile.ZipFile(stream, "w") as archive:
                    self._write(archive)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except OSError as error:
            raise PortraitError(
                "The avatar cannot be written to {path} ({reason}). Choose a folder you may "
                "write to, with space left.",
                path=path,
                reason=error.strerror or error,
            ) from error
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)

    def _write(self, archive: zipfile.ZipFile) -> None:
        arrays = io.BytesIO()
        np.savez_compressed(
            arrays,
            alpha=self.alpha,
            beta=self.beta,
            offset_px=self.offset_px,
            pose_scale_px_per_cm=np.float64(self.pose.scale_px_per_cm),
            pose_rotation=np.asarray(self.pose.rotation, np.float64),
            pose_translation_px=np.asarray(self.pose.translation_px, np.float64),
            style_history=self.style.history,
        )
        header = json.dumps(self._header(), indent=1, ensure_ascii=False)
        archive.writestr(_HEADER, header, zipfile.ZIP_DEFLATED)
        archive.writestr(_ARRAYS, arrays.getvalue())
        archive.writestr(_IMAGE, _encode_png(self.image_rgb[..., ::-1]))
        if self.person_mask is not None:
            archive.writestr(_MASK, _encode_png(self.person_mask))

    def _header(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "model_hash": self.model_hash,
            "verdict": {"ok": self.verdict.ok, "reasons": list(self.verdict.reasons)},
            "points": {name: [float(x), float(y)] for name, (x, y) in self.points.items()},
            "style": {"name": self.style.name, "amplitude": self.style.amplitude},
            "provenance": dict(self.provenance),
        }

    @classmethod
    def load(cls, path: Path) -> "Avatar":
        """Read an avatar file.

        Raises:
            PortraitError: There is no such file, it is no avatar file, it is damaged, or a later
                version of the program wrote it.
        """
        path = Path(path)
        try:
            with zipfile.ZipFile(path) as archive:
                members = {name: _member(archive, name) for name in archive.namelist()}
            return cls(**_parse(members))
        except PortraitError as error:
            raise PortraitError(
                "The avatar file {path} cannot be used: {reason}", path=path, reason=error
            ) from error
        except OSError as error:
            raise PortraitError(
                "The avatar file {path} cannot be read ({reason}).",
                path=path,
                reason=error.strerror or error,
            ) from error
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise PortraitError(
                "{path} is not an avatar file, or it is damaged. Enrol the portrait again.",
                path=path,
            ) from error
        except _DAMAGE as error:
            raise PortraitError(
                "The avatar file {path} is damaged ({reason}). Enrol the portrait again.",
                path=path,
                reason=error,
            ) from error


def _require_array(
    name: str, array: Any, dtype: type[np.generic], shape: tuple[int | None, ...]
) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        raise TypeError(f"{name} must be an array of {np.dtype(dtype).name}")
    fits = array.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} has the shape {array.shape}, expected {shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not numbers")


def _encode_png(image: ImageArray) -> bytes:
    ok, data = cv2.imencode(".png", np.ascontiguousarray(image))
    if not ok:
        raise PortraitError("The picture could not be compressed.")
    return bytes(data)


def _decode_png(data: bytes, name: str, flag: int) -> ImageArray:
    size = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if not 0 < min(size) <= max(size) <= MAX_SIDE_PX:
        raise ValueError(f"'{name}' is {size[0]}x{size[1]} pixels")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if image is None:
        raise ValueError(f"'{name}' is not a picture")
    return np.asarray(image, np.uint8)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _MAX_MEMBER_BYTES:
        raise PortraitError("its part '{name}' is larger than any avatar's.", name=name)
    return archive.read(name)


def _parse(members: Mapping[str, bytes]) -> dict[str, Any]:
    """Constructor arguments of an avatar from the parts of its file."""
    header = json.loads(members[_HEADER])
    if header["format"] != FORMAT:
        raise PortraitError("it is not an avatar file.")
    if int(header["version"]) > VERSION:
        raise PortraitError("a later version of the program wrote it. Update the program.")
    with np.load(io.BytesIO(members[_ARRAYS]), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    bgr = _decode_png(members[_IMAGE], _IMAGE, cv2.IMREAD_COLOR)
    mask = members.get(_MASK)
    return {
        "image_rgb": np.ascontiguousarray(bgr[..., ::-1]),
        "alpha": arrays["alpha"],
        "beta": arrays["beta"],
        "offset_px": arrays["offset_px"],
        "pose": HeadPose(
            float(arrays["pose_scale_px_per_cm"]),
            arrays["pose_rotation"],
            arrays["pose_translation_px"],
        ),
        "points": {str(k): (float(x), float(y)) for k, (x, y) in header["points"].items()},
        "verdict": Quality(
            bool(header["verdict"]["ok"]), tuple(str(r) for r in header["verdict"]["reasons"])
        ),
        "person_mask": None if mask is None else _decode_png(mask, _MASK, cv2.IMREAD_GRAYSCALE),
        "style": Style(
            str(header["style"]["name"]),
            float(header["style"]["amplitude"]),
            arrays["style_history"],
        ),
        "name": str(header["name"]),
        "provenance": {str(k): str(v) for k, v in header["provenance"].items()},
        "model_hash": str(header["model_hash"]),
    }
