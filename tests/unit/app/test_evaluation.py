"""Figures of quality, where the right answer is known."""

from pathlib import Path

import numpy as np
import pytest

from app.evaluation import FilmScores, follow_pose, score_clips
from core import blendshapes
from core.errors import MediaError
from core.portrait.tracking import track
from core.types import ExpressionFrame
from render.fia.clips import Clip
from tests.actor import Actor, Take


@pytest.fixture(scope="module")
def actor() -> Actor:
    return Actor()


def test_a_perfect_copy_scores_perfectly(actor: Actor) -> None:
    takes = [actor.shoot(0.1), actor.shoot(0.4)]
    scores = FilmScores(actor.tools([take for take in takes for _ in range(2)]))
    for take in takes:
        scores.add(take.rgb, take.rgb)
    means = scores.means()
    assert means["LMD %"] == means["M-LMD %"] == means["flicker"] == 0
    assert means["SSIM mouth"] == pytest.approx(1, abs=1e-5)
    assert means["sharpness share"] == pytest.approx(1)


def test_a_mouth_that_stays_shut_shows_in_the_mouth_alone(actor: Actor) -> None:
    filmed, shown = actor.shoot(0.5), actor.shoot(0.0)
    scores = FilmScores(actor.tools([shown, filmed]))
    scores.add(shown.rgb, filmed.rgb)
    means = scores.means()
    assert means["M-LMD %"] > 3
    assert means["PSNR mouth dB"] < means["PSNR dB"]


def test_pose_comes_from_the_film(actor: Actor) -> None:
    takes = [actor.shoot(0.0, yaw_deg, 3 * yaw_deg) for yaw_deg in (0.0, 4.0, 8.0)]
    followed = track([take.rgb for take in takes], actor.tools(takes), smoothing=0.0)
    still = np.zeros(blendshapes.NUM, np.float32)
    frames = [ExpressionFrame(i, still, np.zeros(6, np.float32), True) for i in range(5)]
    posed = list(follow_pose(followed, frames))
    assert [frame.index for frame in posed] == [0, 1, 2]
    assert np.abs(posed[0].pose).max() < 1e-6
    assert posed[2].pose[1] == pytest.approx(8, abs=1)
    assert posed[2].pose[3] == pytest.approx(2.4, abs=0.3)


def test_clips_are_scored_inside_the_mask(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(40, 200, (3, 32, 32, 3), np.uint8)
    mask = np.full((3, 32, 32), 255, np.uint8)
    mask[:, 8:24, 8:24] = 0
    base = target + np.where(mask == 0, 16, 50)[..., None].astype(np.uint8)
    flat = np.zeros((3, 6), np.float32)
    Clip(target[0], mask[0], flat[0], flat, flat, base, target, mask, mask).save(tmp_path / "a.npz")
    scores = score_clips(tmp_path, None)
    assert scores["PSNR mouth dB"] == pytest.approx(24.05, abs=0.01)
    assert scores["flicker"] == 0
    with pytest.raises(MediaError, match="no clips"):
        score_clips(tmp_path / "absent", None)


def test_a_lost_face_is_left_out(actor: Actor) -> None:
    take: Take = actor.shoot(0.2)
    tools = actor.tools([take])
    blind = type(tools)(tools.model, tools.model_hash, lambda rgb: (0, None))
    scores = FilmScores(blind)
    scores.add(take.rgb, take.rgb)
    assert set(scores.means()) == {"PSNR dB", "SSIM"}
