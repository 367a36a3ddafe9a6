"""From a stream of sound to a stream of expressions."""

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from core.types import HOP_SAMPLES, SAMPLE_RATE_HZ, ExpressionFrame, FloatArray
from core.voice.controls import ControlFilter, ExpressionControls
from core.voice.gate import GateSettings, VoiceGate
from core.voice.model import VoiceModel

_HOP_MS = 1000 * HOP_SAMPLES // SAMPLE_RATE_HZ


class ExpressionStream:
    """Turns sound into one expression a hop, causally, with a fixed lookahead.

    Frames depend on the sound alone, never on how it is cut into blocks: the network always hears
    whole hops, so the same sound gives the same bits.

    Threads: none inside; use from one thread at a time.
    """

    def __init__(
        self,
        model: VoiceModel,
        lookahead_ms: int = 80,
        controls: ExpressionControls | None = None,
        gate: GateSettings | None = None,
    ) -> None:
        """Start a stream at sample 0.

        Args:
            model: The voice network.
            lookahead_ms: Sound after a frame that is heard before it is decided; 80, or 40 where
                every millisecond counts.
            controls: Expressiveness; neutral when left out.
            gate: When the mouth rests; the usual settings when left out.

        Raises:
            ConfigError: The network has not been trained for this lookahead.
        """
        if lookahead_ms not in model.lookaheads_ms:
            raise ConfigError(
                "A lookahead of {lookahead_ms} ms is not possible; choose one of {names} ms.",
                lookahead_ms=lookahead_ms,
                names=", ".join(map(str, model.lookaheads_ms)),
            )
        self._model = model
        self._lookahead_ms = lookahead_ms
        self._lookahead_hops = lookahead_ms // _HOP_MS
        self._listener = model.listener()
        self._state = model.initial_state()
        self._gate = VoiceGate(gate)
        self._filter = ControlFilter(controls)
        self._pending = np.zeros(HOP_SAMPLES, np.float32)
        self._pending_count = 0
        self._hops = 0
        self._finished = False

    @property
    def latency_samples(self) -> int:
        """Samples after the end of a frame's hop that must arrive before the frame comes out."""
        return self._lookahead_hops * HOP_SAMPLES

    @property
    def controls(self) -> ExpressionControls:
        """Expressiveness; may be replaced at any time and holds from the next frame on."""
        return self._filter.controls

    @controls.setter
    def controls(self, controls: ExpressionControls) -> None:
        self._filter.controls = controls

    def speak_as(self, model: VoiceModel) -> None:
        """Go on with the same network told of another speaker, from the next frame on.

        Args:
            model: What `VoiceModel.of_speaker` gave.

        Raises:
            ValueError: It is another network.
        """
        if not model.is_same_network(self._model):
            raise ValueError("a stream cannot go on with another network")
        self._model = model

    def push(self, samples: NDArray[np.float32]) -> list[ExpressionFrame]:
        """Hear more sound.

        Args:
            samples: Mono, shape (N,), float32, range [-1, 1], at 16 kHz; any N, also 0.

        Returns:
            The frames that became certain, in order.

        Raises:
            TypeError: `samples` is not float32.
            ValueError: `samples` is not one-dimensional, or the stream has been finished.
        """
        if samples.dtype != np.float32:
            raise TypeError(f"samples must be float32, not {samples.dtype}")
        if samples.ndim != 1:
            raise ValueError(f"samples must have shape (N,), not {samples.shape}")
        if self._finished:
            raise ValueError("this stream has been finished; start a new one")
        frames: list[ExpressionFrame] = []
        at = 0
        while at < len(samples):
            part = samples[at : at + HOP_SAMPLES - self._pending_count]
            end = self._pending_count + len(part)
            self._pending[self._pending_count : end] = part
            self._pending_count = end
            at += len(part)
            if end == HOP_SAMPLES:
                frames += self._hear(self._pending)
                self._pending_count = 0
        return frames

    def finish(self) -> list[ExpressionFrame]:
        """End of the sound: the remaining frames, as if silence followed.

        In all, a stream gives ceil(samples / HOP_SAMPLES) frames. A second call gives none.
        """
        if self._finished:
            return []
        total = self._hops + (self._pending_count > 0)
        frames: list[ExpressionFrame] = []
        if self._pending_count:
            self._pending[self._pending_count :] = 0
            frames += self._hear(self._pending)
        silence = np.zeros(HOP_SAMPLES, np.float32)
        while self._hops < total + self._lookahead_hops:
            frames += self._hear(silence)
        self._finished = True
        return frames

    def _hear(self, hop: FloatArray) -> list[ExpressionFrame]:
        hop = np.nan_to_num(hop, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)
        heard = self._listener.push(hop)
        raw, speech, self._state = self._model.step(heard, self._state, self._lookahead_ms)
        index = self._hops - self._lookahead_hops
        self._hops += 1
        if index < 0:
            return []
        opening, is_open = self._gate.step(speech)
        beta = self._filter.apply(raw, opening)
        return [ExpressionFrame(index, beta, np.zeros(6, np.float32), is_open)]
