"""Train the `mel` voice network on one processor core.

    python -m weights.training.voice.train --data DIR --out DIR --minutes 60

Writes `last.pt` every few minutes (and resumes from it), with the running average of the weights
that is exported: `python -m weights.training.voice.export --checkpoint DIR/last.pt`.
"""

import argparse
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from weights.training.voice import coarticulation as teacher
from weights.training.voice import phones
from weights.training.voice.mixing import GENTLE, Mixer, MixingConfig
from weights.training.voice.model import LOOKAHEAD_TOKENS, HeadOutput, VoiceNet, VoiceNetConfig

WARM_UP_TOKENS = 20
"""Tokens at the start of a sequence that are not scored: the network has no past yet."""

EARLY_TOKENS = 4
"""The gate is taught to open this long before the voice, as the mouth does."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a run besides the data."""

    minutes: float = 105.0
    batch: int = 24
    tokens: int = 216
    learning_rate: float = 2e-3
    warm_up_steps: int = 100
    weight_decay: float = 0.01
    average_decay: float = 0.998
    closure_weight: float = 1.8
    velocity_weight: float = 0.5
    shape_weight: float = 0.5
    class_weight: float = 0.25
    seal_weight: float = 0.3
    speech_weight: float = 0.3
    rest_share: float = 0.12
    checkpoint_s: float = 120.0
    seed: int = 0


class Sequences:
    """Random stretches of the flat training arrays."""

    def __init__(self, folder: Path, config: TrainConfig, rng: np.random.Generator):
        self._mel = np.load(folder / "mel.npy", mmap_mode="r")
        self._curves = np.load(folder / "curves.npy", mmap_mode="r")
        self._labels = np.load(folder / "labels.npy")
        self._speech = np.load(folder / "speech.npy")
        self.noise = np.load(folder / "noise.npy")
        self._config = config
        self._rng = rng
        sample = self._curves[:: max(1, len(self._curves) // 20000)].astype(np.float32)
        self.deviation = torch.from_numpy(sample.std(0))
        self.shape_deviation = torch.tensor(
            [(sample @ teacher.OPENING).std(), (sample @ teacher.WIDTH).std()]
        )

    def draw(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Tokens (B, T, D), curves (B, T, C), labels (B, T), speech (B, T)."""
        c = self._config
        starts = self._rng.integers(0, len(self._mel) - c.tokens, c.batch)
        index = starts[:, None] + np.arange(c.tokens)
        parts = self._mel, self._curves, self._labels, self._speech
        mel, curves, labels, speech = (
            np.stack([part[s : s + c.tokens] for s in starts]) for part in parts
        )
        for i in range(round(c.batch * c.rest_share)):
            mel[i] = self._noise_piece(len(index[i]))
            curves[i], speech[i] = 0, 0
            labels[i] = phones.CLASSES.index(phones.REST)
        return (
            torch.from_numpy(mel.astype(np.float32)),
            torch.from_numpy(curves.astype(np.float32)),
            torch.from_numpy(labels.astype(np.int64)),
            torch.from_numpy(early(speech).astype(np.float32)),
        )

    def _noise_piece(self, count: int) -> np.ndarray:
        piece = self.noise[self._rng.integers(len(self.noise))]
        return np.tile(piece, (-(-count // len(piece)), 1))[:count]


def early(speech: np.ndarray, tokens: int = EARLY_TOKENS) -> np.ndarray:
    """Speech (B, T) that begins some tokens sooner."""
    out = speech.copy()
    for shift in range(1, tokens + 1):
        out[:, :-shift] |= speech[:, shift:]
    return out


def head_loss(
    out: HeadOutput, target: tuple[Tensor, Tensor, Tensor], data: Sequences, c: TrainConfig
) -> Tensor:
    """Loss of one head; `out` and `target` are already aligned."""
    curves, labels, speech = target
    scale = 1 / (data.deviation + 0.04)
    error = (out.curves - curves) * scale
    closure = torch.from_numpy(teacher.closure_of(curves.numpy()))
    lips = (labels == phones.CLASSES.index("p")) | (labels == phones.CLASSES.index("f"))
    emphasis = 1 + (c.closure_weight - 1) * lips.float()
    position = (error**2 * emphasis[..., None]).mean()
    velocity = (error[:, 1:] - error[:, :-1]).pow(2).mean()
    shapes = torch.from_numpy(np.stack([teacher.OPENING, teacher.WIDTH], 1))
    shape_error = ((out.curves - curves) @ shapes) / data.shape_deviation
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


def loss_of(net: VoiceNet, batch: tuple[Tensor, ...], data: Sequences, c: TrainConfig) -> Tensor:
    """Mean loss over the heads."""
    mel, curves, labels, speech = batch
    outputs, _ = net(mel)
    total = torch.zeros(())
    for lookahead, out in zip(LOOKAHEAD_TOKENS, outputs, strict=True):
        first, last = WARM_UP_TOKENS, mel.shape[1]
        now = slice(first + lookahead, last)
        then = slice(first, last - lookahead)
        aligned = HeadOutput(*(part[:, now] for part in vars(out).values()))
        target = curves[:, then], labels[:, then], speech[:, then]
        total = total + head_loss(aligned, target, data, c) / len(LOOKAHEAD_TOKENS)
    return total


def learning_rate(progress: float, step: int, c: TrainConfig) -> float:
    """Warm up, then fall as a cosine to 2%."""
    cosine = 0.5 * (1 + np.cos(np.pi * min(1.0, progress)))
    ramp = min(1.0, (step + 1) / c.warm_up_steps)
    return float(c.learning_rate * ramp * (0.02 + 0.98 * cosine))


def train(data_folder: Path, out: Path, config: TrainConfig, mixing: MixingConfig) -> VoiceNet:
    """Train for the configured time and return the network with averaged weights."""
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    net = VoiceNet()
    optimizer = torch.optim.AdamW(
        net.parameters(),
        lr=config.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=config.weight_decay,
    )
    average = {k: v.clone() for k, v in net.state_dict().items()}
    step, spent = 0, 0.0
    out.mkdir(parents=True, exist_ok=True)
    last = out / "last.pt"
    if last.exists():
        saved = torch.load(last, weights_only=True)
        net.load_state_dict(saved["net"])
        optimizer.load_state_dict(saved["optimizer"])
        average, step, spent = saved["average"], saved["step"], saved["spent_s"]
    rng = np.random.default_rng([config.seed, step])
    data = Sequences(data_folder, config, rng)
    mixer = Mixer(mixing, data.noise, rng)
    began, saved_at, smoothed = time.monotonic() - spent, time.monotonic(), None
    while spent < config.minutes * 60:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(spent / (config.minutes * 60), step, config)
        mel, curves, labels, speech = data.draw()
        mel, curves = mixer(mel, curves)
        loss = loss_of(net, (mel, curves, labels, speech), data, config)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        decay = min(config.average_decay, step / (step + 20))
        for key, value in net.state_dict().items():
            average[key].lerp_(value, 1 - decay)
        smoothed = loss.item() if smoothed is None else 0.98 * smoothed + 0.02 * loss.item()
        spent = time.monotonic() - began
        if step % 50 == 0:
            print(f"step {step} {spent:.0f} s loss {smoothed:.4f}", flush=True)
        if time.monotonic() - saved_at > config.checkpoint_s:
            save(last, net, optimizer, average, step, spent)
            saved_at = time.monotonic()
    save(last, net, optimizer, average, step, spent)
    net.load_state_dict(average)
    return net


def save(path: Path, net, optimizer, average, step: int, spent_s: float) -> None:
    """Write a checkpoint atomically."""
    temporary = path.with_suffix(".tmp")
    content = {
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "average": average,
        "step": step,
        "spent_s": spent_s,
        "config": asdict(net.config),
    }
    torch.save(content, temporary)
    temporary.rename(path)


def load(path: Path) -> VoiceNet:
    """The averaged network of a checkpoint, in evaluation mode."""
    saved = torch.load(path, weights_only=True)
    net = VoiceNet(VoiceNetConfig(**saved["config"]))
    net.load_state_dict(saved["average"])
    return net.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=TrainConfig.minutes)
    parser.add_argument("--seed", type=int, default=TrainConfig.seed)
    parser.add_argument("--class-weight", type=float, default=TrainConfig.class_weight)
    parser.add_argument("--gentle", action="store_true", help="disguise the sound less")
    arguments = parser.parse_args()
    torch.set_flush_denormal(True)  # of the whole thread, so a program's own choice to make
    config = TrainConfig(
        minutes=arguments.minutes, seed=arguments.seed, class_weight=arguments.class_weight
    )
    mixing = GENTLE if arguments.gentle else MixingConfig()
    net = train(arguments.data, arguments.out, config, mixing)
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters")


if __name__ == "__main__":
    main()
