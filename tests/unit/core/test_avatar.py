"""The avatar file: what goes in comes out, and what is broken is refused in words."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.avatar import VERSION, Avatar, Quality, Style
from core.camera import HeadPose
from core.errors import PortraitError


def make_avatar(height: int = 120, width: int = 90) -> Avatar:
    rng = np.random.default_rng(7)
    return Avatar(
        image_rgb=rng.integers(0, 256, (height, width, 3), np.uint8),
        alpha=rng.normal(size=40).astype(np.float32),
        beta=rng.random(52).astype(np.float32),
        pose=HeadPose(7.5, np.eye(3), np.array([44.0, 60.0])),
        offset_px=rng.normal(size=(300, 2)).astype(np.float32),
        points={"chin": (45.5, 101.25), "mouth_corner_right": (30.0, 80.0)},
        verdict=Quality(False, ("The face is turned too far.",)),
        person_mask=rng.integers(0, 256, (height, width), np.uint8),
        style=Style("lively", 1.3, rng.random((16, 52)).astype(np.float32)),
        name="Zoë 猫",
        provenance={"file": "zoë.png"},
        model_hash="ab" * 32,
    )


def test_round_trip_is_exact(tmp_path: Path) -> None:
    avatar = make_avatar()
    file = tmp_path / "zoë.avatar"
    avatar.save(file)
    again = Avatar.load(file)
    for name in ("image_rgb", "alpha", "beta", "offset_px", "person_mask"):
        np.testing.assert_array_equal(getattr(again, name), getattr(avatar, name))
    np.testing.assert_array_equal(again.pose.rotation, avatar.pose.rotation)
    np.testing.assert_array_equal(again.pose.translation_px, avatar.pose.translation_px)
    assert again.pose.scale_px_per_cm == avatar.pose.scale_px_per_cm
    np.testing.assert_array_equal(again.style.history, avatar.style.history)
    for name in ("points", "verdict", "name", "provenance", "model_hash"):
        assert getattr(again, name) == getattr(avatar, name)
    assert [p.name for p in tmp_path.iterdir()] == [file.name]


def test_no_mask_and_no_history(tmp_path: Path) -> None:
    full = make_avatar()
    bare = Avatar(full.image_rgb, full.alpha, full.beta, full.pose, full.offset_px, {})
    bare.save(tmp_path / "a.avatar")
    again = Avatar.load(tmp_path / "a.avatar")
    assert again.person_mask is None
    assert again.style.history.shape == (0, 52)
    assert again.verdict.ok


def test_size_of_a_large_photo(tmp_path: Path) -> None:
    yy, xx = np.mgrid[0:1600, 0:1200]
    smooth = ((np.sin(xx / 90) + np.cos(yy / 70)) * 60 + 127)[..., None].repeat(3, -1)
    noise = np.random.default_rng(0).normal(0, 2, smooth.shape)
    full = make_avatar()
    image = (smooth + noise).clip(0, 255).astype(np.uint8)
    Avatar(image, full.alpha, full.beta, full.pose, full.offset_px, {}).save(tmp_path / "a.avatar")
    assert (tmp_path / "a.avatar").stat().st_size < 5_000_000


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("beta", np.zeros(51, np.float32), ValueError),
        ("beta", np.full(52, np.nan, np.float32), ValueError),
        ("alpha", np.zeros(40, np.float64), TypeError),
        ("image_rgb", np.zeros((10, 10), np.uint8), ValueError),
        ("image_rgb", np.zeros((10, 2161, 3), np.uint8), ValueError),
        ("offset_px", np.zeros((9, 3), np.float32), ValueError),
        ("person_mask", np.zeros((9, 3), np.uint8), ValueError),
    ],
)
def test_wrong_arrays_are_refused(field: str, value: object, error: type[Exception]) -> None:
    good = make_avatar()
    arguments = {**good.__dict__, field: value}
    with pytest.raises(error, match=field):
        Avatar(**arguments)


def test_another_model_is_refused() -> None:
    avatar = make_avatar()
    avatar.check_model("ab" * 32)
    with pytest.raises(PortraitError, match="Enrol its portrait again"):
        avatar.check_model("cd" * 32)


def rewrite(file: Path, changes: dict[str, bytes | None]) -> None:
    """Replace (or drop) parts of an avatar file."""
    with zipfile.ZipFile(file) as archive:
        parts: dict[str, bytes | None] = {n: archive.read(n) for n in archive.namelist()}
    parts.update(changes)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            if data is not None:
                archive.writestr(name, data)


def header_of(file: Path) -> dict[str, object]:
    with zipfile.ZipFile(file) as archive:
        header = json.loads(archive.read("avatar.json"))
        assert isinstance(header, dict)
        return header


def break_it(file: Path, how: str) -> None:
    data = file.read_bytes()
    header = header_of(file)
    match how:
        case "empty":
            file.write_bytes(b"")
        case "text":
            file.write_bytes(b"this is no avatar" * 50)
        case "half":
            file.write_bytes(data[: len(data) // 2])
        case "flipped":
            file.write_bytes(data[:3000] + bytes(b ^ 255 for b in data[3000:3100]) + data[3100:])
        case "missing":
            file.unlink()
        case "folder":
            file.unlink()
            file.mkdir()
        case "no header":
            rewrite(file, {"avatar.json": None})
        case "other zip":
            rewrite(file, {"avatar.json": b'{"format": "something"}'})
        case "future":
            rewrite(file, {"avatar.json": json.dumps({**header, "version": VERSION + 1}).encode()})
        case "bad point":
            bad = {**header, "points": {"chin": "here"}}
            rewrite(file, {"avatar.json": json.dumps(bad).encode()})
        case "list":
            rewrite(file, {"avatar.json": b"[1, 2]"})
        case "bad picture":
            rewrite(file, {"portrait.png": b"\x89PNG broken"})
        case "pickle":
            stream = io.BytesIO()
            np.savez(stream, alpha=np.array([{"a": 1}], dtype=object))
            rewrite(file, {"arrays.npz": stream.getvalue()})


BREAKAGES = (
    "empty",
    "text",
    "half",
    "flipped",
    "missing",
    "folder",
    "no header",
    "other zip",
    "future",
    "bad point",
    "list",
    "bad picture",
    "pickle",
)


@pytest.mark.parametrize("how", BREAKAGES)
def test_broken_files_are_refused_in_words(tmp_path: Path, how: str) -> None:
    file = tmp_path / "me.avatar"
    make_avatar().save(file)
    break_it(file, how)
    with pytest.raises(PortraitError) as caught:
        Avatar.load(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unwritable_place_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "me.avatar"
    make_avatar().save(file)
    before = file.read_bytes()

    def full_disk(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.avatar.os.fsync", full_disk)
    with pytest.raises(PortraitError, match="No space left"):
        make_avatar(100, 100).save(file)
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [file.name]
    monkeypatch.undo()
    with pytest.raises(PortraitError, match="cannot be written"):
        make_avatar().save(tmp_path / "no" / "such" / "folder.avatar")
