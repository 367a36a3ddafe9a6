"""Who is in the picture: random identity, expression, pose and looks."""

from dataclasses import dataclass

import numpy as np

from core import blendshapes
from core.camera import rotation_from_euler
from weights.training.faces.noise import FloatArray, Random

_SKIN_TONES = np.array(
    [
        [0.93, 0.80, 0.72],
        [0.88, 0.70, 0.58],
        [0.80, 0.60, 0.46],
        [0.66, 0.46, 0.33],
        [0.46, 0.30, 0.21],
        [0.30, 0.19, 0.13],
    ]
)
_HAIR_TONES = np.array(
    [
        [0.05, 0.04, 0.04],
        [0.12, 0.08, 0.06],
        [0.24, 0.15, 0.09],
        [0.42, 0.28, 0.15],
        [0.68, 0.52, 0.30],
        [0.48, 0.22, 0.10],
        [0.60, 0.60, 0.60],
        [0.85, 0.84, 0.82],
    ]
)
_IRIS_TONES = np.array(
    [
        [0.16, 0.09, 0.05],
        [0.30, 0.18, 0.08],
        [0.25, 0.32, 0.18],
        [0.30, 0.42, 0.55],
        [0.4, 0.45, 0.5],
    ]
)


@dataclass(frozen=True)
class Looks:
    """Colours (RGB, 0..1) and strengths (0..1) of what is painted on the face."""

    skin: FloatArray
    hair: FloatArray
    iris: FloatArray
    lips: FloatArray
    blush: float
    mottle: float
    freckles: float
    brow: float
    brow_width_cm: float
    brow_lift_cm: float
    lashes: float
    eye_shadow: float
    stubble: float
    beard: float
    moustache: float
    wrinkles: float
    hairline_cm: float
    hair_volume_cm: float
    bald: bool
    teeth: float
    gaze: FloatArray


def random_looks(random: Random) -> Looks:
    """Anybody: every skin and hair colour, with and without beard, bald or not."""
    odd = random.random() < 0.08
    skin = _tone(_SKIN_TONES, random) * random.uniform(0.85, 1.1)
    if odd:
        skin = random.uniform(0.25, 0.95, 3)
    hair = _tone(_HAIR_TONES, random) * random.uniform(0.7, 1.2)
    if random.random() < 0.08:
        hair = random.uniform(0, 0.9, 3)
    male = random.random() < 0.5
    painted = not male and random.random() < 0.5
    lips = skin * [random.uniform(0.8, 1.0), random.uniform(0.55, 0.85), random.uniform(0.55, 0.9)]
    if painted:
        red = np.array([random.uniform(0.4, 0.8), random.uniform(0.02, 0.3), 0.2])
        mix = random.uniform(0.3, 1)
        lips = lips * (1 - mix) + red * mix
    return Looks(
        skin=_float(skin),
        hair=_float(hair),
        iris=_float(_tone(_IRIS_TONES, random) * random.uniform(0.6, 1.3)),
        lips=_float(lips),
        blush=random.uniform(0, 1),
        mottle=random.uniform(0.0, 0.04),
        freckles=random.uniform(0.2, 1) if random.random() < 0.15 else 0.0,
        brow=random.uniform(0.5, 1) if random.random() < 0.88 else random.uniform(0, 0.3),
        brow_width_cm=random.uniform(0.22, 0.52) if male else random.uniform(0.12, 0.38),
        brow_lift_cm=float(np.clip(random.normal(-0.4, 0.35), -1.2, 0.4)),
        lashes=random.uniform(0.0, 0.6) if male else random.uniform(0.2, 1),
        eye_shadow=random.uniform(0, 0.5) * (random.random() < 0.5),
        stubble=random.uniform(0.1, 0.8) * (male and random.random() < 0.5),
        beard=random.uniform(0.5, 1) * (male and random.random() < 0.35),
        moustache=random.uniform(0.4, 1) * (male and random.random() < 0.35),
        wrinkles=random.uniform(0, 1) ** 2,
        hairline_cm=random.normal(9.3, 1.0),
        hair_volume_cm=random.uniform(0.2, 2.2),
        bald=male and random.random() < 0.15,
        teeth=random.uniform(0.6, 1.0),
        gaze=_float(random.normal(0, [0.16, 0.1], 2)),
    )


def _tone(table: FloatArray, random: Random) -> FloatArray:
    """A colour between two neighbours of a table, a little off."""
    i = random.uniform(0, len(table) - 1)
    low = int(i)
    mixed = table[low] * (low + 1 - i) + table[min(low + 1, len(table) - 1)] * (i - low)
    return np.clip(mixed * (1 + random.normal(0, 0.05, 3)), 0.01, 1)


def _float(values: FloatArray) -> FloatArray:
    return np.clip(values, -1, 1).astype(np.float32)


def random_alpha(count: int, random: Random) -> FloatArray:
    """Identity, sometimes exaggerated."""
    strength = random.uniform(0.6, 1.25)
    return (random.standard_normal(count) * strength).astype(np.float32)


def random_beta(random: Random) -> FloatArray:
    """An expression: often speech or a smile, eyes open, half closed or shut."""
    beta = np.zeros(blendshapes.NUM, np.float32)

    def add(weight: float, *names: str) -> None:
        for name in names:
            pair = (name,) if name in blendshapes.INDEX else (f"{name}Left", f"{name}Right")
            uneven = np.exp(random.normal(0, 0.12, len(pair)))
            for side, factor in zip(pair, uneven, strict=True):
                beta[blendshapes.INDEX[side]] += weight * factor

    kind = random.choice(5, p=[0.28, 0.2, 0.2, 0.24, 0.08])
    if kind == 1:
        add(random.uniform(0.1, 1.0), "mouthSmile")
        add(random.uniform(0, 0.5), "cheekSquint", "eyeSquint")
    elif kind == 2:
        add(random.uniform(0.3, 1.0), "mouthSmile")
        add(random.uniform(0.1, 0.8), "mouthUpperUp", "mouthLowerDown")
        add(random.uniform(0, 0.35), "jawOpen")
    elif kind == 3:
        add(random.uniform(0, 0.7), "jawOpen")
        speech = ("mouthFunnel", "mouthPucker", "mouthLowerDown", "mouthUpperUp", "mouthStretch")
        for name in random.choice(speech, random.integers(0, 3), replace=False):
            add(random.uniform(0.1, 0.7), str(name))
    elif kind == 4:
        add(random.uniform(0.2, 0.9), str(random.choice(["mouthFrown", "mouthPress", "cheekPuff"])))
        add(random.uniform(0.1, 0.8), "mouthRollLower", "mouthRollUpper")
    for i in random.choice(blendshapes.NUM - 1, random.integers(0, 6), replace=False):
        beta[i] += random.uniform(0, 0.45)
    if random.random() < 0.5:
        add(random.uniform(0, 0.9), str(random.choice(["browDown", "browOuterUp"])))
    if random.random() < 0.25:
        add(random.uniform(0, 1), "browInnerUp")
    lids = random.random()
    if lids < 0.07:
        add(random.uniform(0.75, 1.0), "eyeBlink")
    elif lids < 0.4:
        add(random.uniform(0.05, 0.5), "eyeBlink")
    elif lids < 0.5:
        add(random.uniform(0.1, 1.0), "eyeWide")
    _look(beta, random)
    return np.clip(beta, 0, 1)


def _look(beta: FloatArray, random: Random) -> None:
    """Both eyes to the same side."""
    across, up = random.normal(0, 0.25), random.normal(0, 0.2)
    for side, outward in (("Left", across), ("Right", -across)):
        beta[blendshapes.INDEX[f"eyeLook{'Out' if outward > 0 else 'In'}{side}"]] = abs(outward)
        beta[blendshapes.INDEX[f"eyeLook{'Up' if up > 0 else 'Down'}{side}"]] = abs(up)


def random_rotation(random: Random) -> FloatArray:
    """Mostly facing, up to about 50 degrees to the side."""
    pitch = np.clip(random.normal(2, 10), -30, 28)
    yaw = np.clip(random.normal(0, 20), -55, 55)
    roll = random.normal(0, 9)
    return rotation_from_euler(float(pitch), float(yaw), float(roll)).astype(np.float32)


def caricature(vertices: FloatArray, random: Random) -> FloatArray:
    """Large eyes and other proportions that drawn people have; sometimes nothing."""
    stretched = vertices * (1 + random.normal(0, [0.03, 0.04, 0.03], 3)).astype(np.float32)
    if random.random() > 0.22:
        return stretched
    grow = random.uniform(0.1, 0.75)
    tall = random.uniform(0.8, 1.5)
    for side in (-1, 1):
        centre = np.array([side * 3.2, 3.55, 9.3], np.float32)
        away = stretched - centre
        near = np.exp(-((away[:, :2] / [2.2, 2.0]) ** 2).sum(1)) * (away[:, 2] > -4)
        stretched = stretched + (near * grow)[:, None] * away * np.array([1, tall, 0.2])
    if random.random() < 0.5:
        near = np.exp(-(((stretched - [0, 0.3, 11.5]) / [1.8, 2.2, 3]) ** 2).sum(1))
        smaller = near[:, None] * (stretched - [0, 0.3, 10.5]) * [-0.3, -0.1, -0.5]
        stretched = stretched + smaller * random.uniform(0, 1)
    return stretched.astype(np.float32)
