"""Clips in the device's memory: batches are what the files say, also while the folder grows."""

import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from core.errors import MediaError  # noqa: E402
from render.fia.clips import Clip, to_network  # noqa: E402
from render.fia.config import PRESETS  # noqa: E402
from weights.training.fia import resident  # noqa: E402
from weights.training.fia.resident import ResidentClips, pack, unpack  # noqa: E402

CONFIG = PRESETS["pocket"]
CPU = torch.device("cpu")
SIDE = 16


def random_clip(seed: int, frames: int) -> Clip:
    rng = np.random.default_rng(seed)

    def levels(*shape: int) -> np.ndarray:
        return rng.integers(0, 256, shape, np.uint8)

    return Clip(
        reference=levels(SIDE, SIDE, 3),
        widest=levels(SIDE, SIDE),
        alpha=np.full(80, seed, np.float32),
        beta=rng.random((frames, 52), np.float32),
        rho=rng.random((frames, 6), np.float32),
        base=levels(frames, SIDE, SIDE, 3),
        target=levels(frames, SIDE, SIDE, 3),
        mask=levels(frames, SIDE, SIDE),
        teeth=levels(frames, SIDE, SIDE),
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five people of three to seven frames; memory is reserved four frames at a time."""
    monkeypatch.setattr(resident, "PICTURE_ROWS", 4)
    monkeypatch.setattr(resident, "PORTRAIT_ROWS", 2)
    for person in range(5):
        random_clip(person, 3 + person).save(tmp_path / f"{person}.npz")
    return tmp_path


def test_a_clip_comes_out_as_it_went_in() -> None:
    clip = random_clip(1, 3)
    batch = unpack(pack(clip))
    for name in ("base", "target", "mask", "teeth"):
        assert np.array_equal(batch[name], to_network(getattr(clip, name)))
    source = np.rint(clip.reference * (clip.widest[..., None] / 255)).astype(np.uint8)
    assert np.array_equal(batch["source"], to_network(source[None]))
    assert np.array_equal(batch["reference"], to_network(clip.reference[None]))
    for name in ("beta", "rho"):
        assert np.array_equal(batch[name], getattr(clip, name))


def test_frames_stay_with_their_person(folder: Path) -> None:
    clips = ResidentClips(folder, CONFIG, CPU)
    assert len(clips) == 5
    seen = set()
    for seed in range(5):
        batch = clips.draw(np.random.default_rng(seed), 6, 2, colours=False)
        for i, person in enumerate(batch["alpha"][:, 0].int().tolist()):
            clip = Clip.load(folder / f"{person}.npz")
            assert np.array_equal(batch["reference"][i], to_network(clip.reference[None])[0])
            rows = []
            for beta, target in zip(
                batch["beta"][2 * i : 2 * i + 2], batch["target"][2 * i : 2 * i + 2], strict=True
            ):
                row = int(np.abs(clip.beta - beta.numpy()).sum(axis=1).argmin())
                assert np.array_equal(target, to_network(clip.target[row : row + 1])[0])
                rows.append(row)
            assert rows[0] != rows[1]
            seen |= {(person, row) for row in rows}
    assert len(seen) > 15


def test_some_guides_are_moved_towards_the_truth(folder: Path) -> None:
    clips = ResidentClips(folder, CONFIG, CPU)
    moved = []
    for seed in range(20):
        batch = clips.draw(np.random.default_rng(seed), 3, 3, colours=False)
        level = batch["base"] * 255
        moved += [bool((one - one.round()).abs().max() > 1e-3) for one in level]
    assert 0.2 < np.mean(moved) < 0.4


def test_colours_are_those_of_a_person_and_leave_black(folder: Path) -> None:
    clips = ResidentClips(folder, CONFIG, CPU)
    plain = clips.draw(np.random.default_rng(3), 3, 2, colours=False)
    tinted = clips.draw(np.random.default_rng(3), 3, 2, colours=True)
    assert torch.equal(plain["mask"], tinted["mask"])
    assert torch.equal(plain["beta"], tinted["beta"])
    assert not torch.equal(plain["target"], tinted["target"])
    for name in ("reference", "base", "target"):
        assert tinted[name].min() >= 0
        assert tinted[name].max() <= 1
        assert (tinted[name][plain[name] == 0] == 0).all()
    # The same value becomes the same value in all pictures of a person.
    for person in range(3):
        mapped: dict[float, float] = {}
        for name, rows in (("reference", [person]), ("target", [2 * person, 2 * person + 1])):
            before, after = plain[name][rows][:, 0].flatten(), tinted[name][rows][:, 0].flatten()
            for a, b in zip(before.tolist(), after.tolist(), strict=True):
                assert mapped.setdefault(a, b) == pytest.approx(b, abs=1e-5)
        assert len(mapped) > 100


def test_people_join_while_it_trains(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident, "TAKE_IN_EVERY_S", 0.05)
    clips = ResidentClips(folder, CONFIG, CPU, growing=3)
    try:
        assert len(clips) >= 3
        random_clip(7, 2).save(folder / "7.npz")
        until = time.monotonic() + 20
        while len(clips) < 6 and time.monotonic() < until:
            clips.draw(np.random.default_rng(0), 2, 2, colours=True)
            time.sleep(0.02)
        assert len(clips) == 6
        (folder / "8.npz").write_bytes(b"half a file")
        with pytest.raises(MediaError, match=r"8\.npz"):
            while time.monotonic() < until + 20:
                clips.draw(np.random.default_rng(0), 2, 2, colours=True)
                time.sleep(0.02)
    finally:
        clips.close()
        clips.close()


def test_a_folder_that_stays_empty_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident, "PATIENCE_S", 0.1)
    with pytest.raises(MediaError, match="No clips came"):
        ResidentClips(tmp_path / "missing", CONFIG, CPU, growing=1)
    with pytest.raises(MediaError, match="no clips"):
        ResidentClips(tmp_path, CONFIG, CPU)
