"""Keeps a face alive: blinks, glances, brow accents, head sway and nods, breath, a resting stir.

Everything follows the frames alone (their index, mouth movement and voice gate), needs no future,
and is the same for the same seed and frames. Each kind of motion has its own random stream, so a
slider changes its own motion and no other.
"""

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from core.blendshapes import INDEX
from core.errors import ConfigError
from core.types import FRAME_RATE_HZ, ExpressionFrame, FloatArray

MAX_ANGLE_DEG = 8.0
"""No head angle of the life motions ever exceeds this."""
MAX_STRENGTH = 2.0
_STEP_S = 1.0 / FRAME_RATE_HZ
_GLIDE_S = 0.4
_MAX_GAP_FRAMES = 10 * FRAME_RATE_HZ


@dataclass(frozen=True, kw_only=True)
class LifeSettings:
    """Strength of each motion: 0 none, 1 natural, up to 2.

    Attributes:
        blink: How often the eyes blink (the lids always close fully).
        gaze: Small jumps of the eyes.
        brows: Brows that rise with stressed words.
        sway: Slow movement of the head, more of it while speaking.
        nods: Head beats with stressed words.
        breath: The chest, and with it the head, rises and falls.
        rest: Slight stir of mouth corners and cheeks.
    """

    blink: float = 1.0
    gaze: float = 1.0
    brows: float = 1.0
    sway: float = 1.0
    nods: float = 1.0
    breath: float = 1.0
    rest: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0.0 <= value <= MAX_STRENGTH:
                raise ConfigError(
                    "The life setting '{name}' is {value}; choose 0 to {max_strength:g}.",
                    name=field.name,
                    value=value,
                    max_strength=MAX_STRENGTH,
                )

    @classmethod
    def still(cls) -> "LifeSettings":
        """No motion at all."""
        return cls(**{field.name: 0.0 for field in fields(cls)})


class LifeMotion:
    """Adds life to expression frames, in order.

    Args:
        settings: Strengths; may be replaced at any time through `settings`, and the motions then
            glide to their new strengths (a blink under way is finished).
        seed: Frames and seed fix the outcome bit for bit.

    Threads: one caller of `apply`; `settings` may be set from any thread.
    """

    def __init__(self, settings: LifeSettings | None = None, seed: int = 0) -> None:
        self.settings = settings or LifeSettings()
        self._seed = seed
        self.reset()

    def reset(self) -> None:
        """Forget the past, as if newly made."""
        streams = [np.random.default_rng((self._seed, kind)) for kind in range(7)]
        self._next_index: int | None = None
        self._strength = self.settings
        self._voice = _Voice()
        self._blinks = _Blinks(streams[0])
        self._gaze = _Gaze(streams[1])
        self._brows = _Brows(streams[2])
        self._sway = _Sway(streams[3])
        self._nods = _Nods(streams[4])
        self._breath = _Breath(streams[5])
        self._rest = _Rest(streams[6])

    def apply(self, frame: ExpressionFrame) -> ExpressionFrame:
        """The same frame, alive.

        Frames missing in between are lived through as repeats of this one. An earlier index than
        expected, or a gap of more than ten seconds, starts afresh.
        """
        missed = 0 if self._next_index is None else frame.index - self._next_index
        if not 0 <= missed <= _MAX_GAP_FRAMES:
            self.reset()
            missed = 0
        for index in range(frame.index - missed, frame.index + 1):
            self._step(frame, index / FRAME_RATE_HZ)
        self._next_index = frame.index + 1
        return self._add(frame)

    def _step(self, frame: ExpressionFrame, time_s: float) -> None:
        wanted = self.settings
        if self._strength is not wanted:
            self._strength = _glide(self._strength, wanted)
        self._voice.step(frame)
        self._blinks.step(time_s, wanted.blink, self._voice)
        for motion in (self._gaze, self._brows, self._sway, self._nods, self._breath, self._rest):
            motion.step(time_s, self._voice)

    def _add(self, frame: ExpressionFrame) -> ExpressionFrame:
        strength = self._strength
        beta = frame.beta.copy()
        closed = self._blinks.closed
        look_x, look_y = (strength.gaze * v for v in self._gaze.direction)
        _look(beta, look_x, look_y - 0.12 * closed * min(strength.gaze, 1.0))
        droop = 0.35 * max(-look_y, 0.0)
        beta[_LIDS] = 1.0 - (1.0 - beta[_LIDS]) * (1.0 - max(closed, droop))
        beta[_WIDE] *= 1.0 - closed
        beta[_BROW_INNER] += strength.brows * self._brows.inner
        beta[_BROW_OUTER] += strength.brows * self._brows.outer
        beta[_SMILE] += strength.rest * self._rest.smile
        beta[_SQUINT] += strength.rest * self._rest.squint
        np.minimum(beta, 1.0, out=beta)
        breath = strength.breath * self._breath.level
        angles = strength.sway * self._sway.angles_deg + strength.nods * self._nods.angles_deg
        angles[0] += 0.25 * breath
        shift = strength.sway * self._sway.shift_cm
        shift[1] += 0.05 * breath
        pose = frame.pose.copy()
        pose[:3] += (MAX_ANGLE_DEG * np.tanh(angles / MAX_ANGLE_DEG)).astype(np.float32)
        pose[3:] += shift.astype(np.float32)
        full = min(1.0, frame.breath + min(breath, 1.0))
        return replace(frame, beta=beta, pose=pose, breath=full)


def _both(name: str) -> list[int]:
    return [INDEX[name + "Left"], INDEX[name + "Right"]]


_LIDS, _WIDE = _both("eyeBlink"), _both("eyeWide")
_BROW_INNER, _BROW_OUTER = INDEX["browInnerUp"], _both("browOuterUp")
_SMILE, _SQUINT = _both("mouthSmile"), _both("cheekSquint")
_LOOK_LEFT = [INDEX["eyeLookOutLeft"], INDEX["eyeLookInRight"]]
_LOOK_RIGHT = [INDEX["eyeLookInLeft"], INDEX["eyeLookOutRight"]]
_LOOK_UP, _LOOK_DOWN = _both("eyeLookUp"), _both("eyeLookDown")
_OPENING = np.zeros(len(INDEX), np.float32)
for _name, _weight in (
    ("jawOpen", 1.0),
    ("mouthLowerDownLeft", 0.25),
    ("mouthLowerDownRight", 0.25),
    ("mouthUpperUpLeft", 0.25),
    ("mouthUpperUpRight", 0.25),
    ("mouthFunnel", 0.3),
):
    _OPENING[INDEX[_name]] = _weight


def _glide(now: LifeSettings, wanted: LifeSettings) -> LifeSettings:
    """One frame's step from one set of strengths to another."""
    step = _STEP_S / _GLIDE_S
    change = {
        field.name: getattr(wanted, field.name) - getattr(now, field.name)
        for field in fields(wanted)
    }
    if all(abs(value) <= step for value in change.values()):
        return wanted
    return LifeSettings(
        **{
            name: getattr(now, name) + min(max(value, -step), step)
            for name, value in change.items()
        }
    )


def _ease(u: float) -> float:
    u = min(max(u, 0.0), 1.0)
    return u * u * (3.0 - 2.0 * u)


def _look(beta: FloatArray, x: float, y: float) -> None:
    """Turn both eyes: x to the subject's left, y up, in units of the blendshapes."""
    beta[_LOOK_LEFT if x > 0.0 else _LOOK_RIGHT] += abs(x)
    beta[_LOOK_UP if y > 0.0 else _LOOK_DOWN] += abs(y)


@dataclass(frozen=True)
class _Bump:
    """Up, hold and down again, with level ends."""

    start_s: float
    rise_s: float
    hold_s: float
    fall_s: float

    def at(self, time_s: float) -> float:
        since = time_s - self.start_s
        if since <= self.rise_s + self.hold_s:
            return _ease(since / self.rise_s)
        return 1.0 - _ease((since - self.rise_s - self.hold_s) / self.fall_s)

    def over(self, time_s: float) -> bool:
        return time_s >= self.start_s + self.rise_s + self.hold_s + self.fall_s


class _Voice:
    """What the mouth's movement and the voice gate tell about the speech so far.

    Attributes:
        speaking: Smoothed, 0 to 1.
        accent: Strength of a stress that begins in this frame, 0 to 1; mostly 0.
        pause: A pause begins in this frame.
    """

    def __init__(self) -> None:
        self.speaking = 0.0
        self.accent = 0.0
        self.pause = False
        self._quiet_frames = 1000
        self._fast = self._slow = 0.0
        self._spread = 0.05
        self._since_accent_s = 10.0

    def step(self, frame: ExpressionFrame) -> None:
        opening = float(frame.beta @ _OPENING)
        self._quiet_frames = 0 if frame.voiced else self._quiet_frames + 1
        self.pause = self._quiet_frames == 3
        self.speaking += (float(frame.voiced) - self.speaking) * _STEP_S / 0.3
        before = self._fast
        self._fast += (opening - self._fast) * 0.6
        self._slow += (self._fast - self._slow) * _STEP_S / 1.2
        excess = self._fast - self._slow
        self._spread += (abs(excess) - self._spread) * _STEP_S / 1.5
        self._since_accent_s += _STEP_S
        rising = self._fast - before > 0.01
        stressed = excess > 0.04 + self._spread and rising and self._since_accent_s > 0.5
        self.accent = min(1.0, 2.5 * excess) if stressed and frame.voiced else 0.0
        if self.accent > 0.0:
            self._since_accent_s = 0.0


class _Blinks:
    """Spontaneous blinks: log-normal intervals, some double, many at the start of a pause.

    A blink takes about a third of a second: quick down, closed for at least one frame, slow up.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self.closed = 0.0
        self._random = random
        self._blink: _Bump | None = None
        self._twice = False
        self._waited_s = 0.0
        self._wait_s = self._interval_s()

    def _interval_s(self) -> float:
        return float(np.clip(self._random.lognormal(math.log(3.0), 0.5), 0.9, 9.0))

    def step(self, time_s: float, rate: float, voice: _Voice) -> None:
        self._waited_s += _STEP_S * rate
        if voice.pause:
            soon = self._random.random() < 0.5 and self._waited_s > 1.0
            if soon and rate > 0.0:
                self._wait_s = min(self._wait_s, self._waited_s)
        if self._blink is None and rate > 0.0 and self._waited_s >= self._wait_s:
            self._begin(time_s)
        self.closed = 0.0 if self._blink is None else self._blink.at(time_s)
        if self._blink is not None and self._blink.over(time_s):
            self._blink = None

    def _begin(self, time_s: float) -> None:
        random = self._random
        rise, hold, fall = random.uniform((0.07, 0.045, 0.15), (0.10, 0.075, 0.22))
        start = time_s - random.uniform(0.0, _STEP_S)
        self._blink = _Bump(start, float(rise), float(hold), float(fall))
        self._twice = not self._twice and random.random() < 0.12
        self._wait_s = float(random.uniform(0.4, 0.6)) if self._twice else self._interval_s()
        self._waited_s = 0.0


class _Gaze:
    """Fixations held for about a second, between them jumps of one to two degrees."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._from = self._to = np.zeros(2)
        self._jump_s = -1.0
        self._next_s: float | None = None
        self.direction = (0.0, 0.0)

    def step(self, time_s: float, voice: _Voice) -> None:
        if self._next_s is None:
            self._next_s = time_s + float(self._random.uniform(0.3, 1.2))
        if time_s >= self._next_s:
            self._from = self._to
            wide = self._random.random() < 0.1
            spread = (0.13, 0.06) if wide else (0.045, 0.025)
            self._to = np.clip(self._random.normal(0.0, spread), -0.3, 0.3)
            self._jump_s = time_s - _STEP_S / 2
            rest_s = float(np.clip(self._random.lognormal(-0.1, 0.6), 0.25, 4.0))
            self._next_s = time_s + (0.5 * rest_s if wide else rest_s)
        move = _ease((time_s - self._jump_s) / 0.07)
        x, y = self._from + (self._to - self._from) * move
        self.direction = (float(x), float(y))


class _Brows:
    """Brows rise with some of the stressed syllables."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._bumps: list[tuple[_Bump, float, float]] = []
        self.inner = self.outer = 0.0

    def step(self, time_s: float, voice: _Voice) -> None:
        if voice.accent > 0.0:
            chance, size, outer = self._random.uniform((0.0, 0.12, 0.4), (1.0, 0.32, 1.0))
            if chance < 0.2 + 0.5 * voice.accent:
                hold, fall = self._random.uniform((0.05, 0.3), (0.2, 0.6))
                bump = _Bump(time_s, 0.16, float(hold), float(fall))
                self._bumps.append((bump, float(size), float(size * outer)))
        self._bumps = [b for b in self._bumps if not b[0].over(time_s)]
        self.inner = min(0.5, sum(b.at(time_s) * inner for b, inner, _ in self._bumps))
        self.outer = min(0.5, sum(b.at(time_s) * outer for b, _, outer in self._bumps))


class _Waves:
    """Smooth noise: a few slow sines of unrelated periods for each channel.

    Args:
        random: Draws periods and phases once.
        sizes: Standard deviation of each channel, in its own unit.
        band_hz: Slowest and fastest sine.
    """

    def __init__(
        self, random: np.random.Generator, sizes: tuple[float, ...], band_hz: tuple[float, float]
    ) -> None:
        shape = (len(sizes), 4)
        low, high = np.log(band_hz)
        self._rate = 2 * np.pi * np.exp(random.uniform(low, high, shape))
        self._phase = random.uniform(0, 2 * np.pi, shape)
        self._size = np.array(sizes)[:, None] / math.sqrt(2)

    def at(self, time_s: float) -> np.ndarray:
        """Shape (channels,)."""
        wave: np.ndarray = (self._size * np.sin(self._rate * time_s + self._phase)).sum(1)
        return wave


class _Sway:
    """The head is never quite still; more so while speaking."""

    def __init__(self, random: np.random.Generator) -> None:
        self._slow = _Waves(random, (0.5, 0.9, 0.5, 0.05, 0.03, 0.0), (0.04, 0.22))
        self._lively = _Waves(random, (0.4, 0.6, 0.45, 0.03, 0.02, 0.0), (0.25, 0.7))
        self.angles_deg = np.zeros(3)
        self.shift_cm = np.zeros(3)

    def step(self, time_s: float, voice: _Voice) -> None:
        motion = self._slow.at(time_s) + (0.15 + voice.speaking) * self._lively.at(time_s)
        self.angles_deg, self.shift_cm = motion[:3], motion[3:]


class _Nods:
    """Head beats: mostly downwards, on stressed syllables and now and then as a pause begins."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._bumps: list[tuple[_Bump, np.ndarray]] = []
        self.angles_deg = np.zeros(3)

    def step(self, time_s: float, voice: _Voice) -> None:
        drive = voice.accent or (0.6 if voice.pause else 0.0)
        if drive > 0.0:
            chance, size, hold = self._random.uniform((0.0, 1.0, 0.0), (1.0, 2.6, 0.1))
            up = self._random.random() < 0.2
            aside = self._random.normal(0.0, (0.5, 0.4))
            if chance < 0.25 + 0.5 * drive:
                angles = np.array([0.6 * size if up else -size, *aside]) * (0.5 + 0.5 * drive)
                self._bumps.append((_Bump(time_s, 0.22, float(hold), 0.45), angles))
        self._bumps = [b for b in self._bumps if not b[0].over(time_s)]
        self.angles_deg = sum((b.at(time_s) * angles for b, angles in self._bumps), np.zeros(3))


class _Breath:
    """In and out every four seconds at rest; speech breathes in quickly in its pauses."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._inhaling = False
        self._from = self.level = 0.0
        self._start_s: float | None = None
        self._duration_s = 1.0

    def step(self, time_s: float, voice: _Voice) -> None:
        if self._start_s is None:
            self._begin(time_s, True, 1.6)
        talking = voice.speaking > 0.3
        if voice.pause and self.level < 0.6:
            self._begin(time_s, True, 0.7)
        elif time_s >= (self._start_s or 0.0) + self._duration_s:
            if self._inhaling:
                self._begin(time_s, False, 4.5 if talking else 2.4)
            elif not talking:
                self._begin(time_s, True, 1.6)
        done = _ease((time_s - (self._start_s or 0.0)) / self._duration_s)
        self.level = self._from + (float(self._inhaling) - self._from) * done

    def _begin(self, time_s: float, inhale: bool, duration_s: float) -> None:
        self._inhaling, self._from, self._start_s = inhale, self.level, time_s
        self._duration_s = duration_s * float(self._random.uniform(0.85, 1.2))


class _Rest:
    """Mouth corners and cheeks stir a little."""

    def __init__(self, random: np.random.Generator) -> None:
        self._waves = _Waves(random, (0.02, 0.02), (0.03, 0.15))
        self.smile = self.squint = 0.0

    def step(self, time_s: float, voice: _Voice) -> None:
        smile, squint = np.maximum(self._waves.at(time_s) + 0.025, 0.0)
        self.smile, self.squint = float(smile), float(squint)
