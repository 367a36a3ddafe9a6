"""Portraits to avatars, with the shipped networks; what was enrolled once is not enrolled again."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from app import folders, parts
from core.avatar import Avatar
from core.errors import PortraitError
from core.portrait.enrol import EnrolTools, enrol, enrol_file
from core.portrait.landmarks import LandmarkNetwork
from core.portrait.person_mask import read_mask
from weights import store

AVATAR_SUFFIX = ".avatar"
_WEIGHTS = ("face_model.npz", "landmarks.onnx", "mouth.onnx")
Points = Mapping[str, tuple[float, float]]


@lru_cache(maxsize=1)
def tools() -> EnrolTools:
    """Face model and landmark networks."""
    model = parts.face_model()
    network = LandmarkNetwork(model, store.path("landmarks.onnx"), store.path("mouth.onnx"))
    return EnrolTools(model, model_hash(), network.look, network.follow)


def model_hash() -> str:
    """Digest of the face model that avatars are made with."""
    return store.sha256(store.path("face_model.npz"))


def enrol_picture(
    picture: Path, points: Points | None = None, mask_file: Path | None = None
) -> Avatar:
    """Make an avatar of a picture file.

    Args:
        picture: Any picture file.
        points: Points set by hand, by name, in pixels of the upright picture.
        mask_file: Picture that is white where the person is, made elsewhere.

    Raises:
        PortraitError: It is no usable picture, or no face can be fitted.
    """
    avatar = enrol_file(picture, tools(), points)
    if mask_file is None:
        return avatar
    return replace(avatar, person_mask=read_mask(mask_file, *avatar.image_rgb.shape[:2]))


def refit(avatar: Avatar, points: Points) -> Avatar:
    """Fit an avatar's portrait again with its points moved by hand.

    Raises:
        PortraitError: A point is wrong.
    """
    fitted = enrol(avatar.image_rgb, tools(), points, avatar.person_mask, avatar.style)
    return replace(fitted, name=avatar.name, provenance=avatar.provenance)


def open_avatar(path: Path, note: Callable[[str], None] = lambda text: None) -> Avatar:
    """The avatar in a file, or the avatar of a picture.

    A picture seen before comes from the cache.

    Args:
        path: An .avatar file or a picture.
        note: Told in words what was decided or may look wrong.

    Raises:
        PortraitError: The file is missing, broken, or shows no face.
    """
    if path.suffix == AVATAR_SUFFIX:
        avatar = Avatar.load(path)
        avatar.check_model(model_hash())
    else:
        avatar = _enrol_once(path)
    for reason in avatar.verdict.reasons:
        note(f"{path.name}: {reason}")
    return avatar


def _enrol_once(picture: Path) -> Avatar:
    try:
        digest = hashlib.sha256(picture.read_bytes())
    except OSError as error:
        raise PortraitError(
            "The picture {picture} cannot be read ({reason}). Check the path.",
            picture=picture,
            reason=error.strerror,
        ) from error
    for name in _WEIGHTS:
        digest.update(store.sha256(store.path(name)).encode())
    kept = folders.cache() / "avatars" / (digest.hexdigest()[:32] + AVATAR_SUFFIX)
    try:
        return replace(Avatar.load(kept), name=picture.stem)
    except PortraitError:
        avatar = enrol_picture(picture)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        avatar.save(kept)
    except (OSError, PortraitError):
        pass  # the cache is a convenience; without it the picture is enrolled anew
    return avatar
