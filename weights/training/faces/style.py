"""What camera, painter or printer make of a picture."""

import cv2
import numpy as np

from weights.training.faces.noise import FloatArray, NoiseTiles, Random


def develop(picture: FloatArray, noise: NoiseTiles, random: Random) -> np.ndarray:
    """A finished picture: exposure, perhaps a painter's hand, lens, sensor and file format.

    Args:
        picture: (S, S, 3) float32 RGB, about 0..1.
        noise: Noise.
        random: Random numbers.

    Returns:
        (S, S, 3) uint8.
    """
    picture = _expose(picture, random)
    if random.random() < 0.35:
        picture = _paint(picture, noise, random)
    if random.random() < 0.5:
        picture = _lens(picture, random)
    if random.random() < 0.5:
        picture = _sensor(picture, random)
    result = np.uint8(np.clip(picture, 0, 1) * 255)
    if random.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(15, 85))]
        result = cv2.imdecode(cv2.imencode(".jpg", result, quality)[1], cv2.IMREAD_COLOR)
    return result


def _expose(picture: FloatArray, random: Random) -> FloatArray:
    picture = np.clip(picture, 0, 4) * random.uniform(0.8, 1.2)
    picture = np.power(picture, random.uniform(0.6, 1.5), dtype=np.float32)
    picture = (picture - 0.5) * random.uniform(0.6, 1.3) + 0.5 + random.normal(0, 0.06)
    if random.random() < 0.08:
        picture = picture * random.uniform(0.2, 0.6)  # low light
    cast = random.normal(0, 0.05, 3)
    if random.random() < 0.2:
        grey = picture.mean(2, keepdims=True)
        tone = 1 + random.uniform(-0.3, 0.3) * np.float32([0.5, 0.1, -0.5])
        keep = random.uniform(0, 0.5)
        picture = picture * keep + grey * tone * (1 - keep)
    if random.random() < 0.15:
        size = len(picture)
        y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
        picture = picture * (1 - random.uniform(0.1, 0.5) * (x * x + y * y) / 2)[..., None]
    return (np.clip(picture, 0, 1) * (1 + cast)).astype(np.float32)


def _paint(picture: FloatArray, noise: NoiseTiles, random: Random) -> FloatArray:
    """Brush strokes, smooth cartoon, flat colours, lines, canvas, pencil, cracked varnish."""
    eight = np.uint8(np.clip(picture, 0, 1) * 255)
    kind = random.integers(0, 6)
    if kind == 0:
        eight = cv2.medianBlur(eight, int(random.choice([3, 5])))
        picture = _strokes(eight / np.float32(255), noise, random)
    elif kind == 1:
        picture = cv2.bilateralFilter(eight, 5, 60, 4) / np.float32(255)
    elif kind == 2:
        levels = random.integers(4, 10)
        smooth = cv2.bilateralFilter(eight, 5, 50, 3) / np.float32(255)
        picture = np.round(smooth * levels) / np.float32(levels)
    elif kind == 3:
        smooth = cv2.GaussianBlur(eight, (0, 0), 1.5) / np.float32(255)
        picture = picture * 0.3 + smooth * 0.7
    elif kind == 4:
        picture = _pencil(picture, noise, random)
    else:
        picture = _strokes(picture, noise, random)
    if random.random() < 0.45:
        picture = picture * (1 - random.uniform(0.3, 1) * _lines(picture))[..., None]
    if random.random() < 0.45:
        size = len(picture)
        weave = noise.field("white", size, random.uniform(0.8, 2), random)
        picture = picture * (1 + weave * random.uniform(0.02, 0.1))[..., None]
    return picture.astype(np.float32)


def _strokes(picture: FloatArray, noise: NoiseTiles, random: Random) -> FloatArray:
    """Pixels dragged about by a smooth field, as a brush does."""
    size = len(picture)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    reach = random.uniform(0.2, 0.8)
    scale = random.uniform(0.4, 1.0)
    shift_x = noise.field("cloud", size, scale, random) * reach
    shift_y = noise.field("cloud", size, scale, random) * reach
    return cv2.remap(
        picture, x + shift_x, y + shift_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )


def _lines(picture: FloatArray) -> FloatArray:
    """Dark contour lines where brightness bends, 0..1."""
    grey = picture.mean(2)
    bend = cv2.GaussianBlur(grey, (0, 0), 2.2) - cv2.GaussianBlur(grey, (0, 0), 1.0)
    return np.clip(bend * 14 - 0.15, 0, 1)


def _pencil(picture: FloatArray, noise: NoiseTiles, random: Random) -> FloatArray:
    grey = np.clip(picture.mean(2), 0, 1)
    blurred = cv2.GaussianBlur(1 - grey, (0, 0), random.uniform(3, 9))
    dodge = np.clip(grey / (1.02 - blurred), 0, 1)
    hatch = noise.field("hair", len(picture), random.uniform(0.5, 1.2), random)
    mixed = dodge * random.uniform(0.4, 1) + grey * random.uniform(0.1, 0.6)
    mixed = np.clip(mixed, 0, 1) * (1 + 0.06 * hatch)
    paper = np.float32([1.0, random.uniform(0.9, 1), random.uniform(0.75, 1)])
    return (mixed[..., None] * paper).astype(np.float32)


def _lens(picture: FloatArray, random: Random) -> FloatArray:
    kind = random.random()
    if kind < 0.45:
        return cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.8))
    if kind < 0.75:
        small = random.uniform(0.28, 0.8)
        reduced = cv2.resize(picture, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
        how = cv2.INTER_LINEAR if random.random() < 0.7 else cv2.INTER_CUBIC
        return cv2.resize(reduced, picture.shape[1::-1], interpolation=how)
    if kind < 0.9:
        sharp = picture - cv2.GaussianBlur(picture, (0, 0), 1.2)
        return picture + sharp * random.uniform(0.3, 1.5)
    length = int(random.integers(2, 6))
    kernel = np.eye(length, dtype=np.float32) / length
    return cv2.filter2D(picture, -1, kernel if random.random() < 0.5 else kernel[::-1])


def _sensor(picture: FloatArray, random: Random) -> FloatArray:
    grain = random.standard_normal(picture.shape, dtype=np.float32) * random.uniform(0, 0.045)
    if random.random() < 0.3:
        half = (len(picture) + 1) // 2
        coarse = random.standard_normal((half, half, 3), dtype=np.float32) * random.uniform(0, 0.05)
        grain = grain + cv2.resize(coarse, picture.shape[1::-1])
    return picture + grain
