"""How close the product comes to a real film: its first picture and its voice make it again."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.judges import Judge
from core.portrait.enrol import EnrolTools
from core.portrait.tracking import Track
from core.types import ExpressionFrame, FloatArray, ImageArray
from render import metrics
from render.engines.base import EngineSettings
from render.engines.onnx_engine import ONNX_CPU
from render.fia.clips import Clip, clip_files, from_network, to_network
from render.fia.enrolment import FiaCache, PortraitCrop
from render.fia.model import FiaModel
from render.fia.renderer import without
from render.fia.scores import mean_scores, score


def follow_pose(track: Track, frames: Iterable[ExpressionFrame]) -> Iterator[ExpressionFrame]:
    """Expression frames with the filmed person's head pose, relative to the first picture.

    As many as the shorter of the two.
    """
    numbered = zip(range(len(track.faces)), frames, strict=False)
    for number, frame in numbered:
        yield dataclasses.replace(frame, pose=track.movement(number))


class FilmScores:
    """Collects the metrics of a film, picture by picture."""

    def __init__(self, tools: EnrolTools, judges: Sequence[Judge] = ()) -> None:
        self._tools, self._judges = tools, judges
        names = tools.model.landmark_names
        self._mouth = np.array([name.startswith("lip") for name in names])
        self._eyes = [names.index("eye_right_upper_0"), names.index("eye_left_upper_6")]
        sides = ("right", "left")
        self._eye_marks = [
            [i for i, name in enumerate(names) if name.startswith(f"eye_{side}")] for side in sides
        ]
        self._corners = [names.index("lip_outer_upper_0"), names.index("lip_outer_upper_8")]
        self._rows: dict[str, list[float]] = {}
        self._before: tuple[ImageArray, ImageArray] | None = None

    def add(self, found: ImageArray, truth: ImageArray) -> None:
        """Compare one picture with the filmed one, both (H, W, 3) uint8."""
        points, actual = (self._tools.look(rgb)[1] for rgb in (found, truth))
        if points is not None and actual is not None:
            self._add_landmarks(np.asarray(points.points), np.asarray(actual.points))
            region = _lower_face(np.asarray(actual.points)[self._mouth], truth.shape[:2])
            self._put("PSNR mouth dB", metrics.psnr_db(found, truth, region))
            self._put("SSIM mouth", metrics.ssim(found, truth, region))
            sharp = metrics.sharpness(found, region) / metrics.sharpness(truth, region)
            self._put("sharpness share", sharp)
            anchors = self._anchors(np.asarray(actual.points))
            for judge in self._judges:
                judge.add(found, truth, anchors)
        self._put("PSNR dB", metrics.psnr_db(found, truth))
        self._put("SSIM", metrics.ssim(found, truth))
        if self._before is not None:
            pair = np.stack([self._before[0], found]), np.stack([self._before[1], truth])
            self._put("flicker", metrics.flicker(*pair))
        self._before = found.copy(), truth.copy()

    def means(self) -> dict[str, float]:
        """Every metric's mean over the film; landmark distances in % of the eye distance."""
        means = {name: float(np.mean(values)) for name, values in self._rows.items()}
        for judge in self._judges:
            means |= judge.means()
        return means

    def _anchors(self, points: FloatArray) -> FloatArray:
        """Middles of the eyes and corners of the mouth, (4, 2)."""
        eyes = [points[marks].mean(axis=0) for marks in self._eye_marks]
        return np.asarray([*eyes, *points[self._corners]], np.float32)

    def _add_landmarks(self, points: FloatArray, actual: FloatArray) -> None:
        unit = float(np.linalg.norm(actual[self._eyes[0]] - actual[self._eyes[1]])) / 100
        parts = {"LMD %": np.ones(len(points), bool), "M-LMD %": self._mouth}
        parts["F-LMD %"] = ~self._mouth
        for name, part in parts.items():
            self._put(name, metrics.landmark_distance(points[part], actual[part], unit))

    def _put(self, name: str, value: float) -> None:
        self._rows.setdefault(name, []).append(value)


def score_clips(folder: Path, decoder: Path | None) -> dict[str, float]:
    """Metrics over recorded clips, inside what may be repainted.

    Args:
        folder: Of clips, as `realtalk-train` writes them.
        decoder: A FIA network; None scores the warp renderer's frames as they are.

    Raises:
        MediaError: There are no clips.
        ModelError: The network cannot be loaded or run.
    """
    network = None if decoder is None else FiaModel.open(decoder)
    rows = []
    for path in clip_files(folder):
        clip = Clip.load(path)
        rows.append(score(clip.base if network is None else _paint(network, clip), clip))
    return mean_scores(rows)


def _paint(network: FiaModel, clip: Clip) -> ImageArray:
    """The clip as `FiaRenderer` would show it, (F, S, S, 3)."""
    widest = np.asarray(clip.widest / np.float32(255), np.float32)
    portrait = PortraitCrop(clip.reference, widest, clip.alpha)
    engine = ONNX_CPU.load(network.decoder, EngineSettings())
    engine.set_constants(FiaCache.of_crop(portrait, network).tensors)

    def change(beta: FloatArray, rho: FloatArray, base: FloatArray, mask: FloatArray) -> FloatArray:
        return engine.run({"beta": beta, "rho": rho, "base": base, "mask": mask}) - base

    bases, masks = to_network(clip.base), to_network(clip.mask)
    rows = [slice(i, i + 1) for i in range(len(clip))]
    changes = [change(clip.beta[i], clip.rho[i], bases[i], masks[i]) for i in rows]
    if network.config.guided:
        reference, mask = to_network(clip.reference[None]), to_network(clip.widest[None])
        at_rest = change(np.zeros_like(clip.beta[:1]), clip.rho[:1], reference, mask)
        changes = [without(at_rest, one) for one in changes]
    return from_network(bases + np.concatenate(changes))


def _lower_face(mouth_px: FloatArray, shape: Sequence[int]) -> NDArray[np.float32]:
    """A box around the mouth, twice as wide as it is, as a region (H, W)."""
    left, top = mouth_px.min(axis=0)
    right, bottom = mouth_px.max(axis=0)
    grow = (right - left) / 2
    region = np.zeros(tuple(shape), np.float32)
    rows = slice(max(int(top - grow), 0), max(int(bottom + grow), 0))
    region[rows, max(int(left - grow), 0) : max(int(right + grow), 0)] = 1
    return region
