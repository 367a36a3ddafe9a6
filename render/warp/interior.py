"""The inside of the mouth: cavity, tongue and two rows of teeth, behind the lips.

Everything is drawn with 2 x 2 samples a pixel, in a window around the opening. Where the portrait
shows its own mouth's inside, that is the texture of whatever surface lies there.
"""

import numpy as np

from core import blendshapes
from core.face_model import PARTS, FaceModel
from core.raster import RasterBuffers, rasterise, vertex_normals
from core.types import FloatArray, ImageArray
from render.warp import interior_kernels as kernels
from render.warp.aperture import ramp
from render.warp.rig import Rig, Turn
from render.warp.teeth import LOWER, UPPER, Palette, ToothStrip, paint, texture_scale

SAMPLES_PER_SIDE = 2
TONGUE_ROOT_Z_CM, TONGUE_TIP_Z_CM = 4.0, 9.7
TONGUE_LOWER_CM = 0.85
"""How far the tongue sinks to the floor of the mouth as the jaw opens."""
TONGUE_BACK_CM = 0.55
"""How far a resting tongue lies behind the lower teeth."""
TONGUE_RAISE_CM = 0.85
"""How far "tongueOut" first lifts the tip, towards the upper teeth, before it comes forward."""
TONGUE_WIDER = 0.25
"""Widening of the face model's tongue, so that it reaches the teeth on both sides."""
TONGUE_SHINE = 0.45
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


class Interior:
    """The mouth's inside of one avatar in one view."""

    def __init__(
        self, rig: Rig, model: FaceModel, palette: Palette, own: FloatArray, max_window: int
    ) -> None:
        self._rig, self._palette = rig, palette
        self._soft_triangles = model.triangles_of("mouth_socket", "tongue")
        self._soft, inverse = np.unique(self._soft_triangles, return_inverse=True)
        self._soft_triangles = np.ascontiguousarray(
            inverse.reshape(self._soft_triangles.shape), np.int32
        )
        self._strips = [ToothStrip(model, LOWER), ToothStrip(model, UPPER)]
        self._texels_per_cm = float(np.clip(2.2 * rig.scale_px_per_cm, 8.0, 90.0))
        self._textures = [paint(s.row, palette, self._texels_per_cm) for s in self._strips]
        self._strip_texels = [
            texture_scale(t, s.texture_cm, self._texels_per_cm)
            for t, s in zip(self._textures, self._strips, strict=True)
        ]
        self._strip_shade = [0.55 + 0.45 * s.facing for s in self._strips]
        self._paint_soft(model)
        self._tongue_weights(model)
        self._soft_source = self._points(rig.source, rig.beta)
        self._strip_source = [s.carried(rig.source) for s in self._strips]
        self._own = own
        samples = max_window * SAMPLES_PER_SIDE**2
        self._memory = [RasterMemory(samples) for _ in range(3)]

    def _paint_soft(self, model: FaceModel) -> None:
        """Colours of socket and tongue with their fixed shading, (n, 3)."""
        parts = model.part[self._soft]
        tongue = parts == _part("tongue")
        colour = np.where(tongue[:, None], self._palette.tongue, self._palette.cavity)
        place = model.mean[self._soft]
        normals = vertex_normals(np.ascontiguousarray(place), self._soft_triangles)
        lit = np.clip(normals @ LIGHT, 0.0, 1.0)
        shade = np.where(tongue, 0.48 + 0.56 * lit, 0.75 + 0.3 * lit)
        groove = np.exp(-((place[:, 0] / 0.16) ** 2)) * (place[:, 2] < 9.0)
        side = np.clip(np.abs(place[:, 0]) / 2.0, 0.0, 1.0)
        shade = shade * np.where(tongue, (1.0 - 0.10 * groove) * (1.0 - 0.45 * side**2), 1.0)
        shine = np.exp(-((place[:, 2] - 8.3) ** 2) / 0.9 - place[:, 0] ** 2 / 1.2)
        shade = shade + np.where(tongue, TONGUE_SHINE * shine * np.clip(normals[:, 1], 0, 1), 0.0)
        self._soft_colour = np.ascontiguousarray(colour * shade[:, None], np.float32)
        self._is_tongue = tongue

    def _tongue_weights(self, model: FaceModel) -> None:
        z = model.mean[self._soft, 2]
        reach = np.clip((z - TONGUE_ROOT_Z_CM) / (TONGUE_TIP_Z_CM - TONGUE_ROOT_Z_CM), 0.0, 1.0)
        sideways = np.where(self._is_tongue, TONGUE_WIDER * model.mean[self._soft, 0], 0.0)
        self._wider = sideways[:, None] * self._rig.direction((1.0, 0.0, 0.0))
        self._wider = self._wider.astype(np.float32)
        self._tip = np.where(self._is_tongue, reach, 0.0).astype(np.float32)

    def _points(self, points: FloatArray, beta: FloatArray) -> FloatArray:
        """Socket and tongue of one expression, (n, 3)."""
        soft: FloatArray = points[self._soft]
        jaw = float(beta[blendshapes.INDEX["jawOpen"]])
        out = float(beta[blendshapes.INDEX["tongueOut"]])
        raised = ramp(out / 0.15)
        up = TONGUE_RAISE_CM * raised * self._tip**2.5
        sunk = ramp(jaw / 0.45) * (1.0 - 0.6 * raised)
        up = up - TONGUE_LOWER_CM * sunk * (0.7 * self._is_tongue + 0.3 * self._tip)
        back = TONGUE_BACK_CM * (1.0 - raised) * self._tip
        soft += self._wider
        soft += up[:, None] * self._rig.direction((0.0, 1.0, 0.0))
        soft -= back[:, None] * self._rig.direction((0.0, 0.0, 1.0))
        return soft

    def render(
        self,
        points: FloatArray,
        beta: FloatArray,
        turn: Turn,
        lip_depth: float,
        window: tuple[int, int, int, int],
        coverage: FloatArray,
        edges: FloatArray,
        identity: float,
        picture: ImageArray,
        margin_px: int,
        density: int,
        field: FloatArray,
        layer: ImageArray,
    ) -> None:
        """Draw the inside into a window.

        Args:
            points: The mesh before the head's turn, (V, 3), output pixels.
            beta: The expression it shows.
            turn: The head's turn.
            lip_depth: z of the lips after the turn, pixels.
            window: Left, top, width and height, output pixels.
            coverage: (h, w): share of each pixel that is open; the rest is left alone.
            edges: (2, w): where the upper and the lower lip lie in each column, window pixels.
            identity: How much the portrait's own mouth is shown as it is, [0, 1].
            picture: The dense portrait with its margin.
            margin_px: Width of that margin.
            density: Pixels of it per output pixel in each direction.
            field: (h, w, 2): map of the window, for pixels that no surface covers.
            layer: (h, w, 3) uint8, written where coverage > 0.
        """
        left, top, width, height = window
        size = (height * SAMPLES_PER_SIDE, width * SAMPLES_PER_SIDE)
        surfaces = [self._points(points, beta), *(s.carried(points) for s in self._strips)]
        buffers = []
        triangles = [self._soft_triangles, *(s.triangles for s in self._strips)]
        for moved, faces, memory in zip(surfaces, triangles, self._memory, strict=True):
            moved = moved @ turn.matrix.T + turn.shift
            moved[:, 0] = (moved[:, 0] - left) * SAMPLES_PER_SIDE
            moved[:, 1] = (moved[:, 1] - top) * SAMPLES_PER_SIDE
            view = memory.window(*size)
            cull = faces is self._soft_triangles
            rasterise(np.ascontiguousarray(moved, np.float32), faces, *size, cull, view)
            buffers.append(view)
        kernels.shade(
            tuple((b.triangle_id, b.bary, b.depth) for b in buffers),
            tuple(triangles),
            self._soft_colour,
            self._soft_source,
            tuple(self._textures),
            tuple(self._strip_texels),
            tuple(self._strip_shade),
            tuple(self._strip_source),
            self._palette.cavity,
            np.float32(lip_depth),
            np.float32(self._rig.scale_px_per_cm),
            coverage,
            edges,
            np.float32(identity),
            self._own,
            picture,
            margin_px,
            density,
            field,
            layer,
        )


def _part(name: str) -> int:
    return PARTS.index(name)
