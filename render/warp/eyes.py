"""The eyes: lids that close over the portrait's own eyes, and a gaze that wanders a little."""

import cv2
import numpy as np
from numpy.typing import NDArray

from core import blendshapes
from core.face_model import FaceModel
from core.types import FloatArray, ImageArray
from render.warp import mesh_kernels
from render.warp.aperture import SAMPLES, Aperture, down_of, ramp
from render.warp.rig import Rig

BROW_CM = 0.5
"""Half the height of a brow: a blink unfolds the skin from the rim up to the brow's lower edge."""
REACH_CM = (0.6, 1.9)
"""Least and greatest height of that skin."""
LASHES_CM = 0.3
"""Above the rim: lashes and the fold of the lid are no rim of glasses."""
STEP_CM = 0.03
LINE_CM = 0.15
"""A rim of glasses is thinner than this, and"""
LINE_SHARE = 0.75
"""darker than this share of the skin on both sides."""
LEAST_CLEAR_CM = 0.5
"""With less room between lid and glasses than this, the rim bends in a blink."""
BRIDGE_LINES = 9
ZONE_CM = 2.0
UPPER_SHARE = 0.88
"""Share of a blink that the upper lid does."""
GAZE_CM = 0.30
"""How far the iris moves at full gaze."""
INSET_CM = 0.32
"""Strip of the lid along the rim whose pixels (lashes, eyeball) a closing lid leaves behind."""
STRETCH = 0.8
"""Share of the unfolding skin that is stretched to fill that strip."""


class Eye:
    """One eye of one avatar.

    Attributes:
        aperture: Its rims and lids.
        rims: Upper and lower rim of the settled frame, (2, SAMPLES, 3), output pixels.
        gap: Left between them, (SAMPLES,), output pixels.
    """

    def __init__(self, rig: Rig, model: FaceModel, side: str, portrait: ImageArray) -> None:
        self._rig = rig
        name = side.lower()
        upper, lower = model.landmarks[f"eye_{name}_upper"], model.landmarks[f"eye_{name}_lower"]
        centre = model.mean[np.concatenate([upper, lower])].mean(0)
        near = np.linalg.norm(model.mean - centre, axis=1) < ZONE_CM + 2.5
        skin = np.flatnonzero(near & (model.part == 0)).astype(np.int32)
        self.aperture = Aperture(upper, lower, model.mean, skin)
        keep = self.aperture.distance_cm < ZONE_CM
        area = self.aperture
        area.vertices, area.along = area.vertices[keep], area.along[keep]
        area.side, area.distance_cm = area.side[keep], area.distance_cm[keep]
        self.down = down_of(area.upper.of(rig.source), area.lower.of(rig.source))
        self.rims = np.zeros((2, SAMPLES, 3), np.float32)
        self.gap = np.zeros(SAMPLES, np.float32)
        self._change = np.zeros(SAMPLES, np.float32)
        self._mixed = np.zeros(SAMPLES, np.float32)
        reach_cm = self._reach_cm(model, name, portrait)
        follow = np.clip(1.0 - area.distance_cm / reach_cm, 0.0, 1.0)
        share = np.where(area.side > 0, UPPER_SHARE, UPPER_SHARE - 1.0) * follow
        self._share = share.astype(np.float32)
        self._index = {
            key: blendshapes.INDEX[f"eye{key}{side}"]
            for key in ("Blink", "LookIn", "LookOut", "LookUp", "LookDown")
        }
        self._outward = 1.0 if side == "Left" else -1.0
        source = rig.source[area.vertices, :2]
        fill = np.clip(1.0 - area.distance_cm / (STRETCH * reach_cm), 0.0, 1.0)
        fill = fill * np.minimum(INSET_CM, 0.4 * reach_cm)
        away = np.where(area.side > 0, -fill, fill)
        self.resting = source.astype(np.float32)
        inset = source + (away * rig.scale_px_per_cm)[:, None] * self.down
        self._inset = inset.astype(np.float32)

    def _reach_cm(self, model: FaceModel, side: str, portrait: ImageArray) -> FloatArray:
        """Height of the skin that unfolds at each skin vertex, (n,), cm of the mean face.

        Between upper lid and brow, and below the rim of glasses where there is room.
        """
        brow = model.landmarks[f"brow_{side}"]
        shown, mean = (
            (self.aperture.upper.of(p)[:, :2].mean(0) - p[brow, :2].mean(0))
            for p in (self._rig.source, model.mean * np.array([1.0, -1.0, 1.0], np.float32))
        )
        shown_cm = max(float(shown @ self.down) / self._rig.scale_px_per_cm, 0.3)
        per_shown = float(mean[1]) / shown_cm
        free = float(np.clip((shown_cm - BROW_CM) * per_shown, *REACH_CM))
        profile = np.full(SAMPLES, free, np.float32)
        if _wears_glasses(portrait, self._rig, model):
            clear = cv2.erode(self._clear_cm(portrait)[:, None], np.ones((5, 1), np.uint8))
            clear = cv2.GaussianBlur(clear, (1, 0), 1.5, sigmaY=1.5)[:, 0] * per_shown
            if np.median(clear) > LEAST_CLEAR_CM:
                profile = np.clip(clear, LEAST_CLEAR_CM, free).astype(np.float32)
        return np.where(self.aperture.side > 0, self.aperture.at(profile), np.float32(free))

    def _clear_cm(self, portrait: ImageArray) -> FloatArray:
        """How far above each point of the upper rim a dark line lies, (SAMPLES,)."""
        px = self._rig.scale_px_per_cm
        rim = self.aperture.upper.of(self._rig.source)[:, :2]
        steps = np.arange(LASHES_CM, REACH_CM[1], STEP_CM, dtype=np.float32)
        lines = rim[:, None] - (steps * px)[None, :, None] * self.down
        dark = _dark_lines(portrait, lines, px)
        first = np.where(dark.any(axis=1), dark.argmax(axis=1), len(steps) - 1)
        return np.asarray(steps[first] - LINE_CM, np.float32)

    def blink(self, beta: FloatArray) -> float:
        """How closed the frame wants the eye, [0, 1]; 0.9 and more is closed."""
        return float(np.clip(beta[self._index["Blink"]] / 0.9, 0.0, 1.0))

    def settle(self, points: FloatArray, blink: float) -> None:
        """Close the lids by a share of their present opening.

        Changes points (V, 3); sets `rims` and `gap`.
        """
        area = self.aperture
        mesh_kernels.rims(points, area.ends, area.share, self.rims)
        mesh_kernels.gaps(self.rims, self.down, self.gap)
        np.maximum(self.gap, 0.0, out=self.gap)
        if blink == 0.0:
            return
        np.multiply(self.gap, np.float32(blink), out=self._change)
        mesh_kernels.follow_rims(
            points, area.vertices, area.along, self._share, self._change, self.down
        )
        np.subtract(self.gap, self._change, out=self.gap)
        mesh_kernels.rims(points, area.ends, area.share, self.rims)

    def texture(self, blink: float, out: FloatArray) -> None:
        """Where the lids' vertices find their colour; writes into out (V, 2)."""
        area = self.aperture
        self._mixed.fill(ramp(blink / 0.5))
        mesh_kernels.mix_texture(
            area.vertices, area.along, self._mixed, self.resting, self._inset, out
        )

    def gaze(self, beta: FloatArray) -> FloatArray:
        """Shift of the iris in output pixels, (2,)."""
        value = {key: float(beta[index]) for key, index in self._index.items()}
        side = self._outward * (value["LookOut"] - value["LookIn"])
        up = value["LookUp"] - value["LookDown"]
        centimetres = GAZE_CM * np.array([side, 0.7 * up])
        toward = self._rig.direction((1.0, 0.0, 0.0))[:2] * centimetres[0]
        toward = toward + self._rig.direction((0.0, 1.0, 0.0))[:2] * centimetres[1]
        return np.asarray(toward, np.float32)


def _wears_glasses(portrait: ImageArray, rig: Rig, model: FaceModel) -> bool:
    """Whether a dark line, the bridge of glasses, crosses the nose between the eyes."""
    marks = model.landmarks
    corners = []
    for side in ("left", "right"):
        rim = marks[f"eye_{side}_upper"]
        corners.append(rim[np.abs(model.mean[rim, 0]).argmin()])
    middle = rig.source[corners, :2].mean(axis=0)
    across = rig.direction((1.0, 0.0, 0.0))[:2]
    down = -rig.direction((0.0, 1.0, 0.0))[:2]
    sideways = np.linspace(-0.5, 0.5, BRIDGE_LINES)[:, None, None] * across
    steps = np.arange(-1.2, 1.2, STEP_CM)[None, :, None] * down
    dark = _dark_lines(portrait, middle + sideways + steps, rig.scale_px_per_cm)
    return bool(dark.any(axis=1).mean() > 0.75)


def _dark_lines(portrait: ImageArray, paths: FloatArray, px_per_cm: float) -> NDArray[np.bool_]:
    """Where paths (n, m, 2), STEP_CM a step, cross a thin line darker than both its sides."""
    luma = cv2.GaussianBlur(cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY), (0, 0), 0.02 * px_per_cm)
    places = np.ascontiguousarray(paths - 0.5, np.float32)
    seen = cv2.remap(luma, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lit = np.asarray(seen, np.float32)
    far = round(LINE_CM / STEP_CM)
    padded = np.pad(lit, ((0, 0), (far, far)), mode="edge")
    beside = np.minimum(padded[:, : -2 * far], padded[:, 2 * far :])
    return np.asarray(lit < LINE_SHARE * beside, np.bool_)
