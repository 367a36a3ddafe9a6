"""What the neural renderer prepares for a portrait, and how it is kept in the avatar's file."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from core.avatar import Avatar
from core.camera import HeadPose
from core.errors import ModelError, PortraitError
from core.face_model import FaceModel
from render.fia.config import PRESETS
from render.fia.enrolment import FiaCache, crop_portrait
from render.fia.model import FiaModel
from weights import store

TINY = dataclasses.replace(
    PRESETS["pocket"], size_px=32, encoder_widths=(8, 8, 8, 16), decoder_widths=(16, 8, 8, 8)
)


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.load(store.path("face_model.npz"))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> FiaModel:
    torch = pytest.importorskip("torch", reason="needs the extra [train]")
    pytest.importorskip("onnx", reason="needs the extra [train]")
    from render.fia.network import FiaNetwork
    from weights.training.fia.ship import write_pair

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("network")
    return FiaModel.open(write_pair(FiaNetwork(TINY).eval(), "tiny", folder))


@pytest.fixture
def avatar(model: FaceModel) -> Avatar:
    rng = np.random.default_rng(0)
    return Avatar(
        image_rgb=rng.integers(0, 255, (240, 240, 3), np.uint8),
        alpha=rng.normal(size=model.num_identity).astype(np.float32),
        beta=np.zeros(52, np.float32),
        pose=HeadPose(8.0, np.eye(3), np.array([120.0, 130.0])),
        offset_px=np.zeros((model.num_vertices, 2), np.float32),
        points={},
    )


def test_the_source_hides_what_may_change(avatar: Avatar, model: FaceModel) -> None:
    seen = crop_portrait(avatar, model, PRESETS["compact"])
    hidden = seen.widest < 0.01
    assert hidden.sum() > 0.2 * hidden.size
    assert seen.source[hidden].max() <= 3
    kept = seen.widest == 1
    assert np.array_equal(seen.source[kept], seen.reference[kept])


def test_kept_in_the_avatar_file(
    avatar: Avatar, model: FaceModel, network: FiaModel, tmp_path: Path
) -> None:
    cache = FiaCache.compute(avatar, model, network)
    path = tmp_path / "me.avatar"
    avatar.save(path)
    assert FiaCache.load(path, network.hash) is None
    cache.save(path)
    cache.save(path)
    loaded = FiaCache.load(path, network.hash)
    assert loaded is not None
    assert loaded.tensors.keys() == cache.tensors.keys()
    for name, tensor in cache.tensors.items():
        assert np.array_equal(loaded.tensors[name], tensor), name
    assert FiaCache.load(path, "0" * 64) is None
    assert np.array_equal(Avatar.load(path).image_rgb, avatar.image_rgb)
    assert list(tmp_path.iterdir()) == [path]


def test_it_depends_on_the_portrait(avatar: Avatar, model: FaceModel, network: FiaModel) -> None:
    first = FiaCache.compute(avatar, model, network)
    other = dataclasses.replace(avatar, image_rgb=255 - avatar.image_rgb)
    second = FiaCache.compute(other, model, network)
    assert np.abs(first.tensors["stem"] - second.tensors["stem"]).max() > 1e-3
    assert np.array_equal(first.tensors["alpha"], second.tensors["alpha"])


def test_files_that_do_not_fit_are_refused(network: FiaModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a FIA decoder"):
        FiaModel.open(tmp_path / "other.onnx")
    with pytest.raises(ModelError, match="missing"):
        FiaModel.open(tmp_path / "x_decoder.onnx")
    lonely = tmp_path / "x_decoder.onnx"
    lonely.write_bytes(network.decoder.read_bytes())
    with pytest.raises(ModelError, match=r"x_enrolment\.onnx is missing"):
        FiaModel.open(lonely)


def test_no_avatar_to_keep_it_in(tmp_path: Path) -> None:
    cache = FiaCache({"stem": np.zeros(3, np.float32)}, "0" * 64)
    with pytest.raises(PortraitError, match="cannot be kept"):
        cache.save(tmp_path / "absent.avatar")
    assert not list(tmp_path.iterdir())
