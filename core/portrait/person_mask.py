"""Separates person and background without any downloaded network.

The fitted head says where the person surely is, GrabCut's colour models find the outline of hair
and shoulders from there, and a guided filter turns the outline soft where the hair is fine.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import PortraitError
from core.face_model import FaceModel
from core.portrait.picture import read_picture
from core.types import FloatArray, ImageArray

_WORK_SIDE_PX = 192
_GRABCUT_ROUNDS = 2
_GRAIN = 5.0
_WHOLE_PICTURE = 0.95
_SOFT_SHARE = 0.012
"""Radius of the soft edge as a share of the longest side of the picture."""


def find_person(rgb: ImageArray, vertices_px: FloatArray, model: FaceModel) -> ImageArray:
    """Mask of the person a face was fitted to.

    Args:
        rgb: The portrait, shape (H, W, 3), uint8.
        vertices_px: The fitted model in it, shape (V, 3).
        model: The face model.

    Returns:
        Shape (H, W), uint8: 255 person, 0 background, soft in between.
    """
    height, width = rgb.shape[:2]
    zoom = min(1.0, _WORK_SIDE_PX / max(height, width))
    size = max(round(width * zoom), 8), max(round(height * zoom), 8)
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    guess = _first_guess(small.shape[:2], vertices_px[:, :2] * zoom, model)
    labels = guess.copy()
    models = np.zeros((2, 1, 65))
    cv2.setRNGSeed(0)
    blurred = _evened(small)
    cv2.grabCut(blurred, labels, None, models[0], models[1], _GRABCUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    person = _person(labels)
    if person.mean() > _WHOLE_PICTURE:  # the colours did not tell them apart
        person = _person(guess)
    person = _one_piece(person, guess == cv2.GC_FGD)
    return _soften(person, small, rgb)


def read_mask(path: Path, height: int, width: int) -> ImageArray:
    """A person mask made by hand: a picture of any kind, white (or opaque) where the person is.

    Returns:
        Shape (height, width), uint8.

    Raises:
        PortraitError: The picture cannot be read or has another shape than the portrait.
    """
    picture = read_picture(path)
    mask = picture.opacity
    if mask is None:
        mask = np.asarray(cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    if abs(mask.shape[1] / mask.shape[0] - width / height) > 0.02 * width / height:
        raise PortraitError(
            "The mask {path} is {mask_width}x{mask_height} pixels, the portrait {width}x{height}: "
            "they must have the same shape.",
            path=path,
            mask_width=mask.shape[1],
            mask_height=mask.shape[0],
            width=width,
            height=height,
        )
    return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _first_guess(
    shape: tuple[int, ...], points: NDArray[np.floating], model: FaceModel
) -> ImageArray:
    """GrabCut labels from the fitted head, a cap of hair and a pair of shoulders."""
    face = points[model.vertices_of("face")]
    head = points[model.vertices_of("face", "head")]
    neck = points[model.vertices_of("neck")]
    chin = points[model.landmarks["chin"][0]]
    brow = points[np.concatenate([model.landmarks["brow_left"], model.landmarks["brow_right"]])]
    down = chin - brow.mean(0)
    tall = float(np.linalg.norm(down))  # from the brows to the chin, about 13 cm
    down = down / max(tall, 1e-6)
    across = np.array([down[1], -down[0]])
    labels = np.full(shape, cv2.GC_PR_BGD, np.uint8)
    labels[_far_outside(shape, chin, tall)] = cv2.GC_BGD
    shoulders = chin + tall * np.array(
        [
            across * 0.5 + down * 0.1,
            across * 1.5 + down * 0.8,
            across * 1.9 + down * 4.0,
            -across * 1.9 + down * 4.0,
            -across * 1.5 + down * 0.8,
            -across * 0.5 + down * 0.1,
        ]
    )
    cv2.fillPoly(labels, [_whole(shoulders)], cv2.GC_PR_FGD)
    crown = head.mean(0) + (head - head.mean(0)) * 1.12
    cv2.fillConvexPoly(labels, _hull(crown), cv2.GC_PR_FGD)
    chest = chin + tall * np.array(
        [across * 0.25, across * 0.6 + down * 1.4, -across * 0.6 + down * 1.4, -across * 0.25]
    )
    throat = neck[(neck - chin) @ down < 0.6 * tall]
    cv2.fillConvexPoly(labels, _hull(np.concatenate([chest, _shrunk(throat, 0.6)])), cv2.GC_FGD)
    for sure in (_shrunk(face, 0.88), _shrunk(head, 0.82)):
        cv2.fillConvexPoly(labels, _hull(sure), cv2.GC_FGD)
    return labels


def _far_outside(
    shape: tuple[int, ...], chin: NDArray[np.floating], tall: float
) -> NDArray[np.bool_]:
    """Where no hair reaches: far above and far beside the head, shape (H, W)."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    beside = (np.abs(x - chin[0]) > 2.2 * tall) & (y < chin[1] + 0.3 * tall)
    return np.asarray(beside | (y < chin[1] - 3.0 * tall))


def _shrunk(points: NDArray[np.floating], factor: float) -> NDArray[np.floating]:
    centre = points.mean(0)
    return np.asarray(centre + (points - centre) * factor)


def _whole(points: NDArray[np.floating]) -> NDArray[np.int32]:
    return np.round(points).astype(np.int32)


def _hull(points: NDArray[np.floating]) -> NDArray[np.int32]:
    return np.asarray(cv2.convexHull(_whole(points)), np.int32)


def _person(labels: ImageArray) -> ImageArray:
    return np.asarray((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), np.uint8)


def _evened(small: ImageArray) -> ImageArray:
    """Without fine texture, but never quite flat: GrabCut takes minutes on flat pictures."""
    even = cv2.bilateralFilter(small, 5, 30, 3).astype(np.float32)
    grain = np.random.default_rng(0).uniform(-_GRAIN, _GRAIN, small.shape)
    return np.asarray(even * (1.0 - 2.0 * _GRAIN / 255.0) + _GRAIN + grain, np.uint8)


def _one_piece(person: ImageArray, sure: NDArray[np.bool_]) -> ImageArray:
    """What hangs together with the face, without holes and crumbs."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    person = np.asarray(cv2.morphologyEx(person, cv2.MORPH_OPEN, kernel), np.uint8)
    person[sure] = 1
    _, pieces = cv2.connectedComponents(person, connectivity=4)
    kept = np.isin(pieces, np.unique(pieces[sure & (person > 0)])) & (person > 0)
    _, holes, stats, _ = cv2.connectedComponentsWithStats((~kept).astype(np.uint8), connectivity=4)
    at_edge = np.unique(np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]]))
    small = stats[:, cv2.CC_STAT_AREA] < 0.004 * person.size
    small[at_edge] = False
    return np.asarray(kept | (small[holes] & ~kept), np.uint8)


def _soften(person: ImageArray, small: ImageArray, full: ImageArray) -> ImageArray:
    """Guided filter (He et al. 2010, fast form) computed small, applied at full size."""
    radius = max(2, round(_SOFT_SHARE * max(small.shape[:2]) * 1.5))
    window = (2 * radius + 1, 2 * radius + 1)
    guide = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    mask = person.astype(np.float32)

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(cv2.blur(values, window), np.float32)

    mean_guide, mean_mask = mean(guide), mean(mask)
    slope = (mean(guide * mask) - mean_guide * mean_mask) / (mean(guide**2) - mean_guide**2 + 2e-3)
    offset = mean(mean_mask - slope * mean_guide)
    size = full.shape[1], full.shape[0]
    slope, offset = (cv2.resize(values, size) for values in (mean(slope), offset))
    large = cv2.cvtColor(full, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    soft = slope * large + offset
    soft = np.clip((soft - 0.15) / 0.7, 0.0, 1.0)
    return np.asarray(np.round(255.0 * soft * soft * (3.0 - 2.0 * soft)), np.uint8)
