"""Trains a FIA network on clips; every step depends on its number alone, so it can resume."""

import dataclasses
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from render.fia.clips import Clip, clip_files, to_network
from render.fia.config import FiaConfig
from render.fia.mask import naive_mask
from render.fia.network import FiaNetwork
from weights.training.fia.losses import (
    Discriminator,
    LossWeights,
    discriminator_loss,
    painter_loss,
    perceptual_network,
)

VARIED_GUIDES = 0.3
"""Share of the training pictures whose guide is made better than the renderer's."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Attributes:
        steps: Optimiser steps in all.
        people: People in a batch.
        frames: Frames of each person in a batch.
        learning_rate: At the start; falls to a twentieth along a cosine.
        seed: Of the initial weights and of all batches.
        device: torch's name of the device.
        weights: Of the losses.
        vgg: VGG-19 weights for the perceptual loss, if there are any.
        save_every: Steps between checkpoints.
    """

    steps: int = 200_000
    people: int = 4
    frames: int = 4
    learning_rate: float = 1e-4
    seed: int = 0
    device: str = "cpu"
    weights: LossWeights = dataclasses.field(default_factory=LossWeights)
    vgg: Path | None = None
    save_every: int = 200


class Trainer:
    """The network, its discriminator, their optimisers, and the number of steps done."""

    def __init__(self, config: FiaConfig, recipe: Recipe, clips: Path) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = torch.device(recipe.device)
        self.files = clip_files(clips)
        self.network = FiaNetwork(config).to(self.device)
        self.features = perceptual_network(recipe.vgg).to(self.device)
        self.optimiser = _adam(self.network, recipe)
        self.discriminator: Discriminator | None = None
        if recipe.weights.adversarial > 0:
            self.discriminator = Discriminator().to(self.device)
            self.discriminator_optimiser = _adam(self.discriminator, recipe)
        self.step = 0

    def train(self, checkpoint: Path, until_s: float = math.inf) -> None:
        """Go on to the recipe's last step, or until `time.monotonic()` passes `until_s`."""
        started, losses = time.monotonic(), []
        while self.step < self.recipe.steps and time.monotonic() < until_s:
            losses.append(self.advance())
            if self.step % self.recipe.save_every == 0:
                self.save(checkpoint)
                rate = len(losses) / (time.monotonic() - started)
                recent = np.mean(losses[-self.recipe.save_every :])
                print(f"step {self.step}: loss {recent:.5f}, {rate:.2f} steps/s", flush=True)
        self.save(checkpoint)

    def advance(self) -> float:
        """One step; returns the painter's loss."""
        batch = self.batch()
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate()
        painted = paint(self.network, batch, self.recipe.frames)
        weights = self.recipe.weights
        if self.discriminator is not None:
            judged = discriminator_loss(self.discriminator, painted, batch["target"])
            _step(self.discriminator_optimiser, judged)
        loss = painter_loss(
            painted,
            batch["target"],
            batch["teeth"],
            batch["base"],
            self.features,
            self.discriminator,
            weights,
        )
        _step(self.optimiser, loss)
        self.step += 1
        return float(loss.detach())

    def batch(self) -> dict[str, Tensor]:
        """The batch of the current step; see `collate`."""
        rng = np.random.default_rng([self.recipe.seed, self.step])
        chosen = rng.choice(len(self.files), self.recipe.people, replace=True)
        config = self.network.config
        clips = [masked(Clip.load(self.files[i]), config) for i in chosen]
        return {
            name: value.to(self.device)
            for name, value in collate(clips, self.recipe.frames, rng).items()
        }

    def save(self, path: Path) -> None:
        """Write a checkpoint; an existing one is replaced only once the new one is whole."""
        state: dict[str, Any] = {
            "config": self.network.config.to_json(),
            "step": self.step,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        if self.discriminator is not None:
            state["discriminator"] = self.discriminator.state_dict()
            state["discriminator_optimiser"] = self.discriminator_optimiser.state_dict()
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.part")
        torch.save(state, unfinished)
        unfinished.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint of the same network and recipe."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.discriminator is not None and "discriminator" in state:
            self.discriminator.load_state_dict(state["discriminator"])
            self.discriminator_optimiser.load_state_dict(state["discriminator_optimiser"])
        self.step = state["step"]

    def _learning_rate(self) -> float:
        recipe = self.recipe
        warm = min((self.step + 1) / 100, 1.0)
        share = 0.5 * (1 + math.cos(math.pi * self.step / recipe.steps))
        return recipe.learning_rate * warm * (0.05 + 0.95 * share)


def load_network(checkpoint: Path) -> FiaNetwork:
    """The network of a checkpoint, in evaluation mode."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = FiaNetwork(FiaConfig.from_json(state["config"]))
    network.load_state_dict(state["network"])
    return network.eval()


def masked(clip: Clip, config: FiaConfig) -> Clip:
    """The clip with the masks that a network wants: clips come with those that follow the jaw."""
    if config.mask == "learned":
        return clip
    kept = np.rint(naive_mask(config) * 255).astype(np.uint8)
    return dataclasses.replace(clip, widest=kept, mask=np.stack([kept] * len(clip)))


def collate(clips: list[Clip], frames: int | None, rng: np.random.Generator) -> dict[str, Tensor]:
    """Some frames of each clip, drawn by `rng`; all of them in order where `frames` is None.

    Returns:
        `source`, `reference` and `alpha` for each of P people; `beta`, `rho`, `base`, `mask`,
        `target` and `teeth` for each of P * frames pictures, people in blocks.
    """
    rows: dict[str, list[np.ndarray]] = {}
    for clip in clips:
        picked = np.arange(len(clip))
        if frames is not None:
            picked = rng.choice(len(clip), frames, replace=len(clip) < frames)
        source = clip.reference * (clip.widest[..., None] / 255)
        one = {
            "source": to_network(np.rint(source).astype(np.uint8)[None]),
            "reference": to_network(clip.reference[None]),
            "alpha": clip.alpha[None],
            "beta": clip.beta[picked],
            "rho": clip.rho[picked],
        }
        for name in ("base", "target", "mask", "teeth"):
            one[name] = to_network(getattr(clip, name)[picked])
        if frames is not None:
            one["base"] = _vary_guide(one["base"], one["target"], rng)
        for name, value in one.items():
            rows.setdefault(name, []).append(value)
    return {name: torch.from_numpy(np.concatenate(value)) for name, value in rows.items()}


def _vary_guide(base: np.ndarray, target: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move some guides part of the way to the truth: renderers improve, and must be left alone."""
    shares = rng.uniform(0, 1, len(base)) * (rng.random(len(base)) < VARIED_GUIDES)
    share = shares.astype(np.float32)[:, None, None, None]
    return base + share * (target - base)


def paint(network: FiaNetwork, batch: dict[str, Tensor], frames: int) -> Tensor:
    """The network's pictures for a batch; each person is encoded once."""
    stem = network.encode_source(batch["source"])
    cached = network.encode_reference(batch["reference"])
    repeated = [one.repeat_interleave(frames, dim=0) for one in (batch["alpha"], stem, *cached)]
    return network.decoder(
        repeated[0], batch["beta"], batch["rho"], batch["base"], batch["mask"], *repeated[1:]
    )


def _adam(module: torch.nn.Module, recipe: Recipe) -> torch.optim.Adam:
    return torch.optim.Adam(
        module.parameters(), recipe.learning_rate, betas=(0.9, 0.96), weight_decay=1e-5
    )


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
