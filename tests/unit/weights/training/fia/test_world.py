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


def test_the_warp_is_near_the_truth(clip: Clip) -> None:
    region = (clip.mask < 128).astype(np.float32)
    assert metrics.psnr_db(clip.base, clip.target, region) > 20
    still = np.broadcast_to(clip.reference, clip.target.shape)
    assert metrics.psnr_db(clip.base, clip.target, region) > metrics.psnr_db(
        still, clip.target, region
    )


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
