"""Train the audio-to-expression transformer, and measure what each prior is worth.

    python -m weights.training.voice.a2e_train --corpus DIR --encoder CHECKPOINT --out DIR \
        [--preset paper|live|small] [--minutes 60] [--export FILE.onnx]
    python -m weights.training.voice.a2e_train ... --experiment [--seeds 3] [--steps 1200]

The experiment is our form of the paper's table 5: the expression error on people, voices and styles
never heard, without priors, with shape, with history, with both, over several seeds.
"""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from weights import store
from weights.training.voice import a2e, a2e_data, corpus, features, train
from weights.training.voice.a2e import A2E, A2EConfig
from weights.training.voice.a2e_data import Windows

PRIORS = {
    "without priors": (False, False),
    "with shape": (True, False),
    "with history": (False, True),
    "with both": (True, True),
}


@dataclass(frozen=True, kw_only=True)
class A2ETrainConfig:
    """How to train; the paper's optimiser, with a higher rate for small networks."""

    learning_rate: float = 5e-5
    betas: tuple[float, float] = (0.95, 0.999)
    batch: int = 32
    steps: int | None = None
    minutes: float | None = None
    warm_up_steps: int = 100
    seed: int = 0


def train_a2e(config: A2EConfig, windows: Windows, basis: Tensor, options: A2ETrainConfig) -> A2E:
    """Train for the given steps or minutes, whichever ends first; returns it in evaluation mode."""
    if options.steps is None and options.minutes is None:
        raise ValueError("say how long to train: steps or minutes")
    torch.manual_seed(options.seed)
    net = A2E(config).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=options.learning_rate, betas=options.betas)
    began, step, progress = time.monotonic(), 0, 0.0
    while progress < 1:
        rate = options.learning_rate * min(1.0, (step + 1) / options.warm_up_steps)
        for group in optimizer.param_groups:
            group["lr"] = float(rate * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * progress))))
        audio, shape, history, truth = windows.draw(options.batch, guard=True)
        loss = a2e.expression_loss(net(audio, shape, history), truth, basis)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        done = [step / options.steps] if options.steps else []
        if options.minutes:
            done.append((time.monotonic() - began) / (60 * options.minutes))
        progress = max(done)
    return net.eval()


@torch.no_grad()
def expression_error(net: A2E, windows: Windows, batches: int = 12, batch: int = 64) -> float:
    """Mean Euclidean distance of expressions, over frames."""
    errors = []
    for _ in range(batches):
        audio, shape, history, truth = windows.draw(batch, guard=False)
        errors.append((net(audio, shape, history) - truth).norm(dim=2).mean().item())
    return float(np.mean(errors))


def experiment(
    data: tuple[Windows, Windows], base: A2EConfig, basis: Tensor, steps: int, seeds: int
) -> dict[str, list[float]]:
    """Errors of each set of priors, one a seed; prints them as they come."""
    results: dict[str, list[float]] = {name: [] for name in PRIORS}
    for seed in range(seeds):
        for name, (use_shape, use_history) in PRIORS.items():
            config = replace(base, use_shape=use_shape, use_history=use_history)
            options = A2ETrainConfig(learning_rate=1e-3, steps=steps, seed=seed)
            net = train_a2e(config, data[0], basis, options)
            results[name].append(expression_error(net, data[1]))
            print(f"seed {seed} {name:15s} {results[name][-1]:.4f}", flush=True)
    return results


def report(results: dict[str, list[float]]) -> None:
    """Mean and 95% interval (Student's t) of each row."""
    from scipy.stats import t

    for name, errors in results.items():
        mean, count = np.mean(errors), len(errors)
        spread = (
            t.ppf(0.975, count - 1) * np.std(errors, ddof=1) / np.sqrt(count) if count > 1 else 0
        )
        print(f"{name:15s} {mean:.4f} ± {spread:.4f}  ({count} seeds)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True, help="checkpoint of `train`")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--preset", choices=("paper", "live", "small"), default="live")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--utterances", type=int, default=6000)
    parser.add_argument("--experiment", action="store_true")
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    encoder = train.load(arguments.encoder)
    config = getattr(a2e, arguments.preset)(encoder.config.recurrent_width)
    utterances = list(features.training_utterances(arguments.corpus))[: arguments.utterances]
    unseen = [
        said
        for name in corpus.HELD_OUT
        if (path := arguments.corpus / f"{name}.npz").exists()
        for said in corpus.load(path)[:60]
    ]
    training = Windows(*a2e_data.record(utterances, encoder, 1), config, 2)
    testing = Windows(*a2e_data.record(unseen, encoder, 3), config, 4)
    basis = a2e_data.mouth_basis(store.path("face_model.npz"))
    if arguments.experiment:
        report(experiment((training, testing), config, basis, arguments.steps, arguments.seeds))
        return
    net = train_a2e(config, training, basis, A2ETrainConfig(minutes=arguments.minutes))
    print(f"expression error on unseen voices and styles {expression_error(net, testing):.4f}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.save(net.state_dict(), arguments.out / f"a2e_{arguments.preset}.pt")


if __name__ == "__main__":
    main()
