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
from torch import Tensor

from weights.training.voice.losses import Tutor, heads_loss
from weights.training.voice.mixing import GENTLE, MixingConfig, SoundMixer
from weights.training.voice.model import SpeechNet, VoiceNet, VoiceNetConfig
from weights.training.voice.sequences import Sequences
from weights.training.voice.settings import TrainConfig

if TYPE_CHECKING:
    from weights.training.voice.hubert_net import HubertVoiceNet


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
            "published": net.published,
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
    for step in range(1, config.spectrum_steps + 1):
        for group in optimizer.param_groups:
            progress = (step - 1) / config.spectrum_steps
            group["lr"] = 2e-3 * min(1.0, step / 50) * (1 - 0.95 * progress)
        sound, curves, _, _ = data.draw()
        sound, _ = mixer(sound, curves)
        mel = np.stack([VoiceNet.prepare(one.numpy()) for one in sound])
        loss = net.spectrum_loss(sound.to(device), torch.from_numpy(mel).to(device))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if step % 25 == 0:
            print(f"spectrum, step {step} loss {loss.item():.4f}", flush=True)
    return loss.item()


def load(path: Path) -> SpeechNet:
    """The averaged network of a checkpoint, in evaluation mode."""
    saved = torch.load(path, weights_only=True, map_location="cpu")
    net: SpeechNet
    if saved.get("hears", "mel") == "mel":
        net = VoiceNet(VoiceNetConfig(**saved["config"]))
    elif saved.get("published"):
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
    parser.add_argument("--human", type=float, help="share of human voices, [0, 1]")
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
        human_share=arguments.human,
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
