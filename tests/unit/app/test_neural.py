"""The neural renderer put over the warp: what is prepared is kept in the avatar's file."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from app.live.parts import ShippedParts  # noqa: E402
from app.neural import FilmPainter, neural_renderer  # noqa: E402
from core.avatar import Avatar  # noqa: E402
from core.camera import HeadPose  # noqa: E402
from core.face_model import FaceModel  # noqa: E402
from core.presets import Preset  # noqa: E402
from core.types import ExpressionFrame  # noqa: E402
from render.engines.base import EngineSettings  # noqa: E402
from render.fia.config import PRESETS  # noqa: E402
from render.fia.enrolment import FiaCache  # noqa: E402
from render.fia.network import FiaNetwork  # noqa: E402
from render.warp import WarpRenderer  # noqa: E402
from weights import store  # noqa: E402
from weights.training.fia.ship import write_pair  # noqa: E402

TINY = dataclasses.replace(
    PRESETS["pocket"], size_px=64, encoder_widths=(8, 8, 8, 16), decoder_widths=(16, 8, 8, 8)
)


@pytest.fixture
def model() -> FaceModel:
    return FaceModel.load(store.path("face_model.npz"))


@pytest.fixture
def avatar(model: FaceModel) -> Avatar:
    return Avatar(
        image_rgb=np.full((200, 200, 3), 120, np.uint8),
        alpha=np.zeros(model.num_identity, np.float32),
        beta=np.zeros(52, np.float32),
        pose=HeadPose(7.0, np.eye(3), np.array([100.0, 110.0])),
        offset_px=np.zeros((model.num_vertices, 2), np.float32),
        points={},
    )


@pytest.fixture
def decoder(tmp_path: Path) -> Path:
    """A network that paints a bright mouth."""
    torch.manual_seed(0)
    network = FiaNetwork(dataclasses.replace(TINY, guided=False)).eval()
    torch.nn.init.zeros_(network.decoder.out.weight)
    torch.nn.init.constant_(network.decoder.out.bias, 0.7)
    return write_pair(network, "tiny", tmp_path)


STILL = ExpressionFrame(0, np.zeros(52, np.float32), np.zeros(6, np.float32), False)


def test_it_is_prepared_once(
    model: FaceModel, avatar: Avatar, decoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "me.avatar"
    avatar.save(kept)
    warp = WarpRenderer(avatar, model, (128, 128))
    settings = EngineSettings(cache_folder=tmp_path / "cache")
    computed = []
    compute = FiaCache.compute
    monkeypatch.setattr(FiaCache, "compute", lambda *given: computed.append(1) or compute(*given))

    def build() -> tuple[np.ndarray, list[str]]:
        said: list[str] = []
        renderer = neural_renderer(avatar, warp, model, decoder, said.append, kept, settings)
        return renderer.render(STILL).rgb.copy(), said

    first, said = build()
    second, _ = build()
    assert len(computed) == 1
    assert np.array_equal(first, second)
    assert said == []
    assert np.array_equal(Avatar.load(kept).alpha, avatar.alpha)


def test_a_live_session_and_a_film_are_painted_too(
    model: FaceModel, avatar: Avatar, decoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    size = (128, 128)
    live, said = ShippedParts(), []
    preset = Preset(name="any")
    network = preset.changed("rendering.neural", "file").changed("rendering.network", str(decoder))
    plain, painted = (live.renderer(avatar, one, size, said.append) for one in (preset, network))
    assert live.engine(plain) == "warp, CPU"
    assert live.engine(painted) == "pocket, CPU"
    bare = plain.render(STILL).rgb.astype(float)
    lightened = painted.render(STILL).rgb - bare
    assert 45 < lightened.max() < 56  # to two thirds of full brightness, from 120

    painter = FilmPainter(model, decoder, said.append)
    warp = WarpRenderer(avatar, model, size)
    both = [painter.over(warp, avatar).render(STILL).rgb.copy() for _ in range(2)]
    assert np.array_equal(*both)
    assert (both[0] - WarpRenderer(avatar, model, size).render(STILL).rgb.astype(float)).max() > 45
    assert said == []
