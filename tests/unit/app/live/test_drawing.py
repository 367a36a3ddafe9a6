"""How large the face is drawn when time is short."""

import numpy as np

from app.live.drawing import SCALES, Drawing, Enlarged, Level, scaled_size
from core.blendshapes import NUM
from core.types import ExpressionFrame
from tests.live_fakes import JAW, BrightnessRenderer


def _draw(drawing: Drawing, frames: int, whole_s: float) -> int:
    """Draw frames that take `whole_s` at full size and less below; counts the changes."""
    changes = 0
    for _ in range(frames):
        if drawing.observe(whole_s * drawing.scale**2):
            drawing.begin()
            changes += 1
    return changes


def test_a_fast_machine_draws_whole() -> None:
    drawing = Drawing()
    assert _draw(drawing, 500, 0.03) == 0
    assert drawing.scale == 1.0


def test_a_few_slow_pictures_change_nothing() -> None:
    drawing = Drawing()
    for number in range(500):
        assert not drawing.observe(0.3 if number % 10 < 4 else 0.01)


def test_becomes_as_small_as_it_must() -> None:
    drawing = Drawing()
    _draw(drawing, 200, 0.05)
    assert drawing.scale == 0.75
    _draw(drawing, 200, 0.1)
    assert drawing.scale == SCALES[-1]
    _draw(drawing, 1000, 10.0)
    assert drawing.scale == SCALES[-1]


def test_pictures_of_the_old_renderer_do_not_count() -> None:
    drawing = Drawing()
    assert [drawing.observe(0.05) for _ in range(500)].count(True) == 1
    assert drawing.scale == 0.75
    drawing.begin()
    assert [drawing.observe(0.05) for _ in range(60)].count(True) == 1
    assert drawing.scale == 0.5


def test_grows_again_when_there_is_room_and_not_before() -> None:
    drawing = Drawing()
    _draw(drawing, 200, 0.05)
    _draw(drawing, 1000, 0.025)
    assert drawing.scale == 0.75
    _draw(drawing, 200, 0.015)
    assert drawing.scale == 0.75
    _draw(drawing, 200, 0.015)
    assert drawing.scale == 1.0


def test_each_failed_attempt_to_grow_makes_it_wait_twice_as_long() -> None:
    drawing = Drawing()
    _draw(drawing, 60, 0.05)
    waited = []
    for _ in range(3):
        frames = 0
        while not drawing.observe(0.008):
            frames += 1
        drawing.begin()
        assert drawing.scale == 1.0
        waited.append(frames)
        _draw(drawing, 60, 0.05)
        assert drawing.scale == 0.75
    assert waited[1] > 1.7 * waited[0]
    assert waited[2] > 1.7 * waited[1]


def _draw_neural(drawing: Drawing, frames: int, drawn_s: float, neural_s: float) -> int:
    """As `_draw`, with `compact` that takes `neural_s` at any size, and `pocket` half of it."""
    changes = 0
    for _ in range(frames):
        share = {"off": 0.0, "pocket": 0.5, "compact": 1.0}[drawing.neural]
        if drawing.observe(drawn_s * drawing.scale**2 + share * neural_s):
            drawing.begin()
            changes += 1
    return changes


def test_a_lighter_network_then_none_then_a_smaller_picture() -> None:
    drawing = Drawing("compact")
    assert drawing.level == Level(1.0, "compact")
    assert _draw_neural(drawing, 500, 0.01, 0.02) == 0
    _draw_neural(drawing, 120, 0.01, 0.03)
    assert drawing.level == Level(1.0, "pocket")
    _draw_neural(drawing, 60, 0.01, 0.06)
    assert drawing.level == Level(1.0, "off")
    _draw_neural(drawing, 120, 0.05, 0.06)
    assert drawing.level == Level(0.75, "off")


def test_networks_come_back_when_the_machine_is_freer_and_not_before() -> None:
    drawing = Drawing("compact")
    _draw_neural(drawing, 120, 0.02, 0.06)
    assert drawing.neural == "off"
    assert _draw_neural(drawing, 1000, 0.02, 0.06) == 0
    _draw_neural(drawing, 400, 0.008, 0.024)
    assert drawing.neural == "pocket"
    _draw_neural(drawing, 400, 0.004, 0.012)
    assert drawing.neural == "compact"


def test_a_network_of_ones_own_has_no_lighter_one() -> None:
    drawing = Drawing("file")
    for _ in range(60):
        if drawing.observe(0.05):
            drawing.begin()
    assert drawing.level == Level(1.0, "off")


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
