"""Which pixels the network may change (eq. 5): the region that the moved mesh covers."""

from collections.abc import Callable

import cv2
import numpy as np

from core import blendshapes
from core.face_model import FaceModel
from core.types import FloatArray
from render.fia.config import FiaConfig

NAIVE_TOP = {"lower_face": 0.18, "face": 0.5}
"""First row of the naive mask, as a share of the crop: below the nose, or half-way down."""
NECK_SHARE = 0.22
"""How far the region reaches below the chin, in distances from nose to chin."""
FEATHER_SHARE = 0.02
"""Width of the soft edge, as a share of the crop."""
BORDER_SHARE = 0.04
"""Along the crop's border nothing changes."""
RIM_SHARE = 0.0075
"""Width of the soft edge around a mouth that is kept, as a share of the crop."""
_FRACTION_BITS = 4
_JAW_OPEN = blendshapes.INDEX["jawOpen"]


class MaskMaker:
    """Masks for one network: 1 keeps the pixel, 0 lets the network repaint it."""

    def __init__(self, config: FiaConfig, model: FaceModel) -> None:
        marks = model.landmarks
        self._size = config.size_px
        self._naive = naive_mask(config) if config.mask == "naive" else None
        self._nose = marks["nose"][4:9]
        self._jaw = marks["jaw"][2:15]
        self._chin = marks["jaw"][5:12]
        self._window = _border_window(config.size_px)
        self._mouth = None
        if config.keep_mouth:
            self._mouth = [*marks["lip_rim_upper"], *marks["lip_rim_lower"][::-1]]

    def mask(self, vertices_px: FloatArray) -> FloatArray:
        """The mask for a moved face.

        Args:
            vertices_px: Shape (V, 2 or more): the posed mesh in the crop's pixels.

        Returns:
            Shape (S, S), float32, [0, 1]; 1 along the crop's border.
        """
        if self._naive is not None:
            return self._naive
        points = vertices_px[:, :2]
        repainted = self._covered(points) * self._window
        if self._mouth is not None:
            repainted *= 1 - self._filled(points[self._mouth], RIM_SHARE, grown=True)
        return np.asarray(1 - repainted, np.float32)

    def _covered(self, points: FloatArray) -> FloatArray:
        """Soft region from the nose over the jaw to below the chin, (S, S)."""
        nose, jaw, chin = points[self._nose], points[self._jaw], points[self._chin]
        down = chin[len(chin) // 2] - nose.mean(axis=0)
        outline = np.concatenate([nose, jaw, chin + NECK_SHARE * down])
        return self._filled(cv2.convexHull(np.asarray(outline, np.float32)), FEATHER_SHARE)

    def _filled(self, outline: FloatArray, edge_share: float, grown: bool = False) -> FloatArray:
        """The inside of an outline with soft edges, (S, S), [0, 1]; `grown`: and a pixel around."""
        region = np.zeros((self._size, self._size), np.uint8)
        fixed = np.rint((outline - 0.5) * (1 << _FRACTION_BITS)).astype(np.int32)
        cv2.fillPoly(region, [fixed], 255, lineType=cv2.LINE_AA, shift=_FRACTION_BITS)
        if grown:
            region = cv2.dilate(region, np.ones((3, 3), np.uint8))
        soft = cv2.GaussianBlur(region, (0, 0), edge_share * self._size)
        return np.asarray(soft * np.float32(1 / 255), np.float32)


def naive_mask(config: FiaConfig) -> FloatArray:
    """The mask that follows nothing: below the nose, all is repainted; (S, S) float32."""
    size = config.size_px
    region = np.zeros((size, size), np.float32)
    region[round(NAIVE_TOP[config.crop] * size) :] = 1
    soft = cv2.GaussianBlur(region, (0, 0), FEATHER_SHARE * size)
    return np.asarray(1 - soft * _border_window(size), np.float32)


def widest_mask(
    maker: MaskMaker,
    model: FaceModel,
    neutral: FloatArray,
    project: Callable[[FloatArray], FloatArray],
) -> FloatArray:
    """What is hidden of the source: every pixel that some mouth shape may change.

    Args:
        maker: For the network.
        model: The face model.
        neutral: Neutral face of the person, shape (V, 3), centimetres.
        project: From such a face to the crop's pixels, (V, 2 or more).

    Returns:
        Shape (S, S), float32, [0, 1]; 1 keeps the pixel.
    """
    shapes = [neutral, neutral + model.expression[_JAW_OPEN]]
    masks = [maker.mask(project(shape)) for shape in shapes]
    return np.asarray(np.minimum.reduce(masks), np.float32)


def _border_window(size: int) -> FloatArray:
    width = max(round(BORDER_SHARE * size), 2)
    ramp = np.clip(np.arange(size) / width, 0, 1)
    side = np.minimum(ramp, ramp[::-1]).astype(np.float32)
    return np.asarray(side[:, None] * side[None, :], np.float32)
