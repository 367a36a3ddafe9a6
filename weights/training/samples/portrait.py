"""Renders the sample portrait: a person who does not exist, so anybody may wear the face.

The head is the mean of ICT-FaceKit (MIT) with a few identity modes moved by hand; skin, eyes,
brows, lashes, hair, clothes, light and lens are procedural. Everything is drawn at twice the
size and reduced.

    python -m weights.training.samples.portrait \\
        --facekit ../shared/facekit -o app/samples/portrait.jpg
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numba
import numpy as np

SIZE_PX = 1280
SUPERSAMPLE = 2
VIEW_CM = 46.0
CENTRE_CM = np.array([0.0, -3.2])
CAMERA_CM = 120.0
SEED = 5

KEY = np.array([-0.55, 0.55, 0.75])
FILL = np.array([0.85, 0.10, 0.55])
RIM = np.array([0.75, 0.45, -0.55])
KEY_COLOUR = np.array([1.00, 0.93, 0.84]) * 1.75
FILL_COLOUR = np.array([0.70, 0.82, 1.00]) * 0.50
RIM_COLOUR = np.array([1.00, 0.86, 0.70]) * 0.9
AMBIENT = np.array([0.36, 0.37, 0.42])

SKIN = np.array([0.76, 0.50, 0.36])
LIP = np.array([0.60, 0.24, 0.22])
HAIR_DARK = np.array([0.050, 0.024, 0.013])
HAIR_LIGHT = np.array([0.165, 0.082, 0.040])
IRIS = np.array([0.20, 0.30, 0.22])
KNIT = np.array([0.13, 0.24, 0.30])


# ---- geometry -------------------------------------------------------------------------------


class Head:
    """The full-resolution head of the sample person, posed."""

    def __init__(self, folder: Path) -> None:
        data = np.load(folder / "ict_facekit_light.npz")
        self.names = [str(name) for name in data["expression_names"]]
        self.parts = {
            str(name): tuple(int(v) for v in span)
            for name, span in zip(data["part_names"], data["part_ranges"], strict=True)
        }
        self.triangles = data["triangles"].astype(np.int32)
        self._quad = data["triangle_face"].astype(np.int32)
        self.mean = data["mean"].astype(np.float64)
        self.landmarks = data["landmarks68"]
        derived = np.load(folder / "derived.npz")
        self.lip_coord = derived["lip_coord"]
        self.lip_rim = derived["lip_rim"]
        rng = np.random.default_rng(SEED)
        identity = rng.normal(size=24) * 0.45
        vertices = self.mean + np.tensordot(identity, data["identity"][:24].astype(np.float64), 1)
        pose = {
            "mouthSmile_L": 0.34,
            "mouthSmile_R": 0.34,
            "cheekSquint_L": 0.1,
            "cheekSquint_R": 0.1,
        }
        pose |= {"browInnerUp_L": 0.1, "browInnerUp_R": 0.1}
        for name, weight in pose.items():
            vertices += weight * data["expression"][self.names.index(name)].astype(np.float64)
        self.vertices = flatter(vertices)

    def part(self, *names: str) -> np.ndarray:
        """Triangles of the parts, shape (T, 3)."""
        keep = np.zeros(len(self.triangles), bool)
        for name in names:
            _, _, first, last = self.parts[name]
            keep |= (self._quad >= first) & (self._quad < last)
        return np.ascontiguousarray(self.triangles[keep])


def flatter(vertices: np.ndarray) -> np.ndarray:
    """A slimmer jaw and a little more eye, as an illustrator would."""
    slim = 0.085 * smooth(-vertices[:, 1], -1.0, 7.0) * smooth(vertices[:, 1], -11.5, -8.5)
    moved = vertices * np.stack([1 - slim, np.ones_like(slim), np.ones_like(slim)], 1)
    for side in (-1, 1):
        centre = np.array([side * 3.1, 3.55, 8.0])
        near = np.exp(-(((moved - centre) / [2.9, 2.3, 4.0]) ** 2).sum(1))[:, None]
        moved = moved + (moved - centre) * near * [0.13, 0.16, 0.10]
    return moved


def project(points: np.ndarray, size: int) -> np.ndarray:
    """Centimetres to pixels with a portrait lens; z stays in centimetres."""
    zoom = CAMERA_CM / (CAMERA_CM - points[..., 2])
    scale = size / VIEW_CM
    x = (points[..., 0] - CENTRE_CM[0]) * zoom * scale + size / 2
    y = size / 2 - (points[..., 1] - CENTRE_CM[1]) * zoom * scale
    return np.stack([x, y, points[..., 2]], -1)


def normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for i in range(3):
        np.add.at(total, triangles[:, i], face)
    return total / (np.linalg.norm(total, axis=1, keepdims=True) + 1e-12)


@numba.njit(cache=True)
def _raster(points, triangles, depth, index, bary):
    height, width = depth.shape
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        x0, y0, x1, y1 = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        x2, y2 = points[c, 0], points[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area >= -1e-12:
            continue
        left, right = max(int(min(x0, x1, x2)), 0), min(int(max(x0, x1, x2)) + 1, width)
        top, bottom = max(int(min(y0, y1, y2)), 0), min(int(max(y0, y1, y2)) + 1, height)
        for y in range(top, bottom):
            for x in range(left, right):
                u = ((x1 - x - 0.5) * (y2 - y - 0.5) - (x2 - x - 0.5) * (y1 - y - 0.5)) / area
                v = ((x2 - x - 0.5) * (y0 - y - 0.5) - (x0 - x - 0.5) * (y2 - y - 0.5)) / area
                w = 1.0 - u - v
                if u < 0 or v < 0 or w < 0:
                    continue
                z = u * points[a, 2] + v * points[b, 2] + w * points[c, 2]
                if z > depth[y, x]:
                    depth[y, x], index[y, x] = z, t
                    bary[y, x, 0], bary[y, x, 1], bary[y, x, 2] = u, v, w


@dataclass
class Buffers:
    """What each pixel sees: triangle, weights, depth."""

    index: np.ndarray
    bary: np.ndarray
    depth: np.ndarray
    triangles: np.ndarray

    @property
    def hit(self) -> np.ndarray:
        return self.index >= 0

    def spread(self, attribute: np.ndarray) -> np.ndarray:
        """Interpolate a vertex attribute over the hit pixels, shape (n, …)."""
        corner = self.triangles[self.index[self.hit]]
        weight = self.bary[self.hit]
        shape = (-1,) + (1,) * (attribute.ndim - 1)
        return sum(attribute[corner[:, i]] * weight[:, i].reshape(shape) for i in range(3))


def raster(points: np.ndarray, triangles: np.ndarray, size: int) -> Buffers:
    depth = np.full((size, size), -1e9)
    index = np.full((size, size), -1, np.int32)
    bary = np.zeros((size, size, 3))
    _raster(np.ascontiguousarray(points), triangles, depth, index, bary)
    return Buffers(index, bary, depth, triangles)


# ---- light ----------------------------------------------------------------------------------


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / (np.linalg.norm(vector, axis=-1, keepdims=True) + 1e-12)


class ShadowMap:
    """How much of the key light reaches a point, with a soft edge."""

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray, size: int = 1400) -> None:
        z = unit(KEY)
        x = unit(np.cross([0, 1.0, 0], z))
        self._axes = np.stack([x, np.cross(z, x), z])
        self._size, self._scale = size, size / 52.0
        points = self._place(vertices)
        self._depth = raster(points, triangles, size).depth

    def _place(self, positions: np.ndarray) -> np.ndarray:
        local = positions @ self._axes.T
        half = self._size / 2
        xy = np.stack([local[..., 0] * self._scale + half, half - local[..., 1] * self._scale], -1)
        return np.concatenate([xy, local[..., 2:]], -1)

    def light(self, positions: np.ndarray, softness_cm: float = 0.45) -> np.ndarray:
        """Share of the light in [0, 1] at positions (n, 3)."""
        points = self._place(positions)
        total = np.zeros(len(positions))
        golden = np.pi * (3 - np.sqrt(5))
        taps = 24
        for k in range(taps):
            radius = softness_cm * np.sqrt((k + 0.5) / taps) * self._scale
            column = np.clip(points[:, 0] + radius * np.cos(k * golden), 0, self._size - 1)
            row = np.clip(points[:, 1] + radius * np.sin(k * golden), 0, self._size - 1)
            total += self._depth[row.astype(int), column.astype(int)] < points[:, 2] + 0.35
        return total / taps


def noise(points: np.ndarray, frequency: float, seed: int, octaves: int = 3) -> np.ndarray:
    """Smooth value noise in [-1, 1] at points (n, 3)."""
    total, weight, norm = np.zeros(len(points)), 1.0, 0.0
    for octave in range(octaves):
        total += weight * _value_noise(points * frequency * 2**octave, seed + octave)
        norm += weight
        weight *= 0.5
    return total / norm


def _value_noise(points: np.ndarray, seed: int) -> np.ndarray:
    cell = np.floor(points).astype(np.int64)
    part = points - cell
    part = part * part * (3 - 2 * part)
    total = np.zeros(len(points))
    for corner in range(8):
        offset = np.array([corner & 1, corner >> 1 & 1, corner >> 2 & 1])
        key = (cell + offset) @ np.array([73856093, 19349663, 83492791]) ^ (seed * 2654435761)
        key = (key ^ (key >> 13)) * 1274126177 & 0x7FFFFFFF
        value = (key ^ (key >> 16)) % 65536 / 32767.5 - 1
        total += value * np.prod(np.where(offset, part, 1 - part), axis=1)
    return total


# ---- skin -----------------------------------------------------------------------------------


def gaussian(position: np.ndarray, centre: tuple[float, float], radius: tuple[float, float]):
    return np.exp(-(((position[:, :2] - centre) / radius) ** 2).sum(1))


def skin_albedo(home: np.ndarray, lip: np.ndarray) -> np.ndarray:
    """Skin colour at points; `home` are their places on the mean head, (n, 3) cm."""
    side = np.abs(home[:, :1]) * [1, 0, 0] + home * [0, 1, 1]
    colour = np.tile(SKIN, (len(home), 1))
    colour *= 1 + 0.05 * noise(home, 0.5, 1)[:, None] + 0.035 * noise(home, 2.5, 2)[:, None]
    blush = 0.9 * gaussian(side, (5.0, -0.6), (2.2, 1.9)) + 0.55 * gaussian(
        side, (0, 0.2), (1.3, 1.0)
    )
    blush += 0.25 * gaussian(side, (0, -8.6), (2.2, 1.2)) + 0.9 * (side[:, 0] > 8.0) * (
        side[:, 1] > -6
    )
    colour *= 1 - np.clip(blush, 0, 1)[:, None] * [0.01, 0.17, 0.15]
    eye = gaussian(side, (3.3, 2.6), (1.9, 1.1))
    colour *= 1 - eye[:, None] * [0.10, 0.15, 0.12]
    lid = gaussian(side, (3.3, 4.55), (1.7, 0.55))
    colour *= 1 - lid[:, None] * [0.16, 0.24, 0.22]
    freckle = np.clip(noise(home, 3.1, 7, 1) - 0.52, 0, 1) * 5
    where = gaussian(side, (3.4, -0.2), (2.8, 1.3)) + gaussian(side, (0, 1.0), (1.6, 0.9))
    colour *= 1 - np.clip(freckle * where, 0, 1)[:, None] * [0.10, 0.17, 0.2]
    lips = LIP * (1 + 0.10 * noise(home * [3.0, 0.5, 1.0], 1.5, 9)[:, None])
    return colour * (1 - lip[:, None]) + lips * lip[:, None]


def lip_amount(head: Head) -> np.ndarray:
    """Lip colour per vertex of the mean head, [0, 1], from the outer lip contour."""
    scale, origin = 40.0, 500.0
    outline = (head.mean[head.landmarks[48:60]][:, :2] * scale + origin).astype(np.int32)
    mask = np.zeros((1000, 1000), np.uint8)
    cv2.fillPoly(mask, [outline], 255)
    mask = cv2.GaussianBlur(cv2.dilate(mask, np.ones((5, 5))), (0, 0), 4)
    pixel = np.clip(head.mean[:, :2] * scale + origin, 0, 999).astype(int)
    amount = mask[pixel[:, 1], pixel[:, 0]] / 255.0
    amount[head.mean[:, 2] < 8] = 0
    amount[: len(head.lip_coord)][head.lip_coord > 0] = 1
    amount[len(head.lip_coord) :] = 0
    return amount


def shade(
    position: np.ndarray,
    normal: np.ndarray,
    albedo: np.ndarray,
    lit: np.ndarray,
    occlusion: np.ndarray,
    gloss: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Diffuse irradiance times albedo, and highlights, each (n, 3)."""
    view = unit(np.array([0, CENTRE_CM[1], CAMERA_CM]) - position)
    irradiance = AMBIENT * (0.75 + 0.25 * normal[:, 1:2]) * occlusion[:, None]
    highlight = np.zeros_like(albedo)
    wrap = np.array([0.32, 0.16, 0.12])
    lights = ((KEY, KEY_COLOUR, lit), (FILL, FILL_COLOUR, occlusion), (RIM, RIM_COLOUR, occlusion))
    for direction, colour, share in lights:
        towards = unit(direction)
        cosine = (normal @ towards)[:, None]
        diffuse = np.clip((cosine + wrap) / (1 + wrap), 0, 1)
        irradiance += diffuse * colour * np.clip(share[:, None] + wrap * 0.12, 0, 1) / np.pi * 1.9
        half = unit(towards + view)
        sheen = np.clip((normal * half).sum(1), 0, 1)
        fresnel = 0.04 + 0.5 * (1 - np.clip((normal * view).sum(1), 0, 1)) ** 5
        lobe = 0.65 * sheen**18 + 1.5 * sheen**70
        highlight += (fresnel * lobe * share * gloss)[:, None] * colour * 2.2
    return irradiance * albedo, highlight


def occlusion_from_depth(depth: np.ndarray, hit: np.ndarray) -> np.ndarray:
    """Darkening of hollows, [0, 1], from how far a pixel lies behind its neighbourhood."""
    filled = np.where(hit, depth, -6.0).astype(np.float32)
    result = np.ones_like(filled)
    for sigma, strength in ((14, 0.30), (45, 0.22), (110, 0.10)):
        behind = np.clip(cv2.GaussianBlur(filled, (0, 0), sigma) - filled, 0, 2.5)
        result *= 1 - strength * np.clip(behind * (30 / sigma) ** 0.5, 0, 1.4)
    return np.clip(result, 0.12, 1)


def draw_skin(head: Head, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The head without hair: linear RGB (size, size, 3) and depth (size, size)."""
    triangles = head.part("face", "head_neck")
    buffers = raster(project(head.vertices, size), triangles, size)
    hit = buffers.hit
    position, home = buffers.spread(head.vertices), buffers.spread(head.mean)
    lip = buffers.spread(lip_amount(head))
    normal = unit(buffers.spread(normals(head.vertices, triangles)))
    bump = np.stack([noise(home, 9.0, 20 + i, 2) for i in range(3)], -1)
    creases = noise(home * [4.0, 0.6, 1.0], 2.2, 31, 2)[:, None] * [1, 0.1, 0]
    normal = unit(normal + 0.045 * bump * (1 - lip[:, None]) + 0.16 * creases * lip[:, None])
    occlusion = occlusion_from_depth(buffers.depth, hit)[hit]
    lit = ShadowMap(head.vertices, triangles).light(position + 0.12 * normal)
    lit *= 0.25 + 0.75 * occlusion
    zone = 0.55 + 0.65 * gaussian(np.abs(home) * [1, 0, 0] + home * [0, 1, 1], (0, 4), (3.0, 6.0))
    gloss = zone * (1 - lip) * (0.8 + 0.3 * noise(home, 4, 41)) + 1.25 * lip
    albedo = skin_albedo(home, lip)
    diffuse, highlight = shade(position, normal, albedo, lit, occlusion, gloss)
    image, spark = np.zeros((size, size, 3)), np.zeros((size, size, 3))
    image[hit], spark[hit] = diffuse, highlight
    return scatter(image, hit) + spark, np.where(hit, buffers.depth, -1e9)


def scatter(image: np.ndarray, hit: np.ndarray) -> np.ndarray:
    """Light that wanders below the skin: each colour blurred by its own free path."""
    mask = hit.astype(np.float32)
    out = image.copy()
    for channel, sigma in enumerate((7.0, 3.2, 2.0)):
        soft = cv2.GaussianBlur((image[..., channel] * mask).astype(np.float32), (0, 0), sigma)
        norm = cv2.GaussianBlur(mask, (0, 0), sigma)
        mixed = 0.45 * image[..., channel] + 0.55 * soft / (norm + 1e-4)
        out[..., channel] = np.where(hit, mixed, image[..., channel])
    return out


# ---- eyes -----------------------------------------------------------------------------------


def draw_eyes(head: Head, image: np.ndarray, depth: np.ndarray) -> None:
    """Eyeballs with iris, pupil, limbal ring, lid shadow and the window in them."""
    size = len(depth)
    for part in ("eyeball_L", "eyeball_R"):
        triangles = head.part(part)
        buffers = raster(project(head.vertices, size), triangles, size)
        seen = buffers.hit & (buffers.depth > depth)
        first, last, _, _ = head.parts[part]
        centre = head.vertices[first:last].mean(0)
        radius = np.linalg.norm(head.vertices[first:last] - centre, axis=1).max()
        position = np.zeros((size, size, 3))
        position[buffers.hit] = buffers.spread(head.vertices)
        position = position[seen]
        direction = unit(position - centre)
        gaze = unit(np.array([0.0, -0.03, 1.0]) - np.array([centre[0], 0, 0]) * 0.004)
        angle = np.arccos(np.clip(direction @ gaze, -1, 1)) * radius
        colour = eye_colour(angle, direction, gaze)
        rows, columns = np.nonzero(seen)
        upper = lid_distance(seen, rows, columns, size)
        shadow = np.clip(0.30 + upper / (0.016 * size), 0, 1)[:, None]
        light = 0.42 + 0.62 * np.clip(direction @ unit(KEY * [1, 0.4, 1]), 0, 1)[:, None]
        image[seen] = colour * light * shadow
        depth[seen] = buffers.depth[seen]
        glint(image, project(centre + gaze * radius, size), seen, size)


def eye_colour(angle: np.ndarray, direction: np.ndarray, gaze: np.ndarray) -> np.ndarray:
    """Colour by distance from the iris centre in cm, (n, 3)."""
    turn = np.arctan2(direction[:, 1] - gaze[1], direction[:, 0] - gaze[0])
    fibre = np.stack([np.cos(turn) * 9, np.sin(turn) * 9, angle * 1.5], -1)
    streaks = noise(fibre, 1.0, 61, 3)
    sclera = np.array([0.80, 0.77, 0.74]) * (1 - 0.14 * np.clip(angle - 0.75, 0, 1)[:, None])
    angle = angle / 1.46
    ring = np.clip(angle / 0.62, 0, 1)
    iris = IRIS * (0.65 + 0.75 * streaks[:, None] * 0.6 + 0.85 * (1 - ring)[:, None])
    amber = np.exp(-(((angle - 0.30) / 0.10) ** 2))[:, None] * [0.22, 0.13, 0.03]
    iris = np.clip(iris + amber, 0.01, 1) * (1 - 0.75 * smooth(angle, 0.50, 0.63))[:, None]
    colour = mix(iris, sclera, smooth(angle, 0.59, 0.66))
    return mix(np.full_like(colour, 0.012), colour, smooth(angle, 0.21, 0.25))


def smooth(value: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return a * (1 - weight[:, None]) + b * weight[:, None]


def lid_distance(seen: np.ndarray, rows: np.ndarray, columns: np.ndarray, size: int) -> np.ndarray:
    top = np.where(seen.any(0), seen.argmax(0), size)
    return rows - top[columns]


def glint(image: np.ndarray, place: np.ndarray, seen: np.ndarray, size: int) -> None:
    unit_px = size / VIEW_CM
    mask = np.zeros(seen.shape, np.float32)
    centre = place[:2] + np.array([-0.20, -0.22]) * unit_px
    half = np.array([0.105, 0.13]) * unit_px
    corners = centre + half * np.array([[-1, -0.9], [0.9, -1], [1, 0.9], [-0.9, 1]])
    cv2.fillConvexPoly(mask, np.round(corners * 16).astype(np.int32), 1.0, cv2.LINE_AA, 4)
    small = place[:2] + np.array([0.22, 0.20]) * unit_px
    cv2.circle(mask, tuple(np.round(small).astype(int)), int(0.06 * unit_px), 0.35, -1, cv2.LINE_AA)
    mask = cv2.GaussianBlur(mask, (0, 0), size / 1600) * seen
    image += mask[..., None] * np.array([1.0, 0.98, 0.94]) * 0.95


# ---- hair -----------------------------------------------------------------------------------


@numba.njit(cache=True)
def _draw_strands(points, width, colour, alpha, image, depth):
    """Draw polylines (n, k, 3) of linear RGB from back to front, hidden by what lies before."""
    size = len(depth)
    for s in range(len(points)):
        count = points.shape[1]
        for k in range(count - 1):
            x0, y0, z0 = points[s, k]
            x1, y1, z1 = points[s, k + 1]
            length = max(abs(x1 - x0), abs(y1 - y0))
            steps = int(length) + 1
            taper = 1.0 - 0.75 * (k / (count - 1)) ** 2
            radius = width[s] * taper
            for i in range(steps):
                t = (i + 0.5) / steps
                x, y, z = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t, z0 + (z1 - z0) * t
                reach = int(radius) + 1
                for row in range(int(y) - reach, int(y) + reach + 1):
                    for column in range(int(x) - reach, int(x) + reach + 1):
                        if row < 0 or column < 0 or row >= size or column >= size:
                            continue
                        if z < depth[row, column] - 0.05:
                            continue
                        away = np.sqrt((column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2)
                        cover = min(max(radius + 0.5 - away, 0.0), 1.0) * alpha[s]
                        cover *= 1.0 / max(1.0, 1.2 * radius)
                        for c in range(3):
                            tone = colour[s, k, c] + (colour[s, k + 1, c] - colour[s, k, c]) * t
                            image[row, column, c] += (tone - image[row, column, c]) * cover


def strand_colour(strands: np.ndarray, tone: np.ndarray, lit: np.ndarray) -> np.ndarray:
    """Kajiya-Kay shading of strands (n, k, 3) with tone in [0, 1] and light (n, k)."""
    tangent = unit(np.gradient(strands, axis=1))
    base = HAIR_DARK + (HAIR_LIGHT - HAIR_DARK) * tone[:, None, None]
    view = np.array([0, 0, 1.0])
    colour = base * AMBIENT * 0.9
    for direction, light, share in (
        (KEY, KEY_COLOUR, lit),
        (FILL, FILL_COLOUR, 1),
        (RIM, RIM_COLOUR, 1),
    ):
        towards = unit(direction)
        along = tangent @ towards
        across = np.sqrt(np.clip(1 - along**2, 0, 1))
        shift = tangent @ unit(towards + view)
        sheen = np.sqrt(np.clip(1 - (shift + 0.08) ** 2, 0, 1)) ** 60
        glow = np.sqrt(np.clip(1 - (shift - 0.10) ** 2, 0, 1)) ** 18
        amount = np.asarray(share)[..., None] if np.ndim(share) else share
        colour = colour + base * light * (0.55 * across[..., None] + 1.1 * glow[..., None]) * amount
        colour = colour + 0.05 * light * sheen[..., None] * amount
    return colour


def scalp_roots(head: Head, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random places on the scalp and their normals, each (n, 3)."""
    triangles = head.part("face", "head_neck")
    normal = normals(head.vertices, triangles)
    corner = head.vertices[triangles]
    area = np.linalg.norm(
        np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1
    )
    chosen = rng.choice(len(triangles), count * 4, p=area / area.sum())
    weight = rng.dirichlet([1, 1, 1], len(chosen))
    place = (corner[chosen] * weight[..., None]).sum(1)
    out = unit((normal[triangles[chosen]] * weight[..., None]).sum(1))
    line = np.interp(place[:, 2], HAIRLINE_Z, HAIRLINE_Y)
    line = line + 0.5 * noise(place, 0.9, 71, 2) + 0.25 * np.abs(rng.normal(size=len(place)))
    ear = (np.abs(place[:, 0]) > 8.05) & (place[:, 1] < 4.4) & (place[:, 2] > -3.5)
    keep = (place[:, 1] > line) & ~ear
    return place[keep][:count], out[keep][:count]


HAIRLINE_Z = np.array([-9.0, -4.0, -0.5, 1.2, 2.6, 4.2, 6.0, 9.0])
HAIRLINE_Y = np.array([-7.0, -6.0, -2.5, 0.2, 2.4, 6.2, 8.7, 9.3])
SKULL_CENTRE = np.array([0.0, 4.2, 0.4])
SKULL_RADIUS = np.array([8.35, 10.45, 9.6])
PARTING_X = 3.1
STRAND_POINTS = 16


def grow(root: np.ndarray, normal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Combed strands, shape (n, STRAND_POINTS, 3): side-swept top, short sides and back."""
    count = len(root)
    top = smooth(root[:, 1], 5.5, 10.5)
    away = np.where(root[:, 0] > PARTING_X + 0.35 * noise(root, 1.1, 81, 2), 1.0, -1.0)
    combed = np.stack([away, 0.05 - 0.2 * (1 - top), np.full(count, 0.10)], 1)
    falling = np.stack(
        [0.12 * np.sign(root[:, 0]), -np.ones(count), 0.25 - 0.5 * (root[:, 2] < 0)], 1
    )
    flow = unit(combed) * top[:, None] + unit(falling) * (1 - top)[:, None]
    length = (1.9 + 5.6 * top * (0.75 + 0.25 * (root[:, 0] < PARTING_X))) * rng.uniform(
        0.8, 1.12, count
    )
    lift = (0.22 + 0.95 * top * np.exp(-(((root[:, 0] - PARTING_X + 1.5) / 5.5) ** 2)))[:, None]
    direction = unit(lift * normal + flow * 0.75)
    clump = noise(root, 0.75, 83, 2)
    swirl = np.stack([noise(root, 0.55, 91 + i, 2) for i in range(3)], 1)
    strand = np.empty((count, STRAND_POINTS, 3))
    strand[:, 0] = root
    step = (length / (STRAND_POINTS - 1))[:, None]
    for k in range(1, STRAND_POINTS):
        t = k / (STRAND_POINTS - 1)
        wave = np.sin(5.5 * t + 6 * clump)[:, None] * swirl * 0.30 * t
        side = np.clip(np.abs(strand[:, k - 1, :1]) / 8.0, 0, 1) ** 2
        gravity = np.array([0, -0.17, 0.02]) * (0.35 + t) + side * [0, -0.34, 0.0]
        inward = -np.sign(strand[:, k - 1, :1]) * side * [0.20, 0, 0]
        direction = unit(direction + 0.18 * flow * (1 - 0.8 * side) + gravity + inward + wave)
        strand[:, k] = push_out(strand[:, k - 1] + direction * step, 0.12 + 0.45 * top * t)
    return strand


def push_out(points: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """Keep points outside the skull by `margin` cm."""
    local = (points - SKULL_CENTRE) / (SKULL_RADIUS + margin[:, None])
    radius = np.linalg.norm(local, axis=1, keepdims=True)
    return SKULL_CENTRE + local / np.minimum(radius, 1) * (SKULL_RADIUS + margin[:, None])


def draw_hair(head: Head, image: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> None:
    """Two layers of hair: a dark one near the scalp, then the strands that catch the light."""
    size = len(depth)
    pixel = size / 2560
    for count, layer in ((26000, 0.0), (60000, 1.0)):
        root, normal = scalp_roots(head, count, rng)
        strand = grow(root, normal, rng)
        spread = rng.normal(size=(len(root), 1, 3)) * (0.05 + 0.16 * layer)
        strand = strand + spread * np.linspace(0, 1, STRAND_POINTS)[None, :, None]
        if layer == 0.0:
            shadow_of_hair(strand, image, depth)
        height = np.linalg.norm((strand - SKULL_CENTRE) / SKULL_RADIUS, axis=2) - 1
        lit = np.clip(0.22 + 4.2 * height, 0.12, 1) * (0.45 + 0.55 * layer)
        tone = np.clip(
            0.45 + 0.5 * noise(root, 0.8, 95, 2) + 0.22 * rng.normal(size=len(root)), 0, 1
        )
        colour = strand_colour(strand, tone, lit)
        order = np.argsort(strand[:, :, 2].mean(1) + 2.0 * height.mean(1))
        width = rng.uniform(0.7, 1.25, len(root)) * pixel
        alpha = rng.uniform(0.55, 0.95, len(root))
        placed = project(strand, size)
        _draw_strands(placed[order], width[order], colour[order], alpha[order], image, depth - 0.6)


def shadow_of_hair(strand: np.ndarray, image: np.ndarray, depth: np.ndarray) -> None:
    size = len(depth)
    mask = np.zeros((size, size, 3))
    front = strand[(strand[:, 0, 2] > 3.0)]
    moved = project(front - unit(KEY) * [0.8, 0.8, 0.0], size)
    ones = np.ones((*front.shape[:2], 3))
    flat = np.full(len(front), 2.5 * size / 2560)
    nothing = np.full((size, size), -1e9)
    _draw_strands(moved, flat, ones, np.full(len(front), 0.8), mask, nothing)
    cover = cv2.GaussianBlur(mask[..., 0].astype(np.float32), (0, 0), size / 170)
    image *= 1 - 0.42 * (cover * (depth > 0))[..., None] * [0.85, 1.0, 1.05]


def draw_brows(head: Head, image: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> None:
    size = len(depth)
    for ids, side in ((range(17, 22), -1), (range(26, 21, -1), 1)):
        arc = head.vertices[head.landmarks[list(ids)]]
        count = 420
        t = rng.beta(1.15, 1.0, count)
        place = sample_curve(arc, t)
        across = rng.uniform(-1, 1, count)
        thickness = 0.33 * np.interp(t, [0, 0.25, 0.7, 1], [0.25, 0.75, 1.0, 0.8])
        place[:, 1] += across * thickness - 0.05
        inner = t[:, None]
        lean = inner * [-side * 0.15, 1.0, 0.1] + (1 - inner) * [side * 1.0, -0.12, -0.25]
        lean = unit(
            lean
            - np.stack([0 * across, 0.55 * across * (1 - t), 0 * across], 1)
            + [side * 0.55, 0, 0]
        )
        hair = hairs(place, lean, rng.uniform(0.40, 0.75, count), np.array([0, -0.12, 0]), 0.14)
        colour = np.ones((count, 6, 1)) * HAIR_DARK * rng.uniform(1.2, 2.6, (count, 1, 1))
        width = rng.uniform(0.9, 1.5, count) * size / 2560
        _draw_strands(
            project(hair, size), width, colour, rng.uniform(0.25, 0.55, count), image, depth - 0.8
        )


def draw_lashes(head: Head, image: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> None:
    size = len(depth)
    for upper, lower, side in (
        ((36, 37, 38, 39), (36, 41, 40, 39), -1),
        ((45, 44, 43, 42), (45, 46, 47, 42), 1),
    ):
        for ids, rise, count, length in ((upper, 1.0, 85, 0.42), (lower, -0.7, 36, 0.15)):
            arc = head.vertices[head.landmarks[list(ids)]]
            t = np.clip(rng.uniform(0.0, 0.96, count), 0, 1)
            outward = (0.75 - 1.1 * t)[:, None] * [side, 0, 0]
            lean = unit(outward + np.array([0, 0.55 * rise, 0.75]))
            size_cm = length * rng.uniform(0.7, 1.1, count) * (1.1 - 0.5 * t)
            hair = hairs(sample_curve(arc, t), lean, size_cm, np.array([0, 0.35 * rise, 0]), 0.03)
            colour = np.full((count, 6, 3), 0.016)
            width = np.full(count, 1.15 if rise > 0 else 0.7) * size / 2560
            _draw_strands(
                project(hair, size), width, colour, np.full(count, 0.75), image, depth - 2.5
            )
        line = sample_curve(head.vertices[head.landmarks[list(upper)]], np.linspace(0, 1, 40))[None]
        dark = np.full((1, 40, 3), 0.03)
        _draw_strands(
            project(line + np.array([0, 0, 0.1]), size),
            np.full(1, 4.2 * size / 2560),
            dark,
            np.full(1, 0.9),
            image,
            depth - 2.5,
        )


def sample_curve(points: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Smooth curve through points (k, 3) at t in [0, 1]."""
    knots = np.linspace(0, 1, len(points))
    return np.stack([np.polyval(np.polyfit(knots, points[:, i], 3), t) for i in range(3)], 1)


def hairs(place, lean, length, bend, rise) -> np.ndarray:
    """Short curved hairs (n, 6, 3) from places (n, 3) along lean, lifted off the skin."""
    t = np.linspace(0, 1, 6)[None, :, None]
    along = lean[:, None] * length[:, None, None] * t
    return place[:, None] + [0, 0, rise] + along + bend * (t**2) * length[:, None, None]


# ---- clothes and room -----------------------------------------------------------------------


def grid_cm(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Centimetres of every pixel in the plane of the face."""
    rows, columns = np.mgrid[0:size, 0:size] + 0.5
    scale = VIEW_CM / size
    return (columns - size / 2) * scale + CENTRE_CM[0], (size / 2 - rows) * scale + CENTRE_CM[1]


def draw_room(size: int) -> np.ndarray:
    """A wall out of focus: warm light from one side, a few soft lamps and a plant's shade."""
    x, y = grid_cm(size)
    warm, cool = np.array([0.42, 0.30, 0.19]), np.array([0.050, 0.085, 0.10])
    weight = np.clip(0.5 - x / 46 + y / 90, 0, 1)[..., None]
    image = cool + (warm - cool) * weight**1.4
    for cx, cy, r, tone in (
        (17, 12, 3.4, (0.55, 0.38, 0.20)),
        (21, 3, 2.5, (0.42, 0.30, 0.18)),
        (12.5, 17, 2.1, (0.30, 0.22, 0.15)),
        (-19, 14, 4.6, (0.26, 0.23, 0.19)),
    ):
        disc = smooth(r - np.hypot(x - cx, y - cy), 0.0, 1.3)[..., None]
        image = image + disc * np.array(tone)
    shelf = smooth(np.abs(y + 6) - 0.9, 0.0, 1.6)[..., None]
    image *= 0.78 + 0.22 * np.where((x > 6)[..., None], shelf, 1.0)
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), size / 90).astype(np.float64)


COLLAR_Y = -11.2


def draw_clothes(image: np.ndarray, back: bool) -> None:
    """A knitted crew-neck jumper; `back` draws the part behind the neck."""
    size = len(image)
    x, y = grid_cm(size)
    opening = np.hypot(x / 7.3, (y - COLLAR_Y) / np.where(y < COLLAR_Y, 4.4, 1.5))
    side = np.abs(x)
    shoulder = COLLAR_Y + 0.9 - 0.28 * (side - 6) - 0.013 * np.clip(side - 6, 0, None) ** 2
    inside = y < shoulder
    below = (y < COLLAR_Y) & (opening > 1) | (side > 7.3)
    mask = (side < 7.6) & (y < COLLAR_Y + 0.9 - 0.02 * side**2) if back else inside & below
    slope = np.clip((shoulder - y) / 7.0, 0, 1)
    normal = np.stack(
        [np.clip(x / 24, -0.8, 0.8), 0.75 * (1 - slope) - 0.1, np.full_like(x, 0.65)], -1
    )
    rib = 0.5 + 0.5 * np.sin(x * 11.0) if not back else 0.6
    stitch = 0.5 + 0.5 * np.sin(x * 13 + 0.9 * np.sin(y * 13)) * np.cos(y * 6.5)
    collar = smooth(opening, 1.0, 1.03) * (1 - smooth(opening, 1.30, 1.34)) * (y < COLLAR_Y + 3)
    texture = np.where(collar > 0.5, 0.62 + 0.5 * rib, 0.80 + 0.25 * stitch)
    edge = 1 - 0.45 * np.exp(-(((opening - 1.32) / 0.05) ** 2)) * (y < COLLAR_Y)
    flat = unit(normal)
    light = AMBIENT * 0.8
    for direction, colour in ((KEY, KEY_COLOUR), (FILL, FILL_COLOUR), (RIM, RIM_COLOUR * 0.5)):
        light = (
            light + np.clip((flat @ unit(direction) + 0.15) / 1.15, 0, 1)[..., None] * colour * 0.55
        )
    folds = 1 + 0.13 * np.sin(x * 0.55 + 1.3 * np.sin(y * 0.5)) * smooth(slope, 0.2, 0.9)
    shade_of_head = 1 - 0.55 * np.exp(-(((x - 2.0) / 7.0) ** 2)) * smooth(y, -18.0, -12.0)
    colour = (
        KNIT * light * (texture * edge * folds * shade_of_head * (0.45 if back else 1))[..., None]
    )
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), size / 2200)[..., None]
    image += (colour - image) * soft


def finish(image: np.ndarray) -> np.ndarray:
    """Reduce, tone-map, a little bloom, vignette and grain; uint8 RGB."""
    small = cv2.resize(image.astype(np.float32), (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA)
    bloom = cv2.GaussianBlur(np.clip(small - 0.8, 0, None), (0, 0), 14)
    small = small + 0.5 * bloom
    mapped = small * (1 + small / 4.5) / (1 + small * 0.62)
    grid = np.mgrid[0:SIZE_PX, 0:SIZE_PX] / (SIZE_PX - 1) - 0.5
    mapped *= (1 - 0.35 * (grid**2).sum(0) ** 1.2)[..., None]
    encoded = np.clip(mapped, 0, 1) ** (1 / 2.2)
    encoded = encoded + 0.30 * (encoded - 0.5) * encoded * (1 - encoded) * 4 * 0.9
    encoded = 0.5 + (encoded - 0.5) * 1.04
    rng = np.random.default_rng(SEED)
    grain = cv2.GaussianBlur(rng.normal(size=encoded.shape[:2]).astype(np.float32), (0, 0), 0.7)
    return (np.clip(encoded + 0.010 * grain[..., None], 0, 1) * 255 + 0.5).astype(np.uint8)


def draw(facekit: Path) -> np.ndarray:
    """The sample portrait, (SIZE_PX, SIZE_PX, 3) uint8 RGB."""
    rng = np.random.default_rng(SEED)
    head, size = Head(facekit), SIZE_PX * SUPERSAMPLE
    image = draw_room(size)
    draw_clothes(image, back=True)
    skin, depth = draw_skin(head, size)
    cover = cv2.GaussianBlur((depth > -1e8).astype(np.float32), (0, 0), 1.0)[..., None]
    image += (np.where((depth > -1e8)[..., None], skin, image) - image) * cover
    draw_eyes(head, image, depth)
    draw_lashes(head, image, depth, rng)
    draw_brows(head, image, depth, rng)
    draw_clothes(image, back=False)
    draw_hair(head, image, depth, rng)
    return finish(image)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facekit", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
    if not cv2.imwrite(str(args.output), draw(args.facekit)[..., ::-1], quality):
        raise SystemExit(f"cannot write {args.output}")


if __name__ == "__main__":
    main()
