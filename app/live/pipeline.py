"""The running parts of a session: microphone to camera, started and stopped together."""

import logging
import sys
import time
from collections.abc import Callable

from app.live.stages import ExpressionStage, FrameTarget, OutputStage, Picture, RenderStage, Timed
from audio_io.capture import Microphone, MicrophoneStream
from audio_io.devices import SoundSystem
from audio_io.virtual_mic import VoicePlayer
from audio_io.voice_input import VoiceInput
from core.latest_slot import NewestQueue
from core.pipeline import MotionStage, SpeechStage
from core.stage import Stage, StageState, StageTimeoutError
from core.types import FRAME_RATE_HZ

logger = logging.getLogger(__name__)

VOICE_AFTER_FRAME_S = -0.012
"""The delayed voice against the start of its frame. A frame stands for 40 ms of sound, so sounds
within it are heard 12 ms before to 28 ms after it appears. A program that listens adds 1 to 10 ms:
then they are as far from 15 ms early as from 45 ms late, which is what nobody notices."""
_SWITCH_INTERVAL_S = 0.001
"""A thread of sound or pacing waits this long at most for another one's Python code."""
_DEEPEST_WAIT_FRAMES = 12
"""Pictures that may wait for their moment: 480 ms, the longest display delay."""


class LivePipeline:
    """Microphone, expression, renderer and output on threads of their own.

    Args:
        system: The machine's sound; None where there is none (the face then rests).
        make_speech: Builds the speech stage, on the expression thread.
        motion: Life motion.
        targets: What the output shows pictures to, asked before each one.
        on_failure: Called from a stage's thread when it failed.
    """

    def __init__(
        self,
        system: SoundSystem | None,
        make_speech: Callable[[], SpeechStage],
        motion: MotionStage,
        targets: Callable[[], tuple[FrameTarget, ...]],
        on_failure: Callable[[Stage], None],
    ) -> None:
        self._system = system
        self._on_failure = on_failure
        self.microphone = Microphone(system, on_failure) if system else None
        self.instead: MicrophoneStream | None = None
        """Sound that takes the microphone's place (a file that is played)."""
        self.voice = VoiceInput(self._stream)
        expressions: NewestQueue[Timed] = NewestQueue(1)
        pictures: NewestQueue[Picture] = NewestQueue(_DEEPEST_WAIT_FRAMES)
        self._queues = (expressions, pictures)
        self.expression = ExpressionStage(self.voice, make_speech, motion, expressions, on_failure)
        self.renderer = RenderStage(expressions, pictures, on_failure)
        self.output = OutputStage(pictures, targets, lambda: self.voice.age_s, on_failure)
        self.players: dict[str, VoicePlayer] = {}
        self.sound_shift_s = 0.0
        """Added to the delay of the voice: what was measured, or set by hand."""

    @property
    def dropped(self) -> int:
        """Frames that were never drawn or never shown because newer ones came."""
        return sum(queue.dropped for queue in self._queues)

    @property
    def stages(self) -> dict[str, StageState]:
        """The state of every part, by name."""
        return {stage.name: stage.state for stage in self._all()}

    def voice_delay_s(self) -> float:
        """Delay of the voice that keeps it with the picture."""
        return self.output.delay.value_s + VOICE_AFTER_FRAME_S + self.sound_shift_s

    def sync_offset_ms(self, name: str) -> float | None:
        """Sound of player `name` against the picture, + when the sound is early; None unknown."""
        player = self.players.get(name)
        if player is None or not player.alive:
            return None
        # A sound lies, on average, in the middle of its frame's 40 ms.
        late_s = VOICE_AFTER_FRAME_S + 0.5 / FRAME_RATE_HZ + player.line.error_s
        return -1000 * late_s

    def start(self) -> None:
        """Start all parts, the last one first."""
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        for stage in reversed(self._all()):
            stage.start()

    def stop(self, timeout_s: float) -> None:
        """Stop all parts, the last one first, and wait for them."""
        stages = list(reversed(self._all()))
        for stage in stages:
            stage.stop()
        deadline_s = time.monotonic() + timeout_s
        for stage in stages:
            try:
                stage.join(max(deadline_s - time.monotonic(), 0.01))
            except StageTimeoutError as error:
                logger.error("%s", error)

    def play_to(self, name: str, device_id: str | None) -> None:
        """Play the delayed voice into a device as stage `name`, in place of the one before."""
        self.stop_playing(name)
        if self._system is None:
            return
        player = VoicePlayer(
            name, self._system, self.voice.ring, self.voice.clock, device_id,
            self.voice_delay_s, self._on_failure,
        )  # fmt: skip
        self.players[name] = player
        player.start()

    def stop_playing(self, name: str) -> None:
        """Stop the player of that name, if it runs."""
        player = self.players.pop(name, None)
        if player is None:
            return
        player.stop()
        try:
            player.join(1.0)
        except StageTimeoutError as error:
            logger.error("%s", error)

    def _stream(self) -> MicrophoneStream | None:
        if self.instead is not None:
            return self.instead
        return self.microphone.stream if self.microphone else None

    def _all(self) -> list[Stage]:
        """From source to sink."""
        source: list[Stage] = [self.microphone] if self.microphone else []
        return [*source, self.expression, self.renderer, self.output, *self.players.values()]
