"""Shape and expression of a face: S(alpha, beta) = mean + alpha · identity + beta · expression.

The paper's 3DMM (its section 3.1) with our own mesh, the ARKit-52 vocabulary for beta, and what its
model lacks: teeth, gums, tongue and mouth cavity. Made by `weights/training/face_model`.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core import blendshapes
from core.errors import ModelError

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

PARTS = (
    "face",
    "neck",
    "mouth_socket",
    "gums",
    "tongue",
    "teeth_upper",
    "teeth_lower",
    "eye_left",
    "eye_right",
    "eye_socket",
    "head",
)
"""Names of the parts; `FaceModel.part` indexes them. "head" is scalp, ears and skin behind them."""
PART_INDEX = {name: i for i, name in enumerate(PARTS)}


@dataclass(frozen=True, eq=False)
class FaceModel:
    """The model: V vertices, T triangles, K identity modes, 52 expressions.

    Axes: x to the subject's left (right in a picture of a facing person), y up, z out of the face;
    centimetres. The origin lies inside the head.

    Attributes:
        mean: (V, 3) float32, the average neutral face.
        identity: (K, V, 3) float32, scaled so that alpha ~ N(0, 1) for random people.
        expression: (52, V, 3) float32, order of `core.blendshapes.NAMES`, for weights in [0, 1].
        triangles: (T, 3) int32, counter-clockwise seen from outside.
        part: (V,) uint8, index into `PARTS`.
        uv: (V, 2) float32 in [0, 1], v up: skin unrolled as from a cylinder (the seam runs down the
            back of the head; the hidden side of the lips lies over the visible one), the other
            parts flat in a strip below.
        mirror: (V,) int32, the same place on the other side of the face; an involution.
        lip_coord: (V,) float32, signed distance along the skin from the rim where the lips meet,
            centimetres: > 0 on the hidden, inner side; nan off the skin of face and neck.
        lip_side: (V,) int8, +1 nearer the upper rim, -1 nearer the lower, 0 off the skin.
        landmarks: Named, ordered vertex groups, each (n,) int32; see `docs/face_model.md`.
        landmark_names: A name for each entry of `landmarks["network"]`.
    """

    mean: FloatArray
    identity: FloatArray
    expression: FloatArray
    triangles: IntArray
    part: NDArray[np.uint8]
    uv: FloatArray
    mirror: IntArray
    lip_coord: FloatArray
    lip_side: NDArray[np.int8]
    landmarks: dict[str, IntArray]
    landmark_names: tuple[str, ...]

    @classmethod
    def load(cls, path: Path) -> "FaceModel":
        """Read `face_model.npz` (take the path from `weights.store.path("face_model.npz")`).

        Raises:
            ModelError: The file cannot be read or is not a face model.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                data = {name: file[name] for name in file.files}
            scale = data["scale_cm"]
            identity = data["identity"].astype(np.float32) * scale[0]
            expression = data["expression"].astype(np.float32) * scale[1]
            groups = dict(zip(data["group_names"].tolist(), data["group_sizes"], strict=True))
            ends = np.cumsum(list(groups.values()))[:-1]
            members = np.split(data["group_members"].astype(np.int32), ends)
            model = cls(
                mean=data["mean"].astype(np.float32),
                identity=identity,
                expression=expression,
                triangles=np.ascontiguousarray(data["triangles"].astype(np.int32)),
                part=data["part"],
                uv=data["uv"].astype(np.float32),
                mirror=data["mirror"].astype(np.int32),
                lip_coord=data["lip_coord"].astype(np.float32),
                lip_side=data["lip_side"],
                landmarks=dict(zip(groups, members, strict=True)),
                landmark_names=tuple(str(name) for name in data["landmark_names"]),
            )
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(
                "The face model {path} cannot be read ({reason}). Install the program again.",
                path=path,
                reason=error,
            ) from error
        if model.expression.shape != (blendshapes.NUM, *model.mean.shape):
            raise ModelError(
                "The face model {path} does not speak the ARKit-52 vocabulary.", path=path
            )
        return model

    @property
    def num_vertices(self) -> int:
        """V."""
        return len(self.mean)

    @property
    def num_identity(self) -> int:
        """K, the length of alpha."""
        return len(self.identity)

    def shape(self, alpha: FloatArray) -> FloatArray:
        """Neutral face of a person.

        Args:
            alpha: Identity coefficients, (k,) with k <= K; missing ones count as 0.

        Returns:
            (V, 3) float32, centimetres.
        """
        k = len(alpha)
        return self.mean + _mix(np.asarray(alpha, np.float32), self.identity[:k])

    def pose(self, neutral: FloatArray, beta: FloatArray) -> FloatArray:
        """Face of a person with an expression.

        Args:
            neutral: (V, 3) float32 from `shape`.
            beta: (52,) float32, [0, 1]; entries that are 0 cost nothing.

        Returns:
            (V, 3) float32, centimetres.
        """
        active = np.flatnonzero(beta)
        if len(active) == 0:
            return neutral.copy()
        moved = np.asarray(beta, np.float32)[active] @ self._expression_rows[active]
        return neutral + moved.reshape(neutral.shape)

    def lip_gap(self, posed: FloatArray) -> float:
        """Distance between the middles of the lips of posed vertices (V, 3), seen from the front.

        Returns:
            Centimetres; the mean over the middle fifth of both rims, negative where they cross.
        """
        middles = []
        for side in ("upper", "lower"):
            rim = self.landmarks[f"lip_rim_{side}"]
            middle = rim[len(rim) * 2 // 5 : len(rim) * 3 // 5 + 1]
            middles.append(float(posed[middle, 1].mean()))
        return middles[0] - middles[1]

    def vertices_of(self, *parts: str) -> IntArray:
        """Indices of the vertices of the named parts, sorted, (n,) int32."""
        wanted = [PART_INDEX[name] for name in parts]
        return np.flatnonzero(np.isin(self.part, wanted)).astype(np.int32)

    def triangles_of(self, *parts: str) -> IntArray:
        """Triangles of the named parts, (n, 3) int32.

        A triangle across a seam belongs to the inner part: cavity before skin, head before neck
        before face.
        """
        wanted = [PART_INDEX[name] for name in parts]
        own = self.part[self.triangles].max(axis=1)
        return np.ascontiguousarray(self.triangles[np.isin(own, wanted)])

    @property
    def _expression_rows(self) -> FloatArray:
        return self.expression.reshape(len(self.expression), -1)


def _mix(weights: FloatArray, modes: FloatArray) -> FloatArray:
    """Sum of modes (k, V, 3) with weights (k,)."""
    mixed: FloatArray = (weights @ modes.reshape(len(modes), -1)).reshape(modes.shape[1:])
    return mixed
