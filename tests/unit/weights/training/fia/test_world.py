"""Synthetic clips: repeatable, aligned with the warp, and true."""

from pathlib import Path

import numpy as np
import pytest

from core.face_model import FaceModel
from render import metrics
from render.fia.clips import Clip
from render.fia.config import PRESETS
from weights import store
from weights.training.fia.world import World, draw_frame

FRAMES = 3


@pytest.fixture(scope="module")
def world() -> World:
    return World(FaceModel.load(store.path("face_model.npz")), PRESETS["pocket"])


@pytest.fixture(scope="module")
def clip(world: World) -> Clip:
    return world.clip(3, FRAMES)


def test_the_same_person_comes_again(world: World, clip: Clip, tmp_path: Path) -> None:
    world.write(tmp_path, range(3, 5), FRAMES)
    again = Clip.load(tmp_path / "person_000003.npz")
    assert np.array_equal(again.target, clip.target)
    assert np.array_equal(again.base, clip.base)
    other = Clip.load(tmp_path / "person_000004.npz")
    assert not np.array_equal(other.reference, clip.reference)


def test_workers_write_the_same_files(world: World, tmp_path: Path) -> None:
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    world.write(alone, range(3, 6), 1)
    world.write(shared, range(3, 6), 1, workers=2)
    names = [f"person_{seed:06d}.npz" for seed in (3, 4, 5)]
    for folder in (alone, shared):
        assert sorted(path.name for path in folder.iterdir()) == names
    for name in names:
        assert (alone / name).read_bytes() == (shared / name).read_bytes()


def test_no_clip_is_begun_after_the_time_is_up(world: World, tmp_path: Path) -> None:
    world.write(tmp_path, range(3, 5), 1, until_s=0.0)
    assert not list(tmp_path.iterdir())


def test_the_warp_is_near_the_truth(clip: Clip) -> None:
    region = (clip.mask < 128).astype(np.float32)
    assert metrics.psnr_db(clip.base, clip.target, region) > 20
    still = np.broadcast_to(clip.reference, clip.target.shape)
    assert metrics.psnr_db(clip.base, clip.target, region) > metrics.psnr_db(
        still, clip.target, region
    )


def test_the_grain_of_the_photograph_stays_on_the_truth(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plain(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.rint(rgb * 255).astype(np.uint8)

    def grainy(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        grain = np.random.default_rng(1).normal(size=rgb.shape) * 8
        return np.clip(plain(rgb, rng) + grain, 0, 255).astype(np.uint8)

    clips = []
    for photograph in (plain, grainy):
        monkeypatch.setattr("weights.training.fia.world._photograph", photograph)
        clips.append(world.clip(9, 1))
    calm, rough = clips
    cheek = np.s_[0, 60:130, 30:60]
    carried = rough.base[cheek].astype(float) - calm.base[cheek]
    kept = rough.target[cheek].astype(float) - calm.target[cheek]
    assert carried.std() > 3
    assert np.corrcoef(carried.ravel(), kept.ravel())[0, 1] > 0.9


def test_teeth_lie_where_the_network_may_paint(world: World) -> None:
    shown = [world.clip(seed, FRAMES) for seed in (5, 6)]
    teeth = np.concatenate([one.teeth for one in shown])
    mask = np.concatenate([one.mask for one in shown])
    assert (teeth > 200).sum() > 20
    assert mask[teeth > 128].max() < 64


def test_random_expressions_are_valid() -> None:
    rng = np.random.default_rng(0)
    frames = [draw_frame(i, rng) for i in range(200)]
    beta = np.stack([one.beta for one in frames])
    assert beta.min() >= 0
    assert beta.max() <= 1
    assert (beta.max(axis=0) > 0.05).sum() > 15
    assert 40 < sum(bool(one.pose.any()) for one in frames) < 160
