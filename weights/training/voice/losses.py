"""What voice networks are trained to: movements, classes, the gate, and a tutor's features."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from weights.training.voice import coarticulation as teacher
from weights.training.voice import phones
from weights.training.voice.model import LOOKAHEAD_TOKENS, HeadOutput, SpeechNet, closure_of
from weights.training.voice.sequences import Batch, Sequences
from weights.training.voice.settings import TrainConfig

WARM_UP_TOKENS = 20
"""Tokens at the start of a sequence that are not scored: the network has no past yet."""


def head_loss(
    out: HeadOutput, target: tuple[Tensor, Tensor, Tensor], data: Sequences, c: TrainConfig
) -> Tensor:
    """Loss of one head; `out` and `target` are already aligned."""
    curves, labels, speech = target
    difference = out.curves - curves
    error = difference / (data.deviation + 0.04)
    closure = closure_of(curves)
    lips = (labels == phones.CLASSES.index("p")) | (labels == phones.CLASSES.index("f"))
    emphasis = 1 + (c.closure_weight - 1) * lips.float()
    position = (error**2 * emphasis[..., None]).mean()
    velocity = (error[:, 1:] - error[:, :-1]).pow(2).mean()
    shape_error = (difference @ _shapes(curves.device)) / data.shape_deviation
    shape = (shape_error**2 * emphasis[..., None]).mean()
    classes = F.cross_entropy(out.classes.flatten(0, 1), labels.flatten())
    gate = F.binary_cross_entropy_with_logits(out.speech, speech)
    sealed = F.binary_cross_entropy_with_logits(out.seal, closure, 1 + 2 * closure)
    return (
        position
        + c.velocity_weight * velocity
        + c.shape_weight * shape
        + c.class_weight * classes
        + c.speech_weight * gate
        + c.seal_weight * sealed
    )


@lru_cache
def _shapes(device: torch.device) -> Tensor:
    """What opening and width of the mouth are made of, (C, 2)."""
    return torch.from_numpy(np.stack([teacher.OPENING, teacher.WIDTH], 1)).to(device)


def loss_of(net: SpeechNet, batch: Batch, data: Sequences, c: TrainConfig) -> Tensor:
    """Mean loss over the heads."""
    z, _ = net.encode(batch.heard, net.initial_state(len(batch.heard)))
    return heads_loss(net.answer(z), (batch.curves, batch.labels, batch.speech), data, c)


def heads_loss(
    outputs: list[HeadOutput], target: tuple[Tensor, ...], data: Sequences, c: TrainConfig
) -> Tensor:
    """Mean loss of all heads against curves (B, T, C), labels (B, T) and speech (B, T)."""
    curves, labels, speech = target
    total = torch.zeros((), device=curves.device)
    for lookahead, out in zip(LOOKAHEAD_TOKENS, outputs, strict=True):
        first, last = WARM_UP_TOKENS, labels.shape[1]
        now = slice(first + lookahead, last)
        then = slice(first, last - lookahead)
        aligned = HeadOutput(*(part[:, now] for part in vars(out).values()))
        wanted = curves[:, then], labels[:, then], speech[:, then]
        total = total + head_loss(aligned, wanted, data, c) / len(LOOKAHEAD_TOKENS)
    return total


class Tutor(nn.Module):
    """A trained `mel` network whose features another network learns to guess from the sound.

    Lies where the student lies.
    """

    def __init__(self, teacher: SpeechNet, student: SpeechNet) -> None:
        super().__init__()
        self._teacher = [teacher.to(student.device)]  # in a list: its weights are not learnt
        self.guess = nn.Linear(student.feature_size, teacher.feature_size).to(student.device)

    @torch.no_grad()
    def features(self, mel: Tensor) -> Tensor:
        """What the teacher makes of clean sound's log-mel (B, T, TOKEN_SIZE): (B, T, D)."""
        teacher = self._teacher[0]
        return teacher.encode(mel, teacher.initial_state(len(mel)))[0]

    def loss(self, z: Tensor, features: Tensor) -> Tensor:
        """Mean squared error of the guess from z (B, T, D), as a share of the variance."""
        known, wanted = self.guess(z)[:, WARM_UP_TOKENS:], features[:, WARM_UP_TOKENS:]
        return F.mse_loss(known, wanted) / wanted.var()
