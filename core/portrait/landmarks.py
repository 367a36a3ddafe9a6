"""Locates the model's landmarks in a picture of a face with two small networks of our own.

The first sees the whole face and is asked again with better and better crops; the second sees the
mouth alone, larger. Both are asked about several slightly different crops and their mirror images,
and the answers are averaged.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from core.face_model import FaceModel
from core.face_model.model import IntArray
from core.onnx_session import open_session
from core.portrait.detect import FaceBox, find_faces
from core.types import FloatArray, ImageArray

FACE_CROP_CM = 18.0
MOUTH_CROP_CM = 8.5
_BOX_CM = 16.6
_BOX_DROP = 0.10
_PASSES = 3
_FINAL_ZOOMS = (0.93, 1.0, 1.07)
_MOUTH_PASSES = 2
_MOUTH_ZOOMS = (0.9, 1.0, 1.1)
_DOUBTFUL_CM = 0.7
_CONTRADICTION = 3.0
_CLOSER_LOOK = 2.5
"""How much more the mouth network is believed than its expected errors say."""
OUTER_EYES_CM = 8.92
"""Distance between the outer eye corners of the average face."""
_EYES_TO_MOUTH_CM = 6.95
_FACE_CONFIDENCE = 0.36
_MUCH_LESS_SURE = 0.75
_MAX_CANDIDATES = 6


@dataclass(frozen=True)
class MouthObservation:
    """What the mouth network saw.

    Attributes:
        points: Lip landmarks, (M, 2) float32, pixels.
        index: Which of the L landmarks they are, (M,).
        open_share: Share of the mouth within the lips' outer border that shows no lip, 0..1.
        teeth_share: Share of it that shows teeth, 0..1.
    """

    points: FloatArray
    index: NDArray[np.intp]
    open_share: float
    teeth_share: float


@dataclass(frozen=True)
class Landmarks:
    """Landmarks of one face, in the order of `FaceModel.landmarks["network"]`.

    Attributes:
        points: (L, 2) float32, pixels (the centre of the top left pixel is at 0.5, 0.5).
        confidence: (L,) float32, 0..1: how sure the network is of each.
        mouth: The closer look at the mouth; its points are already part of `points`.
    """

    points: FloatArray
    confidence: FloatArray
    mouth: MouthObservation

    @property
    def plausibility(self) -> float:
        """Mean confidence of eyes, nose and mouth, 0..1; low where there is no face."""
        return float(self.confidence.mean())


@dataclass(frozen=True)
class _Frame:
    """Where a crop is taken: its middle, its scale and the tilt of the face."""

    x: float
    y: float
    px_per_cm: float
    roll_rad: float

    def matrix(self, size: int, crop_cm: float, zoom: float) -> FloatArray:
        """Affine map (2, 3) from the picture's pixel corners to the crop's."""
        scale = size / (crop_cm * self.px_per_cm) * zoom
        cos, sin = scale * np.cos(self.roll_rad), scale * np.sin(self.roll_rad)
        turn = np.array([[cos, sin], [-sin, cos]])
        shift = size / 2 - turn @ [self.x, self.y]
        return np.column_stack([turn, shift])


@dataclass(frozen=True, eq=False)
class _Answer:
    """Points (L, 2) in pixels of the picture, errors (L,) in centimetres, states (K,)."""

    points: FloatArray
    error_cm: FloatArray
    state: FloatArray


class _Network:
    """One of the two networks and the crops it wants."""

    def __init__(self, path: Path, model: FaceModel, vertices: IntArray, crop_cm: float) -> None:
        self._session = open_session(path)
        self._size = int(self._session.get_inputs()[0].shape[2])
        self._crop_cm = crop_cm
        order = {int(vertex): i for i, vertex in enumerate(vertices)}
        self._mirror = [order[int(model.mirror[vertex])] for vertex in vertices]

    def ask(self, rgb: ImageArray, frame: _Frame, zooms: tuple[float, ...]) -> _Answer:
        """Mean answer for a crop at some zooms and their mirror images."""
        size, count = self._size, len(zooms)
        matrices = [frame.matrix(size, self._crop_cm, zoom) for zoom in zooms]
        crops = np.stack([_crop(rgb, matrix, size) for matrix in matrices])
        batch = np.concatenate([crops, crops[:, :, ::-1]]).transpose(0, 3, 1, 2)
        found, errors, *state = self._session.run(
            None, {"picture": np.ascontiguousarray(batch, np.float32)}
        )
        found[count:, :, 0] = size - found[count:, :, 0]
        found[count:] = found[count:, self._mirror]
        errors[count:] = errors[count:, self._mirror]
        back = [cv2.invertAffineTransform(matrix) for matrix in matrices * 2]
        placed = np.stack([p @ m[:, :2].T + m[:, 2] for p, m in zip(found, back, strict=True)])
        mean = placed.mean(0)
        # Answers that contradict each other are worth less than they think.
        contradiction_cm = np.linalg.norm(placed - mean, axis=2).mean(0) / frame.px_per_cm
        expected_cm = errors.mean(0) * (self._crop_cm / size)
        return _Answer(
            points=mean.astype(np.float32),
            error_cm=np.hypot(expected_cm, _CONTRADICTION * contradiction_cm).astype(np.float32),
            state=state[0].mean(0) if state else np.zeros(0, np.float32),
        )


class LandmarkNetwork:
    """Both networks, ready to be asked; not thread-safe."""

    def __init__(self, model: FaceModel, face_network: Path, mouth_network: Path | None) -> None:
        """Load the networks (paths from `weights.store`).

        Args:
            model: The face model whose vertices are predicted.
            face_network: `landmarks.onnx`.
            mouth_network: `mouth.onnx`; without it the mouth is seen by the first network alone.

        Raises:
            ModelError: A network cannot be loaded.
        """
        names, vertices = model.landmark_names, model.landmarks["network"]
        self._lips = np.array([i for i, name in enumerate(names) if name.startswith("lip")])
        self._face = _Network(face_network, model, vertices, FACE_CROP_CM)
        self._mouth: _Network | None = None
        if mouth_network is not None:
            self._mouth = _Network(mouth_network, model, vertices[self._lips], MOUTH_CROP_CM)
        self._anchors = np.array([i for i, n in enumerate(names) if n.startswith(("eye", "lip"))])
        ends = ("eye_right_upper_0", "eye_left_upper_6", "lip_outer_upper_0", "lip_outer_upper_8")
        self._ends = [names.index(name) for name in ends]
        self._inner = np.array([i for i, name in enumerate(names) if not name.startswith("jaw")])

    def look(self, rgb: ImageArray) -> tuple[int, Landmarks | None]:
        """Count the faces in a picture and locate the largest.

        Args:
            rgb: (H, W, 3) uint8, upright.

        Returns:
            Number of faces, and the landmarks of the largest; (0, None) where there is none.
        """
        seen: list[tuple[float, float, _Answer]] = []
        for box in find_faces(rgb)[:_MAX_CANDIDATES]:
            answer = self._whole_face(rgb, box)
            sure = float(_confidence(answer.error_cm[self._inner]).mean())
            if sure < _FACE_CONFIDENCE:
                continue
            size = self._frame(answer.points).px_per_cm
            if not any(_overlap(answer.points, other.points, size) for *_, other in seen):
                seen.append((size, sure, answer))
        if not seen:
            return 0, None
        best = max(sure for _, sure, _ in seen)
        faces = [face for face in seen if face[1] > _MUCH_LESS_SURE * best]
        _, _, largest = max(faces, key=lambda face: face[0])
        return len(faces), self._finish(rgb, largest)

    def locate(self, rgb: ImageArray, box: FaceBox) -> Landmarks:
        """Landmarks of the face in a box.

        Args:
            rgb: (H, W, 3) uint8, upright.
            box: From `find_faces`.
        """
        return self._finish(rgb, self._whole_face(rgb, box))

    def lips(self, rgb: ImageArray, middle_px: tuple[float, float], px_per_cm: float) -> FloatArray:
        """Lip landmarks (M, 2) of an upright mouth whose place and size are known.

        A quick look by the mouth network alone, which needs no more of the face than the mouth.

        Args:
            rgb: (H, W, 3) uint8.
            middle_px: About the middle of the lips.
            px_per_cm: Of the face.

        Raises:
            ModelError: There is no mouth network.
        """
        if self._mouth is None:
            raise ModelError("Looking at a mouth alone needs the mouth network.")
        for _ in range(_MOUTH_PASSES):
            points = self._mouth.ask(rgb, _Frame(*middle_px, px_per_cm, 0.0), (1.0,)).points
            middle_px = (float(points[:, 0].mean()), float(points[:, 1].mean()))
        return points

    def follow(self, rgb: ImageArray, points: FloatArray) -> Landmarks | None:
        """Landmarks of a face that has moved little: no search, so much faster than `look`.

        Args:
            rgb: The next picture of a film, (H, W, 3) uint8.
            points: Its landmarks in the picture before, (L, 2), pixels.

        Returns:
            None where the face is lost.
        """
        frame = self._frame(self._face.ask(rgb, self._frame(points), (1.0,)).points)
        answer = self._face.ask(rgb, frame, _FINAL_ZOOMS)
        if float(_confidence(answer.error_cm[self._inner]).mean()) < _FACE_CONFIDENCE:
            return None
        return self._finish(rgb, answer)

    def _whole_face(self, rgb: ImageArray, box: FaceBox) -> _Answer:
        scale = box.size / _BOX_CM
        middle_y = box.y + _BOX_DROP * box.size
        frame = _Frame(box.x, middle_y, scale, float(np.radians(box.roll_deg)))
        for _ in range(_PASSES):
            frame = self._frame(self._face.ask(rgb, frame, (1.0,)).points)
        return self._face.ask(rgb, frame, _FINAL_ZOOMS)

    def _finish(self, rgb: ImageArray, face: _Answer) -> Landmarks:
        """Look at the mouth again and put both answers together."""
        points, error_cm = face.points.copy(), face.error_cm.copy()
        open_share = teeth_share = 0.0
        if self._mouth is not None:
            frame = self._frame(points)
            x, y = points[self._lips].mean(0)
            closer = _Frame(float(x), float(y), frame.px_per_cm, frame.roll_rad)
            mouth = self._mouth.ask(rgb, closer, _MOUTH_ZOOMS)
            ours, theirs = 1 / error_cm[self._lips] ** 2, _CLOSER_LOOK / mouth.error_cm**2
            share = (theirs / (ours + theirs))[:, None]
            points[self._lips] += (mouth.points - points[self._lips]) * share
            error_cm[self._lips] = np.minimum(error_cm[self._lips], mouth.error_cm)
            open_share, teeth_share = (float(value) for value in mouth.state)
        seen = MouthObservation(points[self._lips], self._lips, open_share, teeth_share)
        return Landmarks(points, _confidence(error_cm), seen)

    def _frame(self, points: FloatArray) -> _Frame:
        """The crop in which the face would be upright and of the size the network knows."""
        right, left, mouth_right, mouth_left = points[self._ends].astype(np.float64)
        across, down = left - right, (mouth_right + mouth_left - left - right) / 2
        width, height = float(np.hypot(*across)) + 1e-6, float(np.hypot(*down)) + 1e-6
        scale = max(width / OUTER_EYES_CM, height / _EYES_TO_MOUTH_CM, 0.1)
        x, y = points[self._anchors].mean(0)
        # Across and down should be at right angles: take the mean of what both say.
        roll = np.angle(complex(*across) / width + complex(down[1], -down[0]) / height)
        return _Frame(float(x), float(y), scale, float(roll))


def _crop(rgb: ImageArray, matrix: FloatArray, size: int) -> ImageArray:
    """Take a crop, blurred first where it is much smaller than what it shows."""
    shrink = 1 / np.hypot(matrix[0, 0], matrix[0, 1])
    # warpAffine counts from pixel centres, the matrix from corners.
    centred = matrix.copy()
    centred[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    if shrink > 1.5:
        corners = cv2.invertAffineTransform(matrix)
        reach = size * shrink
        middle = corners[:, :2] @ [size / 2, size / 2] + corners[:, 2]
        height, width = rgb.shape[:2]
        left, top = np.clip((middle - reach).astype(int), 0, [width - 1, height - 1])
        right, bottom = np.clip(
            (middle + reach).astype(int) + 1, [left + 1, top + 1], [width, height]
        )
        piece = cv2.GaussianBlur(rgb[top:bottom, left:right], (0, 0), 0.4 * shrink)
        centred[:, 2] += centred[:, :2] @ [left, top]
        rgb = piece
    return np.asarray(
        cv2.warpAffine(rgb, centred, (size, size), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _confidence(error_cm: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.square(error_cm / _DOUBTFUL_CM)), np.float32)


def _overlap(points: FloatArray, others: FloatArray, px_per_cm: float) -> bool:
    apart = np.linalg.norm(points.mean(0) - others.mean(0))
    return bool(apart < 5 * px_per_cm)
