"""The worker threads between the voice and the camera: expression, renderer, output."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from audio_io.resample import StreamResampler
from audio_io.voice_input import VOICE_RATE_HZ, VoiceInput
from core.errors import RealTalkError
from core.latest_slot import LatestSlot, NewestQueue
from core.messages import Message
from core.pacing import DisplayDelay
from core.pipeline import MotionStage, SpeechStage
from core.renderer import Renderer
from core.ring_buffer import BufferClosedError
from core.session import Latency
from core.stage import Stage
from core.types import (
    FRAME_RATE_HZ,
    SAMPLE_RATE_HZ,
    ExpressionFrame,
    VideoFrame,
)

logger = logging.getLogger(__name__)

HOP_VOICE = VOICE_RATE_HZ // FRAME_RATE_HZ
"""Voice samples per frame."""
_MOST_BEHIND = VOICE_RATE_HZ
"""Unheard voice samples beyond which the expression skips to the newest."""
FIRST_DELAY_S = 0.2
_FRAME_S = 1.0 / FRAME_RATE_HZ
_REST_STEP = 0.5
"""Share of the way to the resting mouth that one frame takes after muting."""
_WINDOW_FRAMES = 10 * FRAME_RATE_HZ
_LOG_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Timed:
    """An expression frame and when its parts were done, `time.monotonic()` seconds.

    Attributes:
        frame: The expression.
        arrived_s: Arrival of its first voice sample, by the clock.
        heard_s: The last sample it needed was read.
        expressed_s: The expression was done.
    """

    frame: ExpressionFrame
    arrived_s: float
    heard_s: float
    expressed_s: float


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture with its history; `video.rgb` is a copy of its own."""

    video: VideoFrame
    timed: Timed
    drawn_s: float


class ExpressionStage(Stage):
    """Voice to expression, one hop of 40 ms after the other, life motion included.

    Args:
        voice: The voice and its clock.
        make_speech: Builds the speech stage on this thread.
        motion: Life motion.
        out: Where expressions go; its reader may be slower.
        on_failure: See `Stage`.

    Attributes:
        resting: The mouth goes to rest (muted, push-to-talk not held).
        frozen: The whole face rests, without life motion.
    """

    def __init__(
        self,
        voice: VoiceInput,
        make_speech: Callable[[], SpeechStage],
        motion: MotionStage,
        out: NewestQueue[Timed],
        on_failure: Callable[[Stage], None] | None = None,
    ) -> None:
        super().__init__("expression", on_failure)
        self.resting = False
        self.frozen = False
        self._voice = voice
        self._make_speech = make_speech
        self._motion = motion
        self._out = out
        self._speech: SpeechStage | None = None
        self._hop = 0
        self._base = 0
        """Hop at which the speech stage began."""
        self._factor = 1.0
        self._remake = False
        self._tuning: Callable[[SpeechStage], None] | None = None

    def remake_speech(self, make_speech: Callable[[], SpeechStage]) -> None:
        """Use another speech stage from the next hop on (another lookahead)."""
        self._make_speech = make_speech
        self._remake = True

    def tune(self, change: Callable[[SpeechStage], None]) -> None:
        """Apply a change to the speech stage before the next hop."""
        self._tuning = change

    def setup(self) -> None:
        """Load the speech stage and join the voice where it is now."""
        self._join()

    def step(self) -> None:
        """Wait for one hop of voice and express it."""
        if self._remake:
            self._begin_speech()
        if not self._too_far_behind():
            self._voice.advance((self._hop + 1) * HOP_VOICE)
        if self._too_far_behind():
            logger.warning("voice was skipped: the machine slept or is busy")
            self._join()
            return
        start = self._hop * HOP_VOICE
        heard_s = time.monotonic()
        self._hop += 1
        samples = self._resampler.push(self._voice.ring.read(start, HOP_VOICE))
        assert self._speech is not None
        tuning, self._tuning = self._tuning, None
        if tuning is not None:
            tuning(self._speech)
        for frame in self._speech.push(samples):
            self._emit(replace(frame, index=frame.index + self._base), heard_s)

    def _too_far_behind(self) -> bool:
        """Whether voice went by, or is there already, that nobody wants any more."""
        now = max(self._voice.clock.index_at(time.monotonic()), self._voice.ring.written)
        return now - self._hop * HOP_VOICE > _MOST_BEHIND

    def _join(self) -> None:
        """Begin anew with the sound of this moment; loading may take long, so it comes first."""
        self._begin_speech()
        now = self._voice.clock.index_at(time.monotonic())
        self._hop = self._base = max(int(now), self._voice.ring.written) // HOP_VOICE

    def _begin_speech(self) -> None:
        self._remake = False
        self._speech = self._make_speech()
        self._base = self._hop
        self._resampler = StreamResampler(VOICE_RATE_HZ, SAMPLE_RATE_HZ)
        # Each hop ends 1.5 ms before its last sample; a silence of that length keeps hops whole.
        lag = np.zeros(round(self._resampler.lag_s * SAMPLE_RATE_HZ), np.float32)
        self._speech.push(lag)

    def _emit(self, frame: ExpressionFrame, heard_s: float) -> None:
        target = 0.0 if self.resting or self.frozen else 1.0
        step = min(max(target - self._factor, -_REST_STEP), _REST_STEP)
        self._factor += step
        beta = frame.beta * np.float32(self._factor)
        frame = replace(frame, beta=beta, voiced=frame.voiced and self._factor > 0)
        alive = frame if self.frozen else self._motion.apply(frame)
        arrived_s = self._voice.clock.time_of(frame.index * HOP_VOICE)
        self._out.put(Timed(alive, arrived_s, heard_s, time.monotonic()))


class RenderStage(Stage):
    """Expressions to pictures with the renderer of the moment.

    Attributes:
        renderer: What draws; replace it at any time, None draws nothing.
        drawn: Called with the seconds that each picture took.
        failed_frames: Frames that could not be drawn.
    """

    def __init__(
        self,
        expressions: NewestQueue[Timed],
        pictures: NewestQueue[Picture],
        on_failure: Callable[[Stage], None] | None = None,
    ) -> None:
        super().__init__("renderer", on_failure)
        self.renderer: Renderer | None = None
        self.drawn: Callable[[float], None] | None = None
        self.failed_frames = 0
        self.problem = ""
        self._expressions = expressions
        self._pictures = pictures
        self._next_log_s = 0.0

    def wake(self) -> None:
        """See `Stage.wake`."""
        self._expressions.close()

    def step(self) -> None:
        """Draw the next expression."""
        try:
            timed = self._expressions.get(0.1)
        except BufferClosedError:
            return
        renderer = self.renderer
        if timed is None or renderer is None:
            return
        begun_s = time.monotonic()
        try:
            drawn = renderer.render(timed.frame)
        except Exception as error:
            self._count_failure(error)
            return
        self.problem = ""
        video = VideoFrame(drawn.index, drawn.rgb.copy())
        drawn_s = time.monotonic()
        self._pictures.put(Picture(video, timed, drawn_s))
        if self.drawn is not None:
            self.drawn(drawn_s - begun_s)

    def _count_failure(self, error: Exception) -> None:
        self.failed_frames += 1
        self.problem = Message("A picture could not be drawn: {reason}", reason=error)
        if time.monotonic() >= self._next_log_s:
            self._next_log_s = time.monotonic() + _LOG_EVERY_S
            logger.exception("a frame could not be drawn (%d so far)", self.failed_frames)


class FrameTarget(Protocol):
    """What the output hands pictures to. Must return quickly and never raise."""

    def send(self, picture: Picture, repeated: bool) -> None:
        """Take a picture; `repeated` for a heartbeat that shows the last one again."""
        ...


@dataclass(slots=True)
class _Times:
    """One shown frame: when it was shown and how long its way took, in seconds."""

    shown_s: float
    lookahead_s: float
    expression_s: float
    render_s: float
    output_s: float
    total_s: float


class OutputStage(Stage):
    """Shows pictures at the content rate; repeats the last one when nothing new came.

    Args:
        pictures: Finished pictures.
        targets: Camera, recorder and whatever else is shown to, in order.
        age_s: How old a sample is when it arrives, by the device.
        on_failure: See `Stage`.

    Attributes:
        delay: How long after its first sample's arrival a frame is shown.
        newest: The last picture shown.
        sent, repeated: Frames shown, and how many of them were repeats.
    """

    def __init__(
        self,
        pictures: NewestQueue[Picture],
        targets: Callable[[], tuple[FrameTarget, ...]],
        age_s: Callable[[], float],
        on_failure: Callable[[Stage], None] | None = None,
    ) -> None:
        super().__init__("output", on_failure)
        self.delay = DisplayDelay(FIRST_DELAY_S)
        self.newest: LatestSlot[Picture] = LatestSlot()
        self.sent = 0
        self.repeated = 0
        self._pictures = pictures
        self._targets = targets
        self._age_s = age_s
        self._times: deque[_Times] = deque(maxlen=_WINDOW_FRAMES)
        self._shown: deque[tuple[float, bool]] = deque(maxlen=_WINDOW_FRAMES)
        self._next_beat_s = 0.0

    def wake(self) -> None:
        """See `Stage.wake`."""
        self._pictures.close()

    def step(self) -> None:
        """Show the next picture when it is due, or the last one again."""
        try:
            picture = self._pictures.get(self._next_beat_s - time.monotonic())
        except BufferClosedError:
            return
        if picture is None:
            self._repeat()
            return
        self.delay.observe(picture.drawn_s - picture.timed.arrived_s)
        due_s = picture.timed.arrived_s + self.delay.value_s
        while self._next_beat_s < due_s - _FRAME_S / 2 and not self.stopping:
            # Far ahead of its time (after a gap): keep the beat while it waits.
            self._wait_until(self._next_beat_s)
            self._repeat()
        self._wait_until(due_s)
        if not self.stopping:
            self._show(picture)

    def latency(self) -> Latency:
        """Medians of the last 10 s, and percentiles of the whole."""
        times = list(self._times)
        if not times:
            return Latency()
        age_ms = 1000 * self._age_s()
        total_ms = np.array([t.total_s for t in times]) * 1000 + age_ms
        p50, p95, p99 = (float(p) for p in np.percentile(total_ms, (50, 95, 99)))

        def median_ms(name: str) -> float:
            return 1000 * float(np.median([getattr(t, name) for t in times]))

        return Latency(
            capture_ms=age_ms,
            lookahead_ms=median_ms("lookahead_s"),
            expression_ms=median_ms("expression_s"),
            render_ms=median_ms("render_s"),
            output_ms=median_ms("output_s"),
            total_p50_ms=p50,
            total_p95_ms=p95,
            total_p99_ms=p99,
        )

    def rates(self) -> tuple[float, float]:
        """Frames and new frames a second over the last two seconds."""
        since_s = time.monotonic() - 2.0
        shown = [new for at_s, new in list(self._shown) if at_s >= since_s]
        return len(shown) / 2.0, sum(shown) / 2.0

    def _wait_until(self, when_s: float) -> None:
        wait_s = when_s - time.monotonic()
        if wait_s > 0:
            self.pause(min(wait_s, 1.0))

    def _show(self, picture: Picture) -> None:
        due_s = time.monotonic()
        self.newest.put(picture)
        self._send(picture, repeated=False)
        done_s = time.monotonic()
        timed = picture.timed
        # Half a hop after its first sample is the middle of the sound a frame stands for.
        middle_s = timed.arrived_s + _FRAME_S / 2
        self._times.append(
            _Times(
                shown_s=done_s,
                lookahead_s=timed.heard_s - middle_s,
                expression_s=timed.expressed_s - timed.heard_s,
                render_s=picture.drawn_s - timed.expressed_s,
                output_s=done_s - picture.drawn_s,
                total_s=done_s - middle_s,
            )
        )
        self._next_beat_s = due_s + 1.5 * _FRAME_S

    def _repeat(self) -> None:
        self._next_beat_s = max(self._next_beat_s, time.monotonic() - _FRAME_S) + _FRAME_S
        picture = self.newest.peek()
        if picture is not None:
            self.repeated += 1
            self._send(picture, repeated=True)

    def _send(self, picture: Picture, repeated: bool) -> None:
        for target in self._targets():
            try:
                target.send(picture, repeated)
            except RealTalkError as error:
                logger.warning("a frame was not taken: %s", error)
        self.sent += 1
        self._shown.append((time.monotonic(), not repeated))
