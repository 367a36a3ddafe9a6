"""Random people under random light, and the true picture of each for any expression."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_model import FaceModel
from core.raster import interpolate, rasterise, vertex_normals
from weights.training.fia.skin import (
    SkinAtlas,
    clouds,
    make_atlas,
    paint_skin,
    texture_places,
)

FloatArray = NDArray[np.float32]
SUPERSAMPLING = 1.5
INNER_PARTS = {
    "mouth_socket": (0.14, 0.03, 0.03),
    "gums": (0.42, 0.16, 0.15),
    "tongue": (0.45, 0.16, 0.15),
    "teeth_upper": (0.62, 0.56, 0.45),
    "teeth_lower": (0.58, 0.52, 0.42),
    "eye_left": (0.6, 0.58, 0.55),
    "eye_right": (0.6, 0.58, 0.55),
    "eye_socket": (0.05, 0.03, 0.03),
}
"""Average linear colours of what is not skin."""
MOUTH_PARTS = ("mouth_socket", "gums", "tongue", "teeth_upper", "teeth_lower")


@dataclass(frozen=True, eq=False)
class Light:
    """Light on a scene, in the viewer's axes (x right, y up, z towards the viewer).

    Attributes:
        directions: (L, 3) towards the lamps, unit length.
        colours: (L, 3) linear.
        ambient: (3,) linear.
        cavity_depth_cm: How far light falls into the mouth.
    """

    directions: FloatArray
    colours: FloatArray
    ambient: FloatArray
    cavity_depth_cm: float


@dataclass(frozen=True, eq=False)
class Person:
    """One random person in front of one camera.

    Attributes:
        alpha: Identity coefficients (K,).
        skin: Texture (T, T, 3), linear colour.
        gloss: Texture (T, T).
        inner: (V, 3) linear colour of vertices that are not skin.
        light: On the scene.
        softness: How far light wraps around (under the skin), by colour, (3,).
        shine: Strength and exponent of the highlight.
        background: (H, W, 3) linear.
        blur_px: Of the camera, standard deviation.
        gain: Exposure.
    """

    alpha: FloatArray
    skin: FloatArray
    gloss: FloatArray
    inner: FloatArray
    light: Light
    softness: FloatArray
    shine: tuple[float, float]
    background: FloatArray
    blur_px: float
    gain: float


@dataclass(frozen=True, eq=False)
class Shot:
    """A rendered picture.

    Attributes:
        rgb: (H, W, 3) float32, display values [0, 1].
        teeth: (H, W) float32, the share of each pixel that shows a tooth.
        face: (H, W) float32, the share of each pixel that shows the head.
    """

    rgb: FloatArray
    teeth: FloatArray
    face: FloatArray


class Studio:
    """Draws people and takes their picture."""

    def __init__(self, model: FaceModel) -> None:
        self.model = model
        self.atlas: SkinAtlas = make_atlas(model)
        self._texels = texture_places(model).astype(np.float32)
        self._is_skin = np.isin(model.part, [0, 1, 10])
        self._in_mouth = _of_parts(model, MOUTH_PARTS)
        self._is_tooth = _of_parts(model, ("teeth_upper", "teeth_lower"))
        self._lips = np.concatenate([model.landmarks[f"lip_rim_{s}"] for s in ("upper", "lower")])

    def draw_person(self, rng: np.random.Generator, size_px: int) -> Person:
        """A new person; `size_px` is the side of the background."""
        skin, gloss = paint_skin(self.atlas, rng)
        return Person(
            alpha=(rng.normal(size=self.model.num_identity) * 0.9).astype(np.float32),
            skin=skin,
            gloss=gloss,
            inner=self._inner_colours(rng),
            light=_draw_light(rng),
            softness=np.array([0.45, 0.2, 0.12], np.float32) * np.float32(rng.uniform(0.4, 1.3)),
            shine=(float(rng.uniform(0.0, 0.25)), float(rng.uniform(8, 40))),
            background=_draw_background(rng, size_px),
            blur_px=float(rng.uniform(0.0, 0.9)),
            gain=float(rng.uniform(0.8, 1.5)),
        )

    def shoot(
        self, person: Person, vertices_px: FloatArray, box: tuple[int, int, int, int]
    ) -> Shot:
        """The true picture of a posed mesh.

        Args:
            person: Who.
            vertices_px: (V, 3) in picture pixels, y down, z towards the viewer.
            box: Left, top, right and bottom of the part of the picture that is wanted.
        """
        x0, y0, x1, y1 = box
        wide, high = round((x1 - x0) * SUPERSAMPLING), round((y1 - y0) * SUPERSAMPLING)
        moved = (vertices_px - np.array([x0, y0, 0], np.float32)) * np.float32(SUPERSAMPLING)
        moved = np.ascontiguousarray(moved, np.float32)
        triangles = self.model.triangles
        buffers = rasterise(moved, triangles, high, wide)
        seen = buffers.triangle_id >= 0
        attributes = self._attributes(person, moved)
        spread = interpolate(buffers, triangles, attributes)
        texels = spread[..., :2] - np.float32(0.5)
        skin = cv2.remap(person.skin, texels, None, cv2.INTER_LINEAR)[seen]
        gloss = cv2.remap(person.gloss, texels, None, cv2.INTER_LINEAR)[seen]
        pixels = spread[seen]
        colour = np.zeros((high, wide, 3), np.float32)
        colour[seen] = self._shade(person, pixels, skin, gloss) * self._cavity(
            person, pixels, moved
        )
        layers = np.zeros((high, wide, 2), np.float32)
        layers[seen, 0], layers[..., 1] = pixels[:, 10], seen
        small = cv2.resize(colour, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        layers = cv2.resize(layers, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        face = layers[..., 1:]
        linear = small + (1 - face) * person.background[y0:y1, x0:x1]
        if person.blur_px > 0.2:
            linear = cv2.GaussianBlur(linear, (0, 0), person.blur_px)
        rgb = np.clip(linear * person.gain, 0, 1) ** np.float32(1 / 2.2)
        return Shot(rgb, np.ascontiguousarray(layers[..., 0]), face[..., 0])

    def _attributes(self, person: Person, vertices: FloatArray) -> FloatArray:
        """Per vertex: texel x, y; normal; own colour; skin or not; depth; tooth; in the mouth."""
        upright = vertices * np.array([1, -1, 1], np.float32)
        normals = vertex_normals(np.ascontiguousarray(upright), self.model.triangles)
        flags = (self._is_skin, vertices[:, 2], self._is_tooth, self._in_mouth)
        columns = [self._texels, normals, person.inner, np.column_stack(flags)]
        return np.ascontiguousarray(np.concatenate(columns, axis=1), np.float32)

    def _shade(
        self, person: Person, pixels: FloatArray, skin: FloatArray, gloss: FloatArray
    ) -> FloatArray:
        """Linear colour of each seen pixel under the lamps, (N, 3)."""
        normal = pixels[:, 2:5]
        normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        is_skin = (pixels[:, 8] > 0.5)[:, None]
        albedo = np.where(is_skin, skin, pixels[:, 5:8])
        softness = np.where(is_skin, person.softness, np.float32(0.15))
        light = person.light
        received = light.ambient * (0.75 + 0.25 * normal[:, 1:2])
        shine = np.zeros(len(pixels), np.float32)
        for direction, lamp in zip(light.directions, light.colours, strict=True):
            facing = (normal @ direction)[:, None]
            received = received + lamp * np.maximum((facing + softness) / (1 + softness), 0)
            half = direction + np.array([0, 0, 1], np.float32)
            half /= np.linalg.norm(half)
            shine += lamp.mean() * np.maximum(normal @ half, 0) ** person.shine[1]
        wet = np.where(is_skin[:, 0], gloss, 1.2)
        colour = albedo * received + (person.shine[0] * shine * wet)[:, None]
        return np.asarray(colour, np.float32)

    def _cavity(self, person: Person, pixels: FloatArray, vertices: FloatArray) -> FloatArray:
        """How much light reaches places inside the mouth, 1 outside it, (N, 1)."""
        rims = vertices[self._lips]
        eyes = (
            self.model.landmarks["eye_left_upper"][-1],
            self.model.landmarks["eye_right_upper"][0],
        )
        px_per_cm = np.linalg.norm(vertices[eyes[0]] - vertices[eyes[1]]) / 9.0
        depth_cm = np.maximum(rims[:, 2].mean() - pixels[:, 9], 0) / px_per_cm
        dim = np.exp(-depth_cm / person.light.cavity_depth_cm)
        reached = np.where(pixels[:, 11] > 0.5, 0.15 + 0.85 * dim, 1.0)
        return np.asarray(reached[:, None], np.float32)

    def _inner_colours(self, rng: np.random.Generator) -> FloatArray:
        colours = np.zeros((self.model.num_vertices, 3), np.float32)
        for part, average in INNER_PARTS.items():
            ids = self.model.vertices_of(part)
            tint = rng.uniform(0.75, 1.25) * rng.uniform(0.92, 1.08, 3)
            colours[ids] = np.array(average) * tint
        teeth = self.model.vertices_of("teeth_upper", "teeth_lower")
        white = np.array([1.0, rng.uniform(0.86, 1.0), rng.uniform(0.62, 0.98)])
        colours[teeth] = colours[teeth].mean() * white * rng.uniform(0.8, 1.3)
        colours[teeth] *= 1 + 0.08 * rng.normal(size=(len(teeth), 1))
        return colours


def _of_parts(model: FaceModel, parts: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.isin(np.arange(model.num_vertices), model.vertices_of(*parts))


def _draw_light(rng: np.random.Generator) -> Light:
    count = int(rng.integers(1, 4))
    directions = rng.normal(size=(count, 3)) * [1.0, 0.6, 0.4] + [0, 0.4, 0.9]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    warm = rng.uniform(-0.25, 0.25, (count, 1)) * [1, 0, -1]
    share = rng.uniform(0.2, 1, (count, 1))
    colours = share / share.sum() * (1 + warm) * rng.uniform(0.35, 0.9)
    ambient = rng.uniform(0.12, 0.5) * (1 + rng.uniform(-0.15, 0.15) * np.array([1, 0, -1]))
    return Light(
        directions.astype(np.float32),
        colours.astype(np.float32),
        ambient.astype(np.float32),
        float(rng.uniform(0.8, 2.5)),
    )


def _draw_background(rng: np.random.Generator, size_px: int) -> FloatArray:
    colour = rng.uniform(0.01, 0.7, 3) ** 1.5
    layers = [clouds(rng, (int(rng.integers(2, 12)),), size_px) for _ in range(3)]
    grain = np.stack(layers, axis=-1) * rng.uniform(0.05, 0.5)
    return np.asarray(np.clip(colour * (1 + grain), 0, 1), np.float32)
