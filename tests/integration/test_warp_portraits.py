"""The warp renderer on real portraits, enrolled with the shipped networks."""

import cv2
import numpy as np
import pytest

from app.avatars import tools
from core.portrait.enrol import enrol_file
from render.warp import WarpRenderer
from render.warp.chart import VISEMES, viseme_chart, viseme_frame
from tests.shared import shared
from tests.synthetic_avatar import face_model

PORTRAITS = (
    "photo_woman_frown",
    "photo_beard_grin",
    "painting_girl_red",
    "painting_pearl_turned",
    "painting_veil",
    "render_short_hair_turned",
)


@pytest.fixture(scope="module", params=PORTRAITS)
def renderer(request: pytest.FixtureRequest) -> WarpRenderer:
    picture = shared("portraits", f"{request.param}.jpg")
    return WarpRenderer(enrol_file(picture, tools()), face_model(), (384, 384))


def test_mouth_closes_and_opens(renderer: WarpRenderer) -> None:
    assert renderer.layers(viseme_frame("PP")).mouth.max() == 0.0
    closed, opened = (renderer.layers(viseme_frame(v)).mouth.sum() for v in ("FF", "aa"))
    assert opened > 3 * closed


def test_blink_closes_both_eyes(renderer: WarpRenderer) -> None:
    layers = renderer.layers(viseme_frame("blink"))
    assert max(layers.eye_left.max(), layers.eye_right.max()) == 0.0
    rest = renderer.layers(viseme_frame("rest"))
    eyes = ((rest.eye_left + rest.eye_right) > 0.99).astype(np.uint8)
    inner = cv2.erode(eyes, np.ones((3, 3), np.uint8))
    fetched = cv2.remap(inner, layers.source_px - np.float32(0.5), None, cv2.INTER_NEAREST)
    assert fetched.sum() <= 0.02 * inner.sum(), "lids carry pixels of the eyeball"


def test_rest_is_the_portrait(renderer: WarpRenderer) -> None:
    shown = renderer.render(viseme_frame("rest")).rgb
    assert cv2.PSNR(shown, renderer.portrait_rgb) > 42
    assert np.abs(shown.astype(int) - renderer.portrait_rgb).max() < 25


def test_teeth_are_no_brighter_than_the_light_allows(renderer: WarpRenderer) -> None:
    picture = renderer.render(viseme_frame("SS")).rgb.copy()
    mouth = renderer.layers(viseme_frame("SS")).mouth > 0.9
    bright = np.percentile(picture[mouth].mean(axis=1), 98)
    assert 40 < bright <= 235


def test_chart_has_a_tile_for_every_viseme(renderer: WarpRenderer) -> None:
    chart = viseme_chart(renderer, columns=4)
    rows = -(-len(VISEMES) // 4)
    assert chart.shape[1] == 4 * 384
    assert chart.shape[0] % rows == 0
