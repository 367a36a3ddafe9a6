"""Learning from a trained network, the teacher, instead of from true pictures.

The synthetic world has true pictures of its own people alone, and a small network that has learned
them may do anything with a painting. A teacher answers whatever it is shown, so that its pupil can
be shown what that world lacks. Shape legend: P people, F frames of each, S picture side.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import ModelError
from render.fia.config import FiaConfig
from weights.training.fia.resident import masked_source

UNFAMILIAR = 0.6
"""Share of the people whose pictures are changed."""
STRANGERS = 0.3
"""Share of the people who get the identity of another."""
TONES, LIGHTS = 6, 4
"""Knots of a tone curve; side of the coarse picture of light."""
LIGHT = 0.5
"""Largest share by which light changes over the picture."""
SATURATION, SHARPNESS = (0.0, 2.0), (-1.0, 2.0)
"""Ranges of the factors on colour and on fine detail."""
SHIFT_PX = 5
"""Largest distance of a face from where its coefficients say."""


def check_teacher(teacher: FiaConfig, pupil: FiaConfig) -> None:
    """See that a teacher takes what its pupil takes.

    Raises:
        ModelError: It does not.
    """
    for name in ("size_px", "crop", "mask", "guided", "keep_mouth"):
        theirs, ours = getattr(teacher, name), getattr(pupil, name)
        if theirs != ours:
            raise ModelError(
                f"The teacher has {name} {theirs}, the network to be trained {ours}; they must be "
                "alike. Choose another teacher, or options that are the same."
            )


def unfamiliar(batch: dict[str, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
    """A batch of which most people look unlike any of the synthetic world.

    Tones, colours, light and sharpness of reference and guide are changed alike; all pictures of
    a person may lie beside where the coefficients say, and the identity may be another's.

    Args:
        batch: As `resident.unpack` gives it.
        rng: Draws everything.

    Returns:
        The batch without `target`: nobody knows it.
    """
    people = len(batch["reference"])
    chosen = rng.random(people) < UNFAMILIAR
    look = _Look(rng, chosen, batch["base"].device)
    shifts = rng.integers(-SHIFT_PX, SHIFT_PX + 1, (people, 2)) * chosen[:, None]
    strangers = np.where(rng.random(people) < STRANGERS, rng.permutation(people), range(people))
    changed = {"alpha": batch["alpha"][strangers], "beta": batch["beta"], "rho": batch["rho"]}
    for name in ("reference", "base"):
        changed[name] = _moved(look(batch[name]), shifts)
    for name in ("widest", "mask", "teeth"):
        changed[name] = _moved(batch[name], shifts)
    changed["source"] = masked_source(changed["reference"], changed["widest"])
    return changed


class _Look:
    """How the pictures of each of P people are changed; those not chosen stay as they are."""

    def __init__(self, rng: np.random.Generator, chosen: np.ndarray, device: torch.device) -> None:
        people = len(chosen)

        def either(changed: np.ndarray, same: float | np.ndarray) -> Tensor:
            picked = chosen.reshape(-1, *[1] * (changed.ndim - 1))
            values = np.where(picked, changed, same).astype(np.float32)
            return torch.from_numpy(values).to(device)

        straight = np.linspace(0, 1, TONES)
        shared, own = (np.sort(rng.uniform(0, 1, (people, n, TONES)), axis=2) for n in (1, 3))
        self.tones = either(0.4 * straight + 0.45 * shared + 0.15 * own, straight)
        light = rng.uniform(1 - LIGHT, 1 + LIGHT, (people, 1, LIGHTS, LIGHTS))
        self.light = either(light, 1)
        self.saturation = either(rng.uniform(*SATURATION, (people, 1, 1, 1)), 1)
        self.sharpness = either(rng.uniform(*SHARPNESS, (people, 1, 1, 1)), 0)

    def __call__(self, pictures: Tensor) -> Tensor:
        """One or more pictures of each, (P * F, 3, S, S), [0, 1], to the same shape and range."""
        frames = len(pictures) // len(self.tones)
        tones, light, saturation, sharpness = (
            one.repeat_interleave(frames, dim=0)
            for one in (self.tones, self.light, self.saturation, self.sharpness)
        )
        pictures = _curved(pictures, tones)
        grey = pictures.mean(dim=1, keepdim=True)
        pictures = grey + saturation * (pictures - grey)
        size = pictures.shape[2:]
        pictures = pictures * F.interpolate(light, size, mode="bicubic", align_corners=True)
        smooth = F.avg_pool2d(pictures, 3, stride=1, padding=1, count_include_pad=False)
        return (pictures + sharpness * (pictures - smooth)).clamp(0, 1)


def _curved(pictures: Tensor, tones: Tensor) -> Tensor:
    """Pictures (B, 3, S, S), [0, 1], through curves of evenly spaced knots (B, 3, K)."""
    place = pictures.flatten(2) * (tones.shape[2] - 1)  # (B, 3, S * S)
    knot = place.floor().clamp(0, tones.shape[2] - 2)
    low, high = (torch.gather(tones, 2, knot.long() + i) for i in (0, 1))
    return torch.lerp(low, high, place - knot).view(pictures.shape)


def _moved(pictures: Tensor, shifts: np.ndarray) -> Tensor:
    """Pictures (P * F, C, S, S) moved by (P, 2) pixels down and to the right."""
    blocks = zip(pictures.chunk(len(shifts)), shifts.tolist(), strict=True)
    return torch.cat([block.roll(tuple(shift), (2, 3)) for block, shift in blocks])
