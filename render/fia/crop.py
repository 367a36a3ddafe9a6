"""The square the network sees: it follows the head, not the jaw, so the mouth moves inside it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_model import FaceModel
from core.types import FloatArray, ImageArray
from render.fia.config import Crop

EYE_DISTANCES = {"lower_face": 1.55, "face": 2.6}
"""Side of the square in distances between the outer eye corners."""
BELOW_MOUTH = {"lower_face": 0.25, "face": -0.2}
"""How far its centre lies below the middle of the lips, in the same unit."""


@dataclass(frozen=True, eq=False)
class CropFrame:
    """A similarity between a picture and a square crop of it.

    Attributes:
        matrix: Shape (2, 3), float64: crop = matrix @ (x, y, 1), pixel centres at +0.5.
        size_px: Side of the crop.
    """

    matrix: NDArray[np.float64]
    size_px: int

    def points(self, picture_px: FloatArray) -> FloatArray:
        """Crop coordinates of picture coordinates; shape (N, 2 or more) to (N, 2)."""
        moved = picture_px[:, :2] @ self.matrix[:, :2].T + self.matrix[:, 2]
        return np.asarray(moved, np.float32)

    def cut(self, picture: ImageArray | FloatArray) -> FloatArray:
        """The crop of a picture (H, W[, 3]), resampled to (S, S[, 3]); edges are repeated."""
        # Minification by more than two does not happen: crops are made for the picture's size.
        flags = cv2.INTER_LINEAR
        size = (self.size_px, self.size_px)
        found = cv2.warpAffine(
            picture, self._for_opencv(), size, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(found)

    def add(self, picture: ImageArray, change: FloatArray) -> None:
        """Add a change, given in the crop, to a picture in place.

        Args:
            picture: (H, W, 3) uint8.
            change: (S, S, 3) float32 in units of the picture's 0 to 255; 0 at the crop's border.
        """
        x0, y0, x1, y1 = self.box(picture.shape[1], picture.shape[0])
        if x0 < x1 and y0 < y1:
            part = picture[y0:y1, x0:x1]
            cv2.add(part, self._spread(change, (x0, y0, x1, y1)), dst=part, dtype=cv2.CV_8U)

    def blend(self, picture: ImageArray, painted: ImageArray, share: FloatArray) -> None:
        """Put another picture over a picture in place, as far as a mask in the crop says.

        Args:
            picture: (H, W, 3) uint8.
            painted: The same size.
            share: (S, S) float32, 1 where `painted` replaces the picture; 0 at the crop's border.
        """
        x0, y0, x1, y1 = self.box(picture.shape[1], picture.shape[0])
        if x0 < x1 and y0 < y1:
            part, new = picture[y0:y1, x0:x1], painted[y0:y1, x0:x1]
            weight = self._spread(share, (x0, y0, x1, y1))[..., None]
            mixed = part + weight * (new.astype(np.float32) - part)
            part[...] = np.rint(mixed).astype(np.uint8)

    def _spread(self, values: FloatArray, box: tuple[int, int, int, int]) -> FloatArray:
        """Values of the crop (S, S[, C]) in a box of the picture, 0 outside the crop."""
        x0, y0, x1, y1 = box
        matrix = self._for_opencv()
        matrix[:, 2] += matrix[:, :2] @ (x0, y0)
        spread = cv2.warpAffine(
            values,
            matrix,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        )
        return np.asarray(spread, np.float32)

    def _for_opencv(self) -> NDArray[np.float64]:
        """The matrix for OpenCV, whose pixel centres are whole numbers."""
        matrix = np.array(self.matrix, np.float64)
        matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
        return matrix

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The part of a picture that the crop can touch: left, top, right, bottom."""
        size = self.size_px
        corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float64)
        back = cv2.invertAffineTransform(np.asarray(self.matrix, np.float64))
        places = corners @ back[:, :2].T + back[:, 2]
        (x0, y0), (x1, y1) = np.floor(places.min(0)), np.ceil(places.max(0))
        return max(int(x0), 0), max(int(y0), 0), min(int(x1), width), min(int(y1), height)


def crop_frame(rigid_px: FloatArray, model: FaceModel, kind: Crop, size_px: int) -> CropFrame:
    """Place the crop on a head.

    Args:
        rigid_px: Shape (V, 3): the neutral face of the person in the picture, turned with the
            head; x, y and z in pixels.
        model: Gives the vertices' meaning.
        kind: Lower face, or the whole.
        size_px: Side of the crop.
    """
    marks = model.landmarks
    right, left = rigid_px[marks["eye_right_upper"][0]], rigid_px[marks["eye_left_upper"][-1]]
    lips = np.concatenate([marks["lip_outer_upper"], marks["lip_outer_lower"]])
    mouth = rigid_px[lips].mean(axis=0)
    unit = float(np.linalg.norm(left - right))
    roll = float(np.arctan2(left[1] - right[1], max(left[0] - right[0], 1e-6)))
    down = np.array([-np.sin(roll), np.cos(roll)])
    centre = mouth[:2] + BELOW_MOUTH[kind] * unit * down
    scale = size_px / (EYE_DISTANCES[kind] * unit)
    cos, sin = scale * np.cos(roll), scale * np.sin(roll)
    turn = np.array([[cos, sin], [-sin, cos]])
    shift = size_px / 2 - turn @ centre
    return CropFrame(np.column_stack([turn, shift]), size_px)
