"""What is computed once a portrait: reference features, attention keys and values, the stem.

The result is kept inside the avatar's file, under the hash of the network that made it.
"""

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession

from core.avatar import Avatar
from core.errors import PortraitError
from core.face_model import FaceModel
from core.onnx_session import open_session
from core.types import FloatArray, ImageArray
from render.fia.clips import to_network
from render.fia.coefficients import network_alpha
from render.fia.config import FiaConfig
from render.fia.crop import CropFrame, crop_frame
from render.fia.mask import MaskMaker, widest_mask
from render.fia.model import FiaModel

FOLDER = "fia"


@dataclass(frozen=True, eq=False)
class PortraitCrop:
    """The portrait as the network sees it.

    Attributes:
        reference: The crop, (S, S, 3) uint8.
        widest: 1 where no mouth shape changes a pixel, 0 where one may, (S, S) float32.
        alpha: The person's identity, (K,) float32.
    """

    reference: ImageArray
    widest: FloatArray
    alpha: FloatArray

    @property
    def source(self) -> ImageArray:
        """The crop without what is to be repainted, (S, S, 3) uint8."""
        kept = np.rint(self.reference * self.widest[..., None])
        return np.asarray(kept, np.uint8)


def crop_portrait(avatar: Avatar, model: FaceModel, config: FiaConfig) -> PortraitCrop:
    """Cut the network's view out of a portrait."""
    neutral = model.shape(avatar.alpha)
    rigid = avatar.pose.project(neutral)
    crop: CropFrame = crop_frame(rigid, model, config.crop, config.size_px)

    def project(vertices: FloatArray) -> FloatArray:
        return crop.points(avatar.pose.project(vertices)[:, :2] + avatar.offset_px)

    widest = widest_mask(MaskMaker(config, model), model, neutral, project)
    reference = np.asarray(crop.cut(avatar.image_rgb), np.uint8)
    return PortraitCrop(reference, widest, avatar.alpha)


@dataclass(frozen=True, eq=False)
class FiaCache:
    """Constant inputs of the decoder for one portrait.

    Attributes:
        tensors: By input name, float32.
        model_hash: `FiaModel.hash` of the network they belong to.
    """

    tensors: Mapping[str, FloatArray]
    model_hash: str

    @classmethod
    def compute(cls, avatar: Avatar, model: FaceModel, network: FiaModel) -> "FiaCache":
        """Run the enrolment part of a network on a portrait.

        Raises:
            ModelError: The network cannot be loaded.
        """
        return cls.of_crop(crop_portrait(avatar, model, network.config), network)

    @classmethod
    def of_crop(
        cls, seen: PortraitCrop, network: FiaModel, session: InferenceSession | None = None
    ) -> "FiaCache":
        """As `compute`, of a portrait that is cropped already.

        Args:
            seen: The portrait.
            network: Which network prepares for it.
            session: Of the network's enrolment part, to be used again; None opens one.
        """
        session = session or open_session(network.enrolment)
        inputs = {
            "source": to_network(seen.source[None]),
            "reference": to_network(seen.reference[None]),
        }
        names = [output.name for output in session.get_outputs()]
        tensors = dict(zip(names, session.run(names, inputs), strict=True))
        tensors["alpha"] = network_alpha(seen.alpha, network.config)[None]
        return cls(tensors, network.hash)

    def save(self, avatar_file: Path) -> None:
        """Put the cache into an avatar file, in place of any older one.

        Raises:
            PortraitError: The file is no avatar or cannot be written.
        """
        content = io.BytesIO()
        np.savez(content, **dict(self.tensors))  # type: ignore[arg-type]
        name = _member(self.model_hash)
        try:
            with zipfile.ZipFile(avatar_file) as old:
                kept = [(item, old.read(item)) for item in old.infolist()]
            with tempfile.NamedTemporaryFile(
                dir=avatar_file.parent, prefix=f".{avatar_file.name}.", delete=False
            ) as stream:
                try:
                    with zipfile.ZipFile(stream, "w") as new:
                        for item, data in kept:
                            if not item.filename.startswith(f"{FOLDER}/"):
                                new.writestr(item, data)
                        new.writestr(name, content.getvalue(), zipfile.ZIP_DEFLATED)
                    stream.flush()
                    os.fsync(stream.fileno())
                    Path(stream.name).chmod(0o644)
                    Path(stream.name).replace(avatar_file)
                finally:
                    Path(stream.name).unlink(missing_ok=True)
        except (OSError, zipfile.BadZipFile) as error:
            raise PortraitError(
                "What the renderer prepared cannot be kept in {file} ({reason}).",
                file=avatar_file,
                reason=error,
            ) from error

    @classmethod
    def load(cls, avatar_file: Path, model_hash: str) -> "FiaCache | None":
        """The cache kept in an avatar file, or None if it has none for this network."""
        try:
            with zipfile.ZipFile(avatar_file) as archive:
                content = io.BytesIO(archive.read(_member(model_hash)))
            with np.load(content, allow_pickle=False) as stored:
                return cls({name: stored[name] for name in stored.files}, model_hash)
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
            return None


def _member(model_hash: str) -> str:
    return f"{FOLDER}/{model_hash[:32]}.npz"
