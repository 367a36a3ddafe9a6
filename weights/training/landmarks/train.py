"""Train a landmark network: `python -m weights.training.landmarks.train face DATA RUN`.

DATA holds shards from `weights.training.landmarks.data` (new ones are picked up as they come), RUN
keeps the checkpoint; the same command goes on where it stopped. `--export FILE.onnx` writes the
network of the checkpoint.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from core.face_model import FaceModel
from weights import store
from weights.training.landmarks.data import PICTURE_PX
from weights.training.landmarks.network import LandmarkNet
from weights.training.storage import store_weights_half

_BATCH = 32
_RATE = 2e-3
_AVERAGE = 0.998
_HELD_OUT = 300
_REPORT_EVERY = 100
_SAVE_EVERY_S = 120


@dataclass(frozen=True)
class Task:
    """What a network is asked.

    Attributes:
        kind: "face" or "mouth".
        size: Side of its input in pixels.
        zoom: Input pixels per stored pixel of the training pictures.
        points: Which of the model's network points it predicts, (L,).
        mirror: (L,) the point that takes a point's place in a mirror.
        weight: (L,) importance.
        pairs: (P, 2) points whose distance matters: lids and lips.
        num_states: Numbers about the whole.
    """

    kind: str
    size: int
    zoom: float
    points: np.ndarray
    mirror: np.ndarray
    weight: Tensor
    pairs: np.ndarray
    num_states: int

    @classmethod
    def of(cls, kind: str, model: FaceModel) -> "Task":
        """The task of a kind, from the model's named points."""
        names = list(model.landmark_names)
        wanted = [n for n in names if kind == "face" or n.startswith("lip")]
        vertices = model.landmarks["network"]
        chosen = np.array([names.index(name) for name in wanted])
        order = {int(v): i for i, v in enumerate(vertices[chosen])}
        mirror = np.array([order[int(model.mirror[v])] for v in vertices[chosen]])
        importance = {"jaw": 0.3, "brow": 0.6, "lip_rim": 1.5}
        weight = [
            next((w for start, w in importance.items() if n.startswith(start)), 1.0) for n in wanted
        ]
        return cls(
            kind=kind,
            size={"face": 112, "mouth": 96}[kind],
            zoom={"face": 112 / 144 * 19.5 / 18.0, "mouth": 96 / 120 * 9.5 / 8.5}[kind],
            points=chosen,
            mirror=mirror,
            weight=torch.tensor(weight),
            pairs=_pairs(wanted),
            num_states={"face": 0, "mouth": 2}[kind],
        )


def _pairs(names: list[str]) -> np.ndarray:
    """Upper and lower points that face each other across the lips and the lids."""
    pairs = []
    for curve, last in (("lip_rim", 8), ("lip_outer", 8), ("eye_right", 6), ("eye_left", 6)):
        for i in range(1, last):
            upper, lower = f"{curve}_upper_{i}", f"{curve}_lower_{i - 1}"
            if upper in names:
                pairs.append((names.index(upper), names.index(lower)))
    return np.array(pairs)


class Shards:
    """Training pictures in memory; grows as shards are added to the folder."""

    def __init__(self, folder: Path, task: Task) -> None:
        self._folder, self._task = folder, task
        self._files: list[Path] = []
        self._images: list[np.ndarray] = []
        self._points: list[np.ndarray] = []
        self._states: list[np.ndarray] = []
        self.refresh()

    def refresh(self) -> None:
        """Load what is new."""
        for file in sorted(self._folder.glob(f"{self._task.kind}_*.npz")):
            if file not in self._files:
                with np.load(file) as data:
                    self._images.append(data["images"])
                    self._points.append(data["points"][:, self._task.points])
                    self._states.append(data["state"][:, [2, 1]][:, : self._task.num_states])
                self._files.append(file)

    def __len__(self) -> int:
        return sum(len(images) for images in self._images)

    def batch(self, rows: np.ndarray, random: np.random.Generator | None) -> tuple[Tensor, ...]:
        """Pictures (n, 3, S, S), points (n, L, 2) and states (n, K); augmented if `random`."""
        task, shard = self._task, len(self._images[0])
        pictures = np.empty((len(rows), task.size, task.size, 3), np.uint8)
        points = np.empty((len(rows), len(task.points), 2), np.float32)
        for i, row in enumerate(rows):
            image = self._images[row // shard][row % shard]
            matrix = _placement(image.shape[0], task, random)
            pictures[i] = cv2.warpAffine(
                image, matrix, (task.size, task.size), borderMode=cv2.BORDER_REPLICATE
            )
            # warpAffine counts from pixel centres, the labels from pixel corners.
            points[i] = (self._points[row // shard][row % shard] - 0.5) @ matrix[:, :2].T
            points[i] += matrix[:, 2] + 0.5
        states = np.stack([self._states[row // shard][row % shard] for row in rows])
        picture = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
        label = torch.from_numpy(points)
        if random is not None:
            picture, label = _disturb(picture, label, task, random)
        return picture.to(memory_format=torch.channels_last), label, torch.from_numpy(states)


def _placement(side: int, task: Task, random: np.random.Generator | None) -> np.ndarray:
    """Affine map from a stored picture to the network's input."""
    zoom, angle, shift = task.zoom, 0.0, np.zeros(2)
    if random is not None:
        zoom *= np.exp(random.normal(0, 0.09))
        angle = random.normal(0, 9)
        shift = random.normal(0, 0.035, 2) * task.size
    matrix = cv2.getRotationMatrix2D((side / 2 - 0.5, side / 2 - 0.5), angle, zoom)
    matrix[:, 2] += (task.size - side) / 2 + shift
    return matrix


def _disturb(
    picture: Tensor, label: Tensor, task: Task, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Mirror half of the batch, change colours, take some colours away."""
    flip = torch.from_numpy(random.random(len(picture)) < 0.5)
    picture[flip] = picture[flip].flip(3)
    mirrored = label[flip][:, task.mirror].clone()
    mirrored[..., 0] = task.size - mirrored[..., 0]
    label[flip] = mirrored
    gain = torch.from_numpy(random.normal(1, 0.12, (len(picture), 3, 1, 1)).astype(np.float32))
    offset = torch.from_numpy(random.normal(0, 8, (len(picture), 3, 1, 1)).astype(np.float32))
    picture = (picture * gain + offset).clamp(0, 255)
    grey = torch.from_numpy(random.random(len(picture)) < 0.2)
    picture[grey] = picture[grey].mean(1, keepdim=True)
    return picture, label


def loss_of(net: LandmarkNet, task: Task, batch: tuple[Tensor, ...]) -> Tensor:
    """Weighted L1 of points, coarse points, paired differences and states; error scale by NLL."""
    picture, label, state = batch
    points, error, guess, coarse = net(picture)
    off = (points - label).abs().sum(-1)
    weight = task.weight
    loss = (off * weight).mean() + 0.25 * ((coarse - label).abs().sum(-1) * weight).mean()
    upper, lower = task.pairs.T
    apart = (points[:, upper] - points[:, lower]) - (label[:, upper] - label[:, lower])
    loss = loss + 0.4 * apart.abs().sum(-1).mean()
    known = off.detach()
    loss = loss + 0.1 * (known / error + error.log()).mean()
    if task.num_states:
        loss = loss + 4.0 * (guess - state).abs().mean()
    return loss


class Run:
    """A training run that can be stopped and resumed."""

    def __init__(self, folder: Path, task: Task, budget_s: float) -> None:
        self.folder, self.task, self.budget_s = folder, task, budget_s
        torch.manual_seed(0)
        make = (len(task.points), task.size, task.num_states)
        self.net, self.average = LandmarkNet(*make), LandmarkNet(*make)
        self.net.to(memory_format=torch.channels_last)
        self.average.load_state_dict(self.net.state_dict())
        self.optimizer = torch.optim.AdamW(self.net.parameters(), _RATE, weight_decay=1e-3)
        self.step, self.spent_s = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / f"{task.kind}.pt"
        if self.file.exists():
            state = torch.load(self.file, weights_only=False)
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.spent_s = state["step"], state["spent_s"]

    def start_from(self, file: Path) -> None:
        """Take over the weights of another network where they have the same shape."""
        theirs = torch.load(file, weights_only=False)["average"]
        for net in (self.net, self.average):
            own = net.state_dict()
            same = {k: v for k, v in theirs.items() if k in own and own[k].shape == v.shape}
            net.load_state_dict(own | same)

    def save(self) -> None:
        """Write the checkpoint."""
        part = self.file.with_suffix(".part")
        state = {"net": self.net.state_dict(), "average": self.average.state_dict()}
        state |= {"optimizer": self.optimizer.state_dict()}
        torch.save(state | {"step": self.step, "spent_s": self.spent_s}, part)
        part.rename(self.file)

    def train(self, shards: Shards) -> None:
        """Train until the budget is spent."""
        random = np.random.default_rng(self.step)
        last = saved = time.monotonic()
        self.net.train()
        while self.spent_s < self.budget_s:
            done = self.spent_s / self.budget_s
            rate = (
                _RATE
                * min(1, (self.step + 1) / 200)
                * (0.01 + 0.99 * np.cos(done * np.pi / 2) ** 2)
            )
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            rows = random.integers(_HELD_OUT, len(shards), _BATCH)
            loss = loss_of(self.net, self.task, shards.batch(rows, random))
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 20.0)
            self.optimizer.step()
            self._follow()
            self.step += 1
            now = time.monotonic()
            self.spent_s, last = self.spent_s + now - last, now
            if self.step % _REPORT_EVERY == 0:
                shards.refresh()
                self._report(loss.item(), shards)
                last = time.monotonic()
            if now - saved > _SAVE_EVERY_S:
                self.save()
                saved = now
        self.save()

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(_AVERAGE, (1 + self.step) / (10 + self.step))
        for ours, theirs in zip(
            self.average.state_dict().values(), self.net.state_dict().values(), strict=True
        ):
            if ours.dtype.is_floating_point:
                ours.lerp_(theirs, 1 - keep)

    @torch.no_grad()
    def _report(self, loss: float, shards: Shards) -> None:
        self.average.eval()
        picture, label, _ = shards.batch(np.arange(_HELD_OUT), None)
        points = torch.cat([self.average(part)[0] for part in picture.split(50)])
        off = (points - label).norm(dim=-1) / self.task.size * 100
        upper, lower = self.task.pairs[:7].T
        gap = (points[:, upper] - points[:, lower]) - (label[:, upper] - label[:, lower])
        print(
            f"{self.step} {self.spent_s:.0f} s, {len(shards)} pictures: loss {loss:.2f}, held out "
            f"{off.mean():.3f} % of the crop (median {off.median():.3f}), lips apart "
            f"{gap.norm(dim=-1).mean() / self.task.size * 100:.3f} %",
            flush=True,
        )


def export(run: Run, file: Path) -> None:
    """Write the averaged network as ONNX: `picture` to `points`, `error` and `state`."""
    net = run.average.eval()
    example = torch.rand(2, 3, run.task.size, run.task.size) * 255
    outputs = ["points", "error", "state"] if run.task.num_states else ["points", "error"]
    whole = file.with_suffix(".float32.onnx")
    torch.onnx.export(
        _Exported(net, len(outputs)),
        (example,),
        str(whole),
        input_names=["picture"],
        output_names=outputs,
        dynamic_axes={name: {0: "n"} for name in ["picture", *outputs]},
        opset_version=17,
        dynamo=False,
    )
    store_weights_half(whole, file)
    whole.unlink()
    print(f"{file}: {file.stat().st_size / 1e6:.2f} MB after {run.step} steps")


class _Exported(torch.nn.Module):
    """The network without what training alone needs."""

    def __init__(self, net: LandmarkNet, num_outputs: int) -> None:
        super().__init__()
        self._net, self._num_outputs = net, num_outputs

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        return self._net(picture)[: self._num_outputs]


def main() -> None:
    """Train, or export what was trained."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=PICTURE_PX)
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--start", type=Path, help="checkpoint of the other kind to start from")
    parser.add_argument("--export", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    task = Task.of(arguments.kind, FaceModel.load(store.path("face_model.npz")))
    run = Run(arguments.run, task, arguments.minutes * 60)
    if arguments.export:
        export(run, arguments.export)
        return
    if arguments.start and run.step == 0:
        run.start_from(arguments.start)
    print(json.dumps({"parameters": sum(p.numel() for p in run.net.parameters())}))
    run.train(Shards(arguments.data, task))


if __name__ == "__main__":
    main()
