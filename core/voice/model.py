"""The voice network as it runs: an ONNX file that turns one hop of sound into movement."""

import copy
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from core import blendshapes
from core.errors import ModelError
from core.onnx_session import open_session
from core.types import FloatArray
from core.voice.logmel import LogMelStream, SoundStream
from core.voice.priors import as_history, as_shape

_STATE_PREFIX = "state_"
_SHAPE, _HISTORY = "prior_shape", "prior_history"
_LISTENERS: dict[str, type[LogMelStream] | type[SoundStream]] = {
    "mel": LogMelStream,
    "sound": SoundStream,
}
"""What prepares a hop of sound, by the name of the network's input."""


@dataclass(frozen=True)
class VoiceState:
    """What the network remembers between hops; the arrays are never written to."""

    arrays: tuple[FloatArray, ...]


class VoiceModel:
    """A streaming voice network, one thread.

    Holds no state of a stream, so several streams may share it, also from several threads.

    Attributes:
        channels: Names of the movements it predicts; those of pairs without Left and Right.
        lookaheads_ms: The lookaheads it has been trained for.
        styles: Past expressions, shape (N, channels), by the name of the way of speaking they
            stand for; empty where the network knows no priors.
    """

    def __init__(self, session: onnxruntime.InferenceSession, path: Path) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        try:
            self._listener = _LISTENERS[self._input]
            properties = session.get_modelmeta().custom_metadata_map
            self.channels: tuple[str, ...] = tuple(json.loads(properties["channels"]))
            self.lookaheads_ms: tuple[int, ...] = tuple(json.loads(properties["lookahead_ms"]))
            self._expansion = _expansion(self.channels)
            self.styles: dict[str, FloatArray] = {
                name: np.array(rows, np.float32)
                for name, rows in json.loads(properties.get("styles", "{}")).items()
            }
        except (KeyError, ValueError) as error:
            raise ModelError(
                "{path} is not a voice network of this program ({reason!r}). Install the "
                "program again.",
                path=path,
                reason=error,
            ) from error
        self._state_inputs = [i for i in session.get_inputs() if i.name.startswith(_STATE_PREFIX)]
        self._state_outputs = [f"new_{i.name}" for i in self._state_inputs]
        self._priors: dict[str, FloatArray] = {}
        if self.styles:
            shapes = {i.name: i.shape for i in session.get_inputs()}
            self._priors = {_SHAPE: np.zeros(shapes[_SHAPE], np.float32)}
            self._priors[_HISTORY] = next(iter(self.styles.values()))[None]

    @classmethod
    def load(cls, path: Path) -> "VoiceModel":
        """Open a network file.

        Raises:
            ModelError: The file cannot be read, or is some other network.
        """
        return cls(open_session(path), path)

    def of_speaker(
        self, alpha: FloatArray, style: str, history: FloatArray | None = None
    ) -> "VoiceModel":
        """The same network, told who speaks; unchanged where it knows no priors.

        Args:
            alpha: Identity coefficients, shape (K,), float32.
            style: One of `styles`; the first of them where there is no such style.
            history: The speaker's own past expressions, shape (T, 52), float32, [0, 1]; where there
                are some, they count instead of `style`.
        """
        if not self.styles:
            return self
        told = copy.copy(self)
        named = self.styles.get(style, next(iter(self.styles.values())))
        told._priors = {
            _SHAPE: as_shape(alpha, self._priors[_SHAPE].shape[1]),
            _HISTORY: named[None],
        }
        if history is not None and len(history):
            told._priors[_HISTORY] = as_history(history, self.channels)
        return told

    def is_same_network(self, other: "VoiceModel") -> bool:
        """Whether both are one network, whoever speaks."""
        return self._session is other._session

    def listener(self) -> LogMelStream | SoundStream:
        """Turns hops of a new stream into what `step` hears."""
        return self._listener()

    def initial_state(self) -> VoiceState:
        """The state before the first hop."""
        return VoiceState(tuple(np.zeros(i.shape, np.float32) for i in self._state_inputs))

    def step(
        self, heard: FloatArray, state: VoiceState, lookahead_ms: int
    ) -> tuple[FloatArray, float, VoiceState]:
        """Hear one hop.

        Args:
            heard: What `listener` made of the hop, float32: log-mel tokens (2, TOKEN_SIZE), or
                samples (HOP_SAMPLES,).
            state: From `initial_state` or the call before.
            lookahead_ms: One of `lookaheads_ms`.

        Returns:
            The movement of the hop that lies `lookahead_ms` back: beta, shape (52,), float32, not
            yet bounded; the chance that it is speech, [0, 1]; the new state.
        """
        feeds: dict[str, NDArray[np.float32]] = {self._input: heard[None], **self._priors}
        for entry, array in zip(self._state_inputs, state.arrays, strict=True):
            feeds[entry.name] = array
        wanted = [f"curves_{lookahead_ms}", f"speech_{lookahead_ms}", *self._state_outputs]
        curves, speech, *arrays = self._session.run(wanted, feeds)
        beta = np.asarray(curves[0] @ self._expansion, np.float32)
        return beta, float(speech[0]), VoiceState(tuple(arrays))


def _expansion(channels: tuple[str, ...]) -> FloatArray:
    """Matrix (channels, 52) that gives both sides of a pair the same value."""
    matrix = np.zeros((len(channels), blendshapes.NUM), np.float32)
    for row, name in enumerate(channels):
        sides = [s for s in (name, f"{name}Left", f"{name}Right") if s in blendshapes.INDEX]
        if not sides:
            raise ValueError(f"unknown movement {name}")
        for side in sides:
            matrix[row, blendshapes.INDEX[side]] = 1
    return matrix
