"""What a pupil is shown: pictures changed alike, and coefficients that belong to others."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from core.errors import ModelError  # noqa: E402
from render.fia.config import PRESETS  # noqa: E402
from weights.training.fia import distil  # noqa: E402
from weights.training.fia.distil import check_teacher, unfamiliar  # noqa: E402
from weights.training.fia.resident import masked_source, resting  # noqa: E402

PEOPLE, FRAMES, SIDE = 5, 2, 32


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    """People whose guides are their portraits, and whose mask is the widest."""
    draw = torch.Generator().manual_seed(0)
    reference = torch.rand(PEOPLE, 3, SIDE, SIDE, generator=draw)
    widest = (torch.rand(PEOPLE, 1, SIDE, SIDE, generator=draw) > 0.5).float()

    def each(one: torch.Tensor) -> torch.Tensor:
        return one.repeat_interleave(FRAMES, dim=0)

    return {
        "source": masked_source(reference, widest),
        "reference": reference,
        "widest": widest,
        "alpha": torch.arange(PEOPLE)[:, None].float(),
        "beta": torch.rand(PEOPLE * FRAMES, 52, generator=draw),
        "rho": torch.rand(PEOPLE * FRAMES, 6, generator=draw),
        "base": each(reference),
        "target": each(1 - reference),
        "mask": each(widest),
        "teeth": each(1 - widest),
    }


def test_portrait_guide_and_masks_are_changed_alike(batch: dict[str, torch.Tensor]) -> None:
    changed = unfamiliar(batch, np.random.default_rng(0))
    assert set(changed) == set(batch) - {"target"}
    for one, other in (("reference", "base"), ("widest", "mask")):
        assert torch.equal(changed[one].repeat_interleave(FRAMES, dim=0), changed[other])
    assert torch.equal(changed["mask"], 1 - changed["teeth"])
    assert torch.equal(changed["source"], masked_source(changed["reference"], changed["widest"]))
    assert changed["base"].min() >= 0
    assert changed["base"].max() <= 1
    same = [
        torch.allclose(*two, atol=1e-6) for two in zip(changed["base"], batch["base"], strict=True)
    ]
    assert 0 < sum(same) < len(same)  # Some people stay as they are.
    moved = [not torch.equal(*two) for two in zip(changed["mask"], batch["mask"], strict=True)]
    assert any(moved)
    assert not any(a and b for a, b in zip(same, moved, strict=True))


def test_some_get_the_identity_of_another(
    batch: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distil, "STRANGERS", 1.0)
    alpha = unfamiliar(batch, np.random.default_rng(0))["alpha"]
    assert sorted(alpha.flatten().tolist()) == list(range(PEOPLE))
    assert not torch.equal(alpha, batch["alpha"])
    monkeypatch.setattr(distil, "STRANGERS", 0.0)
    assert torch.equal(unfamiliar(batch, np.random.default_rng(0))["alpha"], batch["alpha"])


def test_a_tone_curve_bends_and_a_straight_one_does_not() -> None:
    pictures = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    knots = torch.linspace(0, 1, 6)
    curves = torch.stack([knots, knots**2]).unsqueeze(1).expand(2, 3, 6)
    straight, bent = distil._curved(pictures, curves)
    assert torch.allclose(straight, pictures[0], atol=1e-6)
    assert torch.allclose(bent, pictures[1] ** 2, atol=0.011)
    ends = torch.tensor([0.0, 1.0]).expand(1, 3, 2).unsqueeze(2)
    assert torch.allclose(distil._curved(ends, curves[1:]), ends)


def test_at_rest_the_portrait_is_guide_and_truth(batch: dict[str, torch.Tensor]) -> None:
    chosen = np.arange(PEOPLE * FRAMES) % 3 == 0
    batch["base"] = batch["base"] / 2
    rested = resting(batch, chosen)
    for row, at_rest in enumerate(chosen):
        portrait = batch["reference"][row // FRAMES]
        for name in ("base", "target"):
            expected = portrait if at_rest else batch[name][row]
            assert torch.equal(rested[name][row], expected)
        assert torch.equal(rested["beta"][row], batch["beta"][row] * (not at_rest))
    for name in set(batch) - {"base", "target", "beta"}:
        assert rested[name] is batch[name]


def test_a_teacher_of_other_pictures_is_refused() -> None:
    pupil = PRESETS["pocket"]
    check_teacher(PRESETS["compact"], pupil)
    with pytest.raises(ModelError, match="keep_mouth"):
        check_teacher(dataclasses.replace(pupil, keep_mouth=True), pupil)
