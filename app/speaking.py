"""How somebody speaks: chosen by name, or learned from a film of them speaking."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app import parts
from app.avatars import tools
from app.progress import Progress
from audio_io.files import read_audio
from core import pipeline
from core.avatar import Style
from core.errors import ConfigError
from core.face_model import FaceModel
from core.portrait.tracking import track
from core.presets import Preset
from core.types import FloatArray
from core.voice.priors import NAMED_AMPLITUDES, representative
from render.video_reader import read_video

Curve = NDArray[np.float64]

NAMED = {name: Style(name, amplitude) for name, amplitude in NAMED_AMPLITUDES.items()}
_AMPLITUDE = (0.5, 1.8)
_LEAST_SPEECH_S = 3.0
_LEAST_AGREEMENT = 0.15
_LEAST_MOVEMENT = 0.2
_SEEN_SHARE = 0.76
"""How much of a drawn mouth's movement tracking finds again (measured on our own films)."""
_PICTURES = 160
"""About as many pictures of the film are looked at, evenly spread."""
_REACH = 5
_HISTORY_POOL = 0.5
"""Share of the frames, those that move most, that past expressions are taken from."""


def learn(film: Path, progress: Progress | None = None) -> Style:
    """A person's own way of speaking, from a film with its sound.

    The mouth of the film is compared with what a neutral speaker's would do for the same sound.

    Args:
        film: Any video file; ten seconds of somebody reading a sentence aloud are enough.
        progress: Shows how far the film has been followed.

    Raises:
        PortraitError: There is no face in most of the film.
        ConfigError: Nobody is heard speaking in it, or the mouth does not belong to the voice.
        AudioError: It has no sound.
    """
    sound, video = read_audio(film), read_video(film)
    speech = parts.speech_stage(Preset(name="neutral speaker"))
    said = list(pipeline.at_rate(pipeline.express(sound, speech), float(video.frame_rate_hz)))
    if sum(frame.voiced for frame in said) < _LEAST_SPEECH_S * video.frame_rate_hz:
        raise ConfigError(
            f"{film} holds less than {_LEAST_SPEECH_S:g} s of speech. "
            "Film yourself reading two or three sentences aloud."
        )
    every = max(1, len(said) // _PICTURES)
    pictures = itertools.islice(video, 0, len(said), every)
    seen = track(progress.track(pictures) if progress else pictures, tools(), smoothing=0)
    own = _gap(parts.face_model(), seen.alpha, [face.beta for face in seen.faces])
    usual = _gap(parts.face_model(), seen.alpha, [frame.beta for frame in said])
    at = np.arange(len(own)) * every
    voiced = np.array([said[i].voiced for i in at])
    amplitude = _spread(own[voiced]) / max(_spread(usual[at][voiced]), 1e-6) / _SEEN_SHARE
    if amplitude < _LEAST_MOVEMENT or _agreement(usual, own, at, voiced) < _LEAST_AGREEMENT:
        raise ConfigError(
            f"The mouth in {film} does not move with its voice. "
            "Choose a film that shows the person who is heard."
        )
    betas = np.stack([face.beta for face in seen.faces])[voiced]
    return Style("learned", float(np.clip(amplitude, *_AMPLITUDE)), _history(betas))


def _gap(model: FaceModel, alpha: FloatArray, betas: Sequence[FloatArray]) -> Curve:
    """Distance between the lips' middles (T,) in cm."""
    neutral = model.shape(alpha)
    return np.array([model.lip_gap(model.pose(neutral, beta)) for beta in betas])


def _spread(gap: Curve) -> float:
    return float(np.subtract(*np.percentile(gap, (90, 10))))


def _agreement(said: Curve, seen: Curve, at: NDArray[np.int64], voiced: NDArray[np.bool_]) -> float:
    """The highest correlation within a few frames' shift, for cameras that lag their sound."""
    best = 0.0
    for shift in range(-_REACH, _REACH + 1):
        shifted = said[np.clip(at + shift, 0, len(said) - 1)]
        if min(shifted[voiced].std(), seen[voiced].std()) > 1e-6:
            best = max(best, float(np.corrcoef(shifted[voiced], seen[voiced])[0, 1]))
    return best


def _history(betas: FloatArray) -> FloatArray:
    """Past expressions of the frames that move most."""
    movement = betas.sum(1)
    return representative(betas[movement >= np.quantile(movement, 1 - _HISTORY_POOL)])
