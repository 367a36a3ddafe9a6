"""The neural renderer over the real warp renderer, with networks of random weights."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from core import blendshapes  # noqa: E402
from core.avatar import Avatar  # noqa: E402
from core.camera import HeadPose  # noqa: E402
from core.errors import ModelError  # noqa: E402
from core.face_model import FaceModel  # noqa: E402
from core.types import ExpressionFrame  # noqa: E402
from render.engines.base import EngineSettings, Tensor  # noqa: E402
from render.engines.onnx_engine import ONNX_CPU  # noqa: E402
from render.fia.config import PRESETS, FiaConfig  # noqa: E402
from render.fia.enrolment import FiaCache  # noqa: E402
from render.fia.model import FiaModel  # noqa: E402
from render.fia.network import FiaNetwork  # noqa: E402
from render.fia.renderer import FiaRenderer, without  # noqa: E402
from render.warp import WarpRenderer  # noqa: E402
from weights import store  # noqa: E402
from weights.training.fia.ship import write_pair  # noqa: E402

SIZE = (200, 200)
TINY = dataclasses.replace(
    PRESETS["pocket"], size_px=64, encoder_widths=(8, 8, 8, 16), decoder_widths=(16, 8, 8, 8)
)


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.load(store.path("face_model.npz"))


@pytest.fixture(scope="module")
def avatar(model: FaceModel) -> Avatar:
    rows, columns = np.mgrid[0:240, 0:240]
    picture = np.stack([100 + rows // 4, 90 + columns // 5, np.full_like(rows, 80)], axis=-1)
    return Avatar(
        image_rgb=picture.astype(np.uint8),
        alpha=np.zeros(model.num_identity, np.float32),
        beta=np.zeros(blendshapes.NUM, np.float32),
        pose=HeadPose(8.0, np.eye(3), np.array([120.0, 130.0])),
        offset_px=np.zeros((model.num_vertices, 2), np.float32),
        points={},
    )


def frame(index: int, pose: tuple[float, float, float] = (0, 0, 0)) -> ExpressionFrame:
    beta = np.zeros(blendshapes.NUM, np.float32)
    beta[blendshapes.INDEX["jawOpen"]] = 0.5
    return ExpressionFrame(index, beta, np.array([*pose, 0, 0, 0], np.float32), True)


def network_of(config: FiaConfig, folder: Path, untrained: bool) -> FiaModel:
    torch.manual_seed(0)
    network = FiaNetwork(config).eval()
    if not untrained:
        torch.nn.init.normal_(network.decoder.out.weight, std=0.3)
    return FiaModel.open(write_pair(network, "tiny", folder))


def renderer_of(avatar: Avatar, model: FaceModel, network: FiaModel) -> FiaRenderer:
    engine = ONNX_CPU.load(network.decoder, EngineSettings())
    cache = FiaCache.compute(avatar, model, network)
    warp = WarpRenderer(avatar, model, SIZE)
    return FiaRenderer(avatar, warp, model, network.config, engine, cache)


def test_untrained_it_shows_the_warp_exactly(
    avatar: Avatar, model: FaceModel, tmp_path: Path
) -> None:
    neural = renderer_of(avatar, model, network_of(TINY, tmp_path, untrained=True))
    warp = WarpRenderer(avatar, model, SIZE)
    assert neural.size == SIZE
    assert neural.engine_name == "pocket, CPU"
    for i, pose in enumerate([(0, 0, 0), (3, -5, 2)]):
        assert np.array_equal(neural.render(frame(i, pose)).rgb, warp.render(frame(i, pose)).rgb)


@pytest.mark.parametrize("guided", [True, False])
def test_it_repaints_the_mouth_and_nothing_else(
    avatar: Avatar, model: FaceModel, tmp_path: Path, guided: bool
) -> None:
    config = dataclasses.replace(TINY, guided=guided)
    neural = renderer_of(avatar, model, network_of(config, tmp_path, untrained=False))
    warp = WarpRenderer(avatar, model, SIZE)
    changed = (neural.render(frame(0)).rgb != warp.render(frame(0)).rgb).any(axis=-1)
    projected = avatar.pose.project(model.mean)
    lips = model.landmarks["lip_outer_lower"]
    view = warp.view
    inside = view.points(projected)[lips].astype(int)
    assert changed[inside[:, 1], inside[:, 0]].mean() > 0.8
    nose = view.points(projected)[model.landmarks["nose"][0]].astype(int)
    assert not changed[: nose[1]].any()
    assert not changed[:, :10].any()


def test_at_rest_the_portrait_stays_whatever_a_network_would_do(
    avatar: Avatar, model: FaceModel, tmp_path: Path
) -> None:
    still = ExpressionFrame(0, np.zeros(52, np.float32), np.zeros(6, np.float32), False)
    network = network_of(TINY, tmp_path, untrained=False)
    drawn = WarpRenderer(avatar, model, SIZE).render(still).rgb
    assert np.array_equal(renderer_of(avatar, model, network).render(still).rgb, drawn)


def test_a_change_loses_what_it_shares_with_that_at_rest() -> None:
    change = np.array([3, 3, 3, -3, -3, -3, 0], np.float32)
    at_rest = np.array([1, 5, -2, -1, -5, 2, 4], np.float32)
    assert without(at_rest, change).tolist() == [2, 0, 3, -2, 0, -3, 0]


def test_frames_do_not_depend_on_earlier_ones(
    avatar: Avatar, model: FaceModel, tmp_path: Path
) -> None:
    neural = renderer_of(avatar, model, network_of(TINY, tmp_path, untrained=False))
    first = neural.render(frame(0)).rgb.copy()
    neural.render(frame(1, (4, 6, 0)))
    assert np.array_equal(neural.render(frame(2)).rgb, first)


def test_strength_zero_is_the_warp(avatar: Avatar, model: FaceModel, tmp_path: Path) -> None:
    neural = renderer_of(avatar, model, network_of(TINY, tmp_path, untrained=False))
    neural.strength = 0.0
    warp = WarpRenderer(avatar, model, SIZE)
    assert np.array_equal(neural.render(frame(0)).rgb, warp.render(frame(0)).rgb)


class BrokenEngine:
    """Fails on every frame."""

    name = "broken"

    def set_constants(self, inputs: Mapping[str, Tensor]) -> None:
        """Accepts anything."""

    def warm_up(self, runs: int = 3) -> None:
        """Seems to work."""

    def run(self, inputs: Mapping[str, Tensor]) -> Tensor:
        raise ModelError("broken lost its device.")


def test_a_dead_engine_is_an_error(avatar: Avatar, model: FaceModel) -> None:
    warp = WarpRenderer(avatar, model, SIZE)
    cache = FiaCache({}, "")
    with pytest.raises(ModelError, match="lost its device"):
        FiaRenderer(avatar, warp, model, TINY, BrokenEngine(), cache)
    paper_style = dataclasses.replace(TINY, guided=False)
    neural = FiaRenderer(avatar, warp, model, paper_style, BrokenEngine(), cache)
    with pytest.raises(ModelError, match="lost its device"):
        neural.render(frame(0))
