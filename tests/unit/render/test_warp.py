"""The warp renderer on a portrait whose fit is exact."""

import cv2
import numpy as np
import pytest

from core.errors import ConfigError
from render.background import Background
from render.warp import Framing, WarpRenderer
from tests.synthetic_avatar import face_model, frame_of, synthetic_avatar

CLOSED = (
    {"mouthPress": 0.3, "mouthRollLower": 0.15, "mouthRollUpper": 0.12},
    {"jawOpen": 0.06, "mouthClose": 0.06, "mouthPress": 0.3},
    {"mouthPress": 0.5},
)
PORTRAITS = ({}, {"jawOpen": 0.25}, {"mouthSmile": 0.7, "mouthUpperUp": 0.5, "mouthLowerDown": 0.4})
AA = {"jawOpen": 0.45, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15}


@pytest.fixture(scope="module")
def renderer() -> WarpRenderer:
    return WarpRenderer(synthetic_avatar(), face_model(), (320, 320))


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


@pytest.mark.parametrize("expression", PORTRAITS)
def test_rest_is_the_portrait(expression: dict[str, float]) -> None:
    renderer = WarpRenderer(synthetic_avatar(**expression), face_model(), (320, 320))
    assert psnr(renderer.render(frame_of()).rgb, renderer.portrait_rgb) > 45


@pytest.mark.parametrize("expression", PORTRAITS)
@pytest.mark.parametrize("closed", CLOSED)
def test_closed_lips_leave_no_pixel_of_the_mouth(
    expression: dict[str, float], closed: dict[str, float]
) -> None:
    renderer = WarpRenderer(synthetic_avatar(**expression), face_model(), (320, 320))
    assert renderer.layers(frame_of(**closed)).mouth.max() == 0.0


@pytest.mark.parametrize("expression", PORTRAITS)
def test_closed_lips_carry_no_pixel_of_the_mouth(expression: dict[str, float]) -> None:
    """No skin pixel may take its colour from inside the portrait's own open mouth."""
    renderer = WarpRenderer(synthetic_avatar(**expression), face_model(), (320, 320))
    opening = renderer.layers(frame_of()).mouth
    inside = cv2.erode((opening > 0.99).astype(np.uint8), np.ones((3, 3), np.uint8))
    source = renderer.layers(frame_of(**CLOSED[0])).source_px
    fetched = cv2.remap(inside, source - np.float32(0.5), None, cv2.INTER_NEAREST)
    assert fetched.sum() <= 0.02 * inside.sum()


def test_a_smile_alone_leaves_an_open_portrait_open() -> None:
    renderer = WarpRenderer(synthetic_avatar(jawOpen=0.25), face_model(), (320, 320))
    resting = renderer.layers(frame_of()).mouth.sum()
    stirred = renderer.layers(frame_of(mouthSmile=0.05)).mouth.sum()
    assert stirred == pytest.approx(resting, rel=0.05)


@pytest.mark.parametrize("expression", PORTRAITS)
def test_open_vowel_opens(expression: dict[str, float]) -> None:
    renderer = WarpRenderer(synthetic_avatar(**expression), face_model(), (320, 320))
    scale = renderer.layers(frame_of()).skin.size / 30.0**2
    area_cm2 = renderer.layers(frame_of(**AA)).mouth.sum() / scale
    assert area_cm2 > 3.0


def test_rounded_lips_are_narrower(renderer: WarpRenderer) -> None:
    def width(**weights: float) -> float:
        columns = np.flatnonzero(renderer.layers(frame_of(**weights)).mouth.max(axis=0) > 0.5)
        return float(columns[-1] - columns[0])

    spread = width(jawOpen=0.2, mouthStretch=0.3, mouthLowerDown=0.3)
    assert width(jawOpen=0.25, mouthFunnel=0.5, mouthPucker=0.3) < 0.85 * spread


def test_blink_hides_the_eyes(renderer: WarpRenderer) -> None:
    open_eyes = renderer.layers(frame_of())
    assert open_eyes.eye_left.sum() > 50
    closed = renderer.layers(frame_of(eyeBlink=0.95))
    assert closed.eye_left.max() == 0.0
    assert closed.eye_right.max() == 0.0


def test_a_closed_lid_shows_no_eyeball(renderer: WarpRenderer) -> None:
    opening = renderer.layers(frame_of())
    eyes = ((opening.eye_left + opening.eye_right) > 0.99).astype(np.uint8)
    inner = cv2.erode(eyes, np.ones((3, 3), np.uint8))
    source = renderer.layers(frame_of(eyeBlink=0.95)).source_px
    fetched = cv2.remap(inner, source - np.float32(0.5), None, cv2.INTER_NEAREST)
    assert fetched.sum() == 0


def test_one_eye_winks(renderer: WarpRenderer) -> None:
    wink = renderer.layers(frame_of(eyeBlinkLeft=0.95))
    assert wink.eye_left.max() == 0.0
    assert wink.eye_right.sum() > 50


def test_gaze_moves_the_iris(renderer: WarpRenderer) -> None:
    def iris_x(**weights: float) -> float:
        picture = renderer.render(frame_of(**weights)).rgb.astype(float).mean(-1)
        eye = renderer.layers(frame_of(**weights)).eye_left * np.clip(110 - picture, 0, None)
        return float((eye.sum(axis=0) * np.arange(eye.shape[1])).sum() / eye.sum())

    assert iris_x(eyeLookOutLeft=0.8) - iris_x(eyeLookInLeft=0.8) > 2.0


def test_speech_leaves_the_surroundings_alone(renderer: WarpRenderer) -> None:
    still = renderer.render(frame_of()).rgb.astype(int)
    spoken = renderer.render(frame_of(**AA)).rgb.astype(int)
    changed = np.argwhere(np.abs(still - spoken).max(axis=-1) > 2)
    assert changed[:, 0].min() > 55, "above the brows"
    assert changed[:, 1].min() > 50
    assert changed[:, 1].max() < 270


@pytest.mark.parametrize("pose", [(8, 0, 0), (-8, 0, 0), (0, 8, 0), (0, -8, 0), (0, 0, 8)])
def test_a_turn_moves_the_head_and_not_the_corners(
    renderer: WarpRenderer, pose: tuple[float, ...]
) -> None:
    still = renderer.render(frame_of()).rgb.astype(int)
    turned = renderer.render(frame_of((*pose, 0, 0, 0))).rgb.astype(int)
    change = np.abs(still - turned).max(axis=-1)
    assert change[60:250, 80:240].mean() > 3
    assert change[:20, :20].max() == 0
    assert change[:20, -20:].max() == 0


def test_turn_directions(renderer: WarpRenderer) -> None:
    def place(pose: tuple[float, ...]) -> np.ndarray:
        grid = renderer.layers(frame_of(pose)).source_px
        return grid[170, 160] - np.float32([160.5, 170.5])

    assert place((0, 8, 0, 0, 0, 0))[0] < -2, "yaw > 0 turns the nose to the picture's right"
    assert place((8, 0, 0, 0, 0, 0))[1] > 2, "pitch > 0 lifts the nose"
    assert place((0, 0, 0, 0.5, 0, 0))[0] < -2
    assert place((0, 0, 0, 0, 0.5, 0))[1] > 2


def test_breath_lifts_the_shoulders_only(renderer: WarpRenderer) -> None:
    empty, full = (renderer.layers(frame_of(breath=b)).source_px for b in (0.0, 1.0))
    moved = (full - empty)[..., 1]
    assert moved[300, 160] > 1.0
    assert np.abs(moved[:200]).max() < 0.1


def test_two_runs_are_equal_bit_by_bit() -> None:
    rng = np.random.default_rng(3)
    frames = [
        frame_of(tuple(rng.normal(0, 2, 6)), i, jawOpen=rng.uniform(0, 0.5), eyeBlink=rng.uniform())
        for i in range(8)
    ]
    runs = []
    for _ in range(2):
        renderer = WarpRenderer(synthetic_avatar(), face_model(), (320, 320))
        runs.append([renderer.render(f).rgb.copy() for f in frames])
    assert all(np.array_equal(a, b) for a, b in zip(*runs, strict=True))


def test_a_frame_depends_on_nothing_before_it(renderer: WarpRenderer) -> None:
    frame = frame_of((2, 1, 0, 0, 0, 0), jawOpen=0.3, eyeBlink=0.4)
    alone = renderer.render(frame).rgb.copy()
    renderer.render(frame_of((-6, 5, 0, 0, 0, 0), jawOpen=0.6, eyeBlink=1.0))
    assert np.array_equal(renderer.render(frame).rgb, alone)


def test_the_last_picture_stays_valid_for_one_more_frame(renderer: WarpRenderer) -> None:
    first = renderer.render(frame_of(jawOpen=0.3)).rgb
    kept = first.copy()
    renderer.render(frame_of(jawOpen=0.1))
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("size", [(64, 64), (211, 333), (640, 360), (1280, 720), (1080, 1920)])
def test_any_size(size: tuple[int, int]) -> None:
    renderer = WarpRenderer(synthetic_avatar(200), face_model(), size)
    picture = renderer.render(frame_of((3, 3, 2, 0, 0, 0), breath=1, eyeBlink=0.5, **AA)).rgb
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8
    assert psnr(renderer.render(frame_of()).rgb, renderer.portrait_rgb) > 45


@pytest.mark.parametrize("size", [(32, 32), (4000, 500)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ConfigError):
        WarpRenderer(synthetic_avatar(200), face_model(), size)


@pytest.mark.parametrize("yaw", [-30, 30])
def test_turned_heads_speak(yaw: float) -> None:
    renderer = WarpRenderer(synthetic_avatar(yaw_deg=yaw), face_model(), (320, 320))
    assert renderer.layers(frame_of(**CLOSED[0])).mouth.max() == 0.0
    assert renderer.layers(frame_of(**AA)).mouth.sum() > 150


def test_framing_sets_the_size_of_the_face() -> None:
    near, far = (
        WarpRenderer(synthetic_avatar(600), face_model(), (256, 256), Framing(share)).view.scale
        for share in (0.9, 0.7)
    )
    assert near / far == pytest.approx(0.9 / 0.7, rel=0.01)


def test_background_colour_surrounds_the_person() -> None:
    green = Background("colour", colour_rgb=(0, 177, 64))
    renderer = WarpRenderer(synthetic_avatar(), face_model(), (320, 320), background=green)
    picture = renderer.render(frame_of((0, 6, 0, 0, 0, 0))).rgb
    assert np.array_equal(picture[10, 10], (0, 177, 64))
    face = picture[170, 160].astype(int)
    assert face[0] > face[1] > face[2]


def test_background_stays_put_while_the_head_turns() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (320, 320, 3)).astype(np.uint8)
    renderer = WarpRenderer(
        synthetic_avatar(),
        face_model(),
        (320, 320),
        background=Background("picture", picture_rgb=noise),
    )
    turned = renderer.render(frame_of((0, 8, 0, 0, 0, 0))).rgb
    assert np.array_equal(turned[:30, :30], noise[:30, :30])


def test_background_choices_are_checked() -> None:
    with pytest.raises(ConfigError):
        Background("picture")
    with pytest.raises(ConfigError):
        Background("blur", blur=2.0)
