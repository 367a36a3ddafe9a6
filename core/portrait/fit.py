"""Fits the face model to points in a picture: identity, expression and head pose.

Maximum a posteriori: points are the projected vertices plus noise, alpha ~ N(0, 1), beta is small,
in [0, 1] and nearly symmetric. All unknowns are solved together by damped Gauss-Newton steps with
bounds; points that contradict all others lose their weight.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from core import blendshapes
from core.camera import HeadPose
from core.errors import PortraitError
from core.face_model import FaceModel
from core.types import FloatArray

Array = NDArray[np.float64]

MAX_ALPHA = 3.0
_NOISE_CM = 0.22
_BETA_SIGMA = 0.3
_SELDOM_SIGMA = 0.1
_SELDOM = (
    "mouthPucker",
    "mouthFunnel",
    "mouthRoll",
    "mouthPress",
    "mouthShrug",
    "mouthDimple",
    "mouthStretch",
    "noseSneer",
    "cheekSquint",
)
"""Rare in a portrait, and easily mistaken for a narrow mouth or thin lips: left to the snap."""
_ASYMMETRY_SIGMA = 0.12
_OUTLIER_CM = 0.7
_ITERATIONS = 8
_SWEEPS = 80
_SMALL_STEP = 1e-4
_MIN_POINTS = 5
_UNUSED = {
    "mouthClose",
    "cheekPuff",
    "tongueOut",
    "jawForward",
    "jawLeft",
    "jawRight",
    "mouthLeft",
    "mouthRight",
    "mouthShrugLower",
}
_USED = np.array([i for i, name in enumerate(blendshapes.NAMES) if name not in _UNUSED])
_REGION_WEIGHTS = (("jaw_8", 0.5), ("jaw", 0.12), ("brow", 0.4), ("nose_wing", 0.5))


@dataclass(frozen=True)
class PortraitFit:
    """The model laid over a portrait.

    Attributes:
        alpha: Identity, shape (K,), float32, within ±`MAX_ALPHA`.
        beta: Expression, shape (52,), float32, [0, 1].
        pose: Head pose in pixels.
        residual_px: Point minus projected vertex, shape (N, 2), float32.
        trust: What was left of each point's weight, shape (N,), float32, [0, 1]: near 0 for points
            that contradict the others.
    """

    alpha: FloatArray
    beta: FloatArray
    pose: HeadPose
    residual_px: FloatArray
    trust: FloatArray

    @property
    def error_cm(self) -> float:
        """Weighted root mean square distance of points and model."""
        squares = (self.residual_px.astype(np.float64) ** 2).sum(1)
        mean = float((squares * self.trust).sum() / max(float(self.trust.sum()), 1e-9))
        return float(np.sqrt(mean) / self.pose.scale_px_per_cm)


def network_weights(model: FaceModel) -> FloatArray:
    """How far each landmark is to be trusted for the pose, shape (L,), float32, (0, 1].

    The contour of jaw and cheeks slides over the surface as the head turns and pulls the pitch
    wrong, so it counts little.
    """
    weights = [
        next((w for prefix, w in _REGION_WEIGHTS if name.startswith(prefix)), 1.0)
        for name in model.landmark_names
    ]
    return np.array(weights, np.float32)


def fit_portrait(
    model: FaceModel,
    vertices: NDArray[np.integer],
    points_px: FloatArray,
    weights: FloatArray,
    robust: bool = True,
) -> PortraitFit:
    """Find the face that explains the points.

    Args:
        model: The face model.
        vertices: The vertex each point shows, shape (N,).
        points_px: Shape (N, 2), x to the right, y down.
        weights: Confidence times importance, shape (N,), [0, 1].
        robust: Let points that contradict the others lose their weight; switch it off where
            every point was set by hand.

    Raises:
        PortraitError: Fewer than five points count, or they lie on one spot.
    """
    points = np.asarray(points_px, np.float64) * [1.0, -1.0]
    weights_ = np.asarray(weights, np.float64)
    usable = weights_ > 0.02
    if np.count_nonzero(usable) < _MIN_POINTS:
        raise PortraitError(
            "Only {count_nonzero} points of the face are known; at least {min_points} are "
            "needed (eye corners, mouth corners, chin). Give more points.",
            count_nonzero=np.count_nonzero(usable),
            min_points=_MIN_POINTS,
        )
    if np.ptp(points[usable], axis=0).max() < 8.0:
        raise PortraitError("The points of the face lie on one spot. Check their coordinates.")
    problem = _Problem(model, np.asarray(vertices), points, weights_)
    problem.solve(robust)
    return problem.result()


class _Problem:
    """Data and unknowns: rotation (3), translation (2), log scale, then alpha (K), beta (B)."""

    def __init__(
        self, model: FaceModel, vertices: NDArray[np.integer], points: Array, weights: Array
    ) -> None:
        self._points = points
        self._weights = weights
        self._trust = np.ones(len(points))
        self._mean = model.mean[vertices].astype(np.float64)
        modes = np.concatenate([model.identity[:, vertices], model.expression[_USED][:, vertices]])
        self._modes = modes.astype(np.float64)  # (K + B, N, 3)
        self._num_identity = len(model.identity)
        self._shape = np.zeros(len(modes))
        self._prior = _prior(self._num_identity)
        low = np.concatenate([np.full(self._num_identity, -MAX_ALPHA), np.zeros(len(_USED))])
        high = np.concatenate([np.full(self._num_identity, MAX_ALPHA), np.ones(len(_USED))])
        self._bounds = low, high
        self._scale, self._rotation, self._shift = _rigid(self._mean, points, weights)

    def solve(self, robust: bool) -> None:
        for iteration in range(_ITERATIONS):
            self._step()
            if robust and iteration >= 3:
                off = np.linalg.norm(self._residual(), axis=1) / self._scale
                self._trust = 1.0 / (1.0 + (off / _OUTLIER_CM) ** 4)

    def _vertices(self) -> Array:
        return np.asarray(self._mean + np.tensordot(self._shape, self._modes, 1))

    def _residual(self) -> Array:
        """Shape (N, 2), pixels, y up."""
        flat = self._scale * self._vertices() @ self._rotation[:2].T + self._shift
        return np.asarray(self._points - flat)

    def _step(self) -> None:
        turned = self._vertices() @ self._rotation.T  # (N, 3)
        residual = self._residual() / self._scale
        x, y, z = turned.T
        zero, one = np.zeros_like(x), np.ones_like(x)
        pose = np.array(  # (6, N, 2): turn about x, y, z; shift x, y; log scale
            [[zero, -z], [z, zero], [-y, x], [one, zero], [zero, one], [x, y]]
        ).transpose(0, 2, 1)
        shape = self._modes @ self._rotation[:2].T
        jacobian = np.concatenate([pose, shape]).reshape(6 + len(shape), -1)
        weight = np.repeat(self._weights * self._trust, 2) / _NOISE_CM**2
        normal = (jacobian * weight) @ jacobian.T
        right = (jacobian * weight) @ residual.reshape(-1)
        normal[6:, 6:] += self._prior
        right[6:] -= self._prior @ self._shape
        normal[np.arange(6), np.arange(6)] += 1e-6 * weight.sum()
        low, high = (bound - self._shape for bound in self._bounds)
        step = _bounded_solve(normal, right, low, high)
        self._rotation = _turn(np.clip(step[:3], -0.4, 0.4)) @ self._rotation
        self._shift = self._shift + step[3:5] * self._scale
        self._scale *= float(np.exp(np.clip(step[5], -0.4, 0.4)))
        self._shape = np.clip(self._shape + step[6:], *self._bounds)

    def result(self) -> PortraitFit:
        beta = np.zeros(blendshapes.NUM, np.float32)
        beta[_USED] = self._shape[self._num_identity :]
        return PortraitFit(
            alpha=self._shape[: self._num_identity].astype(np.float32),
            beta=beta,
            pose=HeadPose(self._scale, self._rotation, self._shift * [1.0, -1.0]),
            residual_px=(self._residual() * [1.0, -1.0]).astype(np.float32),
            trust=(self._trust * (self._weights > 0)).astype(np.float32),
        )


def _prior(num_identity: int) -> Array:
    """Inverse covariance of [alpha, beta], shape (K + B, K + B)."""
    names = [blendshapes.NAMES[channel] for channel in _USED]
    sigma = [_SELDOM_SIGMA if name.startswith(_SELDOM) else _BETA_SIGMA for name in names]
    prior = np.diag(np.concatenate([np.ones(num_identity), 1.0 / np.square(sigma)]))
    place = {int(channel): num_identity + i for i, channel in enumerate(_USED)}
    for channel, i in place.items():
        j = place.get(_partner(channel), i)
        if j > i:
            pair = np.ix_([i, j], [i, j])
            prior[pair] += np.array([[1.0, -1.0], [-1.0, 1.0]]) / _ASYMMETRY_SIGMA**2
    return prior


def _partner(channel: int) -> int:
    """The channel that moves together with this one: the other side's, for gaze the other eye's."""
    name = blendshapes.NAMES[channel]
    if name.startswith(("eyeLookIn", "eyeLookOut")):
        other = name.replace("In", "\0").replace("Out", "In").replace("\0", "Out")
        return blendshapes.MIRROR[blendshapes.INDEX[other]]
    return blendshapes.MIRROR[channel]


def _rigid(model: Array, points: Array, weights: Array) -> tuple[float, Array, Array]:
    """Scale, rotation (3, 3) and shift (2,) that best lay model (N, 3) over points (N, 2), y up."""
    share = weights / weights.sum()
    centre, target = share @ model, share @ points
    root = np.sqrt(share)[:, None]
    # a few points nearly in one plane leave depth open: damp it
    a, b = (model - centre) * root, (points - target) * root
    damp = 0.02 * np.trace(a.T @ a) * np.eye(3)
    affine = np.linalg.solve(a.T @ a + damp, a.T @ b).T  # (2, 3)
    u, s, vt = np.linalg.svd(affine, full_matrices=False)
    rows = u @ vt
    rotation = np.vstack([rows, np.cross(rows[0], rows[1])])
    if rotation[2, 2] < 0.2:  # turned away: mirrored or absurd points; start from the front
        angle = np.arctan2(affine[1, 0] - affine[0, 1], affine[0, 0] + affine[1, 1])
        rotation = _turn(np.array([0.0, 0.0, angle]))
    scale = max(float(s.mean()), 1e-3)
    return scale, rotation, target - scale * rotation[:2] @ centre


def _turn(vector: Array) -> Array:
    """Rotation matrix of a rotation vector (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def _bounded_solve(normal: Array, right: Array, low: Array, high: Array) -> Array:
    """Minimise x'Nx/2 - r'x where only the entries after the six of the pose are bounded."""
    pose = np.linalg.solve(normal[:6, :6], np.column_stack([right[:6], normal[:6, 6:]]))
    coupled = normal[6:, :6] @ pose
    shape = np.zeros(len(right) - 6)
    _descend(normal[6:, 6:] - coupled[:, 1:], right[6:] - coupled[:, 0], low, high, shape)
    return np.concatenate([pose[:, 0] - pose[:, 1:] @ shape, shape])


@njit(cache=True)
def _descend(normal: Array, right: Array, low: Array, high: Array, x: Array) -> None:
    """Projected coordinate descent from x = 0, in place; each sweep comes nearer the minimum."""
    slope = right.copy()  # right - normal @ x; compiled code has no `@` without SciPy
    for _ in range(_SWEEPS):
        largest = 0.0
        for i in range(len(x)):
            new = min(max(x[i] + slope[i] / normal[i, i], low[i]), high[i])
            change = new - x[i]
            if change != 0.0:
                x[i] = new
                slope -= change * normal[i]
                largest = max(largest, abs(change))
        if largest < _SMALL_STEP:
            break
