"""Train a voice network: `mel` on one processor core, `hubert` there too, or better on a GPU.

    python -m weights.training.voice.train --data DIR --out DIR --minutes 60 [--encoder hubert]

Writes `last.pt` every few minutes (and resumes from it), with the running average of the weights
that is exported: `python -m weights.training.voice.export --checkpoint DIR/last.pt`.
"""

import argparse
import importlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.voice.logmel import TOKEN_SAMPLES
from weights.training.voice import coarticulation as teacher
from weights.training.voice import phones
from weights.training.voice.mixing import GENTLE, Mixer, MixingConfig, SoundMixer
from weights.training.voice.model import (
    LOOKAHEAD_TOKENS,
    HeadOutput,
    SpeechNet,
    VoiceNet,
    VoiceNetConfig,
)

if TYPE_CHECKING:
    from weights.training.voice.hubert_net import HubertVoiceNet

WARM_UP_TOKENS = 20
"""Tokens at the start of a sequence that are not scored: the network has no past yet."""

EARLY_TOKENS = 4
"""The gate is taught to open this long before the voice, as the mouth does."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a run besides the data."""

    minutes: float = 105.0  # of processor time
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
    spectrum_minutes: float = 4.0
    tutor_weight: float = 2.0
    checkpoint_s: float = 120.0
    seed: int = 0


@dataclass(frozen=True)
class Heard:
    """What a kind of network hears of the training data.

    Attributes:
        file: Of all utterances, one after another.
        noise_file: Of things that are no speech.
        rows_per_token: Rows of these arrays that make a token.
        scale: That the rows are divided by.
        mixer: What changes a batch.
    """

    file: str
    noise_file: str
    rows_per_token: int
    scale: float
    mixer: type[Mixer] | type[SoundMixer]


HEARD = {
    "mel": Heard("mel.npy", "noise.npy", 1, 1.0, Mixer),
    "sound": Heard("sound.npy", "noise_sound.npy", TOKEN_SAMPLES, 32767.0, SoundMixer),
}
"""By `SpeechNet.INPUT`."""


class Sequences:
    """Random stretches of the flat training arrays."""

    def __init__(
        self, folder: Path, config: TrainConfig, rng: np.random.Generator, what: str = "mel"
    ) -> None:
        self.kind = HEARD[what]
        self._heard = np.load(folder / self.kind.file, mmap_mode="r")
        self._curves = np.load(folder / "curves.npy", mmap_mode="r")
        self._labels = np.load(folder / "labels.npy")
        self._speech = np.load(folder / "speech.npy")
        self.noise = np.load(folder / self.kind.noise_file, mmap_mode="r")
        self._config = config
        self._rng = rng
        sample = self._curves[:: max(1, len(self._curves) // 20000)].astype(np.float32)
        self.deviation = torch.from_numpy(sample.std(0))
        self.shape_deviation = torch.tensor(
            [(sample @ teacher.OPENING).std(), (sample @ teacher.WIDTH).std()]
        )

    def draw(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What is heard (B, T, D) or (B, S), curves (B, T, C), labels (B, T), speech (B, T)."""
        c, rows = self._config, self.kind.rows_per_token
        starts = self._rng.integers(0, len(self._labels) - c.tokens, c.batch)
        heard = np.stack([self._heard[s * rows : (s + c.tokens) * rows] for s in starts])
        parts = self._curves, self._labels, self._speech
        curves, labels, speech = (
            np.stack([part[s : s + c.tokens] for s in starts]) for part in parts
        )
        for i in range(round(c.batch * c.rest_share)):
            heard[i] = self._noise_piece(c.tokens * rows)
            curves[i], speech[i] = 0, 0
            labels[i] = phones.CLASSES.index(phones.REST)
        return (
            torch.from_numpy(heard.astype(np.float32) / np.float32(self.kind.scale)),
            torch.from_numpy(curves.astype(np.float32)),
            torch.from_numpy(labels.astype(np.int64)),
            torch.from_numpy(early(speech).astype(np.float32)),
        )

    def _noise_piece(self, count: int) -> np.ndarray:
        piece = self.noise[self._rng.integers(len(self.noise))]
        return np.resize(piece, (count, *piece.shape[1:]))  # repeats it as often as needed


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
    device = curves.device
    scale = 1 / (data.deviation.to(device) + 0.04)
    error = (out.curves - curves) * scale
    closure = torch.from_numpy(teacher.closure_of(curves.cpu().numpy())).to(device)
    lips = (labels == phones.CLASSES.index("p")) | (labels == phones.CLASSES.index("f"))
    emphasis = 1 + (c.closure_weight - 1) * lips.float()
    position = (error**2 * emphasis[..., None]).mean()
    velocity = (error[:, 1:] - error[:, :-1]).pow(2).mean()
    shapes = torch.from_numpy(np.stack([teacher.OPENING, teacher.WIDTH], 1)).to(device)
    shape_error = ((out.curves - curves) @ shapes) / data.shape_deviation.to(device)
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


def loss_of(net: SpeechNet, batch: tuple[Tensor, ...], data: Sequences, c: TrainConfig) -> Tensor:
    """Mean loss over the heads."""
    heard, *target = batch
    z, _ = net.encode(heard, net.initial_state(len(heard)))
    return heads_loss(net.answer(z), tuple(target), data, c)


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
    """A trained `mel` network whose features another network learns to guess from the sound."""

    def __init__(self, teacher: SpeechNet, student: SpeechNet) -> None:
        super().__init__()
        self._teacher = [teacher]  # in a list: its weights are not learnt
        self.guess = nn.Linear(student.feature_size, teacher.feature_size)

    @torch.no_grad()
    def features(self, sound: Tensor) -> Tensor:
        """What the teacher makes of clean sound (B, S): features (B, T, D)."""
        teacher = self._teacher[0]
        heard = torch.from_numpy(np.stack([teacher.prepare(one.numpy()) for one in sound]))
        return teacher.encode(heard, teacher.initial_state(len(heard)))[0]

    def loss(self, z: Tensor, features: Tensor) -> Tensor:
        """Mean squared error of the guess from z (B, T, D), as a share of the variance."""
        known, wanted = self.guess(z)[:, WARM_UP_TOKENS:], features[:, WARM_UP_TOKENS:]
        return F.mse_loss(known, wanted) / wanted.var()


def learning_rate(progress: float, step: int, c: TrainConfig) -> float:
    """Warm up, then fall as a cosine to 2%."""
    cosine = 0.5 * (1 + np.cos(np.pi * min(1.0, progress)))
    ramp = min(1.0, (step + 1) / c.warm_up_steps)
    return float(c.learning_rate * ramp * (0.02 + 0.98 * cosine))


@dataclass
class Run:
    """A training as it stands, which its checkpoint keeps.

    Attributes:
        net: The network.
        optimizer: Its optimizer.
        average: The running average of its weights.
        step: Steps made.
        spent_s: Processor time used.
    """

    net: SpeechNet
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor]
    step: int = 0
    spent_s: float = 0.0

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint, if there is one."""
        if not path.exists():
            return
        device = next(self.net.parameters()).device
        saved = torch.load(path, weights_only=True, map_location=device)
        self.net.load_state_dict(saved["net"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.average, self.step, self.spent_s = saved["average"], saved["step"], saved["spent_s"]

    def descend(self, loss: Tensor, average_decay: float) -> None:
        """One step of the optimizer and of the average."""
        self.optimizer.zero_grad()
        loss.backward()
        learnt = [p for group in self.optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        self.optimizer.step()
        self.step += 1
        decay = min(average_decay, self.step / (self.step + 20))
        for key, value in self.net.state_dict().items():
            self.average[key].lerp_(value, 1 - decay)

    def save(self, path: Path) -> None:
        """Write the checkpoint atomically."""
        net, temporary = self.net, path.with_suffix(".tmp")
        content = {
            "net": net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "step": self.step,
            "spent_s": self.spent_s,
            "hears": net.INPUT,
            "published": getattr(net, "published", ""),
            "config": asdict(net.config) if isinstance(net, VoiceNet) else net.config.to_dict(),
        }
        torch.save(content, temporary)
        temporary.rename(path)


def train(
    data_folder: Path,
    out: Path,
    config: TrainConfig,
    mixing: MixingConfig,
    net: SpeechNet | None = None,
    teacher: SpeechNet | None = None,
) -> SpeechNet:
    """Train for the configured time and return the network with averaged weights.

    Args:
        data_folder: Of `features`.
        out: Where checkpoints go; resumes from one that lies there.
        config: How to train.
        mixing: How to change what is heard.
        net: The network to begin with; a new `VoiceNet` when left out.
        teacher: A `mel` network to learn from besides, for a network that hears sound.
    """
    torch.manual_seed(config.seed)
    net = net or VoiceNet()
    device = next(net.parameters()).device
    if device.type == "cpu":
        torch.set_num_threads(1)
    tutor = Tutor(teacher, net).to(device) if teacher else None
    run = Run(net, _optimizer(net, tutor, config), _copy(net))
    out.mkdir(parents=True, exist_ok=True)
    last = out / "last.pt"
    run.resume(last)
    rng = np.random.default_rng([config.seed, run.step])
    data = Sequences(data_folder, config, rng, net.INPUT)
    mixer = data.kind.mixer(mixing, data.noise, rng)
    began, saved_at, smoothed = time.process_time() - run.spent_s, time.monotonic(), None
    while run.spent_s < config.minutes * 60:
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(run.spent_s / (config.minutes * 60), run.step, config)
        loss = _loss(net, data, mixer, config, tutor)
        run.descend(loss, config.average_decay)
        smoothed = loss.item() if smoothed is None else 0.98 * smoothed + 0.02 * loss.item()
        run.spent_s = time.process_time() - began
        if run.step % 50 == 0:
            print(f"step {run.step} {run.spent_s:.0f} s loss {smoothed:.4f}", flush=True)
        if time.monotonic() - saved_at > config.checkpoint_s:
            run.save(last)
            saved_at = time.monotonic()
    run.save(last)
    net.load_state_dict(run.average)
    return net


def _copy(net: SpeechNet) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in net.state_dict().items()}


def _optimizer(net: SpeechNet, tutor: Tutor | None, c: TrainConfig) -> torch.optim.Optimizer:
    learnt = [*net.parameters(), *(tutor.parameters() if tutor else ())]
    return torch.optim.AdamW(
        learnt, lr=c.learning_rate, betas=(0.9, 0.98), weight_decay=c.weight_decay
    )


def _loss(
    net: SpeechNet, data: Sequences, mixer: Callable, c: TrainConfig, tutor: Tutor | None
) -> Tensor:
    """Loss on a new batch."""
    device = next(net.parameters()).device
    clean, curves, labels, speech = data.draw()
    heard, curves = mixer(clean, curves)
    z, _ = net.encode(heard.to(device), net.initial_state(len(heard)))
    target = tuple(part.to(device) for part in (curves, labels, speech))
    loss = heads_loss(net.answer(z), target, data, c)
    if tutor is not None:
        loss = loss + c.tutor_weight * tutor.loss(z, tutor.features(clean).to(device))
    return loss


def learn_spectrum(net: "HubertVoiceNet", data_folder: Path, config: TrainConfig) -> float:
    """Teach the convolutions of a HuBERT the log-mel spectrum of what they hear; the last loss.

    From the waveform alone they would spend most of a processor's hour on finding it out.
    """
    rng = np.random.default_rng([config.seed, 1])
    data = Sequences(data_folder, config, rng, net.INPUT)
    mixer = SoundMixer(GENTLE, data.noise, rng)
    device = next(net.parameters()).device
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, betas=(0.9, 0.98), weight_decay=0.0)
    began, progress, step = time.process_time(), 0.0, 0
    while progress < 1:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (step + 1) / 50) * (1 - 0.95 * progress)
        sound, curves, _, _ = data.draw()
        sound, _ = mixer(sound, curves)
        mel = np.stack([VoiceNet.prepare(one.numpy()) for one in sound])
        loss = net.spectrum_loss(sound.to(device), torch.from_numpy(mel).to(device))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        progress = (time.process_time() - began) / (60 * config.spectrum_minutes)
        if step % 25 == 0:
            print(f"spectrum, step {step} loss {loss.item():.4f}", flush=True)
    return loss.item()


def load(path: Path) -> SpeechNet:
    """The averaged network of a checkpoint, in evaluation mode."""
    saved = torch.load(path, weights_only=True, map_location="cpu")
    net: SpeechNet
    if saved.get("hears", "mel") == "mel":
        net = VoiceNet(VoiceNetConfig(**saved["config"]))
    elif saved["published"]:
        net = hubert_net().PublishedHubert(saved["published"])
    else:
        net = hubert_net().HubertVoiceNet(hubert_net().HubertConfig(**saved["config"]))
    net.load_state_dict(saved["average"])
    return net.eval()


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def hubert_net() -> ModuleType:
    """The module of the HuBERT network; apart, since only that one needs transformers."""
    return importlib.import_module("weights.training.voice.hubert_net")


def new_hubert(start: str | None, data: Path, config: TrainConfig, resumes: bool) -> SpeechNet:
    """A HuBERT network of ours to train: from a pretrained one, or one that knows the spectrum."""
    module = hubert_net()
    torch.manual_seed(config.seed)
    net = module.HubertVoiceNet(module.small_config())
    net = net.to(_device())
    if start:
        pretrained = module.HubertModel.from_pretrained(start)
        net.hubert.load_state_dict(pretrained.state_dict())
    elif not resumes:
        print(f"spectrum, loss {learn_spectrum(net, data, config):.4f}", flush=True)
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=TrainConfig.minutes)
    parser.add_argument("--seed", type=int, default=TrainConfig.seed)
    parser.add_argument("--class-weight", type=float, default=TrainConfig.class_weight)
    parser.add_argument("--gentle", action="store_true", help="disguise the sound less")
    parser.add_argument("--encoder", choices=("mel", "hubert"), default="mel")
    parser.add_argument("--start", help="hubert: folder of a pretrained one of ours")
    parser.add_argument("--published", help="hubert: name or folder of one to put heads on instead")
    parser.add_argument("--teacher", type=Path, help="hubert: checkpoint of a mel network")
    parser.add_argument("--rate", type=float, default=TrainConfig.learning_rate)
    parser.add_argument("--batch", type=int, default=TrainConfig.batch)
    parser.add_argument("--tokens", type=int, default=TrainConfig.tokens)
    arguments = parser.parse_args()
    torch.set_flush_denormal(True)  # of the whole thread, so a program's own choice to make
    config = TrainConfig(
        minutes=arguments.minutes,
        seed=arguments.seed,
        class_weight=arguments.class_weight,
        learning_rate=arguments.rate,
        batch=arguments.batch,
        tokens=arguments.tokens,
    )
    net: SpeechNet | None = None
    if arguments.published:
        net = hubert_net().PublishedHubert(arguments.published).to(_device())
    elif arguments.encoder == "hubert":
        resumes = (arguments.out / "last.pt").exists()
        net = new_hubert(arguments.start, arguments.data, config, resumes)
    mixing = GENTLE if arguments.gentle else MixingConfig()
    teacher = load(arguments.teacher) if arguments.teacher else None
    net = train(arguments.data, arguments.out, config, mixing, net, teacher)
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters")


if __name__ == "__main__":
    main()
