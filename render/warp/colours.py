"""Colours of the mouth's inside, taken from the portrait's light."""

import cv2
import numpy as np

from core.face_model import FaceModel
from core.types import FloatArray, ImageArray
from render.warp.aperture import smoothstep, vector
from render.warp.rig import Rig
from render.warp.teeth import Palette

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
USUAL_SKIN = np.array([1.20, 0.97, 0.83], np.float32)
"""Colour of skin in white light over its own mean: the same for dark and light skin, roughly."""
GREY_CHROMA = 0.075
"""Below this share of colour a portrait counts as grey."""


def choose_palette(
    portrait: ImageArray, rig: Rig, model: FaceModel, own: FloatArray | None
) -> Palette:
    """Choose the colours.

    Args:
        portrait: As shown, (H, W, 3), uint8.
        rig: The mesh in it.
        model: The face model.
        own: Colour of the portrait's own teeth, (3,), where it shows them.
    """
    picture = cv2.GaussianBlur(portrait, (0, 0), 1.0).astype(np.float32)
    skin = _skin(picture, rig, model)
    lips = _lips(picture, rig, model)
    light = skin / max(float(skin.mean()), 1.0) / USUAL_SKIN
    light = np.clip(light / light.mean(), 0.75, 1.25) ** 0.5
    level = np.clip(0.38 + 0.60 * _brightest(picture, rig, model), 0.38, 0.92)
    ivory = np.array([1.0, 0.950, 0.870], np.float32) * light * level * 255.0
    if own is not None:
        ivory = 0.25 * ivory + 0.75 * own
    pink = np.array([1.0, 0.52, 0.50], np.float32) * light * (0.30 + 0.42 * level) * 255.0
    flesh = 0.45 * np.minimum(lips, 1.2 * pink) + 0.55 * pink
    palette = [ivory, flesh, flesh * vector(0.97, 0.93, 0.95), flesh * 0.42]
    if _is_grey(skin, lips):
        palette = [np.full(3, colour @ LUMA, np.float32) for colour in palette]
    return Palette(*(np.clip(c, 4, 250).astype(np.float32) for c in palette))


def _at(picture: FloatArray, points: FloatArray) -> FloatArray:
    height, width = picture.shape[:2]
    x = np.clip(points[:, 0].astype(int), 0, width - 1)
    y = np.clip(points[:, 1].astype(int), 0, height - 1)
    result: FloatArray = picture[y, x]
    return result


def _skin(picture: FloatArray, rig: Rig, model: FaceModel) -> FloatArray:
    """Median over the cheeks and the nose: between eyes and mouth, facing the viewer."""
    mean = model.mean
    cheeks = (model.part == 0) & (np.abs(mean[:, 0]) < 4.5) & (mean[:, 1] < 1.5)
    cheeks &= (mean[:, 1] > -2.0) & (mean[:, 2] > 7.0)
    return np.asarray(np.median(_at(picture, rig.source[cheeks]), axis=0), np.float32)


def _lips(picture: FloatArray, rig: Rig, model: FaceModel) -> FloatArray:
    marks = model.landmarks
    middle = rig.source[marks["lip_rim_lower"][8:-8]].mean(0) * 0.45
    middle = middle + rig.source[marks["lip_outer_lower"][4:-4]].mean(0) * 0.55
    spread = np.linspace(-0.9, 0.9, 9)[:, None] * rig.direction((1.0, 0.0, 0.0))[None]
    return np.asarray(np.median(_at(picture, middle + spread), axis=0), np.float32)


def _brightest(picture: FloatArray, rig: Rig, model: FaceModel) -> float:
    """Luma of the brightest skin of the front of the face, [0, 1]: how strong the light is."""
    front = (model.part == 0) & (np.abs(model.mean[:, 0]) < 5.0) & (model.mean[:, 2] > 7.0)
    luma = _at(picture, rig.source[front]) @ LUMA
    return float(np.percentile(luma, 92)) / 255.0


def own_teeth(portrait: ImageArray, own_mouth: FloatArray) -> tuple[FloatArray, FloatArray | None]:
    """Find the teeth that the portrait shows.

    Args:
        portrait: As shown, (H, W, 3), uint8.
        own_mouth: Where the portrait shows its own mouth's inside, (H, W), [0, 1].

    Returns:
        Where teeth are, (H, W), [0, 1], and their colour, (3,), or None where there are none.
    """
    none = np.zeros_like(own_mouth)
    picture = portrait.astype(np.float32)
    inside = picture[own_mouth > 0.5]
    if len(inside) < 60:
        return none, None
    reference = float(np.percentile(inside @ LUMA, 97))
    luma = picture @ LUMA
    chroma = (picture.max(-1) - picture.min(-1)) / np.maximum(picture.max(-1), 1.0)
    likely = smoothstep((luma / reference - 0.50) / 0.2) * smoothstep((0.52 - chroma) / 0.15)
    likely = likely * own_mouth
    chosen = likely > 0.6
    if reference < 70 or chosen.sum() < max(0.15 * len(inside), 40):
        return none, None
    colour = np.median(picture[chosen], axis=0)
    return cv2.GaussianBlur(likely, (0, 0), 0.7), np.asarray(colour, np.float32)


def _is_grey(skin: FloatArray, lips: FloatArray) -> bool:
    chroma = [(c.max() - c.min()) / max(float(c.max()), 1.0) for c in (skin, lips)]
    return bool(max(chroma) < GREY_CHROMA)
