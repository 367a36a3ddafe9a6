"""Clips from folders of real talking-head films, through our own enrolment and tracking.

Any layout works: every film below the folder becomes one clip (HDTF: one folder of films;
VoxCeleb: person/film/part; MEAD: person/video/view/emotion/level/part). The films' licences are
the user's affair; no weights of ours were trained on such films.
"""

import itertools
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import RealTalkError
from core.portrait.enrol import EnrolTools
from core.portrait.tracking import Track, track
from core.types import ExpressionFrame
from render.fia.clips import Clip
from render.fia.coefficients import network_alpha, network_beta, network_pose
from render.fia.config import FiaConfig
from render.fia.crop import crop_frame
from render.fia.enrolment import crop_portrait
from render.fia.geometry import HeadGeometry
from render.fia.mask import MaskMaker
from render.video_reader import read_video
from render.warp import Framing, WarpRenderer

FloatArray = NDArray[np.float32]
Picture = NDArray[np.uint8]
ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")
MOST_PICTURES = 250
CLIP_FRAMES = 32
TOOTH_BRIGHTNESS = 0.6
"""Share of the brightest place between the lips above which a pixel counts as a tooth."""


def prepare(
    data: Path, out: Path, tools: EnrolTools, config: FiaConfig, most_pictures: int = MOST_PICTURES
) -> list[str]:
    """Make a clip of every film below a folder; those that are there already are kept.

    Args:
        data: Folder of films.
        out: Folder of clips.
        tools: Face model and landmark network.
        config: Of the network to be trained.
        most_pictures: Of each film.

    Returns:
        One sentence for each film that could not be used.
    """
    out.mkdir(parents=True, exist_ok=True)
    refused = []
    for film in sorted(path for path in data.rglob("*") if path.suffix.lower() in ENDINGS):
        target = out / f"{'_'.join(film.relative_to(data).with_suffix('').parts)}.npz"
        if target.exists():
            continue
        try:
            Film(film, tools, config, most_pictures).clip().save(target)
        except RealTalkError as error:
            refused.append(f"{film} is left out: {error}")
    return refused


class Film:
    """One film: its calmest mouth is the portrait, frames spread over it are the truth."""

    def __init__(
        self, path: Path, tools: EnrolTools, config: FiaConfig, most_pictures: int
    ) -> None:
        """Read and follow the film.

        Raises:
            MediaError: It cannot be read.
            PortraitError: It shows no face in most of its pictures.
        """
        self._config, self._model = config, tools.model
        self._pictures = list(itertools.islice(read_video(path), most_pictures))
        self._track: Track = track(self._pictures, tools, smoothing=0.7)
        self._calmest = int(np.argmin([face.beta.sum() for face in self._track.faces]))
        self._avatar = self._track.avatar(self._calmest, self._pictures[self._calmest])
        height, width = self._pictures[0].shape[:2]
        framing = Framing(face_height=None)
        self._warp = WarpRenderer(self._avatar, self._model, (width, height), framing)
        self._geometry = HeadGeometry(self._avatar, self._model, self._warp.view)
        self._masks = MaskMaker(config, self._model)

    def clip(self) -> Clip:
        """Frames spread evenly over the film."""
        chosen = np.unique(np.linspace(0, len(self._pictures) - 1, CLIP_FRAMES).astype(int))
        columns = zip(*(self._frame(int(number)) for number in chosen), strict=True)
        beta, rho, base, target, mask, teeth = (np.stack(column) for column in columns)
        portrait = crop_portrait(self._avatar, self._model, self._config)
        return Clip(
            reference=portrait.reference,
            widest=np.rint(portrait.widest * 255).astype(np.uint8),
            alpha=network_alpha(self._avatar.alpha, self._config),
            beta=beta,
            rho=rho,
            base=base,
            target=target,
            mask=mask,
            teeth=teeth,
        )

    def _frame(self, number: int) -> tuple[np.ndarray, ...]:
        config, model, face = self._config, self._model, self._track.faces[number]
        neutral = model.shape(self._track.alpha)
        crop = crop_frame(face.pose.project(neutral), model, config.crop, config.size_px)
        posed = face.pose.project(model.pose(neutral, face.beta))[:, :2] + face.offset_px
        points = crop.points(posed)
        target = crop.cut(self._pictures[number])
        spoken = np.maximum(face.beta - self._avatar.beta, 0)
        pose = self._track.movement(number, self._calmest)
        frame = ExpressionFrame(number, spoken, pose, True)
        base = target
        if config.guided:
            rigid = self._geometry.rigid(frame)
            seen = crop_frame(rigid, model, config.crop, config.size_px)
            base = seen.cut(self._warp.render(frame).rgb)
        return (
            network_beta(face.beta, config),
            network_pose(self._geometry.portrait_rotation, frame),
            base,
            target,
            np.rint(self._masks.mask(points) * 255).astype(np.uint8),
            self._teeth(target, points),
        )

    def _teeth(self, target: Picture, points: FloatArray) -> Picture:
        """Bright places between the lips, (S, S)."""
        marks = self._model.landmarks
        rims = [points[marks["lip_rim_upper"]], points[marks["lip_rim_lower"]][::-1]]
        between = np.zeros(target.shape[:2], np.uint8)
        cv2.fillPoly(between, [np.rint(np.concatenate(rims)).astype(np.int32)], 1)
        grey = cv2.cvtColor(target, cv2.COLOR_RGB2GRAY)
        brightest = float((grey * between).max())
        bright = (grey > max(TOOTH_BRIGHTNESS * brightest, 60)) & (between > 0)
        return np.where(bright, 255, 0).astype(np.uint8)
