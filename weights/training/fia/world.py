"""Endless synthetic clips: random people, their portrait, its warp, and the true frames."""

import math
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core import blendshapes, environment
from core.avatar import Avatar
from core.camera import HeadPose, rotation_from_euler
from core.face_model import FaceModel
from core.types import ExpressionFrame
from render.fia.clips import Clip
from render.fia.coefficients import network_alpha, network_beta, network_pose
from render.fia.config import FiaConfig
from render.fia.crop import CropFrame, crop_frame
from render.fia.enrolment import crop_portrait
from render.fia.geometry import HeadGeometry
from render.fia.mask import MaskMaker
from render.warp import Framing, WarpRenderer
from weights.training.fia.scene import Person, Studio

FloatArray = NDArray[np.float32]
PICTURE_PX = 320
HEAD_HEIGHT_CM = 26.0
FIT_ERROR_PX = 0.6
"""Standard deviation of enrolment's error at a vertex; smooth over the face."""

SAY_EVERY_S = 20.0
THREAD_SETTINGS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
"""Environment that keeps a worker on one core; libraries read it when they are imported."""

VISEMES: tuple[dict[str, float], ...] = (
    {},
    {"jawOpen": 0.55, "mouthLowerDownLeft": 0.3, "mouthLowerDownRight": 0.3},
    {"jawOpen": 0.3, "mouthFunnel": 0.6},
    {"mouthPucker": 0.8, "mouthFunnel": 0.3, "jawOpen": 0.12},
    {"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5, "jawOpen": 0.15},
    {"mouthStretchLeft": 0.5, "mouthStretchRight": 0.5, "jawOpen": 0.1},
    {"mouthPressLeft": 0.5, "mouthPressRight": 0.5, "mouthRollLower": 0.3},
    {"mouthRollLower": 0.7, "mouthUpperUpLeft": 0.3, "mouthUpperUpRight": 0.3, "jawOpen": 0.1},
    {"mouthUpperUpLeft": 0.6, "mouthUpperUpRight": 0.6, "mouthSmileLeft": 0.3},
    {"jawOpen": 0.2, "mouthLowerDownLeft": 0.7, "mouthLowerDownRight": 0.7},
    {"mouthShrugUpper": 0.5, "mouthShrugLower": 0.5, "jawOpen": 0.05},
)
"""Mouth shapes that random expressions are mixed from."""


class World:
    """Makes clips for one network."""

    def __init__(self, model: FaceModel, config: FiaConfig) -> None:
        self.model = model
        self.config = config
        self._studio = Studio(model)
        self._masks = MaskMaker(config, model)

    def clip(self, seed: int, frames: int) -> Clip:
        """The clip of person number `seed`: for one network always the same one."""
        rng = np.random.default_rng([seed, 5])
        person = self._studio.draw_person(rng, PICTURE_PX)
        actual = self._sit(person, rng)
        avatar, spotless = self._enrol(actual, person, rng)
        warp, clean = self._warp(avatar), self._warp(spotless)
        believed = HeadGeometry(avatar, self.model, warp.view)
        rows = [
            self._frame(draw_frame(i, rng), person, actual, (warp, clean), believed)
            for i in range(frames)
        ]
        portrait = crop_portrait(avatar, self.model, self.config)
        beta, rho, base, target, mask, teeth = (np.stack(row) for row in zip(*rows, strict=True))
        return Clip(
            reference=portrait.reference,
            widest=_levels(portrait.widest),
            alpha=network_alpha(avatar.alpha, self.config),
            beta=beta,
            rho=rho,
            base=base,
            target=target,
            mask=mask,
            teeth=teeth,
        )

    def write(
        self,
        folder: Path,
        seeds: range,
        frames: int,
        workers: int = 1,
        until_s: float = math.inf,
    ) -> None:
        """Write the clips of many people; those that are there already are kept.

        Files appear whole, and are the same whatever the number of workers.

        Args:
            folder: Where; `person_NUMBER.npz`.
            seeds: Numbers of the people.
            frames: Of each.
            workers: Processes.
            until_s: Begin no more clips once `time.monotonic()` has passed this.
        """
        folder.mkdir(parents=True, exist_ok=True)
        missing = [seed for seed in seeds if not _clip_path(folder, seed).exists()]
        started, said = time.monotonic(), time.monotonic()
        for done, _ in enumerate(self._written(folder, missing, frames, workers, until_s), 1):
            if time.monotonic() - said > SAY_EVERY_S:
                said = time.monotonic()
                print(
                    f"{done} of {len(missing)} clips, {done / (said - started):.2f}/s", flush=True
                )

    def write_one(self, folder: Path, seed: int, frames: int, until_s: float) -> None:
        """Write one clip, or none after `until_s`."""
        if time.monotonic() < until_s:
            self.clip(seed, frames).save(_clip_path(folder, seed))

    def _written(
        self, folder: Path, seeds: list[int], frames: int, workers: int, until_s: float
    ) -> Iterator[None]:
        """Write clips; yields after each."""
        alone = len(seeds) if workers == 1 else 1  # The first compiles what all workers then load.
        for seed in seeds[:alone]:
            yield self.write_one(folder, seed, frames, until_s)
        if not seeds[alone:]:
            return
        context = multiprocessing.get_context("spawn")
        settings = dict.fromkeys(THREAD_SETTINGS, "1")
        with (
            environment.changed(settings),
            ProcessPoolExecutor(workers, context, _start_worker, (self.model, self.config)) as pool,
        ):
            jobs = [pool.submit(_work, folder, seed, frames, until_s) for seed in seeds[alone:]]
            for job in jobs:
                yield job.result()

    def _sit(self, person: Person, rng: np.random.Generator) -> Avatar:
        """The true avatar of a person, without a picture yet."""
        angles = np.clip(rng.normal(size=3) * [6, 11, 4], -25, 25)
        scale = PICTURE_PX / HEAD_HEIGHT_CM * rng.uniform(0.85, 1.15)
        place = PICTURE_PX * np.array([0.5, 0.55]) + rng.normal(size=2) * 6
        beta = np.zeros(blendshapes.NUM, np.float32)
        if rng.random() < 0.3:
            beta += _mixture(VISEMES[int(rng.choice([1, 4, 8]))], rng.uniform(0.1, 0.8))
        return Avatar(
            image_rgb=np.zeros((PICTURE_PX, PICTURE_PX, 3), np.uint8),
            alpha=person.alpha,
            beta=beta,
            pose=HeadPose(float(scale), rotation_from_euler(*angles), place),
            offset_px=np.zeros((self.model.num_vertices, 2), np.float32),
            points={},
        )

    def _enrol(
        self, actual: Avatar, person: Person, rng: np.random.Generator
    ) -> tuple[Avatar, Avatar]:
        """The avatar as enrolment would find it, its fit a little off.

        Once with a photograph, once with the picture before grain and compression.
        """
        model = self.model
        vertices = actual.pose.project(model.pose(model.shape(actual.alpha), actual.beta))
        shot = self._studio.shoot(person, vertices, (0, 0, PICTURE_PX, PICTURE_PX))
        alpha = (actual.alpha * 0.8 + rng.normal(size=len(actual.alpha)) * 0.3).astype(np.float32)
        fitted = actual.pose.project(model.pose(model.shape(alpha), actual.beta))
        error = _smooth_error(model.mean, rng)
        offset = np.asarray(vertices[:, :2] - fitted[:, :2] + error, np.float32)
        found = replace(actual, alpha=alpha, offset_px=offset)
        pictures = _photograph(shot.rgb, rng), _levels(shot.rgb)
        return replace(found, image_rgb=pictures[0]), replace(found, image_rgb=pictures[1])

    def _warp(self, avatar: Avatar) -> WarpRenderer:
        return WarpRenderer(avatar, self.model, (PICTURE_PX,) * 2, Framing(face_height=None))

    def _frame(
        self,
        frame: ExpressionFrame,
        person: Person,
        actual: Avatar,
        warps: tuple[WarpRenderer, WarpRenderer],
        believed: HeadGeometry,
    ) -> tuple[FloatArray, ...]:
        """One row of the clip: beta, rho, base, target, mask and teeth.

        The grain of the photograph belongs to the person's picture: the truth carries it along as
        the warp does, or the network would learn to smooth skin.
        """
        warp, clean = (one.render(frame).rgb for one in warps)
        crop = self._crop(believed.rigid(frame))
        box = _around(crop)
        posed = self.model.pose(self.model.shape(actual.alpha), believed.shown(frame))
        truth = warps[0].view.points(actual.pose.project(posed))
        shot = self._studio.shoot(person, believed.turned(truth, frame), box)
        picture = np.zeros((PICTURE_PX, PICTURE_PX, 3), np.uint8)
        teeth = np.zeros((PICTURE_PX, PICTURE_PX), np.uint8)
        x0, y0, x1, y1 = box
        picture[y0:y1, x0:x1] = _levels(shot.rgb)
        picture = _levels(np.clip(picture / 255 + (warp / 255 - clean / 255), 0, 1))
        teeth[y0:y1, x0:x1] = _levels(shot.teeth)
        mask = self._masks.mask(crop.points(believed.moved(frame)))
        return (
            network_beta(frame.beta, self.config),
            network_pose(believed.portrait_rotation, frame),
            crop.cut(warp),
            crop.cut(picture),
            _levels(mask),
            crop.cut(teeth),
        )

    def _crop(self, rigid_px: FloatArray) -> CropFrame:
        return crop_frame(rigid_px, self.model, self.config.crop, self.config.size_px)


_worker: World


def _start_worker(model: FaceModel, config: FiaConfig) -> None:
    global _worker
    cv2.setNumThreads(1)
    _worker = World(model, config)


def _work(folder: Path, seed: int, frames: int, until_s: float) -> None:
    _worker.write_one(folder, seed, frames, until_s)


def _clip_path(folder: Path, seed: int) -> Path:
    return folder / f"person_{seed:06d}.npz"


def draw_frame(index: int, rng: np.random.Generator) -> ExpressionFrame:
    """A random frame: two mouth shapes mixed, a few other movements, in half a small turn."""
    first, second = rng.choice(len(VISEMES), 2)
    share = rng.uniform(0, 1)
    beta = _mixture(VISEMES[first], share * rng.uniform(0.3, 1.5))
    beta += _mixture(VISEMES[second], (1 - share) * rng.uniform(0.3, 1.5))
    others = rng.choice(blendshapes.NUM, 3, replace=False)
    beta[others] += rng.uniform(0, 0.15, 3) * (others >= blendshapes.INDEX["jawForward"])
    pose = np.zeros(6, np.float32)
    if rng.random() < 0.5:
        pose[:3] = np.clip(rng.normal(size=3) * [2, 3, 1.5], -7, 7)
    return ExpressionFrame(index, np.clip(beta, 0, 1), pose, True)


def _mixture(shape: dict[str, float], strength: float) -> FloatArray:
    beta = np.zeros(blendshapes.NUM, np.float32)
    for name, value in shape.items():
        beta[blendshapes.INDEX[name]] = value * strength
    return beta


def _smooth_error(places_cm: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A smooth random displacement of all vertices, (V, 2) pixels."""
    waves = rng.normal(size=(4, 3)) * 0.35
    phases = np.sin(places_cm @ waves.T + rng.uniform(0, 2 * np.pi, 4))
    return np.asarray(phases @ rng.normal(size=(4, 2)) * FIT_ERROR_PX * 0.7, np.float32)


def _photograph(rgb: FloatArray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Noise and JPEG."""
    noisy = rgb + rng.normal(size=rgb.shape).astype(np.float32) * rng.uniform(0, 0.02)
    levels = _levels(np.clip(noisy, 0, 1))
    quality = int(rng.integers(60, 99))
    ok, data = cv2.imencode(".jpg", levels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def _levels(values: FloatArray) -> NDArray[np.uint8]:
    return np.rint(np.asarray(values) * 255).astype(np.uint8)


def _around(crop: CropFrame) -> tuple[int, int, int, int]:
    """The part of the picture that the crop sees, with a little margin."""
    x0, y0, x1, y1 = crop.box(PICTURE_PX, PICTURE_PX)
    return max(x0 - 4, 0), max(y0 - 4, 0), min(x1 + 4, PICTURE_PX), min(y1 + 4, PICTURE_PX)
