"""The inside of the mouth: cavity, tongue and two rows of teeth, behind the lips.

Everything is drawn with 2 x 2 samples a pixel, in a window around the opening. Where the portrait
shows its own mouth's inside, that is the texture of whatever surface lies there.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from core import blendshapes
from core.face_model import PARTS, FaceModel
from core.raster import RasterBuffers, rasterise, vertex_normals
from core.types import FloatArray, ImageArray
from render.warp import interior_kernels as kernels
from render.warp.aperture import ramp, smoothstep, vector
from render.warp.framing import DensePicture
from render.warp.rig import Rig, Turn
from render.warp.teeth import LOWER, UPPER, Palette, ToothStrip, paint, texture_scale

SAMPLES_PER_SIDE = kernels.SAMPLES_PER_SIDE
TONGUE_ROOT_Z_CM, TONGUE_TIP_Z_CM = 4.0, 9.7
TONGUE_LOWER_CM = 0.60
"""How far the tongue sinks to the floor of the mouth as the jaw opens."""
TONGUE_BACK_CM = 0.55
"""How far a resting tongue lies behind the lower teeth."""
TONGUE_RAISE_CM = 0.85
"""How far "tongueOut" first lifts the tip, towards the upper teeth, before it comes forward."""
TONGUE_WIDER = 0.25
"""Widening of the face model's tongue, so that it reaches the teeth on both sides."""
TONGUE_SHINE = 0.45
RELIEF_CM = (4.6, 7.2)
"""Sideways and backwards extent of the tongue's painted relief on the average face,"""
RELIEF_TIP_CM = 10.2
"""which begins at this z,"""
RELIEF_TEXELS_PER_CM = 14.0
"""and its resolution."""
SOFT_FADE = (0.9, 0.42, 0.22)
TEETH_FADE = (0.8, 0.16, 0.34)
"""Where behind the lips it begins to darken (cm), what is left far behind, how fast (1 / cm)."""
LOWER_TEETH = 0.95
"""Light on the lower teeth, of that on the upper ones."""
AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
LIGHT = np.array([0.10, 0.45, 0.89], np.float32)


class RasterMemory:
    """Memory for raster buffers of any size up to a number of pixels."""

    def __init__(self, pixels: int) -> None:
        self._index = np.empty(pixels, np.int32)
        self._weights = np.zeros(2 * pixels, np.float32)
        self._depth = np.empty(pixels, np.float32)

    def window(self, height: int, width: int) -> RasterBuffers:
        """Buffers of a size; they share the memory with every other window."""
        count = height * width
        return RasterBuffers(
            self._index[:count].reshape(height, width),
            self._weights[: 2 * count].reshape(height, width, 2),
            self._depth[:count].reshape(height, width),
        )


@dataclass(frozen=True, eq=False)
class Opening:
    """The open mouth of one frame.

    Attributes:
        window: Left, top, width and height of a part of the output around it, pixels.
        inner: The part of it where anything is open, likewise.
        coverage: (h, w): share of each pixel of the window that is open.
        edges: (2, w): where the upper and the lower lip lie in each column, window pixels.
        lip_depth: z of the lips after the head's turn, pixels.
        identity: How much the portrait's own mouth is shown as it is, [0, 1].
        field: (h, w, 2): map of the window, for pixels that no surface covers.
    """

    window: tuple[int, int, int, int]
    inner: tuple[int, int, int, int]
    coverage: FloatArray
    edges: FloatArray
    lip_depth: float
    identity: float
    field: FloatArray


class Interior:
    """The mouth's inside of one avatar in one view.

    Args:
        rig: The mesh.
        model: The face model.
        palette: Colours.
        picture: The portrait.
        own: (H, W): where the portrait shows teeth of its own, [0, 1].
    """

    def __init__(
        self, rig: Rig, model: FaceModel, palette: Palette, picture: DensePicture, own: FloatArray
    ) -> None:
        self._rig, self._palette, self._picture = rig, palette, picture
        self._soft_triangles = model.triangles_of("mouth_socket", "tongue")
        self._soft, inverse = np.unique(self._soft_triangles, return_inverse=True)
        self._soft_triangles = np.ascontiguousarray(
            inverse.reshape(self._soft_triangles.shape), np.int32
        )
        self._strips = [ToothStrip(model, LOWER), ToothStrip(model, UPPER)]
        self._texels_per_cm = float(np.clip(2.2 * rig.scale_px_per_cm, 8.0, 90.0))
        self._triangles = (self._soft_triangles, *(s.triangles for s in self._strips))
        self._textures = tuple(paint(s.row, palette, self._texels_per_cm) for s in self._strips)
        self._strip_texels = tuple(
            texture_scale(t, s.texture_cm, self._texels_per_cm)
            for t, s in zip(self._textures, self._strips, strict=True)
        )
        self._strip_shade = [0.55 + 0.45 * s.facing for s in self._strips]
        self._strip_shade[0] *= np.float32(LOWER_TEETH)
        self._paint_soft(model)
        self._moves = self._soft_moves()
        axes = np.stack([self._rig.direction(axis) for axis in AXES])
        self._from_anchors = [np.asarray(s.from_anchors @ axes, np.float32) for s in self._strips]
        self._placed = [np.zeros((len(self._soft), 3), np.float32)]
        self._placed += [np.zeros_like(s.mean) for s in self._strips]
        self._faded = [np.zeros((len(p), 1), np.float32) for p in self._placed]
        still = Turn(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
        self._place(rig.source, rig.beta, still, 0.0, (0, 0), 1)
        self._sources = tuple(p.copy() for p in self._placed)
        self._own, self._has_own = own, bool(own.any())
        samples = own.size * SAMPLES_PER_SIDE**2
        self._memory = [RasterMemory(samples) for _ in range(3)]

    def _paint_soft(self, model: FaceModel) -> None:
        """Colours of socket and tongue with their fixed shading, (n, 3)."""
        parts = model.part[self._soft]
        tongue = parts == _part("tongue")
        colour = np.where(tongue[:, None], self._palette.tongue, self._palette.cavity)
        place = model.mean[self._soft]
        normals = vertex_normals(np.ascontiguousarray(place), self._soft_triangles)
        lit = np.clip(normals @ LIGHT, 0.0, 1.0)
        shade = np.where(tongue, 0.62 + 0.52 * lit, 0.95 + 0.40 * lit)
        side = np.clip(np.abs(place[:, 0]) / 2.0, 0.0, 1.0)
        shade = shade * np.where(tongue, 1.0 - 0.45 * side**2, 1.0)
        shine = np.exp(-((place[:, 2] - 8.3) ** 2) / 0.9 - place[:, 0] ** 2 / 1.2)
        shade = shade + np.where(tongue, TONGUE_SHINE * shine * np.clip(normals[:, 1], 0, 1), 0.0)
        self._soft_colour = np.ascontiguousarray(colour * shade[:, None], np.float32)
        self._relief = tongue_relief()
        x, y = place[:, 0] + RELIEF_CM[0] / 2, RELIEF_TIP_CM - place[:, 2]
        limits = np.array(self._relief.shape[::-1]) - 1.0
        texels = np.clip(np.stack([x, y], 1) * RELIEF_TEXELS_PER_CM, 0.0, limits) * tongue[:, None]
        self._relief_texels = np.ascontiguousarray(texels, np.float32)
        self._is_tongue = tongue
        self._model_mean = model.mean

    def _soft_moves(self) -> FloatArray:
        """What tongue and socket do beside the model, (4, n, 3) output pixels: stay wider, rise,
        sink, draw back."""
        mean, tongue = self._model_mean[self._soft], self._is_tongue.astype(np.float32)
        reach = (mean[:, 2] - TONGUE_ROOT_Z_CM) / (TONGUE_TIP_Z_CM - TONGUE_ROOT_Z_CM)
        tip = np.clip(reach, 0.0, 1.0) * tongue
        x, y, z = (self._rig.direction(axis) for axis in AXES)
        moves = [
            np.outer(TONGUE_WIDER * mean[:, 0] * tongue, x),
            np.outer(TONGUE_RAISE_CM * tip**2.5, y),
            np.outer(-TONGUE_LOWER_CM * (0.7 * tongue + 0.3 * tip), y),
            np.outer(-TONGUE_BACK_CM * tip, z),
        ]
        return np.ascontiguousarray(np.stack(moves), np.float32)

    def _place(
        self,
        points: FloatArray,
        beta: FloatArray,
        turn: Turn,
        lip_depth: float,
        corner: tuple[int, int],
        samples: int,
    ) -> None:
        """Put every surface where one frame has it, in samples of a window, and fade it."""
        raised = ramp(float(beta[blendshapes.INDEX["tongueOut"]]) / 0.15)
        jaw = ramp(float(beta[blendshapes.INDEX["jawOpen"]]) / 0.45)
        shares = vector(1.0, raised, jaw * (1.0 - 0.6 * raised), 1.0 - raised)
        place = vector(*corner, samples, lip_depth, self._rig.scale_px_per_cm)
        kernels.place_soft(
            points,
            self._soft,
            self._moves,
            shares,
            turn.matrix,
            turn.shift,
            place,
            vector(*SOFT_FADE),
            self._placed[0],
            self._faded[0],
        )
        for row, strip in enumerate(self._strips, 1):
            kernels.place_strip(
                points,
                strip.anchors,
                strip.anchor_weights,
                self._from_anchors[row - 1],
                turn.matrix,
                turn.shift,
                place,
                vector(*TEETH_FADE),
                self._strip_shade[row - 1],
                self._placed[row],
                self._faded[row],
            )

    def render(
        self,
        points: FloatArray,
        beta: FloatArray,
        turn: Turn,
        opening: Opening,
        layer: ImageArray,
    ) -> None:
        """Draw the inside into a window.

        Args:
            points: The mesh before the head's turn, (V, 3), output pixels.
            beta: The expression it shows.
            turn: The head's turn.
            opening: Where the mouth is open.
            layer: (h, w, 3) uint8, the window; written where the mouth is open.
        """
        left, top, width, height = opening.inner
        size = (height * SAMPLES_PER_SIDE, width * SAMPLES_PER_SIDE)
        self._place(points, beta, turn, opening.lip_depth, (left, top), SAMPLES_PER_SIDE)
        buffers = [memory.window(*size) for memory in self._memory]
        for placed, faces, view in zip(self._placed, self._triangles, buffers, strict=True):
            rasterise(placed, faces, *size, faces is self._soft_triangles, view)
        kernels.shade(
            tuple((b.triangle_id, b.bary, b.depth) for b in buffers),
            self._triangles,
            self._soft_colour,
            self._relief,
            self._relief_texels,
            self._sources,
            self._textures,
            self._strip_texels,
            tuple(self._faded),
            self._palette.cavity,
            np.float32(self._rig.scale_px_per_cm),
            (left - opening.window[0], top - opening.window[1], width, height),
            opening.coverage,
            opening.edges,
            np.float32(opening.identity),
            self._has_own,
            self._own,
            self._picture.pixels,
            self._picture.margin_px,
            self._picture.density,
            opening.field,
            layer,
        )


def tongue_relief() -> FloatArray:
    """What the tongue's surface does to its light: (H, W) float32, 1 at the rim.

    Columns run from the subject's right to left, rows from the tip backwards.
    """
    width, length = (int(side * RELIEF_TEXELS_PER_CM) for side in RELIEF_CM)
    x = (np.arange(width) + 0.5) / RELIEF_TEXELS_PER_CM - RELIEF_CM[0] / 2
    y = ((np.arange(length) + 0.5) / RELIEF_TEXELS_PER_CM)[:, None]
    middle = np.exp(-((x / 0.13) ** 2)) * smoothstep((y - 0.9) / 0.8)
    beside = np.exp(-((np.abs(x) / 0.55) ** 2)) * smoothstep((y - 0.7) / 1.0)
    grain = np.random.default_rng(0).normal(size=(length, width)).astype(np.float32)
    bumps = cv2.GaussianBlur(grain, (0, 0), 0.09 * RELIEF_TEXELS_PER_CM)
    bumps /= float(bumps.std())
    wet = np.exp(-(((np.abs(x) - 0.75) / 0.42) ** 2) - ((y - 1.25) / 0.40) ** 2)
    wet = wet * (0.75 + 0.35 * bumps)
    light = 1.0 + 0.028 * bumps - 0.10 * middle - 0.07 * beside + 0.20 * wet
    rim = np.minimum(RELIEF_CM[0] / 2 - np.abs(x), np.minimum(y, RELIEF_CM[1] - y))
    return np.asarray(1.0 + (light - 1.0) * smoothstep((rim - 0.1) / 0.3), np.float32)


def _part(name: str) -> int:
    return PARTS.index(name)
