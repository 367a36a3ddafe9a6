"""The warp renderer: one frame of expression in, one picture out."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.avatar import Avatar
from core.face_model import FaceModel
from core.raster import RasterBuffers, rasterise
from core.types import ExpressionFrame, FloatArray, ImageArray, VideoFrame
from render.background import Background, fill_from, make_plate
from render.warp import mesh_kernels, paint_kernels
from render.warp.aperture import SAMPLES, IntArray, band, ramp, smoothstep, vector
from render.warp.colours import LUMA, choose_palette, own_teeth
from render.warp.eyes import ZONE_CM as EYE_ZONE_CM
from render.warp.eyes import Eye
from render.warp.field import RING, HeadField
from render.warp.folds import Fold
from render.warp.framing import DensePicture, Framing, make_view
from render.warp.interior import Interior, Opening, RasterMemory
from render.warp.lips import ZONE_CM as LIP_ZONE_CM
from render.warp.lips import Lips
from render.warp.rig import Rig, Turn, combine, hidden_vertices

DENSE_UP_TO_PX = 1280
"""Outputs no larger than this are fetched from a copy of the portrait at twice their resolution:
as sharp as bicubic fetching, however far the head has moved."""
MARGIN_PX = 24
"""Of the portrait kept around the output."""
WINDOW_PAD_PX = 4
HOLE_PX = 2.0
"""Around the mouth's outline, what the mesh leaves bare takes the colour of the lips."""
SIDE_CM = 2.5
"""Beyond this from the middle of the face, skin that is turned away is the face's outline."""
OUTLINE_CM = 1.0
"""Beside the outline of a turned face the coarse map takes over: what surrounds it follows that."""
BAND_PX = 36_000
"""Of the output in each of the bands in which the picture is fetched: what they are fetched from
stays in the processor's cache."""
LEAST_GAP_PX = 0.3
"""A mouth less open than this is drawn closed."""
LASH_CM = 0.07
MOST_BLUR_PX = 3.0
"""An enlarged portrait is soft; so is the mouth's inside then, up to this."""
SEAM_PX = 1.5
SEAM_SHADE = 0.25
RIM_SHADE_CM = 0.10
"""How far beside the mouth opening the lips are shaded, as they turn inwards."""
RIM_SHADE = 0.75
OWN_MOUTH_INSET_CM = 0.07
"""The portrait's own mouth is used only this far inside its lips once the mouth moves."""


@dataclass(frozen=True, eq=False)
class Layers:
    """What a frame is made of, for tests and for the refinement network.

    Attributes:
        skin: Share of each pixel that shows the portrait's skin and surroundings, (H, W) float32.
        mouth: Share that shows the mouth's inside (cavity, tongue, teeth, gums).
        eye_left, eye_right: Share that shows the eyeball.
        source_px: Where each skin pixel comes from in the shown portrait, (H, W, 2) float32,
            pixel centres at +0.5.
    """

    skin: FloatArray
    mouth: FloatArray
    eye_left: FloatArray
    eye_right: FloatArray
    source_px: FloatArray


@dataclass(frozen=True, eq=False)
class Band:
    """Pixels that are fetched together, few enough for the map to stay in the processor's cache.

    Attributes:
        rows, columns: Where in the output.
        packed: (h, w) int32 and
        whole: (h, w, 2) int16, the same memory, and
        fraction: (h, w) uint16: where each pixel comes from, as `cv2.convertMaps` puts it. All
            bands share them.
    """

    rows: slice
    columns: slice
    packed: IntArray
    whole: NDArray[np.int16]
    fraction: NDArray[np.uint16]


class WarpRenderer:
    """Shows one avatar at one size.

    Args:
        avatar: Who.
        model: The face model the avatar was enrolled with.
        size: Width and height of the output, pixels, up to 1920 each.
        framing: How the head sits in the picture.
        background: What is behind the person; anything but "keep" needs `avatar.person_mask`.

    Raises:
        ConfigError: The size is out of range.

    Threads: one at a time; two renderers share nothing.
    """

    def __init__(
        self,
        avatar: Avatar,
        model: FaceModel,
        size: tuple[int, int] = (512, 512),
        framing: Framing | None = None,
        background: Background | None = None,
    ) -> None:
        self._size = size
        face_box = _face_box(avatar, model)
        height, width = avatar.image_rgb.shape[:2]
        view = make_view((width, height), face_box, size, framing or Framing())
        self.view = view
        self._density = 2 if max(size) <= DENSE_UP_TO_PX else 1
        self._picture = view.picture(avatar.image_rgb, MARGIN_PX, self._density)
        shown = (size[0] + 2 * MARGIN_PX, size[1] + 2 * MARGIN_PX)
        self.portrait_rgb = np.ascontiguousarray(
            _inner(cv2.resize(self._picture, shown, interpolation=cv2.INTER_AREA))
        )
        """The portrait as the output shows it at rest, (H, W, 3) uint8."""
        self._rig = Rig(avatar, model, view)
        self._blur_px = min(0.45 * view.scale, MOST_BLUR_PX) if view.scale > 1.2 else 0.0
        mask = None if avatar.person_mask is None else view.picture(avatar.person_mask, MARGIN_PX)
        self._set_background(background or Background(), mask)
        face_px = (face_box[3] - face_box[1]) * view.scale
        person = None if mask is None else np.ascontiguousarray(_inner(mask))
        self._field = HeadField(self._rig, model, face_px, size, person, MARGIN_PX, self._density)
        self._lips = Lips(self._rig, model)
        left, right = (Eye(self._rig, model, side, self.portrait_rgb) for side in ("Left", "Right"))
        self._eyes = (left, right)
        self._folds = [Fold(self._rig, model, side) for side in ("Left", "Right")]
        self._triangulate(model)
        self._allocate(model)
        self._open_mouth(model)
        self.render(ExpressionFrame.at_rest())

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._size

    def _set_background(self, background: Background, mask: ImageArray | None) -> None:
        self._plate: ImageArray | None = None
        if background.kind == "keep" or mask is None:
            return
        around = cv2.dilate(mask, np.ones((7, 7), np.uint8))
        self._plate = make_plate(background, self.portrait_rgb, _inner(around))
        height, width = self._picture.shape[:2]
        dense = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
        soft = cv2.GaussianBlur(dense, (0, 0), 0.8 * self._density)
        core = np.ones((4 * self._density + 1,) * 2, np.uint8)
        inside = fill_from(self._picture, cv2.erode(dense, core) > 250)
        share = soft[..., None].astype(np.float32) / 255.0
        person = self._picture * share + inside * (1 - share)
        self._picture = np.ascontiguousarray(
            np.concatenate([np.rint(person).astype(np.uint8), soft[..., None]], -1)
        )

    def _triangulate(self, model: FaceModel) -> None:
        """Triangles drawn in full detail around mouth and eyes, and their zone weights."""
        count = model.num_vertices
        zone = np.zeros(count, np.float32)
        lips = self._lips.aperture
        zone[lips.vertices] = smoothstep((LIP_ZONE_CM - lips.distance_cm) / 0.5)
        for eye in self._eyes:
            area = eye.aperture
            zone[area.vertices] = smoothstep((EYE_ZONE_CM - area.distance_cm) / 0.6)
        faces = model.triangles_of("face")
        hidden = hidden_vertices(self._rig, model)
        outline = hidden & (model.part == 0) & (np.abs(model.mean[:, 0]) > SIDE_CM)
        for eye in self._eyes:
            lids = eye.aperture.vertices[eye.aperture.distance_cm < 1.0]
            hidden[lids] = outline[lids] = False
        hidden[lips.vertices[lips.distance_cm < 1.0]] = False
        inward = self._distance_cm(lips.vertices, outline) / OUTLINE_CM
        rim = smoothstep((0.5 - lips.distance_cm) / 0.3)
        zone[lips.vertices] *= np.maximum(smoothstep(inward), rim)
        zone[hidden] = 0.0
        self._zone = zone[:, None]
        self._mouth_triangles = _touching(faces, lips.vertices, count)
        self._eye_triangles = [_touching(faces, eye.aperture.vertices, count) for eye in self._eyes]

    def _distance_cm(self, vertices: IntArray, others: NDArray[np.bool_]) -> FloatArray:
        """How far vertices lie from the nearest of others (V,) as the portrait shows them, (n,)."""
        if not others.any():
            return np.full(len(vertices), np.inf, np.float32)
        places = self._rig.source[:, :2]
        away = np.linalg.norm(places[vertices][:, None] - places[others][None], axis=-1)
        return np.asarray(away.min(axis=1) / self._rig.scale_px_per_cm, np.float32)

    def _allocate(self, model: FaceModel) -> None:
        width, height = self._size
        spacing = self._field.spacing
        movable = self._field.movable
        along_y, along_x = np.flatnonzero(movable.any(1)), np.flatnonzero(movable.any(0))
        x0, x1 = (np.clip((c - RING) * spacing, 0, width) for c in along_x[[0, -1]] + (-1, 2))
        y0, y1 = (np.clip((r - RING) * spacing, 0, height) for r in along_y[[0, -1]] + (-1, 2))
        x0, y0 = int(x0) // spacing * spacing, int(y0) // spacing * spacing
        self._box = (x0, y0, int(x1), int(y1))
        self._bands = list(self._movable_bands(movable))
        self._places = np.zeros((height * width, 2), np.float32)
        points = self._rig.source
        self._points, self._turned, self._shifted = points.copy(), points.copy(), points.copy()
        self._contours = [np.zeros((2 * SAMPLES, 2), np.float32) for _ in range(3)]
        self._outline_ids = np.arange(2 * SAMPLES, dtype=np.int32)
        self._bounds = np.zeros(4, np.float32)
        moving = [a.aperture.vertices for a in (self._lips, *self._eyes)]
        self._detailed = np.unique(np.concatenate(moving))
        folds = [fold.anchors.ravel() for fold in self._folds]
        self._followed = np.unique(np.concatenate(moving + folds))
        self._texture = np.ascontiguousarray(self._rig.source[:, :2]).copy()
        self._channels = self._picture.shape[2]
        self._out = [self.portrait_rgb.copy() for _ in range(3)]
        if self._plate is not None:
            shown = (width + 2 * MARGIN_PX, height + 2 * MARGIN_PX)
            still = _inner(cv2.resize(self._picture, shown, interpolation=cv2.INTER_AREA))
            self._warped = np.ascontiguousarray(still)
            for out in self._out:
                paint_kernels.composite(self._warped, self._plate, out)
        self._next = 0
        pixels = width * height
        self._raster = RasterMemory(pixels)
        self._layer = np.zeros((pixels, 3), np.uint8)
        self._coverage = np.zeros(pixels, np.float32)
        self._soft = np.zeros(pixels, np.float32)
        self._edges = np.zeros(2 * width, np.float32)
        self._eye_map = np.zeros((pixels, 2), np.float32)
        shift = self._density * MARGIN_PX - 0.5
        self._skin_shift = vector(shift, shift)

    def _movable_bands(self, movable: NDArray[np.bool_]) -> Iterator[Band]:
        """Rows and columns of pixels that can ever change, as a stack of bands."""
        x0, y0, x1, y1 = self._box
        spacing = self._field.spacing
        step = max(BAND_PX // (spacing * (x1 - x0)), 1) * spacing
        most = step * (x1 - x0)
        whole, fraction = np.zeros(most, np.int32), np.zeros(most, np.uint16)
        for top in range(y0, y1, step):
            bottom = min(top + step, y1)
            near = movable[top // spacing + RING - 1 : -(-bottom // spacing) + RING + 1]
            columns = np.flatnonzero(near.any(0)) - RING
            if len(columns):
                left = max((int(columns[0]) - 1) * spacing, x0)
                right = min((int(columns[-1]) + 2) * spacing, x1)
                size = (bottom - top, right - left)
                count = size[0] * size[1]
                yield Band(
                    slice(top, bottom),
                    slice(left, right),
                    whole[:count].reshape(size),
                    whole[:count].view(np.int16).reshape(*size, 2),
                    fraction[:count].reshape(size),
                )

    def _open_mouth(self, model: FaceModel) -> None:
        """The inside of the mouth; where the portrait shows its own it is used as texture."""
        width, height = self._size
        own = np.zeros((height, width), np.float32)
        lips, px = self._lips, self._rig.scale_px_per_cm
        if lips.open_share > 0.0:
            mesh_kernels.rims(self._rig.source, lips.aperture.ends, lips.aperture.share, lips.rims)
            still = self._rig.turn(np.zeros(6, np.float32))
            _outline(lips.rims, lips.source_gap, lips.down, still, self._contours[0])
            paint_kernels.fill_polygon(self._contours[0], own)
            inset = max(OWN_MOUTH_INSET_CM * px, 0.7)
            own = smoothstep((cv2.GaussianBlur(own, (0, 0), inset) - 0.55) / 0.35)
            middle_cm = float(np.median(lips.source_gap[8:25])) / px
            own *= np.float32(ramp((middle_cm - 0.25) / 0.25))
        portrait = np.ascontiguousarray(self.portrait_rgb)
        own, colour = own_teeth(portrait, own)
        self.palette = choose_palette(portrait, self._rig, model, colour)
        picture = DensePicture(self._picture, MARGIN_PX, self._density)
        self._interior = Interior(self._rig, model, self.palette, picture, own)
        skin = np.asarray(self.palette.cavity)
        self._seam_colour = (self.palette.gum * 0.35).astype(np.float32)
        self._lash = np.clip(skin * 0.55, 0, 255).astype(np.float32)
        if self.palette.ivory @ LUMA < 60:
            self._lash *= 0.5

    def render(self, frame: ExpressionFrame) -> VideoFrame:
        """Draw one frame; see `core.renderer.Renderer`."""
        shown, rest = combine(self._rig.beta, frame, self._lips.open_share)
        points = self._points
        self._rig.move(shown, points)
        turn = self._rig.turn(frame.pose)
        self._field.move(points, self._rig.source, turn, frame.breath)

        gap = self._lips.wanted_gap(frame.beta, rest)
        self._lips.settle(points, gap, rest)
        self._lips.texture(gap, self._texture)
        blinks = [eye.blink(frame.beta) for eye in self._eyes]
        for eye, blink in zip(self._eyes, blinks, strict=True):
            eye.settle(points, blink)
            eye.texture(blink, self._texture)
        mesh_kernels.turn_points(points, self._followed, turn.matrix, turn.shift, self._turned)
        mouth, *eyes = self._contours
        depth = _outline(self._lips.rims, gap, self._lips.down, turn, mouth)
        for eye, contour in zip(self._eyes, eyes, strict=True):
            _outline(eye.rims, eye.gap, eye.down, turn, contour)
        self._outlines = (mouth if float(gap.max()) >= LEAST_GAP_PX else None, *eyes)

        self._open_face()
        self._warp_eyes(frame, eyes)
        self._warp_mouth(mouth, float(gap.max()), rest)
        out = self._finish_skin()
        self._shade_folds(shown, out)
        self._paste_eyes(eyes, blinks, out)
        if self._lips.open_share > 0.0:
            self._join_lips(mouth, gap, rest, out)
        if self._outlines[0] is not None:
            self._paste_mouth(points, shown, turn, depth, mouth, rest, out)
        return VideoFrame(frame.index, out)

    def layers(self, frame: ExpressionFrame) -> Layers:
        """Render a frame and say what each pixel of it shows."""
        self.render(frame)
        width, height = self._size
        shares = [np.zeros((height, width), np.float32) for _ in self._outlines]
        for outline, share in zip(self._outlines, shares, strict=True):
            if outline is not None:
                paint_kernels.fill_polygon(outline, share)
        mouth, left, right = shares
        skin = (1 - mouth) * (1 - left) * (1 - right)
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        source = np.stack([columns, rows], -1) + np.float32(0.5)
        x0, y0, x1, y1 = self._box
        places = np.zeros((y1 - y0, x1 - x0, 2), np.float32)
        self._field.places(x0, y0, places)
        left_px, top_px, right_px, bottom_px = self._limits
        places[top_px - y0 : bottom_px - y0, left_px - x0 : right_px - x0] = self._map
        source[y0:y1, x0:x1] = (places + np.float32(0.5)) / np.float32(self._density)
        source[y0:y1, x0:x1] -= np.float32(MARGIN_PX)
        return Layers(skin, mouth, left, right, source)

    def _open_face(self) -> None:
        """Spread the coarse map over the part of the face that is drawn in detail."""
        self._limits = self._box
        x, y, w, h = self._window(self._turned, self._detailed, WINDOW_PAD_PX)
        self._limits = (x, y, x + w, y + h)
        self._map = self._places[: w * h].reshape(h, w, 2)
        self._field.places(x, y, self._map)

    def _warp_eyes(self, frame: ExpressionFrame, contours: list[FloatArray]) -> None:
        """Keep the eyeballs' map aside and draw the lids into the map."""
        self._eye_windows = []
        used = 0
        for eye, contour, triangles in zip(self._eyes, contours, self._eye_triangles, strict=True):
            x, y, w, h = window = self._window(contour, self._outline_ids, 2)
            kept = self._eye_map[used : used + w * h].reshape(h, w, 2)
            used += w * h
            np.copyto(kept, self._map_at(window))
            mesh_kernels.shift_gaze(
                kept, contour, vector(x, y), eye.gaze(frame.beta) * self._density
            )
            self._eye_windows.append((window, kept))
            vertices = eye.aperture.vertices
            area = self._window(self._turned, vertices, WINDOW_PAD_PX)
            self._detail(area, vertices, triangles)

    def _warp_mouth(self, contour: FloatArray, gap_px: float, rest: float) -> None:
        vertices = self._lips.aperture.vertices
        window = self._window(self._turned, vertices, WINDOW_PAD_PX)
        seen = self._detail(window, vertices, self._mouth_triangles)
        x, y, w, h = window
        coverage = self._coverage[: w * h].reshape(h, w)
        hole = contour - vector(x, y)
        moved = 1.0 - _likeness(rest)
        beyond_px = min(HOLE_PX, gap_px) * moved
        hole[:SAMPLES] -= np.float32(beyond_px) * self._lips.down
        hole[SAMPLES:] += np.float32(beyond_px) * self._lips.down
        paint_kernels.fill_polygon(hole, coverage)
        mesh_kernels.spread_into_hole(
            seen.triangle_id, coverage, 4, beyond_px > 1.0, moved, self._map_at(window)
        )

    def _map_at(self, window: tuple[int, int, int, int]) -> FloatArray:
        """The map's part of a window, which lies inside the face's."""
        x, y, w, h = window
        x0, y0, _, _ = self._limits
        return self._map[y - y0 : y - y0 + h, x - x0 : x - x0 + w]

    def _detail(
        self, window: tuple[int, int, int, int], vertices: IntArray, triangles: IntArray
    ) -> RasterBuffers:
        """Draw part of the mesh, whose triangles use these vertices, into the map."""
        x, y, w, h = window
        mesh_kernels.shift_points(self._turned, vertices, x, y, self._shifted)
        seen = self._raster.window(h, w)
        rasterise(self._shifted, triangles, h, w, False, seen)
        mesh_kernels.write_detail(
            seen.triangle_id,
            seen.bary,
            triangles,
            self._texture,
            self._zone,
            float(self._density),
            self._skin_shift,
            self._map_at(window),
        )
        return seen

    def _finish_skin(self) -> ImageArray:
        """Fetch every pixel that can move and lay it over the background."""
        out = self._out[self._next]
        self._next = (self._next + 1) % len(self._out)
        target = out if self._plate is None else self._warped
        for part in self._bands:
            rows, columns = part.rows, part.columns
            self._field.band_places(
                columns.start,
                rows.start,
                self._map,
                self._limits[:2],
                self._picture,
                part.packed,
                part.fraction,
            )
            cv2.remap(
                self._picture,
                part.whole,
                part.fraction,
                cv2.INTER_LINEAR,
                dst=target[rows, columns],
                borderMode=cv2.BORDER_REPLICATE,
            )
            if self._plate is not None:
                paint_kernels.composite(
                    target[rows, columns], self._plate[rows, columns], out[rows, columns]
                )
        return out

    def _shade_folds(self, shown: FloatArray, out: ImageArray) -> None:
        """Darken the folds beside a smile."""
        for fold in self._folds:
            strength = fold.strength(shown)
            if strength > 0.0:
                fold.place(self._turned)
                paint_kernels.shade_line(fold.line, fold.soft_px, strength, out)

    def _paste_eyes(self, contours: list[FloatArray], blinks: list[float], out: ImageArray) -> None:
        for contour, blink, (window, kept) in zip(contours, blinks, self._eye_windows, strict=True):
            x, y, w, h = window
            layer = self._layer_of(h, w, self._channels)
            cv2.remap(
                self._picture,
                kept,
                None,
                cv2.INTER_LINEAR,
                dst=layer,
                borderMode=cv2.BORDER_REPLICATE,
            )
            coverage = self._coverage[: w * h].reshape(h, w)
            paint_kernels.fill_polygon(contour - vector(x, y), coverage)
            area = out[y : y + h, x : x + w]
            paint_kernels.blend(layer, coverage, area)
            if blink > 0.05:
                self._draw_lashes(contour - vector(x, y), blink, coverage, area)

    def _draw_lashes(
        self, contour: FloatArray, blink: float, coverage: FloatArray, area: ImageArray
    ) -> None:
        """A closing lid carries its lashes down: a dark line that thins towards the corners."""
        taper = np.sin(np.linspace(0.0, np.pi, SAMPLES)) ** 0.5
        half = 0.5 * max(LASH_CM * self._rig.scale_px_per_cm, 1.3) * taper
        paint_kernels.fill_polygon(band(contour[:SAMPLES], half), coverage)
        paint_kernels.tint(coverage, 0.75 * min(1.0, 1.5 * blink), self._lash, area)

    def _join_lips(
        self, contour: FloatArray, gap: FloatArray, rest: float, out: ImageArray
    ) -> None:
        """Where lips meet that the portrait shows apart, the seam between their textures is soft
        and a little darker."""
        upper, lower = contour[:SAMPLES], contour[SAMPLES:][::-1]
        taper = np.minimum(4.0 * np.sin(np.linspace(0.0, np.pi, SAMPLES)), 1.0)
        half = SEAM_PX * taper * np.clip(1.0 - gap / SEAM_PX, 0.0, 1.0)
        window = self._window(contour, self._outline_ids, 4)
        x, y, w, h = window
        coverage = self._coverage[: w * h].reshape(h, w)
        paint_kernels.fill_polygon(band(0.5 * (upper + lower) - vector(x, y), half), coverage)
        coverage *= np.float32(1.0 - _likeness(rest))
        area = out[y : y + h, x : x + w]
        paint_kernels.blend(cv2.blur(area, (3, 5)), coverage, area)
        paint_kernels.tint(coverage, SEAM_SHADE, self._seam_colour, area)

    def _paste_mouth(
        self,
        points: FloatArray,
        shown: FloatArray,
        turn: Turn,
        lip_depth: float,
        contour: FloatArray,
        rest: float,
        out: ImageArray,
    ) -> None:
        soft_px = RIM_SHADE_CM * self._rig.scale_px_per_cm
        x, y, w, h = window = self._window(contour, self._outline_ids, 2 + int(3 * soft_px))
        coverage = self._coverage[: w * h].reshape(h, w)
        paint_kernels.fill_polygon(contour - vector(x, y), coverage)
        edges = self._edges[: 2 * w].reshape(2, w)
        mesh_kernels.column_edges(contour, x, y, edges)
        layer = self._layer_of(h, w, 3)
        identity = _likeness(rest)
        opening = Opening(
            window,
            self._window(contour, self._outline_ids, 1),
            coverage,
            edges,
            lip_depth,
            identity,
            self._map_at(window),
        )
        self._interior.render(points, shown, turn, opening, layer)
        area = out[y : y + h, x : x + w]
        soft = self._soft[: w * h].reshape(h, w)
        cv2.GaussianBlur(coverage, (0, 0), max(soft_px, 0.4), dst=soft)
        paint_kernels.darken_rim(soft, RIM_SHADE * (1.0 - identity), area)
        if self._blur_px > 0.5:
            _lay_softly(layer, coverage, self._blur_px, area)
        else:
            paint_kernels.blend(layer, coverage, area)

    def _layer_of(self, height: int, width: int, channels: int) -> ImageArray:
        flat = self._layer.reshape(-1)
        if channels * height * width > flat.size:
            self._layer = np.zeros((height * width * channels // 3 + 1, 3), np.uint8)
            flat = self._layer.reshape(-1)
        return flat[: channels * height * width].reshape(height, width, channels)

    def _window(self, points: FloatArray, chosen: IntArray, pad: int) -> tuple[int, int, int, int]:
        """Left, top, width, height of a window around some points, inside the limits."""
        mesh_kernels.bounds(points, chosen, self._bounds)
        left, top, right, bottom = (float(v) for v in self._bounds)
        x0, y0, x1, y1 = self._limits
        left = min(max(int(left) - pad, x0), x1 - 2)
        top = min(max(int(top) - pad, y0), y1 - 2)
        right = min(max(int(right) + pad + 1, left + 2), x1)
        bottom = min(max(int(bottom) + pad + 1, top + 2), y1)
        return left, top, right - left, bottom - top


def _lay_softly(layer: ImageArray, coverage: FloatArray, sigma_px: float, out: ImageArray) -> None:
    """Lay a layer over a picture, both layer and edge as soft as an enlarged portrait."""
    share = cv2.GaussianBlur(coverage, (0, 0), sigma_px)
    weighted = cv2.GaussianBlur(layer * coverage[..., None], (0, 0), sigma_px)
    mixed = out * (1.0 - share[..., None]) + weighted
    np.copyto(out, np.rint(mixed), casting="unsafe")


def _likeness(rest: float) -> float:
    """How much the portrait's own mouth is shown as it is, [0, 1]."""
    return float(np.clip((rest - 0.8) / 0.2, 0.0, 1.0))


def _outline(
    rims: FloatArray, gap: FloatArray, down: FloatArray, turn: Turn, out: FloatArray
) -> float:
    """An opening between two rims, into out (2 * SAMPLES, 2); see `mesh_kernels.outline`."""
    return float(mesh_kernels.outline(rims, gap, down, turn.matrix, turn.shift, out))


def _face_box(avatar: Avatar, model: FaceModel) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the face in the portrait, chin to hairline."""
    moved = model.pose(model.shape(avatar.alpha), avatar.beta)
    points = avatar.pose.project(moved)[:, :2] + avatar.offset_px
    face = points[model.part == 0]
    low, high = face.min(axis=0), face.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _touching(triangles: IntArray, vertices: IntArray, count: int) -> IntArray:
    """Triangles all of whose corners are among the vertices."""
    member = np.zeros(count, bool)
    member[vertices] = True
    return np.ascontiguousarray(triangles[member[triangles].all(axis=1)])


def _inner(padded: ImageArray) -> ImageArray:
    """A picture without its margin."""
    return padded[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
