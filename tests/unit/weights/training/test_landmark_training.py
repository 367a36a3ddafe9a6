"""Recipe of the landmark networks: labels follow the picture, runs resume, ONNX equals torch."""

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the recipes need the extra [train]")
pytest.importorskip("onnx", reason="the recipes need the extra [train]")

from core.onnx_session import open_session  # noqa: E402
from tests.faces import face_model  # noqa: E402
from weights.training.landmarks.data import PICTURE_PX  # noqa: E402
from weights.training.landmarks.network import LandmarkNet  # noqa: E402
from weights.training.landmarks.train import Run, Shards, Task, export, loss_of  # noqa: E402


@pytest.fixture(scope="module", params=["face", "mouth"])
def task(request: pytest.FixtureRequest) -> Task:
    return Task.of(request.param, face_model())


@pytest.fixture
def shards(task: Task, tmp_path: Path) -> Shards:
    """Pictures with one bright dot at the place of every label's mean."""
    random, side = np.random.default_rng(0), PICTURE_PX[task.kind]
    images = np.zeros((400, side, side, 3), np.uint8)
    points = random.uniform(0.3, 0.7, (400, 1, 2)).repeat(96, axis=1) * side
    for image, place in zip(images, points[:, 0], strict=True):
        fixed = np.round((place - 0.5) * 16).astype(int)
        cv2.circle(image, fixed.tolist(), 40, (255, 255, 255), -1, cv2.LINE_AA, 4)
    state = random.uniform(0, 1, (400, 3)).astype(np.float32)
    file = tmp_path / f"{task.kind}_000.npz"
    np.savez(file, images=images, points=points.astype(np.float32), state=state)
    return Shards(tmp_path, task)


def test_the_mirror_of_a_task_is_an_involution(task: Task) -> None:
    assert (task.mirror[task.mirror] == np.arange(len(task.points))).all()
    assert len(task.weight) == len(task.points)
    assert len(task.pairs) == {"face": 24, "mouth": 14}[task.kind]
    assert (task.mirror[task.pairs[:, 0]] != task.pairs[:, 1]).all()


@pytest.mark.parametrize("augmented", [False, True])
def test_labels_follow_the_picture(task: Task, shards: Shards, augmented: bool) -> None:
    random = np.random.default_rng(1) if augmented else None
    picture, label, _ = shards.batch(np.arange(40), random)
    for image, points in zip(picture.mean(1).numpy(), label.numpy(), strict=True):
        bright = image - image.min()
        if bright.max() < 60:
            continue
        bright = np.clip(bright / bright.max() - 0.5, 0, None)
        y, x = np.mgrid[: task.size, : task.size] + 0.5
        seen = [(bright * x).sum() / bright.sum(), (bright * y).sum() / bright.sum()]
        if min(points[0]) > 8 and max(points[0]) < task.size - 8:
            np.testing.assert_allclose(seen, points[0], atol=0.35)


def test_the_loss_can_be_learned(task: Task, shards: Shards, tmp_path: Path) -> None:
    net = Run(tmp_path, task, budget_s=0).net
    batch = shards.batch(np.arange(8), None)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    losses = []
    for _ in range(12):
        loss = loss_of(net, task, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_a_run_goes_on_where_it_stopped(task: Task, shards: Shards, tmp_path: Path) -> None:
    run = Run(tmp_path / "run", task, budget_s=0.1)
    run.train(shards)
    again = Run(tmp_path / "run", task, budget_s=0.1)
    assert again.step == run.step > 0
    for ours, theirs in zip(again.net.parameters(), run.net.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_onnx_equals_torch(task: Task, tmp_path: Path) -> None:
    run = Run(tmp_path, task, budget_s=0)
    export(run, tmp_path / "net.onnx")
    picture = torch.rand(3, 3, task.size, task.size) * 255
    with torch.no_grad():
        expected = run.average.eval()(picture)
    found = open_session(tmp_path / "net.onnx").run(None, {"picture": picture.numpy()})
    assert len(found) == (3 if task.num_states else 2)
    for ours, theirs in zip(found, expected, strict=False):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=0.05)


def test_soft_argmax_stays_in_the_picture() -> None:
    net = LandmarkNet(5, 96, 2).eval()
    points, error, state, _ = net(torch.rand(2, 3, 96, 96) * 255)
    assert ((points > 0) & (points < 96)).all()
    assert (error > 0).all()
    assert ((state >= 0) & (state <= 1)).all()
