"""Train the audio-to-expression transformer, and measure what each prior is worth.

    python -m weights.training.voice.a2e_train prepare --corpus DIR --data FILE
    python -m weights.training.voice.a2e_train train --data FILE --encoder CHECKPOINT \
        --out FILE.onnx [--preset paper|live|small] [--minutes 60]
    python -m weights.training.voice.a2e_train experiment --data FILE --encoder CHECKPOINT \
        [--seeds 3] [--steps 1200]

The experiment is our form of the paper's table 5: the expression error on people, voices and styles
never heard, without priors, with shape, with history, with both, over several seeds.
"""

import argparse
import pickle
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from weights import store
from weights.training import storage
from weights.training.voice import a2e, a2e_data, a2e_export, corpus, features, train
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
    began, step, progress = time.process_time(), 0, 0.0
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
        if step % 200 == 0:
            print(f"step {step} loss {loss.item():.5f}", flush=True)
        done = [step / options.steps] if options.steps else []
        if options.minutes:
            done.append((time.process_time() - began) / (60 * options.minutes))
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


def prepare(folder: Path, count: int) -> dict[str, object]:
    """People who speak the corpus: some to learn from, some never heard, and named styles."""
    utterances = list(features.training_utterances(folder))[:count]
    held = [folder / f"{name}.npz" for name in corpus.HELD_OUT]
    unseen = [said for path in held if path.exists() for said in corpus.load(path)[:60]]
    return {
        "training": a2e_data.speak(utterances, 1),
        "unseen": a2e_data.speak(unseen, 3),
        "styles": a2e_data.named_histories(utterances[:40]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=("prepare", "train", "experiment"))
    parser.add_argument("--data", type=Path, required=True, help="file that prepare writes")
    parser.add_argument("--corpus", type=Path, help="prepare: the spoken corpus")
    parser.add_argument("--utterances", type=int, default=4000, help="prepare: to learn from")
    parser.add_argument("--encoder", type=Path, help="checkpoint of `train`")
    parser.add_argument("--out", type=Path, help="train: ONNX file to write")
    parser.add_argument("--preset", choices=("paper", "live", "small"), default="live")
    parser.add_argument("--rate", type=float, default=5e-4, help="learning rate")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--half", action="store_true", help="train: store weights in 16 bits")
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.stage == "prepare":
        arguments.data.write_bytes(pickle.dumps(prepare(arguments.corpus, arguments.utterances)))
        return
    encoder = train.load(arguments.encoder)
    config = getattr(a2e, arguments.preset)(encoder.speech_features)
    data = pickle.loads(arguments.data.read_bytes())
    training, unseen = (
        Windows(a2e_data.record(spoken, encoder), people, config, seed)
        for seed, (spoken, people) in enumerate((data["training"], data["unseen"]))
    )
    basis = a2e_data.mouth_basis(store.path("face_model.npz"))
    if arguments.stage == "experiment":
        report(experiment((training, unseen), config, basis, arguments.steps, arguments.seeds))
        return
    options = A2ETrainConfig(learning_rate=arguments.rate, minutes=arguments.minutes)
    net = train_a2e(config, training, basis, options)
    print(f"expression error on unseen voices and styles {expression_error(net, unseen):.4f}")
    a2e_export.export(encoder, net, data["styles"], arguments.out)
    if arguments.half:
        storage.store_weights_half(arguments.out, arguments.out)


if __name__ == "__main__":
    main()
