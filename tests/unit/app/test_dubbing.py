"""A filmed mouth is redrawn: compared with what the person would have looked like."""

import numpy as np
import pytest

from app.dubbing import dub
from core import blendshapes
from core.portrait.tracking import track
from core.types import ExpressionFrame
from render import metrics
from tests.actor import SIDE_PX, Actor

PICTURES = 4


@pytest.fixture(scope="module")
def actor() -> Actor:
    return Actor()


def silence(index: int) -> ExpressionFrame:
    still = np.zeros(blendshapes.NUM, np.float32)
    return ExpressionFrame(index, still, np.zeros(6, np.float32), False)


def test_an_open_mouth_falls_silent_and_nothing_else_changes(actor: Actor) -> None:
    filmed = [actor.shoot(0.5, number, number) for number in range(PICTURES)]
    wanted = [actor.shoot(0.0, number, number).rgb for number in range(PICTURES)]
    pictures = [take.rgb for take in filmed]
    followed = track(pictures, actor.tools(filmed), smoothing=0.0)
    dubbed = list(dub(pictures, followed, map(silence, range(PICTURES)), actor.model))
    assert len(dubbed) == PICTURES
    for number in range(PICTURES):
        chin = actor.model.landmarks["chin"][0]
        x, y = filmed[number].vertices_px[chin, :2].astype(int)
        region = np.zeros((SIDE_PX, SIDE_PX), np.float32)
        region[y - 70 : y - 15, x - 30 : x + 30] = 1
        before = metrics.psnr_db(pictures[number], wanted[number], region)
        after = metrics.psnr_db(dubbed[number], wanted[number], region)
        assert after > before + 3
        changed = (dubbed[number] != pictures[number]).any(axis=-1)
        assert not changed[: y - 100].any()
        assert changed.sum() > 200


def test_the_shorter_of_film_and_voice_counts(actor: Actor) -> None:
    take = actor.shoot(0.2)
    followed = track([take.rgb] * 3, actor.tools([take] * 3))
    for pictures, voice in ((3, 2), (2, 3)):
        frames = [silence(i) for i in range(voice)]
        assert len(list(dub([take.rgb] * pictures, followed, frames, actor.model))) == 2
