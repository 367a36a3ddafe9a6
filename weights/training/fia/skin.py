"""Procedural skin in the face model's texture space: every person here is made of noise.

Colours are linear RGB floats. Texture rows count downwards, so v of the model is turned over.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_model import FaceModel
from core.raster import interpolate, rasterise

FloatArray = NDArray[np.float32]
SIZE_PX = 768

SKIN_TONES = np.array(
    [
        [0.80, 0.56, 0.45],
        [0.66, 0.42, 0.31],
        [0.50, 0.29, 0.19],
        [0.32, 0.17, 0.10],
        [0.16, 0.08, 0.05],
    ],
    np.float32,
)
"""Linear colours from pale to dark, between which a person's skin is mixed."""


@dataclass(frozen=True, eq=False)
class SkinAtlas:
    """What lies where in the texture; the same for everybody.

    Attributes:
        place_cm: (T, T, 3) position on the average face.
        is_skin: (T, T) bool.
        lips: (T, T) float, 1 on the red of the lips.
        beard: (T, T) float, where a beard grows.
        moustache: (T, T) float.
        folds: (T, T) float, from the wings of the nose to beyond the corners of the mouth.
        under_lip: (T, T) float, the hollow below the lower lip.
        brows: (T, T) float.
        hair: (T, T) float.
    """

    place_cm: FloatArray
    is_skin: NDArray[np.bool_]
    lips: FloatArray
    beard: FloatArray
    moustache: FloatArray
    folds: FloatArray
    under_lip: FloatArray
    brows: FloatArray
    hair: FloatArray


def texture_places(model: FaceModel) -> FloatArray:
    """Texture coordinates of all vertices in texels, (V, 2)."""
    return np.stack([model.uv[:, 0] * SIZE_PX, (1 - model.uv[:, 1]) * SIZE_PX], axis=1)


def make_atlas(model: FaceModel) -> SkinAtlas:
    """Find the regions of the texture from the model's vertex groups."""
    texels = texture_places(model)
    hidden = np.nan_to_num(model.lip_coord, nan=0.0)
    flat = np.column_stack([texels, -np.maximum(hidden, 0)]).astype(np.float32)
    skin = model.triangles_of("face", "neck", "head")
    buffers = rasterise(flat, skin, SIZE_PX, SIZE_PX, cull=False)
    place = interpolate(buffers, skin, model.mean)
    is_skin = buffers.triangle_id >= 0
    x, y, z = np.moveaxis(place, -1, 0)
    marks = model.landmarks
    loop = np.concatenate([marks["lip_outer_upper"], marks["lip_outer_lower"][::-1]])
    lips = _polygon(texels[loop], 2.0)
    corners = model.mean[marks["lip_outer_upper"][[0, -1]]]
    nose = model.mean[marks["nose"][6]]
    chin = model.mean[marks["chin"][0]]
    lower = model.mean[marks["lip_outer_lower"][8]]
    front = _soft(z, 2.5, 2)
    beard = np.maximum(
        _soft(-(y - lower[1] + 0.5), 0, 3), _soft(np.abs(x), 5.3, 3) * _soft(-y, 0.5, 2)
    )
    beard *= front * _soft(y, chin[1] - 2.0, 2) * (1 - lips)
    moustache = np.exp(-((x / 2.3) ** 4)) * _soft(-(y - nose[1] + 0.25), 0, 5)
    moustache *= _soft(y - corners[0, 1], 0.1, 5) * front * (1 - lips)
    wings = model.mean[marks["nose"][[4, 8]]]
    folds = sum(_line(x, y, wing, corner) for wing, corner in zip(wings, corners, strict=True))
    under = np.exp(-((x / 1.6) ** 2) - ((y - lower[1] + 0.35) / 0.35) ** 2) * front
    brows = sum(_curve(texels[marks[name]], 5) for name in ("brow_left", "brow_right"))
    hair = np.maximum(_soft(y - 0.35 * z, 5.0, 3), _soft(-z, -1.5, 2) * _soft(y, -4, 2))
    floats = (lips, beard, moustache, folds * front, under, brows, hair)
    return SkinAtlas(place, is_skin, *(np.asarray(one, np.float32) for one in floats))


def paint_skin(atlas: SkinAtlas, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """The skin of one random person.

    Returns:
        Colour (T, T, 3) linear, and gloss (T, T): how much of the highlight each place shows.
    """
    tone = _random_tone(rng)
    colour = np.empty((SIZE_PX, SIZE_PX, 3), np.float32)
    colour[:] = tone
    blotches = clouds(rng, (6, 14, 40))[..., None]
    reddish = np.array([-0.02, -0.12, -0.10], np.float32) * rng.uniform(0.3, 1.5)
    colour *= 1 + blotches * reddish + 0.12 * rng.uniform() * clouds(rng, (4, 9))[..., None]
    _blush(colour, atlas, rng)
    colour *= 1 + _pores(rng)[..., None]
    if rng.random() < 0.4:
        _freckles(colour, rng)
    lips = atlas.lips[..., None]
    colour = colour * (1 - lips) + lips * _lip_colour(tone, rng) * _lip_lines(atlas, rng)[..., None]
    colour *= 1 - rng.uniform(0.05, 0.35) * atlas.folds[..., None]
    colour *= 1 - rng.uniform(0.05, 0.3) * atlas.under_lip[..., None]
    hair = _hair_colour(rng)
    colour = _grow(colour, atlas.brows * rng.uniform(0.3, 0.9), hair, rng)
    colour = _grow(colour, atlas.hair, hair, rng)
    if rng.random() < 0.35:
        strength = rng.uniform(0.15, 1.0)
        colour = _grow(colour, atlas.beard * strength, hair, rng)
        colour = _grow(colour, atlas.moustache * strength * rng.uniform(0.4, 1), hair, rng)
    elif rng.random() < 0.15:
        colour = _grow(colour, atlas.moustache * rng.uniform(0.4, 1), hair, rng)
    gloss = 0.6 + 0.4 * clouds(rng, (10, 60))
    gloss = gloss * (1 - atlas.lips) + rng.uniform(0.3, 2.5) * atlas.lips
    return np.clip(colour, 0.004, 1), np.asarray(gloss, np.float32)


def clouds(rng: np.random.Generator, cells: tuple[int, ...], size: int = SIZE_PX) -> FloatArray:
    """Smooth noise of several grain sizes, (size, size), about [-1, 1]."""
    total = np.zeros((size, size), np.float32)
    for count in cells:
        grid = rng.normal(size=(count, count)).astype(np.float32)
        total += cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
    return total * np.float32(0.6 / np.sqrt(len(cells)))


def _random_tone(rng: np.random.Generator) -> FloatArray:
    place = rng.uniform(0, len(SKIN_TONES) - 1.001)
    low, share = int(place), place % 1
    tone = SKIN_TONES[low] * (1 - share) + SKIN_TONES[low + 1] * share
    return np.asarray(tone * rng.uniform(0.85, 1.15, 3), np.float32)


def _blush(colour: FloatArray, atlas: SkinAtlas, rng: np.random.Generator) -> None:
    x, y, _ = np.moveaxis(atlas.place_cm, -1, 0)
    cheeks = np.exp(-(((np.abs(x) - 4.5) / 1.8) ** 2) - ((y - 0.2) / 1.6) ** 2)
    nose = np.exp(-((x / 1.5) ** 2) - ((y - 0.3) / 1.2) ** 2)
    amount = (cheeks * rng.uniform(0, 0.3) + nose * rng.uniform(0, 0.2))[..., None]
    colour *= 1 - amount * np.array([0.1, 0.8, 0.7], np.float32)


def _pores(rng: np.random.Generator) -> FloatArray:
    fine = cv2.GaussianBlur(rng.normal(size=(SIZE_PX, SIZE_PX)).astype(np.float32), (0, 0), 1.0)
    return np.asarray(fine * rng.uniform(0.05, 0.35), np.float32)


def _freckles(colour: FloatArray, rng: np.random.Generator) -> None:
    spots = (rng.random((SIZE_PX, SIZE_PX)) < rng.uniform(0.0005, 0.003)).astype(np.float32)
    spots = cv2.GaussianBlur(spots, (0, 0), rng.uniform(1.0, 2.0)) * 8
    dark = np.minimum(spots, 1)[..., None] * rng.uniform(0.15, 0.5)
    colour *= 1 - dark * np.array([0.6, 0.9, 1.0], np.float32)


def _lip_colour(tone: FloatArray, rng: np.random.Generator) -> FloatArray:
    if rng.random() < 0.3:
        stick = np.array([rng.uniform(0.15, 0.7), rng.uniform(0.01, 0.2), rng.uniform(0.02, 0.25)])
        return np.asarray(stick, np.float32)
    natural = tone * np.array([0.80, 0.50, 0.55]) * rng.uniform(0.7, 1.15)
    return np.asarray(natural * rng.uniform(0.92, 1.08, 3), np.float32)


def _lip_lines(atlas: SkinAtlas, rng: np.random.Generator) -> FloatArray:
    """Fine upright creases of the lips, (T, T), about 1."""
    wave = np.sin(atlas.place_cm[..., 0] * rng.uniform(22, 34) + 2 * clouds(rng, (30,)))
    return np.asarray(1 - rng.uniform(0, 0.22) * np.maximum(wave, 0), np.float32)


def _hair_colour(rng: np.random.Generator) -> FloatArray:
    dark = rng.uniform(0.01, 0.06) * np.array([1.0, 0.75, 0.55])
    light = rng.uniform(0.1, 0.45) * np.array([1.0, rng.uniform(0.7, 1), rng.uniform(0.45, 1)])
    return np.asarray(light if rng.random() < 0.35 else dark, np.float32)


def _grow(
    colour: FloatArray, density: FloatArray, hair: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Cover with short hair: dense where `density` is 1, single stubble where it is small."""
    grain = cv2.GaussianBlur(rng.normal(size=density.shape).astype(np.float32), (0, 0), 0.9) * 3
    strands = np.clip(density * 1.6 - 0.4 + density * (1 - density) * grain * 2, 0, 1)[..., None]
    shade = 1 + 0.25 * np.clip(grain, -2, 2)[..., None]
    return np.asarray(colour * (1 - strands) + strands * hair * shade, np.float32)


def _soft(value: FloatArray, edge: float, steepness: float) -> FloatArray:
    """0 well below the edge, 1 well above."""
    return np.asarray(1 / (1 + np.exp(np.clip((edge - value) * steepness, -30, 30))), np.float32)


def _polygon(texels: FloatArray, blur: float) -> FloatArray:
    region = np.zeros((SIZE_PX, SIZE_PX), np.float32)
    cv2.fillPoly(region, [np.rint(texels).astype(np.int32)], 1.0)
    return np.asarray(cv2.GaussianBlur(region, (0, 0), blur), np.float32)


def _curve(texels: FloatArray, width: int) -> FloatArray:
    region = np.zeros((SIZE_PX, SIZE_PX), np.float32)
    cv2.polylines(region, [np.rint(texels).astype(np.int32)], False, 1.0, width)
    return np.asarray(cv2.GaussianBlur(region, (0, 0), 2.0), np.float32)


def _line(x: FloatArray, y: FloatArray, start: FloatArray, corner: FloatArray) -> FloatArray:
    """A soft fold that bows outwards from beside the nose to below the corner of the mouth."""
    share = np.clip((start[1] - y) / (start[1] - corner[1] + 0.8), 0, 1)
    outwards = np.sign(corner[0])
    middle = start[0] * (1 - share) + corner[0] * share + outwards * (0.5 + 0.5 * share)
    inside = (y < start[1]) & (y > corner[1] - 0.8)
    return np.asarray(np.exp(-(((x - middle) / 0.16) ** 2)) * inside, np.float32)
