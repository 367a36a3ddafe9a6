"""What the face is painted with, pixel by pixel, and how it is lit.

Every pattern is a function of where the pixel's surface point lies on the mean face (X, in
centimetres), so it sticks to the skin whatever the face's shape and expression.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from core.camera import rotation_from_euler
from core.face_model import FaceModel
from core.face_model.model import PART_INDEX, PARTS
from core.raster import rasterise
from weights.training.faces.noise import FloatArray, NoiseTiles, Random
from weights.training.faces.person import Looks

_AO_SIZE = 160
_AO_SCALE = 5.5
_IRIS_COSINE = 0.885
_PUPIL_COSINE = 0.978
_INNER = [PART_INDEX[n] for n in PARTS if n.startswith(("mouth", "gums", "tongue", "teeth"))]


@dataclass(frozen=True)
class Fields:
    """What is known about each vertex before anything is drawn; each (V,) float32.

    Attributes:
        vermilion: Signed distance to the outer border of the lips, > 0 on the lips, cm.
        lash: Distance from the upper lid rims, cm.
        openness: Share of directions that see the vertex, 0..1.
    """

    vermilion: FloatArray
    lash: FloatArray
    openness: FloatArray

    @classmethod
    def of(cls, model: FaceModel) -> "Fields":
        """Measure the mean face."""
        return cls(_vermilion(model), _lash(model), _openness(model))


def _vermilion(model: FaceModel) -> FloatArray:
    upper, lower = model.landmarks["lip_outer_upper"], model.landmarks["lip_outer_lower"]
    border = model.mean[np.concatenate([upper, lower[-2:0:-1]]), :2]
    polygon = (border * 1000).astype(np.int32)
    distance = np.array(
        [
            cv2.pointPolygonTest(polygon, (float(x), float(y)), True)
            for x, y in model.mean[:, :2] * 1000
        ]
    )
    distance = np.where(model.mean[:, 2] > 9, distance / 1000, -9)
    distance = np.where(model.lip_coord > 0, 0.3, distance)
    return distance.astype(np.float32)


def _lash(model: FaceModel) -> FloatArray:
    right, left = model.landmarks["eye_right_upper"], model.landmarks["eye_left_upper"]
    rim = model.mean[np.concatenate([right[:-5], left[5:]])]  # none at the inner corners
    away = np.linalg.norm(model.mean[:, None] - rim, axis=2).min(1)
    return away.astype(np.float32)


def _openness(model: FaceModel) -> FloatArray:
    """Ambient occlusion by z-buffers from 40 directions over the front hemisphere."""
    seen = np.zeros(model.num_vertices, np.float32)
    total = np.zeros(model.num_vertices, np.float32)
    centre = np.array([_AO_SIZE / 2, _AO_SIZE / 2, 0], np.float32)
    flip = np.array([1, -1, 1], np.float32)
    corners = model.mean[model.triangles]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(model.mean)
    for i in range(3):
        np.add.at(normals, model.triangles[:, i], face_normals)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    for pitch in (-60, -30, 0, 30, 60):
        for yaw in range(-84, 85, 24):
            rotation = rotation_from_euler(pitch, yaw, 0).astype(np.float32)
            turned = model.mean @ rotation.T * _AO_SCALE * flip + centre
            buffers = rasterise(turned.astype(np.float32), model.triangles, _AO_SIZE, _AO_SIZE)
            x = np.clip(turned[:, 0].astype(int), 0, _AO_SIZE - 1)
            y = np.clip(turned[:, 1].astype(int), 0, _AO_SIZE - 1)
            facing = np.clip(normals @ rotation[2], 0, 1)
            total += facing
            seen += facing * (turned[:, 2] > buffers.depth[y, x] - 0.35 * _AO_SCALE)
    return np.where(total > 0, seen / np.maximum(total, 1e-6), 1).astype(np.float32)


@dataclass(frozen=True)
class Pixels:
    """The covered pixels of one picture; all arrays have the pixels last.

    Attributes:
        place: (3, n) position on the mean face, cm.
        normal: (3, n) unit normal in camera axes.
        part: (n,) index into `PARTS`.
        vermilion, lash, lip, openness: (n,) vertex fields; lip is `FaceModel.lip_coord`.
        behind: (n,) distance behind the lips, cm.
    """

    place: FloatArray
    normal: FloatArray
    part: FloatArray
    vermilion: FloatArray
    lash: FloatArray
    lip: FloatArray
    openness: FloatArray
    behind: FloatArray


class Painter:
    """Colours pixels of skin, hair, eyes and mouth."""

    def __init__(self, model: FaceModel, noise: NoiseTiles) -> None:
        self._noise = noise
        brow = model.mean[model.landmarks["brow_left"]]
        steps = np.arange(91) / 10  # tables over |x| in millimetres
        self._brow_line = np.interp(steps, brow[:, 0], brow[:, 1]).astype(np.float32)
        width = np.interp(steps, [0.9, 1.8, 4, 6], [0.8, 1.25, 1, 0.35])
        self._brow_width = width.astype(np.float32)
        self._eyes = {
            side: model.mean[model.vertices_of(f"eye_{side}")].mean(0) for side in ("left", "right")
        }

    def albedo(self, pixels: Pixels, looks: Looks, random: Random) -> FloatArray:
        """Colour under even white light, (3, n)."""
        colour = self._skin(pixels, looks, random)
        for side in ("left", "right"):
            own = np.flatnonzero(pixels.part == PART_INDEX[f"eye_{side}"])
            colour[:, own] = self._eye(_pick(pixels, own), self._eyes[side], looks)
        inner = np.flatnonzero(np.isin(pixels.part, _INNER))
        colour[:, inner] = self._mouth(_pick(pixels, inner), looks)
        return colour

    def _skin(self, p: Pixels, looks: Looks, random: Random) -> FloatArray:
        x, y, z = p.place
        side = np.abs(x)
        around = np.arctan2(x, z - 1) * 9
        at = self._noise.at
        mottle = at("cloud", around * 22, y * 22, random) * looks.mottle
        colour = _rgb(looks.skin) * (1 + mottle)
        cheek = _bump(side, y, 4.2, 0.3, 2.0, 1.8) + 0.7 * _bump(x, y, 0, 0, 1.4, 1.2)
        colour = colour * (1 - looks.blush * 0.25 * cheek * _rgb([0.1, 0.9, 0.8]))
        if looks.freckles > 0:
            spots = at("white", around * 16, y * 16, random) > 1.7
            where = spots * np.clip(cheek + 0.3, 0, 1) * looks.freckles
            colour = colour * (1 - 0.35 * where)
        colour *= 1 - self._creases(p, looks, random)
        socket = _bump(side, y, 3.2, 4.6, 1.9, 0.8) + 0.6 * _bump(side, y, 3.0, 2.5, 1.4, 0.5)
        colour = colour * (1 - looks.eye_shadow * 0.6 * socket)
        colour = self._lips(p, looks, random, colour)
        colour = self._facial_hair(p, looks, random, colour, around)
        lashes = np.exp(-((p.lash / 0.085) ** 2)) * (0.35 + 0.6 * looks.lashes)
        return _over(colour, lashes, _rgb([0.06, 0.045, 0.04]))

    def _creases(self, p: Pixels, looks: Looks, random: Random) -> FloatArray:
        """Darkening by folds: brow furrows, crow's feet, from nose to mouth, under the eyes."""
        x, y, _ = p.place
        side = np.abs(x)
        fold = np.exp(-(((side - 1.9 - 0.33 * (-0.6 - y)) / 0.13) ** 2)) * _bump(
            y, y, -1.9, -1.9, 1.2, 1.2
        )
        bag = (
            np.exp(-(((y - 2.35 + 0.12 * (side - 3) ** 2) / 0.14) ** 2))
            * (side < 4.4)
            * (side > 1.7)
        )
        wave = np.sin(y * 5.5 + 0.8 * np.cos(x * 0.8)) > 0.93
        forehead = wave * (y > 6.8) * (side < 5)
        lid = (
            np.exp(-(((y - 4.42 + 0.2 * (side - 3.2) ** 2) / 0.09) ** 2))
            * (side > 1.9)
            * (side < 4.7)
        )
        strength = looks.wrinkles
        total = 0.35 * fold * (0.3 + strength) + 0.25 * bag * strength + 0.22 * forehead * strength
        return np.clip(total + 0.35 * lid * random.uniform(0, 1), 0, 0.8).astype(np.float32)

    def _lips(self, p: Pixels, looks: Looks, random: Random, colour: FloatArray) -> FloatArray:
        cracks = self._noise.at("hair", p.place[0] * 40, p.place[1] * 20, random) * 0.05
        soft = random.uniform(0.03, 0.1)
        red = 1 / (1 + np.exp(np.clip(-p.vermilion / soft, -30, 30)))
        lips = _rgb(looks.lips) * (1 + cracks)
        colour = _over(colour, red * random.uniform(0.6, 1), lips)
        seam = np.exp(-((p.lip / 0.09) ** 2)) * random.uniform(0, 0.5) + np.clip(p.lip, 0, 1) * 0.3
        return colour * (1 - seam)

    def _facial_hair(
        self, p: Pixels, looks: Looks, random: Random, colour: FloatArray, around: FloatArray
    ) -> FloatArray:
        x, y, z = p.place
        side = np.abs(x)
        at = self._noise.at
        lip = np.clip(p.vermilion * 12 + 0.5, 0, 1)
        strands = at("hair", around * 30, y * 16, random)
        chin = np.clip((-3.2 - y + 0.30 * (side - 2.0)) * 1.2, 0, 1) * (y > -10) * (z > 1.5)
        jaw = np.clip((side - 5.2) * 1.1, 0, 1) * (y < 0.5) * (y > -9) * (z > 1.5)
        beard = np.clip(np.maximum(chin, jaw) * 1.4, 0, 1) * (1 - lip)
        above = _bump(side, y, 0.9, -1.95 - 0.0, 1.7, 0.42) * (1 - lip)
        above = np.maximum(above, _bump(side, y, 2.4, -2.6, 0.6, 0.7) * (1 - lip))
        speckle = np.clip(0.55 + 0.5 * at("white", around * 34, y * 34, random), 0, 1)
        stubble = np.maximum(beard, above) * looks.stubble * speckle
        colour = _over(colour, 0.6 * stubble, _rgb(looks.hair * 0.5 + looks.skin * 0.15))
        full = np.clip(beard * 1.5 * (1 + 0.3 * strands), 0, 1) * looks.beard
        bristle = np.clip(above * 1.8 * (1 + 0.35 * strands), 0, 1)
        bristle *= max(looks.moustache, looks.beard * random.uniform(0, 1))
        shade = _rgb(looks.hair) * (1 + 0.3 * strands)
        colour = _over(colour, np.maximum(full, bristle), shade)
        return _over(colour, self._brow_cover(p, looks, random), shade)

    def _brow_cover(self, p: Pixels, looks: Looks, random: Random) -> FloatArray:
        x, y, z = p.place
        side = np.abs(x)
        step = np.clip(side * 10, 0, 90).astype(np.int32)
        line, width = self._brow_line[step], self._brow_width[step] * looks.brow_width_cm
        centre = line - 0.9 * width + looks.brow_lift_cm
        offset = np.abs((y - centre) / np.maximum(width, 0.03))
        inside = np.exp(-offset * offset * offset)
        ends = np.clip((side - 0.85) * 2.2, 0, 1) * np.clip((6.1 - side) * 1.4, 0, 1)
        hairs = self._noise.at("hair", side * 34 + y * 22, y * 26 - side * 9, random)
        cover = inside * ends * np.clip(0.85 + 0.35 * hairs, 0, 1) * (z > 5)
        return np.clip(cover * looks.brow * 1.1, 0, 1).astype(np.float32)

    def _eye(self, p: Pixels, centre: FloatArray, looks: Looks) -> FloatArray:
        ray = p.place - centre[:, None]
        ahead = ray[2] / (np.linalg.norm(ray, axis=0) + 1e-6)
        white = _rgb([0.92, 0.89, 0.87]) * (0.72 + 0.28 * np.clip(ahead * 1.4 - 0.2, 0, 1))
        iris = np.clip((ahead - _IRIS_COSINE) * 90 + 0.5, 0, 1)
        rim = np.exp(-(((ahead - _IRIS_COSINE - 0.012) / 0.012) ** 2))
        colour = _over(white, iris, _rgb(looks.iris) * (1 - 0.5 * rim))
        pupil = np.clip((ahead - _PUPIL_COSINE) * 220 + 0.5, 0, 1)
        colour = _over(colour, pupil, _rgb([0.02, 0.02, 0.02]))
        shadow = np.exp(-(((p.place[1] - 4.1) / 0.35) ** 2))
        return colour * (1 - 0.45 * shadow)

    def _mouth(self, p: Pixels, looks: Looks) -> FloatArray:
        colours = np.zeros((16, 3), np.float32)
        flesh = 0.5 * looks.lips + 0.5 * np.float32([0.62, 0.28, 0.28])
        colours[PART_INDEX["mouth_socket"]] = flesh * 0.3
        colours[PART_INDEX["gums"]] = flesh * 0.8
        colours[PART_INDEX["tongue"]] = flesh * 0.95
        ivory = np.float32([0.95, 0.91, 0.82]) * looks.teeth
        colours[PART_INDEX["teeth_upper"]] = ivory
        colours[PART_INDEX["teeth_lower"]] = ivory * 0.92
        return colours[p.part].T * np.exp(-0.32 * np.clip(p.behind - 0.3, 0, 12))


def _pick(pixels: Pixels, rows: FloatArray) -> Pixels:
    return Pixels(**{name: values[..., rows] for name, values in vars(pixels).items()})


def _bump(x: FloatArray, y: FloatArray, cx: float, cy: float, sx: float, sy: float) -> FloatArray:
    return np.exp(-(((x - cx) / sx) ** 2) - ((y - cy) / sy) ** 2).astype(np.float32)


def _over(below: FloatArray, cover: FloatArray, above: FloatArray) -> FloatArray:
    mixed = above - below
    mixed *= cover
    mixed += below
    return mixed


def _rgb(colour: FloatArray | list[float]) -> FloatArray:
    """(3, 1), to go with pixels last."""
    return np.asarray(colour, np.float32)[:, None]


def light(pixels: Pixels, colour: FloatArray, random: Random) -> FloatArray:
    """Ambient light and one to three lamps, some highlights; (3, n)."""
    normal = pixels.normal
    ambient = random.uniform(0.15, 0.85)
    above = 0.75 + 0.25 * normal[1]
    shade = (ambient * above * (0.35 + 0.65 * pixels.openness)) * _tint(0.05, random)
    shine = np.zeros(normal.shape[1], np.float32)
    lamps = random.integers(1, 4)
    for lamp in range(lamps):
        toward = random.normal(0, 1, 3) * [0.9, 0.6, 0.4] + [0, 0.35, 0.8 if lamp == 0 else 0.1]
        toward = np.float32(toward / np.linalg.norm(toward))
        power = (1.15 - ambient) * random.uniform(0.5, 1.1) / lamps**0.6
        wrap = random.uniform(0, 0.4)
        direct = np.clip((toward @ normal + wrap) / (1 + wrap), 0, 1)
        direct *= 0.4 + 0.6 * np.clip(pixels.openness * 1.4 - 0.2, 0, 1)
        shade += (direct * power * 1.25) * _tint(0.09, random)
        half = toward + np.float32([0, 0, 1])
        half /= np.linalg.norm(half)
        shine += np.exp((half @ normal - 1) * np.float32(random.uniform(10, 60))) * power
    wet = np.isin(pixels.part, [PART_INDEX[n] for n in ("eye_left", "eye_right", "tongue")])
    gloss = np.where(wet, 0.5, random.uniform(0, 0.22) ** 1.2)
    gloss = np.where(pixels.vermilion > 0, random.uniform(0, 0.35), gloss)
    return (colour * shade + shine * gloss).astype(np.float32)


def _tint(amount: float, random: Random) -> FloatArray:
    return _rgb(1 + random.normal(0, amount, 3))
