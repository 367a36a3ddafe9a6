"""Puts a neural renderer over the warp renderer: network, engine and what the avatar keeps."""

from collections.abc import Callable
from pathlib import Path

from core.avatar import Avatar
from core.errors import PortraitError
from core.face_model import FaceModel
from core.onnx_session import open_session
from render.engines.base import EngineSettings
from render.engines.choose import choose
from render.fia.enrolment import FiaCache, crop_portrait
from render.fia.model import FiaModel
from render.fia.renderer import FiaRenderer
from render.warp import WarpRenderer


def neural_renderer(
    avatar: Avatar,
    warp: WarpRenderer,
    model: FaceModel,
    decoder: Path,
    note: Callable[[str], None],
    avatar_file: Path | None = None,
    settings: EngineSettings | None = None,
) -> FiaRenderer:
    """A renderer that repaints the mouth of the warp renderer's frames.

    Args:
        avatar: Whom.
        warp: Draws the same avatar.
        model: The face model.
        decoder: A FIA network, NAME_decoder.onnx with NAME_enrolment.onnx beside it.
        note: Receives a sentence for the user for each engine that does not work, now and later.
        avatar_file: Where what the network prepares for this portrait is kept, if anywhere.
        settings: For the engine.

    Raises:
        ModelError: The network cannot be loaded or run.
    """
    network = FiaModel.open(decoder)
    engine = choose(network.decoder, settings or EngineSettings(), note)
    cache = _prepared(avatar, model, network, note, avatar_file)
    renderer = FiaRenderer(avatar, warp, model, network.config, engine, cache)
    renderer.warm_up()
    return renderer


class FilmPainter:
    """Repaints the mouth in the pictures of a film (an `app.dubbing.Painter`).

    Each picture is a portrait of its own, so that everything of the network runs for each.
    """

    def __init__(
        self,
        model: FaceModel,
        decoder: Path,
        note: Callable[[str], None],
        settings: EngineSettings | None = None,
    ) -> None:
        """As `neural_renderer`."""
        self._model, self._network = model, FiaModel.open(decoder)
        self._enrolment = open_session(self._network.enrolment)
        self._engine = choose(self._network.decoder, settings or EngineSettings(), note)

    @property
    def engine_name(self) -> str:
        """Network and inference back end in use now, such as "compact, CUDA"."""
        return f"{self._network.config.name}, {self._engine.name}"

    def over(self, warp: WarpRenderer, avatar: Avatar) -> FiaRenderer:
        """See `app.dubbing.Painter`."""
        config = self._network.config
        seen = crop_portrait(avatar, self._model, config)
        cache = FiaCache.of_crop(seen, self._network, self._enrolment)
        return FiaRenderer(avatar, warp, self._model, config, self._engine, cache)


def _prepared(
    avatar: Avatar,
    model: FaceModel,
    network: FiaModel,
    note: Callable[[str], None],
    avatar_file: Path | None,
) -> FiaCache:
    kept = FiaCache.load(avatar_file, network.hash) if avatar_file else None
    if kept is not None:
        return kept
    cache = FiaCache.compute(avatar, model, network)
    if avatar_file is not None:
        try:
            cache.save(avatar_file)
        except PortraitError as error:
            note(str(error))
    return cache
