"""One random picture of a face, with the places of its landmarks."""

from dataclasses import dataclass

import cv2
import numpy as np

from core.camera import HeadPose
from core.face_model import FaceModel
from core.face_model.model import PART_INDEX
from core.raster import RasterBuffers, interpolate, rasterise, vertex_normals
from weights.training.faces import extras, person
from weights.training.faces.noise import FloatArray, NoiseTiles, Random
from weights.training.faces.style import develop
from weights.training.faces.surface import Fields, Painter, Pixels, light

_MODES = 48
_SUPERSAMPLING = 1.15
_FACE_SIZE_CM = 19.5
_MOUTH_SIZE_CM = 9.5


_TEETH = [PART_INDEX["teeth_upper"], PART_INDEX["teeth_lower"]]
_BEHIND_TEETH = [PART_INDEX["mouth_socket"], PART_INDEX["gums"], PART_INDEX["tongue"]]


@dataclass(frozen=True)
class Sample:
    """A picture and what is true about it.

    Attributes:
        image: (size, size, 3) uint8, RGB.
        points: (L, 2) float32, the network's vertices in pixels (centres at +0.5); those of the
            brows where the upper border of the painted brow is, which may lie off the bone's.
        gap_cm: Distance between the middles of the lip rims.
        teeth: Share of the mouth opening (within the lips' outer border) that shows teeth, 0..1.
        open: Share of it that shows no lip, 0..1.
    """

    image: np.ndarray
    points: FloatArray
    gap_cm: float
    teeth: float
    open: float


class FaceRenderer:
    """Draws samples; not thread-safe. The same seed gives the same sample."""

    def __init__(self, model: FaceModel, size: int) -> None:
        """Prepare for square pictures of `size` pixels."""
        self._model = model
        self._size = size
        self._large = round(size * _SUPERSAMPLING)
        self._noise = NoiseTiles()
        self._fields = Fields.of(model)
        self._painter = Painter(model, self._noise)
        self._buffers = RasterBuffers.create(self._large, self._large)
        mean, part = model.mean, model.part
        head = (part == PART_INDEX["head"]) | ((part == PART_INDEX["face"]) & (mean[:, 1] > 6.5))
        top = np.clip((mean[:, 1] - 5) / 4, 0, 1) + np.clip((-1 - mean[:, 2]) / 3, 0, 1)
        ears = np.abs(mean[:, 0]) > 7.6
        self._scalp = np.where(head & ~ears, np.clip(top, 0, 1), 0).astype(np.float32)
        # One attribute array for one pass of interpolation; the normals are filled in each time.
        f = self._fields
        lip = np.nan_to_num(model.lip_coord, nan=-9)
        columns = [np.zeros_like(mean), mean, f.vermilion, f.lash, lip, f.openness]
        self._attributes = np.column_stack(columns).astype(np.float32)
        self._brows = [i for i, n in enumerate(model.landmark_names) if n.startswith("brow")]
        self._triangle_part = part[model.triangles].max(1)

    def draw(self, seed: int, mouth: bool = False) -> Sample:
        """The sample of a seed: a face, or a mouth seen closer."""
        random = np.random.default_rng(seed)
        looks = person.random_looks(random)
        neutral = self._model.shape(person.random_alpha(_MODES, random))
        posed = self._model.pose(neutral, person.random_beta(random))
        posed = self._with_hair(person.caricature(posed, random), looks, random)
        projected, rotation = self._project(posed, mouth, random)
        picture, opening = self._render(projected, posed @ rotation.T, looks, mouth, random)
        small = cv2.resize(picture, (self._size, self._size), interpolation=cv2.INTER_AREA)
        marks = self._model.landmarks
        points = projected[marks["network"], :2].copy()
        unit = self._px_per_cm(projected)
        points[self._brows] += looks.brow_lift_cm * unit * rotation[:2, 1] * [1, -1]
        points *= self._size / self._large
        upper, lower = marks["lip_rim_upper"], marks["lip_rim_lower"]
        gap = posed[upper[len(upper) // 2]] - posed[lower[len(lower) // 2]]
        return Sample(
            image=develop(small, self._noise, random),
            points=points.astype(np.float32),
            gap_cm=float(np.linalg.norm(gap)),
            teeth=opening[0],
            open=opening[1],
        )

    def _px_per_cm(self, projected: FloatArray) -> float:
        """About how large the face is drawn."""
        return float(np.ptp(projected[:, 1]) / np.ptp(self._model.mean[:, 1]))

    def _with_hair(self, vertices: FloatArray, looks: person.Looks, random: Random) -> FloatArray:
        """The scalp lifted by the volume of the hair."""
        if looks.bald:
            return vertices
        places = self._model.mean * 9
        bumps = self._noise.at("soft", places[:, 0], places[:, 1], random)
        out = vertices - np.float32([0, 2, 0])
        out = out / (np.linalg.norm(out, axis=1, keepdims=True) + 1e-6)
        lift = self._scalp * looks.hair_volume_cm * np.clip(1 + 0.4 * bumps, 0.1, 2)
        return (vertices + lift[:, None] * out).astype(np.float32)

    def _project(
        self, posed: FloatArray, mouth: bool, random: Random
    ) -> tuple[FloatArray, FloatArray]:
        """Vertices in the large picture, framed as at run time, and the rotation."""
        rotation = person.random_rotation(random)
        turned = posed @ rotation.T
        if random.random() < 0.6:
            distance = random.uniform(45, 130)
            turned = turned * (distance / (distance - turned[:, 2:3]))
        points = turned[self._model.landmarks["network"]]
        names = self._model.landmark_names
        chosen = [
            i for i, n in enumerate(names) if n.startswith("lip_" if mouth else ("eye", "lip"))
        ]
        centre = points[chosen, :2].mean(0)
        size_cm = (_MOUTH_SIZE_CM if mouth else _FACE_SIZE_CM) * np.exp(random.normal(0, 0.1))
        centre = centre + random.normal(0, 0.035, 2) * size_cm
        scale = self._large / size_cm
        middle = np.float32([self._large / 2, self._large / 2])
        origin = middle + np.float32([-centre[0], centre[1]]) * scale
        pose = HeadPose(scale, np.eye(3), origin)
        return pose.project(turned.astype(np.float32)), rotation

    def _render(
        self,
        projected: FloatArray,
        turned: FloatArray,
        looks: person.Looks,
        mouth: bool,
        random: Random,
    ) -> tuple[FloatArray, tuple[float, float]]:
        model, size = self._model, self._large
        unit = self._px_per_cm(projected)
        marks = projected[model.landmarks["landmarks68"], :2]
        picture = extras.background(size, self._noise, random)
        head = projected[model.vertices_of("head", "face"), :2]
        box = np.array([*head.min(0), *head.max(0)])
        extras.hair_behind(picture, box, unit, looks, self._noise, random)
        neck = projected[model.vertices_of("neck"), :2]
        if random.random() < 0.8:
            collar = np.array([neck[:, 0].mean(), np.percentile(neck[:, 1], 70)])
            extras.clothes(picture, collar, unit, random)
        seen = rasterise(projected, model.triangles, size, size, out=self._buffers)
        covered = seen.triangle_id >= 0
        self._attributes[:, :3] = vertex_normals(turned.astype(np.float32), model.triangles)
        spread = interpolate(seen, model.triangles, self._attributes)
        part = self._triangle_part[seen.triangle_id]
        if random.random() < 0.8:
            part = _without_gaps(part, covered, unit * random.uniform(0.12, 0.3))
        lips_z = projected[model.landmarks["lip_rim_upper"], 2].mean()
        behind = (lips_z - seen.depth[covered]) / unit
        colour = self._colour(
            np.ascontiguousarray(spread[covered].T), part[covered], behind, looks, random
        )
        soft = cv2.GaussianBlur(covered.astype(np.float32), (0, 0), 0.6)
        level = random.uniform(0.28, 0.62) / max(float(colour.mean()), 0.02)
        drawn = picture.copy()
        drawn[covered] = colour.T * np.float32(level ** random.uniform(0.6, 1))
        outline = (soft > 0.01) & (soft < 0.99)
        drawn[outline] = cv2.GaussianBlur(drawn, (0, 0), 0.7)[outline]
        opening = self._opening(projected, part, covered)
        self._cover(drawn, marks, unit, looks, mouth, random)
        return drawn, opening

    def _colour(
        self,
        spread: FloatArray,
        part: FloatArray,
        behind: FloatArray,
        looks: person.Looks,
        random: Random,
    ) -> FloatArray:
        normal = spread[:3] / (np.sqrt(np.square(spread[:3]).sum(0)) + 1e-6)
        pixels = Pixels(
            place=spread[3:6],
            normal=normal,
            part=part,
            vermilion=spread[6],
            lash=spread[7],
            lip=spread[8],
            openness=spread[9],
            behind=behind,
        )
        colour = self._painter.albedo(pixels, looks, random)
        if not looks.bald:
            colour = self._scalp_hair(colour, pixels, looks, random)
        return light(pixels, colour, random)

    def _scalp_hair(
        self,
        colour: FloatArray,
        pixels: Pixels,
        looks: person.Looks,
        random: Random,
    ) -> FloatArray:
        x, y, z = pixels.place
        side = np.abs(x)
        around = np.arctan2(x, z + 1) * 9
        ragged = self._noise.at("hair", around * 14, y * 6, random) * random.uniform(0.1, 0.5)
        line = looks.hairline_cm - 0.055 * side**2 - 1.6 * np.clip((side - 5.6) * 1.2, 0, 2.5)
        skin = (pixels.part == PART_INDEX["face"]) | (pixels.part == PART_INDEX["head"])
        behind_ears = (z < 0.5) & (y > -6) & (side < 7.8)
        cover = np.clip((y - line + ragged) * 1.6 + 0.5, 0, 1) * skin * (side < 7.9)
        cover = np.maximum(cover, behind_ears * skin)
        streak = self._noise.at("hair", around * 20, y * 8, random) * random.uniform(0.1, 0.45)
        shade = looks.hair[:, None] * np.clip(1 + streak, 0.2, 2)
        return (colour + (shade - colour) * cover).astype(np.float32)

    def _opening(
        self, projected: FloatArray, part: FloatArray, covered: FloatArray
    ) -> tuple[float, float]:
        """Shares of the mouth that show teeth, and that show no lip."""
        marks = self._model.landmarks
        ring = np.concatenate([marks["lip_outer_upper"], marks["lip_outer_lower"][-2:0:-1]])
        mouth = np.zeros(covered.shape, np.uint8)
        cv2.fillPoly(mouth, [np.round(projected[ring, :2]).astype(np.int32)], 1)
        inside = part[(mouth > 0) & covered]
        if len(inside) == 0:
            return 0.0, 0.0
        teeth = np.isin(inside, _TEETH)
        return float(teeth.mean()), float((inside != PART_INDEX["face"]).mean())

    def _cover(
        self,
        picture: FloatArray,
        marks: FloatArray,
        unit: float,
        looks: person.Looks,
        mouth: bool,
        random: Random,
    ) -> None:
        """What lies over the face; `marks` in iBUG-68 order."""
        if random.random() < 0.2:
            eyes = np.stack([marks[36], marks[39], marks[42], marks[45], marks[27]])
            extras.glasses(picture, eyes, unit, random)
        brows = np.stack([(marks[21] + marks[22]) / 2, marks[17], marks[26]])
        if random.random() < 0.75:
            extras.hair_before(picture, brows, unit, looks, self._noise, random)
        if random.random() < (0.12 if mouth else 0.14):
            target = marks[random.integers(0, 17)] * 0.85 + marks[33] * 0.15
            extras.hand(picture, target, unit, looks.skin, random)


def _without_gaps(part: FloatArray, covered: FloatArray, gap_px: float) -> FloatArray:
    """The parts with narrow gaps between the thinned-out teeth closed."""
    teeth = np.uint8(np.isin(part, _TEETH) & covered)
    if not teeth.any():
        return part
    width = 2 * int(np.ceil(gap_px / 2)) + 1
    closed = cv2.morphologyEx(teeth, cv2.MORPH_CLOSE, np.ones((1, width), np.uint8))
    fill = (closed > 0) & np.isin(part, _BEHIND_TEETH) & covered
    return np.where(fill, PART_INDEX["teeth_upper"], part)
