"""The shipped FIA networks over the sample portrait: they shade, and leave the mouth alone."""

from pathlib import Path

import numpy as np
import pytest

from app import parts
from app.live.parts import ShippedParts
from app.live.session import LiveSession
from app.neural import neural_renderer
from core.avatar import Avatar
from core.blendshapes import INDEX, NUM
from core.errors import ModelError, WeightsError
from core.preset_files import SHIPPED
from core.presets import Rendering
from core.session import Mode
from core.types import ExpressionFrame
from render.engines.base import EngineFactory, EngineSettings
from render.engines.choose import LADDER
from render.engines.onnx_engine import ONNX_CPU, ONNX_CPU_INT8
from render.fia.enrolment import FiaCache
from render.fia.geometry import HeadGeometry
from render.fia.model import FiaModel
from render.fia.renderer import FiaRenderer
from render.warp import WarpRenderer
from tests.live_fakes import until

SIZE = (512, 512)
TALKING = {"jawOpen": 0.5, "mouthLowerDownLeft": 0.3, "mouthLowerDownRight": 0.3}


NAMES = ("pocket", "compact")


def shipped(name: str = "compact") -> Path:
    decoder = parts.neural_decoder(Rendering(neural=name))
    assert decoder is not None
    return decoder


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return ShippedParts().enrol(parts.SAMPLE_PORTRAIT)


@pytest.fixture(scope="module")
def warp(avatar: Avatar) -> WarpRenderer:
    return parts.warp_renderer(avatar, SHIPPED[0], SIZE)


@pytest.fixture(scope="module", params=NAMES)
def network(
    request: pytest.FixtureRequest,
    avatar: Avatar,
    warp: WarpRenderer,
    tmp_path_factory: pytest.TempPathFactory,
) -> FiaRenderer:
    settings = EngineSettings(cache_folder=tmp_path_factory.mktemp("engines"))
    decoder = shipped(request.param)
    said: list[str] = []
    return neural_renderer(
        avatar, warp, parts.face_model(), decoder, said.append, settings=settings
    )


def frame(**values: float) -> ExpressionFrame:
    beta = np.zeros(NUM, np.float32)
    for name, value in values.items():
        beta[INDEX[name]] = value
    return ExpressionFrame(0, beta, np.zeros(6, np.float32), True)


@pytest.mark.parametrize("name", NAMES)
def test_they_are_the_networks_of_the_model_card(name: str) -> None:
    config = FiaModel.open(shipped(name)).config
    assert (config.name, config.guided, config.light_only) == (name, True, True)
    assert config.keep_mouth


def test_lips_and_skin_are_shaded_and_nothing_else(
    avatar: Avatar, warp: WarpRenderer, network: FiaRenderer
) -> None:
    drawn = warp.render(frame(**TALKING)).rgb.astype(int)
    shaded = network.render(frame(**TALKING)).rgb.astype(int)
    change = np.abs(shaded - drawn).max(axis=2)
    assert (change > 2).sum() > 50
    assert np.percentile(change[change > 0], 99) < 60
    model = parts.face_model()
    points = HeadGeometry(avatar, model, warp.view).moved(frame(**TALKING))[:, :2]
    rows, columns = np.nonzero(change > 2)
    chin = points[model.landmarks["jaw"]][:, 1].max()
    eyes = points[model.landmarks["eye_left_lower"]][:, 1].max()
    assert eyes < rows.min()
    assert rows.max() < chin + 0.5 * (chin - eyes)
    rims = [points[model.landmarks[f"lip_rim_{side}"]] for side in ("upper", "lower")]
    middle = (rims[0][len(rims[0]) // 2] + rims[1][len(rims[1]) // 2]) / 2
    column, row = np.rint(middle).astype(int)
    assert change[row - 2 : row + 3, column - 4 : column + 5].max() <= 1
    sides = points[model.landmarks["jaw"]][:, 0]
    assert sides.min() - 5 < columns.min()
    assert columns.max() < sides.max() + 5


def test_hues_stay(warp: WarpRenderer, network: FiaRenderer) -> None:
    drawn = warp.render(frame(**TALKING)).rgb.astype(float)
    shaded = network.render(frame(**TALKING)).rgb.astype(float)
    changed = (np.abs(shaded - drawn).max(axis=2) > 4) & (drawn.min(axis=2) > 30)
    changed &= shaded.max(axis=2) < 250
    ratios = shaded[changed] / drawn[changed]
    assert np.median(ratios.max(axis=1) / ratios.min(axis=1)) < 1.04


@pytest.mark.parametrize("name", NAMES)
def test_every_engine_of_this_machine_paints_alike_or_says_why_not(
    avatar: Avatar, warp: WarpRenderer, name: str, tmp_path: Path
) -> None:
    network = FiaModel.open(shipped(name))
    settings = EngineSettings(cache_folder=tmp_path)
    cache = FiaCache.compute(avatar, parts.face_model(), network)

    def painted(factory: EngineFactory) -> np.ndarray:
        engine = factory.load(network.decoder, settings)
        arguments = (avatar, warp, parts.face_model(), network.config, engine, cache)
        return FiaRenderer(*arguments).render(frame(**TALKING)).rgb.astype(float)

    drawn = warp.render(frame(**TALKING)).rgb.astype(float)
    expected = painted(ONNX_CPU)
    changed = np.abs(expected - drawn).max(axis=2) > 2
    assert changed.sum() > 50
    assert ONNX_CPU_INT8.available(network.decoder)
    for factory in (factory for factory in LADDER if factory.available(network.decoder)):
        try:
            found = painted(factory)
        except ModelError as error:
            assert factory.name in str(error)
            assert "It needs" in str(error) or "Mend it" in str(error)
            continue
        assert np.abs(found - expected)[changed].mean() < 0.7, factory.name


def test_a_running_session_takes_it_up_and_leaves_it(
    avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plain = SHIPPED[0].changed("camera.mode", "640x360@25")
    session = LiveSession(ShippedParts(), plain.changed("rendering.neural", "compact"))
    try:
        session.set_avatar(avatar)
        session.set_mode(Mode.PREVIEW)
        until(lambda: session.state().engine.startswith("compact, "), 30.0)
        until(lambda: session.latest_frame() is not None, 30.0)
        session.apply_preset(plain)
        until(lambda: session.state().engine == "warp, CPU", 30.0)
        own = plain.changed("rendering.neural", "file")
        session.apply_preset(own)
        until(lambda: any("names no file" in n.text for n in session.state().notices), 30.0)
        assert session.state().engine == "warp, CPU"
    finally:
        session.close()


def test_an_altered_file_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def altered(name: str) -> Path:
        raise WeightsError("The weights file {file} is not the right one.", file=name)

    monkeypatch.setattr("weights.store.path", altered)
    with pytest.raises(WeightsError, match="fia_compact_enrolment"):
        shipped()
