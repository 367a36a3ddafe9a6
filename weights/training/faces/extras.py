"""Things drawn before, around and behind the face: background, hair, clothes, glasses, hands."""

import cv2
import numpy as np

from weights.training.faces.noise import FloatArray, NoiseTiles, Random
from weights.training.faces.person import Looks


def background(size: int, noise: NoiseTiles, random: Random) -> FloatArray:
    """A wall, a blurred room, stripes or a texture; (size, size, 3)."""
    kind = random.random()
    base = random.uniform(0, 1, 3) * random.uniform(0.2, 1) + random.uniform(0, 0.2)
    if kind < 0.2:
        picture = np.tile(base, (size, size, 1)).astype(np.float32)
    else:
        cells = int(random.integers(2, 10))
        blocks = base + random.normal(0, random.uniform(0.05, 0.3), (cells, cells, 3))
        how = cv2.INTER_CUBIC if random.random() < 0.7 else cv2.INTER_NEAREST
        picture = cv2.resize(blocks.astype(np.float32), (size, size), interpolation=how)
    for kind_of_noise, strength in (("cloud", 0.12), ("white", 0.06), ("hair", 0.06)):
        if random.random() < 0.4:
            grain = noise.field(kind_of_noise, size, random.uniform(0.7, 3), random)
            picture = picture * (1 + grain * random.uniform(0, strength))[..., None]
    for _ in range(random.integers(0, 7) if random.random() < 0.5 else 0):
        corners = random.uniform(-0.2, 1.2, (random.integers(3, 6), 2)) * size
        cv2.fillPoly(picture, [corners.astype(np.int32)], _colour(random.uniform(0, 1, 3)))
    if random.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(1, 8))
    return picture.astype(np.float32)


def hair_behind(
    picture: FloatArray,
    head: FloatArray,
    unit: float,
    looks: Looks,
    noise: NoiseTiles,
    random: Random,
) -> None:
    """Long hair or a large shape of hair behind the head, drawn into the picture.

    Args:
        picture: (S, S, 3), changed in place.
        head: (4,) left, top, right and bottom of the head in pixels.
        unit: Pixels per centimetre.
        looks: Whose hair.
        noise: Noise.
        random: Random numbers.
    """
    if looks.bald or random.random() < 0.35:
        return
    left, top, right, bottom = head
    middle, wide = (left + right) / 2, (right - left) / 2
    grow = random.uniform(1.0, 1.55)
    length = random.uniform(0.2, 1.4)
    steps = np.linspace(-np.pi, 0, 15)
    crown = np.stack([np.cos(steps) * wide * grow, np.sin(steps) * wide * grow * 1.1], 1)
    crown += [middle, top + wide * 1.05]
    ends_y = top + (bottom - top) * (0.4 + length)
    flare = random.uniform(0.8, 1.4)
    ends = [[middle + wide * grow * flare, ends_y], [middle - wide * grow * flare, ends_y]]
    shape = np.concatenate([crown, ends]) + random.normal(0, 0.25 * unit, (17, 2))
    _paint_hair(picture, [shape], looks.hair * random.uniform(0.6, 1), unit, noise, random)


def hair_before(
    picture: FloatArray,
    marks: FloatArray,
    unit: float,
    looks: Looks,
    noise: NoiseTiles,
    random: Random,
) -> None:
    """A fringe, locks beside the cheeks, single strands.

    Args:
        picture: (S, S, 3), changed in place.
        marks: (3, 2) brow middle, outer end of the right and of the left brow, pixels.
        unit: Pixels per centimetre.
        looks: Whose hair.
        noise: Noise.
        random: Random numbers.
    """
    if looks.bald:
        return
    middle, right, left = marks
    across, shapes = (left - right) / 2, []
    up = np.array([across[1], -across[0]]) / (np.linalg.norm(across) + 1e-6) * unit
    if random.random() < 0.3:
        shapes.append(_fringe(middle, across, up, random))
    if random.random() < 0.45:
        for side in (-1, 1):
            if random.random() < 0.8:
                shapes.append(_lock(middle, across * side, up, random))
    if shapes:
        _paint_hair(picture, shapes, looks.hair, unit, noise, random)
    for _ in range(random.integers(0, 12) if random.random() < 0.5 else 0):
        start = middle + across * random.uniform(-1.8, 1.8) + up * random.uniform(2, 6)
        end = start - up * random.uniform(2, 12) + across * random.normal(0, 0.5)
        bend = (start + end) / 2 + across * random.normal(0, 0.4)
        along = np.linspace(0, 1, 8)[:, None]
        curve = start * (1 - along) ** 2 + 2 * bend * along * (1 - along) + end * along**2
        shade = _colour(looks.hair * random.uniform(0.6, 1.5))
        thick = max(1, int(unit * random.uniform(0.05, 0.25)))
        cv2.polylines(picture, [_fixed(curve)], False, shade, thick, cv2.LINE_AA, 4)


def _fringe(middle: FloatArray, across: FloatArray, up: FloatArray, random: Random) -> FloatArray:
    low = random.uniform(-0.6, 2.5)
    slant = random.normal(0, 1.2)
    places = np.linspace(-1.5, 1.5, 12)
    edge = [
        middle + across * t + up * (low + slant * t + 0.8 * t * t + random.normal(0, 0.25))
        for t in places
    ]
    return np.array([*edge, middle + across * 1.6 + up * 8, middle - across * 1.6 + up * 8])


def _lock(middle: FloatArray, across: FloatArray, up: FloatArray, random: Random) -> FloatArray:
    inner, length = random.uniform(0.95, 1.5), random.uniform(4, 17)
    drops = np.linspace(0, 1, 8)
    wave = np.cumsum(random.normal(0, 0.07, 8)) + 0.25 * np.sin(drops * np.pi)
    edge = [
        middle + across * (inner + w) + up * (4 - d * length)
        for d, w in zip(drops, wave, strict=True)
    ]
    far = middle + across * (inner + random.uniform(0.5, 1.2))
    return np.array([middle + across * 0.3 + up * 7, *edge, far + up * (4 - length), far + up * 6])


def _paint_hair(
    picture: FloatArray,
    shapes: list[FloatArray],
    colour: FloatArray,
    unit: float,
    noise: NoiseTiles,
    random: Random,
) -> None:
    size = len(picture)
    cover = np.zeros((size, size), np.float32)
    for shape in shapes:
        cv2.fillPoly(cover, [_fixed(shape)], 1.0, cv2.LINE_AA, 4)
    cover = cv2.GaussianBlur(cover, (0, 0), max(0.4, unit * random.uniform(0.03, 0.2)))[..., None]
    streaks = noise.field("hair", size, max(0.4, unit / 14), random) * random.uniform(0.15, 0.5)
    soft = noise.field("soft", size, max(0.5, unit / 10), random) * random.uniform(0.05, 0.3)
    shade = colour * np.clip(1 + streaks + soft, 0.1, 2.5)[..., None]
    picture *= 1 - cover
    picture += cover * shade.astype(np.float32) * np.float32(random.uniform(0.5, 1.1))


def clothes(picture: FloatArray, neck: FloatArray, unit: float, random: Random) -> None:
    """Shoulders below the neck, drawn before the head: (S, S, 3) changed in place."""
    x, y = neck
    slope = random.uniform(2, 5) * unit
    wide = random.uniform(14, 22) * unit
    shape = np.array(
        [
            [x - 5 * unit, y],
            [x + 5 * unit, y],
            [x + wide, y + slope],
            [x + wide, y + 30 * unit],
            [x - wide, y + 30 * unit],
            [x - wide, y + slope],
        ]
    )
    cv2.fillPoly(picture, [_fixed(shape)], _colour(random.uniform(0, 0.9, 3)), cv2.LINE_AA, 4)


def glasses(picture: FloatArray, eyes: FloatArray, unit: float, random: Random) -> None:
    """Spectacles or sunglasses (not opaque).

    Args:
        picture: (S, S, 3), changed in place.
        eyes: (5, 2) right outer and inner corner, left inner and outer corner, nose bridge.
        unit: Pixels per centimetre.
        random: Random numbers.
    """
    dark = random.uniform(0, 0.35, 3) if random.random() < 0.8 else random.uniform(0, 1, 3)
    frame, thick = _colour(dark), max(1, int(unit * random.uniform(0.08, 0.35)))
    grow, tall = random.uniform(0.75, 1.15), random.uniform(0.65, 1.0)
    squareness = random.uniform(2, 5)
    turn = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    curve = np.stack([np.cos(turn), np.sin(turn)], 1)
    curve = np.sign(curve) * np.abs(curve) ** (2 / squareness)
    down = np.array([-(eyes[3] - eyes[0])[1], (eyes[3] - eyes[0])[0]])
    down = down / (np.linalg.norm(down) + 1e-6) * unit
    tint = random.uniform(0, 0.5) if random.random() < 0.25 else random.uniform(0, 0.08)
    rings = []
    for outer, inner in ((eyes[0], eyes[1]), (eyes[3], eyes[2])):
        middle, half = (outer + inner) / 2 + down * 0.15, (inner - outer) / 2 * 1.35 * grow
        ring = middle + curve[:, :1] * half + curve[:, 1:] * down * 1.7 * grow * tall
        rings.append(ring)
        lens = picture.copy()
        cv2.fillPoly(lens, [_fixed(ring)], _colour(dark * 0.5), cv2.LINE_AA, 4)
        picture += (lens - picture) * np.float32(tint)
        if random.random() < 0.3:
            glare = picture.copy()
            strip = middle + np.array([[-0.4, -1], [0.1, -1], [-0.3, 1], [-0.8, 1]]) * unit
            cv2.fillPoly(glare, [_fixed(strip)], (1.0, 1.0, 1.0), cv2.LINE_AA, 4)
            picture += (glare - picture) * np.float32(random.uniform(0.1, 0.5))
        if random.random() < 0.95:
            cv2.polylines(picture, [_fixed(ring)], True, frame, thick, cv2.LINE_AA, 4)
    bridge = np.array([rings[0][0], eyes[4] - down * 0.2, rings[1][0]])
    cv2.polylines(picture, [_fixed(bridge)], False, frame, thick, cv2.LINE_AA, 4)
    for ring in rings:
        far = ring[18] + (ring[18] - ring[0]) * 0.6 - down * 0.2
        cv2.line(picture, _point(ring[18]), _point(far), frame, thick, cv2.LINE_AA)


def hand(
    picture: FloatArray, target: FloatArray, unit: float, skin: FloatArray, random: Random
) -> None:
    """Fingers that come from outside and end near a point of the face, or some other object."""
    angle = random.uniform(0.15 * np.pi, 0.85 * np.pi)
    toward = np.array([np.cos(angle), np.sin(angle)])
    beside = np.array([-toward[1], toward[0]])
    if random.random() < 0.3:
        corners = (
            target + random.uniform(-4, 4, (random.integers(3, 6), 2)) * unit + toward * 4 * unit
        )
        cv2.fillPoly(picture, [_fixed(corners)], _colour(random.uniform(0, 1, 3)), cv2.LINE_AA, 4)
        return
    wide = unit * random.uniform(0.7, 1.0)
    colour = skin * random.uniform(0.5, 1.05)
    for finger in range(random.integers(1, 5)):
        tip = target + beside * finger * wide * 1.9 + toward * abs(finger - 1.3) * wide * 0.8
        root = tip + (toward + beside * random.normal(0, 0.08)) * unit * 8
        for shade, width in ((0.75, 1.0), (1.0, 0.75)):
            thick = max(1, int(wide * 2 * width))
            cv2.line(
                picture, _point(tip), _point(root), _colour(colour * shade), thick, cv2.LINE_AA
            )
    palm = target + toward * unit * 8 + beside * wide * 2.5
    cv2.circle(picture, _point(palm), int(wide * 5), _colour(colour * 0.95), -1, cv2.LINE_AA)


def _colour(values: FloatArray) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in np.clip(values, 0, 1))
    return red, green, blue


def _fixed(points: FloatArray) -> np.ndarray:
    """Points with four fractional bits, as OpenCV's shift of 4 wants them."""
    return np.round(np.asarray(points) * 16).astype(np.int32)


def _point(point: FloatArray) -> tuple[int, int]:
    return int(point[0]), int(point[1])
