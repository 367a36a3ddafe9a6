"""The rows of teeth: two curved strips along the dental arches, with teeth and gums painted on.

The face model's own teeth are too coarse to be looked at. They give the arches and how the rows
move; the teeth themselves are painted once per avatar, in the size the view needs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.face_model import FaceModel
from core.types import FloatArray
from render.warp.aperture import IntArray, smoothstep

COLUMNS = 41
ROWS = 4
HALF_ARCH_CM = 3.9
"""Length of the strip from the middle to each side, along the arch."""
ROOT_CM = 2.0
"""From the biting edge to the strip's far side, gums included."""
OVERHANG_CM = 0.12
"""Of the strip beyond the biting edge: teeth of unlike length end inside it."""
NEIGHBOURS = 10


@dataclass(frozen=True)
class ToothRow:
    """Sizes of the teeth of one row from the middle outwards, centimetres.

    Attributes:
        part: The face model's part it stands on.
        width: Of each tooth along the arch.
        crown: From biting edge to gum.
        short: How far its biting edge stands back from the row's.
    """

    part: str
    width: tuple[float, ...]
    crown: tuple[float, ...]
    short: tuple[float, ...]


UPPER = ToothRow(
    "teeth_upper",
    (0.84, 0.66, 0.76, 0.70, 0.68, 0.95, 0.9),
    (1.02, 0.88, 1.00, 0.84, 0.76, 0.70, 0.7),
    (0.0, 0.075, 0.01, 0.07, 0.10, 0.12, 0.14),
)
LOWER = ToothRow(
    "teeth_lower",
    (0.54, 0.60, 0.70, 0.70, 0.72, 1.0, 0.9),
    (0.84, 0.86, 0.94, 0.80, 0.74, 0.70, 0.7),
    (0.0, 0.01, 0.0, 0.06, 0.08, 0.10, 0.1),
)


@dataclass(frozen=True)
class Palette:
    """Colours of the mouth's inside, RGB 0 to 255, (3,) float32 each."""

    ivory: FloatArray
    gum: FloatArray
    tongue: FloatArray
    cavity: FloatArray


class ToothStrip:
    """Mesh of one row.

    Attributes:
        row: Which.
        mean: (n, 3) float32 on the mean face.
        triangles: (t, 3) int32.
        texture_cm: (n, 2) float32: along the arch from the middle, and from the biting edge
            towards the root.
        facing: (n,) float32: how much the surface faces forward, [0, 1].
        anchors: (n, NEIGHBOURS) int32: model vertices it moves with,
        anchor_weights: (n, NEIGHBOURS).
        from_anchors: (n, 3) float32: place on the mean face seen from their weighted mean.
    """

    def __init__(self, model: FaceModel, row: ToothRow) -> None:
        self.row = row
        own = model.vertices_of(row.part)
        teeth = model.mean[own]
        upward = 1.0 if row is UPPER else -1.0
        place, normal = _arch(teeth)
        front = teeth[np.abs(teeth[:, 0]) < 0.6]
        edge_y = float((front[:, 1] * upward).min() * upward)
        heights = np.linspace(-OVERHANG_CM, ROOT_CM, ROWS)
        grid = np.empty((ROWS, COLUMNS, 3), np.float32)
        along = np.linspace(-HALF_ARCH_CM, HALF_ARCH_CM, COLUMNS)
        for k, height in enumerate(heights):
            grid[k, :, 0], grid[k, :, 2] = place[:, 0], place[:, 1]
            grid[k, :, 1] = edge_y + upward * height
            lean = 0.10 * (height / ROOT_CM)
            grid[k, :, 0] -= normal[:, 0] * lean
            grid[k, :, 2] -= normal[:, 1] * lean
        self.mean = grid.reshape(-1, 3)
        u, v = np.meshgrid(along, heights)
        self.texture_cm = np.stack([u.ravel(), v.ravel()], 1).astype(np.float32)
        self.facing = np.tile(np.clip(normal[:, 1], 0.0, 1.0), ROWS).astype(np.float32)
        self.triangles = _grid_triangles(upward > 0)
        far = np.linalg.norm(self.mean[:, None] - teeth[None], axis=-1)
        best = np.argpartition(far, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        share = 1.0 / (np.take_along_axis(far, best, axis=1) + 0.3) ** 2
        self.anchors = own[best].astype(np.int32)
        self.anchor_weights = (share / share.sum(1, keepdims=True)).astype(np.float32)
        self.from_anchors = self.mean - np.einsum(
            "nqk,nq->nk", model.mean[self.anchors], self.anchor_weights
        )


def _arch(teeth: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Places (x, z) and outward normals of the strip's columns on the arch of these teeth."""
    x = np.abs(teeth[:, 0])
    levels = np.linspace(0.0, float(x.max()), 14)
    bins = np.digitize(x, levels)
    outer = np.array([teeth[bins == b, 2].max() for b in np.unique(bins)])
    middle = np.array([x[bins == b].mean() for b in np.unique(bins)])
    design = np.stack([np.ones_like(middle), middle**2, middle**4], 1)
    curve = np.linalg.lstsq(design, outer, rcond=None)[0]
    fine = np.linspace(0.0, float(x.max()) * 1.02, 400)
    depth = curve[0] + curve[1] * fine**2 + curve[2] * fine**4
    run = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(fine), np.diff(depth)))])
    wanted = np.linspace(-HALF_ARCH_CM, HALF_ARCH_CM, COLUMNS)
    side = np.interp(np.abs(wanted), run, fine) * np.sign(wanted)
    place = np.stack([side, np.interp(np.abs(wanted), run, depth)], 1)
    tangent = np.gradient(place, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1)
    return place.astype(np.float32), normal.astype(np.float32)


def _grid_triangles(is_upper: bool) -> IntArray:
    """Triangles of a ROWS x COLUMNS grid, counter-clockwise seen from the front."""
    index = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    a, b = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    c, d = index[1:, :-1].ravel(), index[1:, 1:].ravel()
    first, second = np.stack([a, b, c], 1), np.stack([b, d, c], 1)
    both = np.concatenate([first, second])
    return np.ascontiguousarray(both if is_upper else both[:, ::-1], np.int32)


def paint(row: ToothRow, palette: Palette, texels_per_cm: float) -> FloatArray:
    """Paint one row of teeth.

    Args:
        row: Which.
        palette: Colours.
        texels_per_cm: Resolution.

    Returns:
        (h, w, 4) float32: RGB 0 to 255 and coverage 0 to 1; the first line lies OVERHANG_CM
        beyond the biting edge, the columns run from the subject's right to left.
    """
    columns = int(2 * HALF_ARCH_CM * texels_per_cm)
    lines = int((ROOT_CM + OVERHANG_CM) * texels_per_cm)
    along = (np.arange(columns) + 0.5) / texels_per_cm - HALF_ARCH_CM
    height = ((np.arange(lines) + 0.5) / texels_per_cm - OVERHANG_CM)[:, None]
    ends = np.cumsum(row.width)
    tooth = np.minimum(np.searchsorted(ends, np.abs(along)), len(ends) - 1)
    width = np.asarray(row.width)[tooth]
    across = (np.abs(along) - (ends[tooth] - width / 2)) / (width / 2)
    crown, short = np.asarray(row.crown)[tooth], np.asarray(row.short)[tooth]
    soft = 1.2 / texels_per_cm

    corner = np.abs(across) ** 4 * 0.05 + np.abs(across) ** 12 * 0.07
    edge = short + corner
    gum_line = crown - 0.22 * np.abs(across) ** 2.5
    rise = np.clip((height - edge) / np.maximum(gum_line - edge, 0.1), 0.0, 1.2)
    slim = 1.0 - 0.13 * rise**1.5
    beside = (slim - np.abs(across)) * width / 2
    within = smoothstep(beside / (soft * 1.6) + 0.75)
    from_edge = smoothstep((height - edge) / soft + 0.5)
    under_gum = smoothstep((gum_line - height) / (soft * 1.5) + 0.5)

    light = 1.0 - 0.20 * np.abs(across) ** 3 - 0.05 * (across + 0.15) ** 2
    light = light * (1.0 - 0.10 * rise**2)
    light = light + 0.10 * np.exp(-(((across + 0.2) / 0.28) ** 2) - ((rise - 0.55) / 0.3) ** 2)
    light = light * np.where(tooth == 2, 0.955, 1.0) * (1.0 - 0.02 * tooth)
    enamel = palette.ivory * light[..., None]
    warm = np.array([1.0, 0.975, 0.91], np.float32)
    enamel = enamel * (1.0 + (warm - 1.0) * np.clip(rise, 0, 1)[..., None] ** 2 * 0.9)
    cool = np.array([0.955, 0.96, 0.965], np.float32)
    tip = np.exp(-np.maximum(height - edge, 0) / 0.10)[..., None]
    enamel = enamel * (1.0 + (cool - 1.0) * tip)

    papilla = smoothstep((height - (crown - 0.48)) / 0.22)[..., None]
    between = palette.cavity * 0.9 * (1 - papilla) + palette.gum * 0.72 * papilla
    gum_light = 0.93 + 0.12 * np.cos(across * np.pi) * np.exp(-np.maximum(height - crown, 0) / 0.3)
    root_shade = 1.0 - 0.25 * smoothstep((height - crown) / 1.0)
    gums = palette.gum * (gum_light * root_shade)[..., None]
    rim_shade = 1.0 - 0.25 * np.exp(-(((height - gum_line) / 0.05) ** 2))

    inside = within[..., None]
    crownish = enamel * rim_shade[..., None] * inside + between * (1 - inside)
    colour = crownish * under_gum[..., None] + gums * (1 - under_gum[..., None])
    gap_open = smoothstep((height - edge - 0.05) / 0.12)
    coverage = from_edge * np.maximum(within, gap_open)
    return np.concatenate([colour, coverage[..., None]], -1).astype(np.float32)


def texture_scale(texture: FloatArray, points_cm: FloatArray, texels_per_cm: float) -> FloatArray:
    """Texel coordinates (x, y) of places in centimetres on the strip, (n, 2)."""
    x = (points_cm[:, 0] + HALF_ARCH_CM) * texels_per_cm - 0.5
    y = (points_cm[:, 1] + OVERHANG_CM) * texels_per_cm - 0.5
    height, width = texture.shape[:2]
    limits: NDArray[np.float64] = np.array([width - 1.01, height - 1.01])
    return np.clip(np.stack([x, y], 1), 0.0, limits).astype(np.float32)
