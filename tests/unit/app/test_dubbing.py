"""A filmed mouth is redrawn: compared with what the person would have looked like."""

import numpy as np
import pytest

from app.dubbing import dub
from core import blendshapes
from core.avatar import Avatar
from core.portrait.tracking import track
from core.renderer import Renderer
from core.types import ExpressionFrame, VideoFrame
from render import metrics
from render.warp import WarpRenderer
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


class DarkPainter:
    """Draws the warp's picture at half its brightness."""

    def over(self, warp: WarpRenderer, avatar: Avatar) -> Renderer:
        return DarkRenderer(warp)


class DarkRenderer:
    def __init__(self, warp: WarpRenderer) -> None:
        self._warp = warp

    @property
    def size(self) -> tuple[int, int]:
        return self._warp.size

    def render(self, frame: ExpressionFrame) -> VideoFrame:
        picture = self._warp.render(frame)
        picture.rgb[:] //= 2
        return picture


def test_a_painter_paints_the_mouth_alone(actor: Actor) -> None:
    take = actor.shoot(0.3)
    followed = track([take.rgb], actor.tools([take]), smoothing=0.0)
    plain, dark = (
        next(iter(dub([take.rgb], followed, [silence(0)], actor.model, painter)))
        for painter in (None, DarkPainter())
    )
    chin = take.vertices_px[actor.model.landmarks["chin"][0], :2].astype(int)
    lip = dark[chin[1] - 30 : chin[1] - 20, chin[0]].mean()
    assert lip == pytest.approx(plain[chin[1] - 30 : chin[1] - 20, chin[0]].mean() / 2, abs=3)
    assert np.array_equal(dark[: chin[1] - 100], take.rgb[: chin[1] - 100])


def test_the_shorter_of_film_and_voice_counts(actor: Actor) -> None:
    take = actor.shoot(0.2)
    followed = track([take.rgb] * 3, actor.tools([take] * 3))
    for pictures, voice in ((3, 2), (2, 3)):
        frames = [silence(i) for i in range(voice)]
        assert len(list(dub([take.rgb] * pictures, followed, frames, actor.model))) == 2
