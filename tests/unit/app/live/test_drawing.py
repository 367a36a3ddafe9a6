"""How large the face is drawn when time is short."""

import numpy as np

from app.live.drawing import SCALES, DrawingScale, Enlarged, scaled_size
from core.blendshapes import NUM
from core.types import ExpressionFrame
from tests.live_fakes import JAW, BrightnessRenderer


def _draw(scale: DrawingScale, frames: int, whole_s: float) -> int:
    """Draw frames that take `whole_s` at full size and less below; counts the changes."""
    changes = 0
    for _ in range(frames):
        if scale.observe(whole_s * scale.value**2):
            scale.begin()
            changes += 1
    return changes


def test_a_fast_machine_draws_whole() -> None:
    scale = DrawingScale()
    assert _draw(scale, 500, 0.03) == 0
    assert scale.value == 1.0


def test_a_few_slow_pictures_change_nothing() -> None:
    scale = DrawingScale()
    for number in range(500):
        assert not scale.observe(0.3 if number % 10 < 4 else 0.01)


def test_becomes_as_small_as_it_must() -> None:
    scale = DrawingScale()
    _draw(scale, 200, 0.05)
    assert scale.value == 0.75
    _draw(scale, 200, 0.1)
    assert scale.value == SCALES[-1]
    _draw(scale, 1000, 10.0)
    assert scale.value == SCALES[-1]


def test_pictures_of_the_old_renderer_do_not_count() -> None:
    scale = DrawingScale()
    assert [scale.observe(0.05) for _ in range(500)].count(True) == 1
    assert scale.value == 0.75
    scale.begin()
    assert [scale.observe(0.05) for _ in range(60)].count(True) == 1
    assert scale.value == 0.5


def test_grows_again_when_there_is_room_and_not_before() -> None:
    scale = DrawingScale()
    _draw(scale, 200, 0.05)
    _draw(scale, 1000, 0.025)
    assert scale.value == 0.75
    _draw(scale, 200, 0.015)
    assert scale.value == 0.75
    _draw(scale, 200, 0.015)
    assert scale.value == 1.0


def test_each_failed_attempt_to_grow_makes_it_wait_twice_as_long() -> None:
    scale = DrawingScale()
    _draw(scale, 60, 0.05)
    waited = []
    for _ in range(3):
        frames = 0
        while not scale.observe(0.008):
            frames += 1
        scale.begin()
        assert scale.value == 1.0
        waited.append(frames)
        _draw(scale, 60, 0.05)
        assert scale.value == 0.75
    assert waited[1] > 1.7 * waited[0]
    assert waited[2] > 1.7 * waited[1]


def test_pictures_are_enlarged_to_the_cameras_size() -> None:
    assert scaled_size((1280, 720), 0.75) == (960, 540)
    assert scaled_size((1280, 720), 0.5) == (640, 360)
    renderer = Enlarged(BrightnessRenderer((320, 180)), (640, 360))
    beta = np.zeros(NUM, np.float32)
    beta[JAW] = 0.5
    frame = renderer.render(ExpressionFrame(7, beta, np.zeros(6, np.float32), True))
    assert frame.index == 7
    assert frame.rgb.shape == (360, 640, 3)
    assert (frame.rgb == 128).all()
