"""Training on clips: it learns, resumes exactly, and its result runs."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from render.engines.base import EngineSettings  # noqa: E402
from render.engines.onnx_engine import ONNX_CPU  # noqa: E402
from render.fia.clips import Clip, to_network  # noqa: E402
from render.fia.config import PRESETS  # noqa: E402
from render.fia.enrolment import FiaCache, PortraitCrop  # noqa: E402
from render.fia.model import FiaModel  # noqa: E402
from weights.training.fia import ablation, evaluate  # noqa: E402
from weights.training.fia.losses import LossWeights  # noqa: E402
from weights.training.fia.ship import write_pair  # noqa: E402
from weights.training.fia.train import Recipe, Trainer, load_network, masked  # noqa: E402

TINY = dataclasses.replace(
    PRESETS["pocket"], size_px=32, encoder_widths=(8, 8, 8, 16), decoder_widths=(16, 8, 8, 8)
)
FRAMES = 3


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people whose target is their base, with the masked part 40 levels redder."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    mask = np.full((FRAMES, 32, 32), 255, np.uint8)
    mask[:, 8:24, 8:24] = 0
    for person in range(2):
        base = rng.integers(60, 180, (FRAMES, 32, 32, 3), np.uint8)
        target = base.copy()
        target[..., 0] += np.where(mask == 0, 40, 0).astype(np.uint8)
        Clip(
            reference=base[0],
            widest=mask[0],
            alpha=rng.normal(size=80).astype(np.float32),
            beta=rng.random((FRAMES, 52), np.float32),
            rho=np.zeros((FRAMES, 6), np.float32),
            base=base,
            target=target,
            mask=mask,
            teeth=255 - mask,
        ).save(folder / f"{person}.npz")
    return folder


def recipe(**changes: object) -> Recipe:
    return dataclasses.replace(Recipe(steps=60, people=2, frames=2, learning_rate=3e-3), **changes)


def test_it_learns_what_the_warp_lacks(clips: Path, tmp_path: Path) -> None:
    trainer = Trainer(TINY, recipe(weights=LossWeights(adversarial=0)), clips)
    trainer.train(tmp_path / "checkpoint.pt")
    painter = evaluate.network_painter(tmp_path / "checkpoint.pt")
    scores = evaluate.evaluate({"warp": evaluate.warp_painter, "trained": painter}, clips)
    warp, trained = scores["warp"], scores["trained"]
    assert trained["PSNR mouth dB"] > warp["PSNR mouth dB"] + 3
    assert trained["teeth L1"] < 0.8 * warp["teeth L1"]


def test_resuming_changes_nothing(clips: Path, tmp_path: Path) -> None:
    straight = Trainer(TINY, recipe(), clips)
    losses = [straight.advance() for _ in range(4)]
    first = Trainer(TINY, recipe(), clips)
    for _ in range(2):
        first.advance()
    first.save(tmp_path / "checkpoint.pt")
    second = Trainer(TINY, recipe(seed=0), clips)
    second.resume(tmp_path / "checkpoint.pt")
    assert second.step == 2
    assert [second.advance() for _ in range(2)] == pytest.approx(losses[2:], rel=1e-5)


def test_the_shipped_pair_paints_what_the_checkpoint_paints(clips: Path, tmp_path: Path) -> None:
    trainer = Trainer(TINY, recipe(), clips)
    for _ in range(3):
        trainer.advance()
    trainer.save(tmp_path / "checkpoint.pt")
    network = load_network(tmp_path / "checkpoint.pt")
    model = FiaModel.open(write_pair(network, "tiny", tmp_path))
    assert model.config == TINY
    clip = Clip.load(clips / "0.npz")
    portrait = PortraitCrop(clip.reference, clip.widest / np.float32(255), clip.alpha)
    engine = ONNX_CPU.load(model.decoder, EngineSettings())
    engine.set_constants(FiaCache.of_crop(portrait, model).tensors)
    found = engine.run(
        {
            "beta": clip.beta[:1],
            "rho": clip.rho[:1],
            "base": to_network(clip.base[:1]),
            "mask": to_network(clip.mask[:1]),
        }
    )
    expected = evaluate.network_painter(tmp_path / "checkpoint.pt")(clip)
    assert np.abs(np.clip(found[0], 0, 1).transpose(1, 2, 0) * 255 - expected[0]).max() <= 0.51


def test_the_naive_mask_replaces_that_of_the_clips(clips: Path) -> None:
    clip = Clip.load(clips / "0.npz")
    assert masked(clip, TINY) is clip
    naive = masked(clip, dataclasses.replace(TINY, mask="naive"))
    assert naive.mask.shape == clip.mask.shape
    assert (naive.mask == naive.widest).all()
    assert naive.widest[:4].min() == 255  # above the nose
    assert naive.widest[20, 16] == 0


def test_variants_are_trained_alike_and_compared(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = {name: ablation.VARIANTS[name] for name in ("guided", "paper-style, naive mask")}
    tiny = {
        name: dataclasses.replace(TINY, guided=config.guided, mask=config.mask)
        for name, config in chosen.items()
    }
    monkeypatch.setattr(ablation, "VARIANTS", tiny)
    monkeypatch.setattr(ablation, "lip_reader", lambda: None)
    arguments = [str(clips), str(clips), "--out", str(tmp_path), "--steps", "2", "--frames", "2"]
    monkeypatch.setattr("sys.argv", ["ablation", *arguments])
    ablation.main()
    rows = capsys.readouterr().out.splitlines()[-5:]
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["warp alone", *chosen]
    assert len(list(tmp_path.glob("*.pt"))) == 2
