"""Training on clips: it learns, resumes exactly, and its result runs."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from app.evaluation import score_clips  # noqa: E402
from core.errors import ModelError  # noqa: E402
from render.engines.base import EngineSettings  # noqa: E402
from render.engines.onnx_engine import ONNX_CPU, ONNX_CPU_INT8  # noqa: E402
from render.fia.clips import Clip, to_network  # noqa: E402
from render.fia.config import PRESETS  # noqa: E402
from render.fia.enrolment import FiaCache, PortraitCrop  # noqa: E402
from render.fia.model import FiaModel  # noqa: E402
from render.fia.network import FiaNetwork  # noqa: E402
from render.fia.scores import score  # noqa: E402
from weights.training.fia import ablation, evaluate, int8  # noqa: E402
from weights.training.fia.losses import (  # noqa: E402
    Discriminator,
    LossWeights,
    discriminator_loss,
    painter_loss,
    perceptual_network,
)
from weights.training.fia.resident import masked, pack, unpack  # noqa: E402
from weights.training.fia.ship import write_pair  # noqa: E402
from weights.training.fia.train import (  # noqa: E402
    Recipe,
    Trainer,
    load_network,
    paint,
    paint_calmly,
    weights_path,
)

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


def test_a_pupil_learns_what_its_teacher_paints(clips: Path, tmp_path: Path) -> None:
    losses = LossWeights(adversarial=0)
    teacher = Trainer(TINY, recipe(weights=losses, learning_rate=1e-2, resting=0.5), clips)
    teacher.train(tmp_path / "teacher.pt")
    taught = recipe(weights=losses, seed=1, teacher=weights_path(tmp_path / "teacher.pt"))
    pupil = Trainer(TINY, taught, clips)
    batch = unpack(pack(Clip.load(clips / "0.npz")))
    with torch.no_grad():
        wanted = paint_calmly(load_network(tmp_path / "teacher.pt"), batch, FRAMES)
    before = (wanted - batch["base"]).abs().mean()
    pupil.train(tmp_path / "pupil.pt")
    with torch.no_grad():
        found = paint(load_network(tmp_path / "pupil.pt"), batch, FRAMES)
    assert before > 0.005
    assert (wanted - found).abs().mean() < 0.7 * before
    assert all(weights.grad is None for weights in pupil.teacher.parameters())


def test_calm_pictures_leave_the_portrait_at_rest(clips: Path) -> None:
    trainer = Trainer(TINY, recipe(weights=LossWeights(adversarial=0)), clips)
    for _ in range(20):
        trainer.advance()
    network = trainer.network.eval()
    batch = unpack(pack(Clip.load(clips / "0.npz")))
    batch["beta"][0], batch["base"][0], batch["mask"][0] = 0, batch["reference"], batch["widest"]
    batch["rho"][:] = batch["rho"][0]
    with torch.no_grad():
        plain, calm = paint(network, batch, FRAMES), paint_calmly(network, batch, FRAMES)
    assert (plain[0] - batch["base"][0]).abs().max() > 0.01
    assert torch.allclose(calm[0], batch["base"][0], atol=1e-6)
    changes = (plain - batch["base"], calm - batch["base"])
    assert (changes[0] * changes[1] >= -1e-9).all()
    assert (changes[1].abs() <= changes[0].abs() + 1e-6).all()


def test_a_face_at_rest_is_left_alone(clips: Path, tmp_path: Path) -> None:
    """Clips teach to redden every picture; with some at rest, those without expression stay."""
    clip = Clip.load(clips / "0.npz")
    at_rest = dataclasses.replace(
        clip, beta=np.zeros_like(clip.beta), base=np.stack([clip.reference] * FRAMES)
    )
    changes = {}
    for share in (0.0, 0.5):
        path = tmp_path / f"{share}.pt"
        learned = recipe(weights=LossWeights(adversarial=0), resting=share)
        Trainer(TINY, learned, clips).train(path)
        painted = evaluate.network_painter(path)(at_rest)
        changes[share] = np.abs(painted.astype(float) - at_rest.base)[clip.mask == 0].mean()
    assert changes[0.5] < 0.5 * changes[0.0]


def test_resuming_changes_nothing(clips: Path, tmp_path: Path) -> None:
    straight = Trainer(TINY, recipe(), clips)
    losses = [float(straight.advance()) for _ in range(4)]
    first = Trainer(TINY, recipe(), clips)
    for _ in range(2):
        first.advance()
    first.save(tmp_path / "checkpoint.pt")
    second = Trainer(TINY, recipe(seed=0), clips)
    second.resume(tmp_path / "checkpoint.pt")
    assert second.step == 2
    assert [float(second.advance()) for _ in range(2)] == pytest.approx(losses[2:], rel=1e-5)
    for name, value in straight.average.items():
        assert torch.allclose(second.average[name], value, atol=1e-6)


def test_the_average_follows_the_weights_and_is_what_is_used(clips: Path, tmp_path: Path) -> None:
    trainer = Trainer(TINY, recipe(), clips)
    name = "decoder.up.0.conv.weight"
    seen = [trainer.network.state_dict()[name].clone()]
    for _ in range(2):
        trainer.advance()
        seen.append(trainer.network.state_dict()[name].clone())
    expected = torch.lerp(torch.lerp(seen[0], seen[1], 20 / 21), seen[2], 20 / 22)
    assert torch.allclose(trainer.average[name], expected, atol=1e-7)
    trainer.save(tmp_path / "checkpoint.pt")
    assert torch.equal(load_network(tmp_path / "checkpoint.pt").state_dict()[name], expected)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del state["average"], state["seconds"]  # As earlier versions wrote it.
    torch.save(state, tmp_path / "old.pt")
    assert torch.equal(load_network(tmp_path / "old.pt").state_dict()[name], seen[2])
    trainer.resume(tmp_path / "old.pt")
    assert torch.equal(trainer.average[name], seen[2])


def test_weights_alone_take_half_and_are_no_checkpoint(clips: Path, tmp_path: Path) -> None:
    trainer = Trainer(TINY, recipe(steps=2), clips)
    trainer.train(tmp_path / "checkpoint.pt")
    half = weights_path(tmp_path / "checkpoint.pt")
    stored = torch.load(half, weights_only=True)["average"]
    assert {one.dtype for one in stored.values()} == {torch.float16, torch.int64}
    full = load_network(tmp_path / "checkpoint.pt").state_dict()
    for name, value in load_network(half).state_dict().items():
        assert value.dtype == full[name].dtype
        assert torch.allclose(value, full[name], rtol=1e-3, atol=1e-6)
    with pytest.raises(ModelError, match="weights alone"):
        trainer.resume(half)


def test_another_training_begins_with_the_average(clips: Path, tmp_path: Path) -> None:
    first = Trainer(TINY, recipe(), clips)
    for _ in range(2):
        first.advance()
    first.save_weights(tmp_path / "first.weights")
    second = Trainer(dataclasses.replace(TINY, light_only=True), recipe(seed=5), clips)
    second.begin_with(tmp_path / "first.weights")
    assert second.step == 0
    for name, value in first.average.items():
        assert torch.allclose(second.network.state_dict()[name], value, atol=1e-3)
        assert torch.allclose(second.average[name], value, atol=1e-3)


def test_the_learning_rate_follows_steps_or_time(clips: Path, tmp_path: Path) -> None:
    short = Trainer(TINY, recipe(steps=np.inf, minutes=0.1 / 60), clips)
    short.train(tmp_path / "short.pt")
    assert short.step > 0
    assert torch.load(tmp_path / "short.pt", weights_only=True)["seconds"] >= 0.1
    rates = {}
    for minutes in (np.inf, 1e-6):
        trainer = Trainer(TINY, recipe(minutes=minutes), clips)
        trainer.advance()
        rates[minutes] = trainer.optimiser.param_groups[0]["lr"]
    assert rates[np.inf] == pytest.approx(3e-5)  # A hundredth, as the first step warms up.
    assert rates[1e-6] == pytest.approx(3e-5 / 20)


@pytest.mark.parametrize("alignment", ["attention", "flow", "deformation"])
def test_in_16_bits_it_takes_the_same_course(clips: Path, alignment: str) -> None:
    config = dataclasses.replace(TINY, alignment=alignment, detail_px=8)
    losses = {}
    for half in (False, True):
        trainer = Trainer(config, recipe(), clips)
        trainer.half = half
        losses[half] = [float(trainer.advance()) for _ in range(3)]
        kept = {one.dtype for one in trainer.network.state_dict().values()}
        assert kept == {torch.float32, torch.int64}
    assert losses[True] != losses[False]
    assert losses[True] == pytest.approx(losses[False], rel=0.02)


@pytest.mark.parametrize("alignment", ["attention", "flow", "deformation"])
def test_nothing_is_made_on_another_device(alignment: str) -> None:
    network = FiaNetwork(dataclasses.replace(TINY, alignment=alignment)).to("meta")
    discriminator, features = Discriminator().to("meta"), perceptual_network(None).to("meta")
    picture, thin = torch.zeros(4, 3, 32, 32, device="meta"), torch.zeros(4, 1, 32, 32).to("meta")
    batch = {"source": picture[:2], "reference": picture[:2], "base": picture, "mask": thin}
    for name, width, count in (("alpha", 80, 2), ("beta", 52, 4), ("rho", 6, 4)):
        batch[name] = torch.zeros(count, width, device="meta")
    painted = paint(network, batch, 2)
    weights = LossWeights(restraint=0.1)
    painter_loss(painted, picture, thin, picture, features, discriminator, weights).backward()
    discriminator_loss(discriminator, painted, picture).backward()
    assert all(one.grad.is_meta for one in network.decoder.parameters())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_goes_on_where_a_cpu_stopped_and_back(clips: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    expected = Trainer(TINY, recipe(), clips)
    losses = [float(expected.advance()) for _ in range(4)]
    found = []
    for device in ("cpu", "cuda", "cuda", "cpu"):
        trainer = Trainer(TINY, recipe(device=device), clips)
        if checkpoint.exists():
            trainer.resume(checkpoint)
        found.append(float(trainer.advance()))
        trainer.save(checkpoint)
    assert found == pytest.approx(losses, rel=0.02)


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
    calm = evaluate.network_painter(tmp_path / "checkpoint.pt", calm=True)(clip)
    assert not np.array_equal(calm, expected)
    (tmp_path / "one").mkdir()
    clip.save(tmp_path / "one" / "0.npz")
    scores = score_clips(tmp_path / "one", model.decoder)
    assert scores == pytest.approx(score(calm, clip), rel=1e-2)


def test_in_8_bit_integers_it_paints_nearly_the_same(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(TINY, recipe(weights=LossWeights(adversarial=0)), clips)
    trainer.train(tmp_path / "checkpoint.pt")
    network = load_network(tmp_path / "checkpoint.pt")
    decoder = write_pair(network, "tiny", tmp_path, "int8")
    monkeypatch.setattr(int8, "LEAST_PSNR_DB", 100.0)
    with pytest.raises(ModelError, match="loses too much"):
        int8.write_int8(network, decoder, clips)
    assert not ONNX_CPU_INT8.available(decoder)
    monkeypatch.undo()
    assert int8.LEAST_PSNR_DB < int8.write_int8(network, decoder, clips) < 100
    clip = Clip.load(clips / "0.npz")
    portrait = PortraitCrop(clip.reference, clip.widest / np.float32(255), clip.alpha)
    inputs = {"beta": clip.beta[:1], "rho": clip.rho[:1]}
    inputs |= {"base": to_network(clip.base[:1]), "mask": to_network(clip.mask[:1])}
    pictures = []
    for factory in (ONNX_CPU, ONNX_CPU_INT8):
        engine = factory.load(decoder, EngineSettings())
        engine.set_constants(FiaCache.of_crop(portrait, FiaModel.open(decoder)).tensors)
        pictures.append(engine.run(inputs).copy())
    assert 0 < np.abs(pictures[0] - pictures[1]).max() < 0.05
    assert np.abs(pictures[0] - inputs["base"]).max() > 0.1


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
    monkeypatch.setattr("weights.training.fia.evaluate.lip_reader", lambda: None)

    def run(*arguments: str) -> list[str]:
        monkeypatch.setattr("sys.argv", ["ablation", str(clips), *arguments])
        ablation.main()
        return capsys.readouterr().out.splitlines()

    there = tmp_path / "there"
    run("--out", str(there), "--steps", "2", "--train-only", "--variant", "guided")
    assert sorted(path.name for path in there.iterdir()) == ["guided.pt", "guided.weights"]
    here = tmp_path / "here"
    here.mkdir()
    (there / "guided.weights").rename(here / "guided.weights")
    rows = run(str(clips), "--out", str(here), "--steps", "2", "--frames", "2")[-5:]
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["warp alone", *chosen]
    assert [path.name for path in here.glob("*.pt")] == ["paper-style_naive_mask.pt"]
