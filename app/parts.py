"""Builds the parts of the product from the shipped weights and a preset, in one place."""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from core.avatar import Avatar
from core.errors import ConfigError
from core.face_model import FaceModel
from core.life import LifeMotion
from core.portrait.picture import read_picture
from core.presets import Backdrop, Frame, Preset, Rendering
from core.renderer import Renderer
from core.voice import ExpressionControls, ExpressionStream, VoiceModel
from render.background import Background
from render.warp import Framing, WarpRenderer
from weights import store

SAMPLES = Path(__file__).resolve().parent / "samples"
SAMPLE_PORTRAIT = SAMPLES / "portrait.jpg"
SAMPLE_SPEECH = SAMPLES / "hello.wav"


@lru_cache(maxsize=1)
def face_model() -> FaceModel:
    """The shipped face model."""
    return FaceModel.load(store.path("face_model.npz"))


VOICES = {"mel": "voice.onnx", "a2e": "voice_a2e.onnx", "hubert": "voice_hubert.onnx"}
"""The shipped voice networks by the name that presets give them, the default first."""


@lru_cache(maxsize=len(VOICES))
def voice_model(name: str = "mel") -> VoiceModel:
    """A shipped voice network."""
    return VoiceModel.load(store.path(VOICES[name]))


def speech_stage(preset: Preset, avatar: Avatar | None = None) -> ExpressionStream:
    """Speech to expression as the preset wants it, at sample 0.

    Args:
        preset: Voice network, lookahead and expressiveness.
        avatar: Who speaks; somebody neutral when left out.
    """
    controls = speech_controls(preset, avatar)
    return ExpressionStream(speaker(preset, avatar), preset.speech.lookahead_ms, controls)


def speaker(preset: Preset, avatar: Avatar | None) -> VoiceModel:
    """The preset's voice network, told who speaks; somebody neutral for None."""
    model = voice_model(preset.speech.voice)
    if avatar is None:
        return model
    return model.of_speaker(avatar.alpha, avatar.style.name, avatar.style.history)


def speech_controls(preset: Preset, avatar: Avatar | None = None) -> ExpressionControls:
    """The preset's expressiveness on top of the speaker's own way of speaking.

    Networks with priors have the latter from the speaker's past expressions already.
    """
    has_priors = bool(voice_model(preset.speech.voice).styles)
    own = 1.0 if avatar is None or has_priors else avatar.style.amplitude
    return ExpressionControls(amplitude=min(2.0, preset.motion.expressiveness * own))


def motion_stage(preset: Preset, seed: int = 0) -> LifeMotion:
    """The preset's life motions, at their beginning."""
    return LifeMotion(preset.motion.life(), seed)


def renderer(
    avatar: Avatar,
    preset: Preset,
    size: tuple[int, int],
    note: Callable[[str], None],
    avatar_file: Path | None = None,
    threads: int = 1,
) -> Renderer:
    """What draws an avatar as the preset wants it.

    Args:
        avatar: Whom to draw.
        preset: Framing, background and neural renderer.
        size: Width and height in pixels.
        note: Told of every engine that does not work, now and later.
        avatar_file: Where what a network prepares for this portrait is kept, if anywhere.
        threads: For a network on the CPU.

    Raises:
        ConfigError: The preset wants a picture or network and names none.
        ModelError: The network cannot be loaded or run.
        WeightsError: The shipped network is missing or altered.
    """
    warp = warp_renderer(avatar, preset, size)
    decoder = neural_decoder(preset.rendering)
    if decoder is None:
        return warp
    from app.neural import neural_renderer
    from render.engines.base import EngineSettings

    settings = EngineSettings(threads=threads)
    return neural_renderer(avatar, warp, face_model(), decoder, note, avatar_file, settings)


def threads_in_a_call() -> int:
    """Threads of a network on the CPU beside a call: two at most, and half of what there is."""
    return max(1, min((os.cpu_count() or 1) // 2, 2))


def threads_for_a_film() -> int:
    """Threads of a network on the CPU where no call waits for the rest of it: four at most."""
    return min(os.cpu_count() or 1, 4)


def warp_renderer(avatar: Avatar, preset: Preset, size: tuple[int, int]) -> WarpRenderer:
    """The default renderer for an avatar; see `renderer`."""
    return WarpRenderer(
        avatar,
        face_model(),
        size=size,
        framing=framing(preset.framing),
        background=background(preset.background),
    )


def engine(renderer: object) -> str:
    """What draws, in words: "warp, CPU", or network and inference engine.

    Args:
        renderer: Draws; a film's painter, or none where the warp draws alone.
    """
    return str(getattr(renderer, "engine_name", "warp, CPU"))


def neural_decoder(rendering: Rendering) -> Path | None:
    """The network that paints the mouth, NAME_decoder.onnx; None for none.

    Raises:
        ConfigError: It is to be one of your own, and none is named.
        WeightsError: The shipped one is missing or altered.
    """
    if rendering.neural == "off":
        return None
    if rendering.neural == "file":
        if rendering.network:
            return Path(rendering.network)
        raise ConfigError(
            "The mouth is to be painted by a network of your own, but the preset names no file."
        )
    store.path(f"fia_{rendering.neural}_enrolment.onnx")
    store.path(f"fia_{rendering.neural}_decoder_int8.onnx")
    return store.path(f"fia_{rendering.neural}_decoder.onnx")


def framing(frame: Frame) -> Framing:
    """The renderer's form of a preset's framing."""
    height = None if frame.whole else frame.face_height
    return Framing(face_height=height, centre=(frame.x, frame.y))


def background(backdrop: Backdrop) -> Background:
    """The renderer's form of a preset's background.

    Raises:
        ConfigError: A picture is wanted but none is named.
        PortraitError: The picture cannot be read.
    """
    if backdrop.kind != "picture":
        return Background(backdrop.kind, backdrop.blur, backdrop.colour_rgb)  # type: ignore[arg-type]
    if not backdrop.picture:
        raise ConfigError("The background is to be a picture, but the preset names no file.")
    return Background("picture", picture_rgb=read_picture(Path(backdrop.picture)).rgb)
