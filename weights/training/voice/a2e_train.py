"""Train the audio-to-expression transformer, and measure what each prior is worth.

    python -m weights.training.voice.a2e_train prepare --corpus DIR --data FILE
    python -m weights.training.voice.a2e_train train --data FILE --encoder CHECKPOINT \
        --out FILE.onnx [--save FILE.pt] [--preset paper|live|small] [--minutes 60]
    python -m weights.training.voice.a2e_train export --weights FILE.pt --data FILE \
        --encoder CHECKPOINT --out FILE.onnx
    python -m weights.training.voice.a2e_train experiment --data FILE --encoder CHECKPOINT \
        [--seed-from 0] [--seeds 3] [--steps 1200]
    python -m weights.training.voice.a2e_train report FILE...

It trains on a GPU where there is one. The experiment is our form of the paper's table 5: the
expression error on people, voices and styles never heard, without priors, with shape, with history,
with both, over several seeds. Several processes may share the seeds; `report` makes one table of
what they printed.
"""

import argparse
import pickle
import re
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from weights import store
from weights.training import storage
from weights.training.voice import a2e, a2e_data, a2e_export, corpus, features, train
from weights.training.voice.a2e import A2E, A2EConfig
from weights.training.voice.a2e_windows import Windows, record
from weights.training.voice.model import SpeechNet

PRIORS = {
    "without priors": (False, False),
    "with shape": (True, False),
    "with history": (False, True),
    "with both": (True, True),
}


@dataclass(frozen=True, kw_only=True)
class A2ETrainConfig:
    """How to train; the paper's optimiser, with a higher rate for small networks.

    Attributes:
        minutes: Of processor time; on a GPU, of the clock.
        bf16: Compute the network (not the loss) in bfloat16.
    """

    learning_rate: float = 5e-5
    betas: tuple[float, float] = (0.95, 0.999)
    batch: int = 32
    steps: int | None = None
    minutes: float | None = None
    warm_up_steps: int = 100
    bf16: bool = False
    seed: int = 0


def train_a2e(config: A2EConfig, windows: Windows, basis: Tensor, options: A2ETrainConfig) -> A2E:
    """Train for the given steps or minutes, whichever ends first; returns it in evaluation mode.

    The network lies on the device of the windows. The same seed gives the same windows, whatever
    was drawn before.
    """
    if options.steps is None and options.minutes is None:
        raise ValueError("say how long to train: steps or minutes")
    device = windows.device
    torch.manual_seed(options.seed)
    windows.restart(options.seed)
    net, basis = A2E(config).to(device).train(), basis.to(device)
    optimizer = torch.optim.Adam(
        net.parameters(),
        lr=options.learning_rate,
        betas=options.betas,
        fused=device.type == "cuda",
    )
    clock = time.monotonic if device.type == "cuda" else time.process_time
    began, step, progress = clock(), 0, 0.0
    while progress < 1:
        rate = options.learning_rate * min(1.0, (step + 1) / options.warm_up_steps)
        for group in optimizer.param_groups:
            group["lr"] = float(rate * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * progress))))
        audio, shape, history, truth = windows.draw(options.batch, guard=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=options.bf16):
            predicted = net(audio, shape, history)
        loss = a2e.expression_loss(predicted.float(), truth, basis)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 200 == 0:
            print(f"step {step} {clock() - began:.0f} s loss {loss.item():.5f}", flush=True)
        done = [step / options.steps] if options.steps else []
        if options.minutes:
            done.append((clock() - began) / (60 * options.minutes))
        progress = max(done)
    return net.eval()


@torch.no_grad()
def expression_error(net: A2E, windows: Windows, batches: int = 12, batch: int = 64) -> float:
    """Mean Euclidean distance of expressions, over frames; always of the same windows."""
    windows.restart(0)
    errors = []
    for _ in range(batches):
        audio, shape, history, truth = windows.draw(batch, guard=False)
        errors.append((net(audio, shape, history) - truth).norm(dim=2).mean())
    return torch.stack(errors).mean().item()


def experiment(
    data: tuple[Windows, Windows],
    base: A2EConfig,
    basis: Tensor,
    options: A2ETrainConfig,
    seeds: range,
) -> dict[str, list[float]]:
    """Errors of each set of priors, one a seed; prints them as they come."""
    results: dict[str, list[float]] = {name: [] for name in PRIORS}
    for seed in seeds:
        for name, (use_shape, use_history) in PRIORS.items():
            config = replace(base, use_shape=use_shape, use_history=use_history)
            net = train_a2e(config, data[0], basis, replace(options, seed=seed))
            results[name].append(expression_error(net, data[1]))
            print(f"seed {seed} {name:15s} {results[name][-1]:.4f}", flush=True)
    return results


def printed_results(texts: list[str]) -> dict[str, list[float]]:
    """What several runs of `experiment` printed, together, in the order of the seeds.

    Raises:
        ValueError: A seed was run twice, or lacks a set of priors.
    """
    found: dict[str, dict[int, float]] = {name: {} for name in PRIORS}
    for text in texts:
        for seed, name, error in re.findall(r"^seed (\d+) (.+?) +([\d.]+)$", text, re.MULTILINE):
            if int(seed) in found[name]:
                raise ValueError(f"seed {seed} was run twice")
            found[name][int(seed)] = float(error)
    seeds = sorted(set().union(*found.values()))
    if any(len(errors) != len(seeds) for errors in found.values()):
        raise ValueError("some seeds lack a set of priors")
    return {name: [errors[seed] for seed in seeds] for name, errors in found.items()}


def report(results: dict[str, list[float]]) -> None:
    """Mean and 95% interval (Student's t) of each row, and of what it gains, seed by seed."""
    alone = np.array(results["without priors"])
    for name, errors in results.items():
        gain = _interval(alone - np.array(errors))
        print(f"{name:15s} {_interval(np.array(errors))}  better by {gain}  ({len(errors)} seeds)")


def _interval(values: np.ndarray) -> str:
    from scipy.stats import t

    count = len(values)
    if count == 1:
        return f"{values.item():.4f}"
    spread = t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count)
    return f"{values.mean():.4f} ± {spread:.4f}"


def save(net: A2E, path: Path) -> None:
    """Write the network's sizes and weights, matrices in 16 bits."""
    weights = {
        name: (weight.half() if weight.dim() > 1 else weight).cpu()
        for name, weight in net.state_dict().items()
    }
    torch.save({"config": asdict(net.config), "weights": weights}, path)


def load(path: Path) -> A2E:
    """The network that `save` wrote, on the CPU, in evaluation mode."""
    saved = torch.load(path, weights_only=True, map_location="cpu")
    net = A2E(A2EConfig(**saved["config"]))
    net.load_state_dict(saved["weights"])
    return net.eval()


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
    arguments = _parser().parse_args()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("high")  # TF32 on a GPU
    arguments.run(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    stages = parser.add_subparsers(required=True, metavar="stage")

    def stage(name: str, run: Any, what: str) -> argparse.ArgumentParser:
        own = stages.add_parser(name, help=what, description=what)
        own.set_defaults(run=run)
        return own

    own = stage("prepare", _prepare, "let people speak the corpus")
    own.add_argument("--data", type=Path, required=True, help="file to write")
    own.add_argument("--corpus", type=Path, required=True, help="the spoken corpus")
    own.add_argument("--utterances", type=int, default=4000, help="to learn from")

    own = stage("train", _train, "train a transformer on an encoder")
    _add_training(own, preset="live", rate=5e-4)
    own.add_argument("--minutes", type=float, default=60.0)
    own.add_argument("--save", type=Path, help="file of weights to write, for `export`")
    own.add_argument("--out", type=Path, help="ONNX file to write")
    own.add_argument("--half", action="store_true", help="store its weights in 16 bits")

    own = stage("export", _export, "make an ONNX file of saved weights")
    own.add_argument("--weights", type=Path, required=True, help="file that `train --save` wrote")
    own.add_argument("--encoder", type=Path, required=True, help="checkpoint of voice.train")
    own.add_argument("--data", type=Path, required=True, help="of `prepare`, or its styles alone")
    own.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    own.add_argument("--half", action="store_true", help="store its weights in 16 bits")

    own = stage("experiment", _experiment, "measure what each prior is worth")
    _add_training(own, preset="small", rate=1e-3)
    own.add_argument("--steps", type=int, default=1200)
    own.add_argument("--seed-from", type=int, default=0, help="first seed")
    own.add_argument("--seeds", type=int, default=3, help="how many")

    own = stage("report", _report, "one table of several experiments' output")
    own.add_argument("files", type=Path, nargs="+")
    return parser


def _add_training(own: argparse.ArgumentParser, *, preset: str, rate: float) -> None:
    own.add_argument("--data", type=Path, required=True, help="file that `prepare` wrote")
    own.add_argument("--encoder", type=Path, required=True, help="checkpoint of voice.train")
    own.add_argument("--preset", choices=("paper", "live", "small"), default=preset)
    own.add_argument("--rate", type=float, default=rate, help="learning rate")
    own.add_argument("--batch", type=int, default=A2ETrainConfig.batch)
    own.add_argument("--dropout", type=float, help="instead of the preset's")
    own.add_argument("--bf16", action="store_true", help="compute in bfloat16")
    own.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def _prepare(arguments: argparse.Namespace) -> None:
    arguments.data.write_bytes(pickle.dumps(prepare(arguments.corpus, arguments.utterances)))


@dataclass(frozen=True)
class _Material:
    """What training and experiment begin with."""

    encoder: SpeechNet
    config: A2EConfig
    training: Windows
    unseen: Windows
    basis: Tensor
    styles: dict[str, np.ndarray]


def _material(arguments: argparse.Namespace) -> _Material:
    began = time.monotonic()
    encoder = train.load(arguments.encoder).to(arguments.device)
    config: A2EConfig = getattr(a2e, arguments.preset)(encoder.speech_features)
    if arguments.dropout is not None:
        config = replace(config, dropout=arguments.dropout)
    data = pickle.loads(arguments.data.read_bytes())
    training, unseen = (
        Windows(record(spoken, encoder), people, config, 0, arguments.device)
        for spoken, people in (data["training"], data["unseen"])
    )
    basis = a2e_data.mouth_basis(store.path("face_model.npz"))
    print(f"heard everything in {time.monotonic() - began:.0f} s", flush=True)
    return _Material(encoder, config, training, unseen, basis, data["styles"])


def _options(arguments: argparse.Namespace, **more: Any) -> A2ETrainConfig:
    return A2ETrainConfig(
        learning_rate=arguments.rate, batch=arguments.batch, bf16=arguments.bf16, **more
    )


def _train(arguments: argparse.Namespace) -> None:
    given = _material(arguments)
    options = _options(arguments, minutes=arguments.minutes)
    net = train_a2e(given.config, given.training, given.basis, options)
    if arguments.save:
        save(net, arguments.save)
    error = expression_error(net, given.unseen)
    print(f"expression error on unseen voices and styles {error:.4f}", flush=True)
    if arguments.out:
        _write(given.encoder, net, given.styles, arguments)


def _export(arguments: argparse.Namespace) -> None:
    styles = pickle.loads(arguments.data.read_bytes())["styles"]
    _write(train.load(arguments.encoder), load(arguments.weights), styles, arguments)


def _write(
    encoder: SpeechNet, net: A2E, styles: dict[str, np.ndarray], arguments: argparse.Namespace
) -> None:
    a2e_export.export(encoder, net, styles, arguments.out)
    if arguments.half:
        storage.store_weights_half(arguments.out, arguments.out)


def _experiment(arguments: argparse.Namespace) -> None:
    given = _material(arguments)
    options = _options(arguments, steps=arguments.steps)
    seeds = range(arguments.seed_from, arguments.seed_from + arguments.seeds)
    data = given.training, given.unseen
    report(experiment(data, given.config, given.basis, options, seeds))


def _report(arguments: argparse.Namespace) -> None:
    report(printed_results([file.read_text() for file in arguments.files]))


if __name__ == "__main__":
    main()
