"""Opinions of networks that the user brings: identity, FID, LPIPS and MediaPipe's landmarks.

None of them ships: their weights are not ours to give. Networks are ONNX files that take RGB
pictures (1, 3, S, S) in [-1, 1].
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from core.onnx_session import open_session
from core.types import FloatArray, ImageArray
from render import metrics

ALIGNED = np.array([[0.342, 0.462], [0.657, 0.460], [0.371, 0.825], [0.632, 0.823]], np.float32)
"""Where face recognition networks (ArcFace and its kin) want the eyes' and mouth's ends, as shares
of the picture: right eye, left eye, right and left corner of the mouth."""
DYNAMIC_PX = 256
"""Side of the pictures for networks that take any size."""


class Judge(Protocol):
    """Compares pictures with filmed ones."""

    def add(self, found: ImageArray, truth: ImageArray, anchors: FloatArray) -> None:
        """Look at one pair, both (H, W, 3) uint8.

        Args:
            found: What was drawn.
            truth: What was filmed.
            anchors: Eyes and corners of the mouth in the filmed one, (4, 2), as in `ALIGNED`.
        """
        ...

    def means(self) -> dict[str, float]:
        """Its scores by name."""
        ...


class Network:
    """An ONNX file of the user's, and the pictures it takes."""

    def __init__(self, path: Path, pictures: int = 1) -> None:
        """Load.

        Raises:
            ModelError: It cannot be loaded.
            ConfigError: It does not take `pictures` pictures.
        """
        self._session = open_session(path)
        inputs = self._session.get_inputs()
        if len(inputs) != pictures or any(len(entry.shape) != 4 for entry in inputs):
            raise ConfigError(f"{path} must take {pictures} picture(s) of shape (1, 3, S, S).")
        self._names = [entry.name for entry in inputs]
        side = inputs[0].shape[2]
        self.side_px = side if isinstance(side, int) else DYNAMIC_PX

    def __call__(self, *pictures: ImageArray) -> FloatArray:
        """The first output as one row of numbers."""
        given = dict(zip(self._names, map(self._prepared, pictures), strict=True))
        return np.asarray(self._session.run(None, given)[0], np.float32).ravel()

    def _prepared(self, rgb: ImageArray) -> FloatArray:
        sized = cv2.resize(rgb, (self.side_px, self.side_px), interpolation=cv2.INTER_AREA)
        scaled = sized.astype(np.float32) / np.float32(127.5) - 1
        return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32)


class IdentityJudge:
    """Cosine between the embeddings of the aligned faces: 1 for the same person."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path)
        self._values: list[float] = []

    def add(self, found: ImageArray, truth: ImageArray, anchors: FloatArray) -> None:
        """See `Judge`."""
        side = self._network.side_px
        matrix, _ = cv2.estimateAffinePartial2D(anchors, ALIGNED * np.float32(side))
        faces = (cv2.warpAffine(one, matrix, (side, side)) for one in (found, truth))
        a, b = (self._network(np.asarray(face, np.uint8)) for face in faces)
        lengths = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
        self._values.append(float(a @ b) / max(lengths, 1e-9))

    def means(self) -> dict[str, float]:
        """See `Judge`."""
        return {"identity": float(np.mean(self._values))}


class PerceptualJudge:
    """LPIPS: the network takes both pictures and gives their distance."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path, pictures=2)
        self._values: list[float] = []

    def add(self, found: ImageArray, truth: ImageArray, anchors: FloatArray) -> None:
        """See `Judge`."""
        self._values.append(float(self._network(found, truth)[0]))

    def means(self) -> dict[str, float]:
        """See `Judge`."""
        return {"LPIPS": float(np.mean(self._values))}


class FrechetJudge:
    """FID: the distance between the distributions of a network's features."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path)
        self._found: list[FloatArray] = []
        self._truth: list[FloatArray] = []

    def add(self, found: ImageArray, truth: ImageArray, anchors: FloatArray) -> None:
        """See `Judge`."""
        self._found.append(self._network(found))
        self._truth.append(self._network(truth))

    def means(self) -> dict[str, float]:
        """See `Judge`."""
        return {"FID": frechet_distance(np.stack(self._found), np.stack(self._truth))}


def frechet_distance(a: FloatArray, b: FloatArray) -> float:
    """Distance of two sets of features, (N, C) each, as normal distributions (Heusel et al. 2017).

    Few pictures give too large a distance; compare only sets of the same size.
    """
    gap = float(np.square(a.mean(axis=0) - b.mean(axis=0)).sum())
    one, other = (np.atleast_2d(np.cov(x.astype(np.float64), rowvar=False)) for x in (a, b))
    # The trace of a product's root is the sum of the roots of its eigenvalues.
    both = np.sqrt(np.maximum(np.linalg.eigvals(one @ other).real, 0)).sum()
    return max(gap + float(np.trace(one) + np.trace(other) - 2 * both), 0.0)


class MediaPipeJudge:
    """Landmark distances by MediaPipe's face mesh, for comparison with published figures."""

    def __init__(self) -> None:
        """Load it.

        Raises:
            ConfigError: MediaPipe, or its face mesh, is not installed.
        """
        try:
            mesh: Any = importlib.import_module("mediapipe").solutions.face_mesh
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                "MediaPipe's face mesh is not installed: pip install 'mediapipe<0.11'."
            ) from error
        self._look = mesh.FaceMesh(static_image_mode=True)
        self._lips = sorted({point for edge in mesh.FACEMESH_LIPS for point in edge})
        self._rows: list[tuple[float, float]] = []

    def add(self, found: ImageArray, truth: ImageArray, anchors: FloatArray) -> None:
        """See `Judge`; pictures in which MediaPipe sees no face are left out."""
        a, b = self._points(found), self._points(truth)
        if a is not None and b is not None:
            unit = float(np.linalg.norm(anchors[1] - anchors[0])) / 100
            whole = metrics.landmark_distance(a, b, unit)
            self._rows.append(
                (whole, metrics.landmark_distance(a[self._lips], b[self._lips], unit))
            )

    def means(self) -> dict[str, float]:
        """See `Judge`."""
        rows: NDArray[np.float64] = np.array(self._rows).reshape(-1, 2)
        names = ("LMD MediaPipe %", "M-LMD MediaPipe %")
        return dict(zip(names, rows.mean(axis=0).tolist(), strict=True)) if len(rows) else {}

    def _points(self, rgb: ImageArray) -> FloatArray | None:
        seen = self._look.process(rgb).multi_face_landmarks
        if not seen:
            return None
        height, width = rgb.shape[:2]
        return np.array([(p.x * width, p.y * height) for p in seen[0].landmark], np.float32)


def judges(
    identity: Path | None, fid: Path | None, lpips: Path | None, mediapipe: bool
) -> list[Judge]:
    """Those the user asks for.

    Raises:
        ConfigError: MediaPipe is not installed, or a network takes something else.
        ModelError: A network cannot be loaded.
    """
    makers: list[tuple[Path | None, Callable[[Path], Judge]]] = [
        (identity, IdentityJudge),
        (fid, FrechetJudge),
        (lpips, PerceptualJudge),
    ]
    chosen = [make(path) for path, make in makers if path is not None]
    return [*chosen, MediaPipeJudge()] if mediapipe else chosen
