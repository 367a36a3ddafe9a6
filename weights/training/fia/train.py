"""Trains a FIA network on clips; every step depends on its number alone, so it can resume.

On CUDA the network runs in bfloat16 (losses, discriminator and weights stay in 32 bits), and
nothing waits for the device from one checkpoint to the next.
"""

import dataclasses
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.errors import ModelError
from render.fia.config import FiaConfig
from render.fia.network import FiaNetwork
from render.fia.renderer import without
from weights.training.fia.distil import check_teacher, unfamiliar
from weights.training.fia.losses import (
    Discriminator,
    LossWeights,
    discriminator_loss,
    painter_loss,
    perceptual_network,
)
from weights.training.fia.resident import ResidentClips, resting
from weights.training.memory import keep_memory

REPORT_EVERY_S = 15.0
"""Between two lines that say how the training goes."""
AVERAGING = 0.999
"""Share of the running average of the weights that a step keeps, after the first steps."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Attributes:
        steps: Optimiser steps in all; `math.inf` where only time counts.
        minutes: Time in all, from the making of the trainer on and over all resumptions.
        people: People in a batch.
        frames: Frames of each person in a batch.
        learning_rate: At the start; falls to a twentieth along a cosine of the share of steps or
            of time, whichever is further.
        seed: Of the initial weights and of all batches.
        device: torch's name of the device.
        weights: Of the losses.
        vgg: VGG-19 weights for the perceptual loss, if there are any.
        growing: 0 for a folder of clips that is complete. Otherwise training starts with this many
            clips and takes in those that come later; such a run cannot be repeated exactly.
        colours: Vary gain, tint and gamma of each person.
        resting: Share of the pictures that are the portrait itself, which stays as it is.
        teacher: Weights of a network whose pictures are learned instead of the true ones.
        save_every_s: Seconds between checkpoints.
    """

    steps: float = 200_000
    minutes: float = math.inf
    people: int = 4
    frames: int = 4
    learning_rate: float = 1e-4
    seed: int = 0
    device: str = "cpu"
    weights: LossWeights = dataclasses.field(default_factory=LossWeights)
    vgg: Path | None = None
    growing: int = 0
    colours: bool = True
    resting: float = 0.0
    teacher: Path | None = None
    save_every_s: float = 60.0


class Trainer:
    """The network, its discriminator, their optimisers, and the number of steps done."""

    def __init__(self, config: FiaConfig, recipe: Recipe, clips: Path) -> None:
        """Load the clips and build the network.

        Raises:
            MediaError: There are no clips, or one cannot be read.
            ModelError: The teacher takes other pictures than this network.
        """
        self._started = time.monotonic()
        self._seconds_before = 0.0
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = torch.device(recipe.device)
        self.half = self.device.type == "cuda"
        if self.device.type == "cuda":
            torch.set_float32_matmul_precision("high")
        else:
            keep_memory()
        self.network = self._placed(FiaNetwork(config))
        state = self.network.state_dict()
        self.average = {name: one.clone() for name, one in state.items()}
        floats = [name for name, one in state.items() if one.is_floating_point()]
        self._averaged = [self.average[name] for name in floats]
        self._live = [state[name] for name in floats]  # The network's own memory.
        self.teacher: FiaNetwork | None = None
        if recipe.teacher is not None:
            self.teacher = self._placed(load_network(recipe.teacher)).requires_grad_(False)
            check_teacher(self.teacher.config, config)
        self.features = self._placed(perceptual_network(recipe.vgg))
        self.optimiser = self._adam(self.network)
        self.discriminator: Discriminator | None = None
        if recipe.weights.adversarial > 0:
            self.discriminator = self._placed(Discriminator())
            self.discriminator_optimiser = self._adam(self.discriminator)
        self.step = 0
        self.clips = ResidentClips(clips, config, self.device, recipe.growing)

    def train(self, checkpoint: Path, until_s: float = math.inf) -> None:
        """Go on to the recipe's end, or until `time.monotonic()` passes `until_s`.

        Beside each checkpoint lie its averaged weights alone, `weights_path`.
        """
        saved = told = time.monotonic()
        total, count = torch.zeros((), device=self.device), 0
        while self._share() < 1 and time.monotonic() < until_s:
            total += self.advance()
            count += 1
            if time.monotonic() - told > REPORT_EVERY_S:
                print(
                    f"step {self.step}: loss {float(total) / count:.5f}, "
                    f"{count / (time.monotonic() - told):.2f} steps/s, {len(self.clips)} people",
                    flush=True,
                )
                told, count = time.monotonic(), 0
                total.zero_()
            if time.monotonic() - saved > self.recipe.save_every_s:
                self._write(checkpoint)
                saved = time.monotonic()
        self.clips.close()
        self._write(checkpoint)
        print(f"{self.step} steps.", flush=True)

    def advance(self) -> Tensor:
        """One step; returns the painter's loss, which is still being computed perhaps."""
        rng = np.random.default_rng([self.recipe.seed, self.step])
        recipe = self.recipe
        batch = self.clips.draw(rng, recipe.people, recipe.frames, recipe.colours)
        if self.teacher is not None:
            batch = self._taught(self.teacher, unfamiliar(batch, rng))
        if recipe.resting:
            batch = resting(batch, rng.random(recipe.people * recipe.frames) < recipe.resting)
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate()
        with self._autocast():
            painted = paint(self.network, batch, recipe.frames)
        painted = painted.float()
        if self.discriminator is not None:
            self.discriminator.requires_grad_(True)
            judged = discriminator_loss(self.discriminator, painted, batch["target"])
            _step(self.discriminator_optimiser, judged)
            self.discriminator.requires_grad_(False)
        loss = painter_loss(
            painted,
            batch["target"],
            batch["teeth"],
            batch["base"],
            self._see,
            self.discriminator,
            recipe.weights,
        )
        _step(self.optimiser, loss)
        self.step += 1
        self._update_average()
        return loss.detach()

    def save(self, path: Path) -> None:
        """Write a checkpoint; an existing one is replaced only once the new one is whole."""
        state: dict[str, Any] = {
            "config": self.network.config.to_json(),
            "step": self.step,
            "seconds": self._seconds(),
            "network": self.network.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
        }
        if self.discriminator is not None:
            state["discriminator"] = self.discriminator.state_dict()
            state["discriminator_optimiser"] = self.discriminator_optimiser.state_dict()
        _save(state, path)

    def save_weights(self, path: Path) -> None:
        """Write what `load_network` needs and no more: the averaged weights, in 16 bits."""
        halves = {
            name: (one.half() if one.is_floating_point() else one).cpu()
            for name, one in self.average.items()
        }
        config = self.network.config.to_json()
        _save({"config": config, "step": self.step, "average": halves}, path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint of the same network and recipe.

        Raises:
            ModelError: The file holds weights alone.
        """
        state = torch.load(path, map_location=self.device, weights_only=True)
        if "optimiser" not in state:
            raise ModelError(f"{path} holds weights alone; training goes on from a checkpoint.")
        self.network.load_state_dict(state["network"])
        for name, value in state.get("average", state["network"]).items():
            self.average[name].copy_(value)
        self._restore(self.optimiser, state["optimiser"])
        if self.discriminator is not None and "discriminator" in state:
            self.discriminator.load_state_dict(state["discriminator"])
            self._restore(self.discriminator_optimiser, state["discriminator_optimiser"])
        self.step = state["step"]
        self._seconds_before = state.get("seconds", 0.0)

    def begin_with(self, path: Path) -> None:
        """Start at the averaged weights of another training, instead of random ones."""
        weights = load_network(path).state_dict()
        self.network.load_state_dict(weights)
        for name, value in weights.items():
            self.average[name].copy_(value)

    @torch.no_grad()
    def _taught(self, teacher: FiaNetwork, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch with what the teacher paints as its target."""
        with self._autocast():
            painted = paint_calmly(teacher, batch, self.recipe.frames)
        return batch | {"target": painted.float()}

    def _write(self, checkpoint: Path) -> None:
        self.save(checkpoint)
        self.save_weights(weights_path(checkpoint))

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._started

    def _share(self) -> float:
        """How much of the training is done, [0, 1] and beyond."""
        recipe = self.recipe
        steps = self.step / recipe.steps if recipe.steps else 1.0
        return max(steps, self._seconds() / (60 * recipe.minutes))

    def _learning_rate(self) -> float:
        warm = min((self.step + 1) / 100, 1.0)
        share = 0.5 * (1 + math.cos(math.pi * min(self._share(), 1.0)))
        return self.recipe.learning_rate * warm * (0.05 + 0.95 * share)

    def _update_average(self) -> None:
        keep = min(AVERAGING, self.step / (self.step + 20))
        torch._foreach_lerp_(self._averaged, self._live, 1 - keep)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)

    def _see(self, rgb: Tensor) -> list[Tensor]:
        """Features for the perceptual loss."""
        with self._autocast():
            features = self.features(rgb)
        return [one.float() for one in features]

    def _placed(self, module: Any) -> Any:
        """On the device; with channels last where convolutions are fastest so."""
        module = module.to(self.device)
        if self.device.type == "cuda":
            module = module.to(memory_format=torch.channels_last)
        return module

    def _adam(self, module: torch.nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(
            module.parameters(),
            self.recipe.learning_rate,
            betas=(0.9, 0.96),
            weight_decay=1e-5,
            fused=self.device.type == "cuda",
        )

    def _restore(self, optimiser: torch.optim.Adam, state: dict[str, Any]) -> None:
        """Load a state whichever device wrote it: the optimiser's own way of working stays."""
        fused = self.device.type == "cuda"
        for group in state["param_groups"]:
            group["fused"] = fused
        optimiser.load_state_dict(state)
        for parameter, moments in optimiser.state.items():
            for name in ("exp_avg", "exp_avg_sq"):
                moments[name] = torch.empty_like(parameter).copy_(moments[name])


def weights_path(checkpoint: Path) -> Path:
    """Where the weights alone lie beside a checkpoint."""
    return checkpoint.with_suffix(".weights")


def load_network(path: Path) -> FiaNetwork:
    """The network of a checkpoint or of weights alone, averaged, in evaluation mode."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    network = FiaNetwork(FiaConfig.from_json(state["config"]))
    network.load_state_dict(state.get("average", state.get("network")))
    return network.eval()


def paint(network: FiaNetwork, batch: dict[str, Tensor], frames: int) -> Tensor:
    """The network's pictures for a batch; each person is encoded once."""
    encoded = network.encode(batch["source"], batch["reference"])
    repeated = [one.repeat_interleave(frames, dim=0) for one in (batch["alpha"], *encoded)]
    return network.decoder(
        repeated[0], batch["beta"], batch["rho"], batch["base"], batch["mask"], *repeated[1:]
    )


def paint_calmly(network: FiaNetwork, batch: dict[str, Tensor], frames: int) -> Tensor:
    """As `paint`, without what the network would change of the portraits at rest.

    This is what `render.fia.renderer.FiaRenderer` shows of a guided network.
    """
    at_rest = {
        "beta": torch.zeros_like(batch["beta"][::frames]),
        "rho": batch["rho"][::frames],
        "base": batch["reference"],
        "mask": batch["widest"],
    }
    resting = paint(network, batch | at_rest, 1) - batch["reference"]
    change = paint(network, batch, frames) - batch["base"]
    return batch["base"] + without(resting.repeat_interleave(frames, dim=0), change)


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def _save(state: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    torch.save(state, unfinished)
    unfinished.replace(path)
