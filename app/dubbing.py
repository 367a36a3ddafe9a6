"""A film of a person gets another voice: the mouth of every picture is redrawn."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from core import blendshapes
from core.avatar import Avatar
from core.camera import HeadPose
from core.face_model import FaceModel
from core.portrait.tracking import Track
from core.renderer import Renderer
from core.types import ExpressionFrame, FloatArray, ImageArray
from render.fia.config import PRESETS
from render.fia.crop import CropFrame, crop_frame
from render.fia.mask import MaskMaker
from render.warp import Framing, WarpRenderer

HEAD_CM = 30.0
"""Side of the part of a picture that is worked on."""
MASK = PRESETS["laptop"]
SPOKEN = np.array([name.startswith(("jaw", "mouth", "tongue")) for name in blendshapes.NAMES])
"""What the voice decides; everything else stays as it was filmed."""


class Painter(Protocol):
    """Puts a renderer over the warp, for one picture after the other."""

    def over(self, warp: WarpRenderer, avatar: Avatar) -> Renderer:
        """The renderer for one picture of the film."""
        ...


def _awake() -> FloatArray:
    """The least a dubbed mouth does.

    A mouth that does nothing at all would stay as it was filmed. Jaw movements to both sides
    cancel each other, and a breath of pressure lets go of the filmed opening.
    """
    beta = np.zeros(blendshapes.NUM, np.float32)
    for name, value in (("jaw", 0.2), ("mouthPress", 0.05)):
        for side in ("Left", "Right"):
            beta[blendshapes.INDEX[name + side]] = value
    return beta


AWAKE = _awake()


def dub(
    pictures: Iterable[ImageArray],
    track: Track,
    expressions: Iterable[ExpressionFrame],
    model: FaceModel,
    painter: Painter | None = None,
) -> Iterator[ImageArray]:
    """Redraw the mouth; pixels away from it stay as they are.

    Args:
        pictures: The film, (H, W, 3) uint8 each.
        track: The person in it.
        expressions: What the mouth says, one for each picture.
        model: The face model.
        painter: Repaints the mouth of the warped picture; None leaves it as it is.

    Yields:
        As many pictures as the shorter of film and voice has.
    """
    masks = MaskMaker(MASK, model)
    numbered = enumerate(zip(pictures, expressions, strict=False))
    for number, (rgb, frame) in numbered:
        out = rgb.copy()
        avatar, part = _around_head(track.avatar(number, rgb), out)
        size = (part.shape[1], part.shape[0])
        warp = WarpRenderer(avatar, model, size, Framing(face_height=None))
        spoken = dataclasses.replace(
            frame,
            beta=np.maximum(np.where(SPOKEN, frame.beta, 0), AWAKE).astype(np.float32),
            pose=np.zeros(6, np.float32),
            breath=0.0,
        )
        renderer = warp if painter is None else painter.over(warp, avatar)
        painted = renderer.render(spoken).rgb
        neutral = model.shape(avatar.alpha)
        crop = crop_frame(avatar.pose.project(neutral), model, MASK.crop, MASK.size_px)
        keep = _both_masks(masks, avatar, model, crop, spoken)
        crop.blend(part, painted, 1 - keep)
        yield out


def _around_head(avatar: Avatar, picture: ImageArray) -> tuple[Avatar, ImageArray]:
    """The avatar in a square of the picture around its head, and that square, not copied."""
    height, width = picture.shape[:2]
    side = round(HEAD_CM * avatar.pose.scale_px_per_cm)
    middle = np.rint(avatar.pose.translation_px).astype(int)
    left, top = (int(np.clip(c - side // 2, 0, None)) for c in middle)
    part = picture[top : min(top + side, height), left : min(left + side, width)]
    place = np.asarray(avatar.pose.translation_px) - [left, top]
    pose = HeadPose(avatar.pose.scale_px_per_cm, avatar.pose.rotation, place)
    return dataclasses.replace(avatar, image_rgb=np.ascontiguousarray(part), pose=pose), part


def _both_masks(
    masks: MaskMaker, avatar: Avatar, model: FaceModel, crop: CropFrame, spoken: ExpressionFrame
) -> FloatArray:
    """Kept is what neither the filmed nor the new mouth covers, (S, S)."""
    neutral = model.shape(avatar.alpha)
    kept = []
    for beta in (avatar.beta, spoken.beta):
        moved = avatar.pose.project(model.pose(neutral, beta))[:, :2] + avatar.offset_px
        kept.append(masks.mask(crop.points(moved)))
    return np.asarray(np.minimum(*kept), np.float32)
