"""Train a voice network, on one processor core or on a GPU.

    python -m weights.training.voice.train --data DIR --out DIR --minutes 60 [--encoder hubert]

Writes `last.pt` every few minutes (and resumes from it), with the running average of the weights
that is exported: `python -m weights.training.voice.export --checkpoint DIR/last.pt`. At the end,
`net.pt` holds the average alone and does for `export` too.
"""

import argparse
import importlib
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import get_ema_multi_avg_fn

from weights.training.voice.losses import Tutor, heads_loss
from weights.training.voice.mixing import GENTLE, MixingConfig, louder
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


class Run:
    """A training as it stands, which its checkpoint keeps.

    Attributes:
        net: The network.
        tutor: What teaches it besides, if anything does.
        optimizer: Its optimizer.
        average: The running average of its weights.
        step: Steps made.
        spent_s: Time used: of the processor, or by the clock on a GPU, which works on its own.
    """

    def __init__(self, net: SpeechNet, tutor: Tutor | None, config: TrainConfig) -> None:
        self.net, self.tutor = net, tutor
        self.learnt = [*net.parameters(), *(tutor.parameters() if tutor else ())]
        self.optimizer = _optimizer(self.learnt, config.learning_rate, config.weight_decay)
        self.average = {name: weight.clone() for name, weight in net.state_dict().items()}
        self.step, self.spent_s = 0, 0.0

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint, if there is one."""
        if not path.exists():
            return
        saved = torch.load(path, weights_only=True, map_location=self.net.device)
        self.net.load_state_dict(saved["net"])
        if self.tutor is not None and "tutor" in saved:
            self.tutor.load_state_dict(saved["tutor"])
        for group in saved["optimizer"]["param_groups"]:
            group["fused"] = self.optimizer.defaults["fused"]  # it may have run elsewhere
        self.optimizer.load_state_dict(saved["optimizer"])
        self.average, self.step, self.spent_s = saved["average"], saved["step"], saved["spent_s"]

    def descend(self, loss: Tensor, learning_rate: float, average_decay: float) -> None:
        """One step of the optimizer and of the average."""
        _descend(self.optimizer, self.learnt, loss, learning_rate)
        self.step += 1
        average_weights(self.average, self.net, min(average_decay, self.step / (self.step + 20)))

    def save(self, path: Path) -> None:
        """Write the checkpoint."""
        content = {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "spent_s": self.spent_s,
        }
        if self.tutor is not None:
            content["tutor"] = self.tutor.state_dict()
        _write(content | self._result(), path)

    def save_result(self, path: Path) -> None:
        """Write only what `load` reads, a quarter of the checkpoint."""
        _write(self._result(), path)

    def _result(self) -> dict[str, Any]:
        net = self.net
        return {
            "average": self.average,
            "step": self.step,
            "hears": net.INPUT,
            "published": net.published,
            "config": asdict(net.config) if isinstance(net, VoiceNet) else net.config.to_dict(),
        }


def _write(content: dict[str, Any], path: Path) -> None:
    """Write a file of torch atomically."""
    temporary = path.with_suffix(".tmp")
    torch.save(content, temporary)
    temporary.rename(path)


@torch.no_grad()
def average_weights(average: dict[str, Tensor], net: nn.Module, decay: float) -> None:
    """Move the running average of a network's weights towards them, in one go."""
    weights = net.state_dict()
    get_ema_multi_avg_fn(decay)([average[name] for name in weights], list(weights.values()), None)


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
        out: Where checkpoints go; resumes from one that lies there. `net.pt` is the result alone.
        config: How to train.
        mixing: How to change what is heard.
        net: The network to begin with, where it shall train; a new `VoiceNet` when left out.
        teacher: A `mel` network to learn from besides, for a network that hears sound.
    """
    torch.manual_seed(config.seed)
    torch.set_num_threads(1)  # a GPU needs no more to be kept busy
    net = net or VoiceNet()
    tutor = Tutor(teacher, net) if teacher else None
    run = Run(net, tutor, config)
    out.mkdir(parents=True, exist_ok=True)
    last = out / "last.pt"
    run.resume(last)
    began, saved_at, smoothed = _now_s(net.device) - run.spent_s, time.monotonic(), None
    rng = np.random.default_rng([config.seed, run.step])
    data = Sequences(data_folder, config, rng, net.INPUT, net.device, with_mel=tutor is not None)
    mixer = data.kind.mixer(mixing, data.noise, rng)
    while run.spent_s < config.minutes * 60:
        loss = _loss(net, data, mixer, config, tutor)
        rate = learning_rate(run.spent_s / (config.minutes * 60), run.step, config)
        run.descend(loss, rate, config.average_decay)
        smoothed = loss.detach() if smoothed is None else smoothed.lerp(loss.detach(), 0.02)
        run.spent_s = _now_s(net.device) - began
        if run.step % 50 == 0:
            print(f"step {run.step} {run.spent_s:.0f} s loss {smoothed.item():.4f}", flush=True)
        if time.monotonic() - saved_at > config.checkpoint_s:
            run.save(last)
            saved_at = time.monotonic()
    run.save(last)
    run.save_result(out / "net.pt")
    net.load_state_dict(run.average)
    return net


def _now_s(device: torch.device) -> float:
    """What a training's time is counted by."""
    return time.process_time() if device.type == "cpu" else time.monotonic()


def _optimizer(learnt: list[nn.Parameter], rate: float, decay: float) -> torch.optim.Optimizer:
    fused = learnt[0].device.type == "cuda" or None
    return torch.optim.AdamW(learnt, lr=rate, betas=(0.9, 0.98), weight_decay=decay, fused=fused)


def _descend(
    optimizer: torch.optim.Optimizer, learnt: list[nn.Parameter], loss: Tensor, rate: float
) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(learnt, 1.0)
    optimizer.step()


def _loss(
    net: SpeechNet, data: Sequences, mixer: Callable, c: TrainConfig, tutor: Tutor | None
) -> Tensor:
    """Loss on a new batch."""
    batch = data.draw()
    heard, curves = mixer(batch.heard, batch.curves)
    with _precision(net):
        z, _ = net.encode(heard, net.initial_state(len(heard)))
    z = z.float()
    loss = heads_loss(net.answer(z), (curves, batch.labels, batch.speech), data, c)
    if tutor is not None:
        loss = loss + c.tutor_weight * tutor.loss(z, tutor.features(batch.mel))
    return loss


def _precision(net: SpeechNet) -> torch.autocast:
    """Half precision for attention on a GPU; a GRU gains nothing from it."""
    is_halved = net.device.type == "cuda" and net.INPUT == "sound"
    return torch.autocast("cuda", torch.bfloat16, enabled=is_halved)


def learn_spectrum(net: "HubertVoiceNet", data_folder: Path, config: TrainConfig) -> float:
    """Teach the convolutions of a HuBERT the log-mel spectrum of what they hear; the last loss.

    From the waveform alone they would spend most of a processor's hour on finding it out. What
    they hear is as loud or faint as in the training proper.
    """
    rng = np.random.default_rng([config.seed, 1])
    data = Sequences(data_folder, config, rng, net.INPUT, net.device, with_mel=True)
    learnt = list(net.parameters())
    optimizer = _optimizer(learnt, 2e-3, 0.0)
    for step in range(1, config.spectrum_steps + 1):
        batch = data.draw()
        gain_db = rng.uniform(*GENTLE.gain_db, config.batch).astype(np.float32)
        gains = torch.from_numpy(gain_db).to(net.device, non_blocking=True)
        sound, mel = louder(batch.heard, batch.mel, gains)
        with _precision(net):
            told = net.tell_spectrum(sound)
        loss = F.mse_loss(told.float(), mel)
        progress = (step - 1) / config.spectrum_steps
        _descend(optimizer, learnt, loss, 2e-3 * min(1.0, step / 50) * (1 - 0.95 * progress))
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


def hubert_net() -> ModuleType:
    """The module of the HuBERT network; apart, since only that one needs transformers."""
    return importlib.import_module("weights.training.voice.hubert_net")


def new_hubert(
    start: str | None, data: Path, config: TrainConfig, resumes: bool, device: str
) -> SpeechNet:
    """A HuBERT network of ours to train: from a pretrained one, or one that knows the spectrum."""
    module = hubert_net()
    torch.manual_seed(config.seed)
    net = module.HubertVoiceNet(module.small_config()).to(device)
    if start:
        pretrained = module.HubertModel.from_pretrained(start)
        net.hubert.load_state_dict(pretrained.state_dict())
    elif not resumes:
        print(f"spectrum, loss {learn_spectrum(net, data, config):.4f}", flush=True)
    return net


def _new_net(arguments: argparse.Namespace, config: TrainConfig, device: str) -> SpeechNet:
    if arguments.published:
        return hubert_net().PublishedHubert(arguments.published).to(device)
    if arguments.begin_with:
        return load(arguments.begin_with).to(device).train()
    if arguments.encoder == "hubert":
        resumes = (arguments.out / "last.pt").exists()
        return new_hubert(arguments.start, arguments.data, config, resumes, device)
    torch.manual_seed(config.seed)
    return VoiceNet().to(device)


def _chosen_device(wanted: str) -> str:
    """Where to train; a GPU may count coarsely, as networks that learn do not mind."""
    device = wanted
    if wanted == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cuda.enable_cudnn_sdp(False)  # particular about masks and their sizes
    return device


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--minutes",
        type=float,
        default=TrainConfig.minutes,
        help="of processor time; on a GPU by the clock, from the reading of the data on",
    )
    parser.add_argument("--seed", type=int, default=TrainConfig.seed)
    parser.add_argument("--class-weight", type=float, default=TrainConfig.class_weight)
    parser.add_argument("--human", type=float, help="share of human voices, [0, 1]")
    parser.add_argument("--gentle", action="store_true", help="disguise the sound less")
    parser.add_argument("--encoder", choices=("mel", "hubert"), default="mel")
    parser.add_argument("--start", help="hubert: folder of a pretrained one of ours")
    parser.add_argument(
        "--begin-with", type=Path, help="checkpoint whose averaged weights a new training starts at"
    )
    parser.add_argument("--published", help="hubert: name or folder of one to put heads on instead")
    parser.add_argument("--teacher", type=Path, help="hubert: checkpoint of a mel network")
    parser.add_argument("--rate", type=float, default=TrainConfig.learning_rate)
    parser.add_argument("--batch", type=int, default=TrainConfig.batch)
    parser.add_argument("--tokens", type=int, default=TrainConfig.tokens)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
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
    net = _new_net(arguments, config, _chosen_device(arguments.device))
    mixing = GENTLE if arguments.gentle else MixingConfig()
    teacher = load(arguments.teacher) if arguments.teacher else None
    net = train(arguments.data, arguments.out, config, mixing, net, teacher)
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters")


if __name__ == "__main__":
    main()
