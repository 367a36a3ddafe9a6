"""Life motions: natural timing, no surprises, nothing left when switched off."""

import numpy as np
import pytest

from core.blendshapes import INDEX
from core.errors import ConfigError
from core.life import MAX_ANGLE_DEG, LifeMotion, LifeSettings
from core.types import ExpressionFrame

BLINK = INDEX["eyeBlinkLeft"]
GAZE = [i for name, i in INDEX.items() if name.startswith("eyeLook")]
BROWS = [i for name, i in INDEX.items() if "Up" in name and name.startswith("brow")]
PER_MINUTE = 25 * 60


def speech(num: int, seed: int = 1) -> list[ExpressionFrame]:
    """Syllables at about 4 Hz with stress now and then, in phrases with pauses between."""
    rng = np.random.default_rng(seed)
    frames = []
    phrase = 0
    loud = 0.3
    for index in range(num):
        if phrase == 0:
            phrase = -int(rng.integers(8, 40)) if index else 60
        elif phrase == -1:
            phrase = int(rng.integers(40, 120))
        phrase += 1 if phrase < 0 else -1
        beta = np.zeros(52, np.float32)
        if index % 6 == 0:
            loud = float(rng.choice([0.2, 0.3, 0.7], p=[0.5, 0.35, 0.15]))
        if phrase > 0:
            beta[INDEX["jawOpen"]] = loud * (0.5 - 0.5 * np.cos(2 * np.pi * index / 6))
        frames.append(ExpressionFrame(index, beta, np.zeros(6, np.float32), phrase > 0))
    return frames


def silence(num: int) -> list[ExpressionFrame]:
    zeros = np.zeros(52, np.float32), np.zeros(6, np.float32)
    return [ExpressionFrame(i, *zeros, False) for i in range(num)]


def run(
    frames: list[ExpressionFrame], settings: LifeSettings | None = None, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """beta (N, 52), pose (N, 6), breath (N,) of the living frames."""
    life = LifeMotion(settings, seed)
    alive = [life.apply(frame) for frame in frames]
    return (
        np.array([f.beta for f in alive]),
        np.array([f.pose for f in alive]),
        np.array([f.breath for f in alive]),
    )


def starts_of(blink: np.ndarray) -> np.ndarray:
    closed = blink > 0.98
    return np.flatnonzero(closed[1:] & ~closed[:-1])


@pytest.mark.parametrize("seed", range(2))
def test_blinks_come_as_often_as_people_blink(seed: int) -> None:
    minutes = 4
    for frames in (speech(minutes * PER_MINUTE), silence(minutes * PER_MINUTE)):
        blink = run(frames, seed=seed)[0][:, BLINK]
        starts = starts_of(blink)
        assert 12 <= len(starts) / minutes <= 28
        gaps = np.diff(starts) / 25
        assert gaps.max() < 12
        assert (gaps < 0.8).sum() > 0, "no double blink in four minutes"
        assert np.std(gaps) > 0.8, "blinks like a metronome"


def test_every_blink_closes_fully_and_opens_slower_than_it_closes() -> None:
    blink = run(silence(2 * PER_MINUTE))[0][:, BLINK]
    peaks = starts_of(blink) + 1
    moving = blink > 0.15
    assert len(peaks) == np.count_nonzero(moving[1:] & ~moving[:-1])
    closing = [np.argmax(blink[p - 6 : p + 1] > 0.02) for p in peaks]
    opening = [np.argmax(blink[p : p + 12] < 0.02) for p in peaks]
    assert np.mean(opening) > 1.4 * np.mean(6 - np.array(closing))
    assert np.mean(opening) * 40 < 400


def test_pauses_draw_blinks() -> None:
    frames = speech(6 * PER_MINUTE)
    starts = starts_of(run(frames)[0][:, BLINK])
    voiced = np.array([f.voiced for f in frames])
    pause = np.flatnonzero(voiced[:-1] & ~voiced[1:])
    near = np.zeros(len(frames), bool)
    for index in pause:
        near[index : index + 10] = True
    assert near[starts].mean() > 2 * near.mean()


def test_stress_moves_head_and_brows() -> None:
    settings = LifeSettings(blink=0, gaze=0, sway=0, breath=0, rest=0)
    beta, pose, _ = run(speech(PER_MINUTE), settings)
    assert 0.1 < beta[:, BROWS].max() <= 0.55
    assert -6 < pose[:, 0].min() < -1.0
    quiet_beta, quiet_pose, _ = run(silence(400), settings)
    assert quiet_beta.max() == 0
    assert np.abs(quiet_pose).max() == 0


def test_the_resting_face_is_never_frozen() -> None:
    beta, pose, breath = run(silence(PER_MINUTE))
    change = np.abs(np.diff(pose[:, :3], axis=0)).max(1)
    assert (change > 0).all()
    for second in range(0, PER_MINUTE - 25, 25):
        assert np.ptp(pose[second : second + 25, :3], axis=0).max() > 0.02
    assert np.ptp(breath) > 0.9
    assert np.ptp(beta[:, GAZE]) > 0.03
    assert beta[:, INDEX["jawOpen"]].max() == 0
    rises = np.count_nonzero((breath[1:] > 0.5) & (breath[:-1] <= 0.5))
    assert 10 <= rises <= 20


@pytest.mark.parametrize("seed", range(3))
def test_bounds_at_full_strength(seed: int) -> None:
    full = LifeSettings(**dict.fromkeys(LifeSettings().__dict__, 2.0))
    beta, pose, breath = run(speech(2 * PER_MINUTE), full, seed)
    assert np.abs(pose[:, :3]).max() <= MAX_ANGLE_DEG
    assert np.abs(pose[:, :3]).max() > 2
    assert np.abs(pose[:, 3:]).max() < 1.0
    assert beta.min() >= 0
    assert beta.max() <= 1
    assert breath.min() >= 0
    assert breath.max() <= 1
    for values in (beta, pose, breath):
        assert np.isfinite(values).all()


def test_no_jumps_but_the_eyes() -> None:
    frames = speech(2 * PER_MINUTE)
    beta, pose, breath = run(frames)
    assert np.abs(np.diff(pose[:, :3], axis=0)).max() < 0.9  # degrees a frame
    assert np.abs(np.diff(pose[:, 3:], axis=0)).max() < 0.02
    assert np.abs(np.diff(breath)).max() < 0.15
    brow = np.abs(np.diff(beta[:, BROWS], axis=0)).max()
    assert brow < 0.2


def test_same_seed_same_frames_other_seed_others() -> None:
    frames = speech(700)
    first, again, other = run(frames), run(frames), run(frames, seed=5)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.abs(first[1] - other[1]).max() > 0.5


def test_causal() -> None:
    frames = speech(500)
    changed = frames[:300] + silence(500)[300:]
    np.testing.assert_array_equal(run(frames)[0][:300], run(changed)[0][:300])


@pytest.mark.parametrize("kind", sorted(LifeSettings().__dict__))
def test_a_slider_at_zero_stops_its_motion_and_no_other(kind: str) -> None:
    frames = speech(700)
    off = LifeSettings(**{kind: 0.0})
    only = LifeSettings(**{**LifeSettings.still().__dict__, kind: 1.0})
    moving = run(frames, only)
    assert any(
        np.abs(a - b).max() > 0
        for a, b in zip(moving, run(frames, LifeSettings.still()), strict=True)
    )
    if kind in ("blink", "gaze"):
        return  # both move the lids
    everything, without, alone = run(frames)[0], run(frames, off)[0], moving[0]
    base = np.array([f.beta for f in frames])
    np.testing.assert_allclose(
        np.clip(without + (alone - base), 0, 1), np.clip(everything, 0, 1), atol=1e-6
    )


def test_still_changes_nothing() -> None:
    frames = speech(300)
    for frame in frames:
        frame.beta[BLINK] = 0.25
        frame.pose[1] = 3.0
    beta, pose, breath = run(frames, LifeSettings.still())
    np.testing.assert_array_equal(beta, [f.beta for f in frames])
    np.testing.assert_array_equal(pose, [f.pose for f in frames])
    assert (breath == 0).all()


def test_switching_off_glides_then_stops_exactly() -> None:
    for stop_at in range(400, 480, 16):
        life = LifeMotion(seed=3)
        frames = speech(600)
        beta, pose, breath = [], [], []
        for frame in frames:
            if frame.index == stop_at:
                life.settings = LifeSettings.still()
            alive = life.apply(frame)
            beta.append(alive.beta - frame.beta)
            pose.append(alive.pose)
            breath.append(alive.breath)
        jump = np.abs(np.diff(np.array(pose)[:, :3], axis=0))[stop_at - 1 : stop_at + 15]
        assert jump.max() < 0.9
        assert np.abs(np.diff(breath))[stop_at - 1 : stop_at + 15].max() < 0.2
        assert np.abs(np.array(beta)[stop_at + 15 :]).max() == 0
        assert np.abs(np.array(pose)[stop_at + 15 :]).max() == 0
        assert np.abs(breath[stop_at + 15 :]).max() == 0


def test_dropped_frames_keep_the_clock() -> None:
    settings = LifeSettings(blink=1, nods=0, brows=0)
    all_frames = silence(1000)
    whole = run(all_frames, settings)
    life = LifeMotion(settings)
    kept = [i for i in range(1000) if i % 3 == 0 or i % 7 == 0]
    some = [life.apply(all_frames[i]) for i in kept]
    np.testing.assert_array_equal([f.pose for f in some], whole[1][kept])
    np.testing.assert_array_equal([f.beta for f in some], whole[0][kept])


def test_going_back_starts_afresh() -> None:
    frames = speech(400)
    life = LifeMotion()
    first = [life.apply(f).pose for f in frames]
    second = [life.apply(f).pose for f in frames]
    np.testing.assert_array_equal(first, second)
    far = ExpressionFrame(10**7, frames[0].beta, frames[0].pose, False)
    assert np.isfinite(life.apply(far).pose).all()


def test_input_is_left_alone() -> None:
    frame = speech(1)[0]
    before = frame.beta.copy(), frame.pose.copy()
    LifeMotion().apply(frame)
    np.testing.assert_array_equal(frame.beta, before[0])
    np.testing.assert_array_equal(frame.pose, before[1])


@pytest.mark.parametrize("value", [-0.1, 2.1, float("nan")])
def test_wrong_strengths(value: float) -> None:
    with pytest.raises(ConfigError, match="gaze"):
        LifeSettings(gaze=value)
