"""Measures sound against picture as a call program gets them: camera and microphone read back.

For some seconds the virtual microphone carries clicks instead of the voice, and a small square in
the corner of the camera's picture blinks with them. Both take the whole way of a live session.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from app.live.pipeline import LivePipeline
from app.live.stages import HOP_VOICE, FrameTarget, Picture
from audio_io.devices import SoundSystem
from audio_io.virtual_mic import capture_id
from audio_io.voice_input import VOICE_RATE_HZ
from core.clock import SampleClock
from core.errors import DeviceError
from core.messages import Message
from core.types import FRAME_RATE_HZ, FloatArray, ImageArray, VideoFrame
from render.sinks.readback import read_back

logger = logging.getLogger(__name__)

AIM_S = -0.005
"""The first sample of a frame against its picture, at the reader: sounds within the frame's 40 ms
are then heard 5 ms before to 35 ms after it, in the middle of what nobody notices (-15 to 45)."""
MAX_SHIFT_S = 0.2
"""A larger difference is no delay but a fault."""
_NUM_MARKS = 9
_FEWEST = 5
_SPACING_HOPS = (19, 24)
"""Marks are irregular and far apart, so that none is taken for its neighbour."""
_LEAD_HOPS = 12
_PAIR_S = 0.35
_TONE_HZ, _TONE_S, _LOUD = 1000, 0.02, 0.1
_LOST_S, _LOST_BLOCKS = 0.012, 6
"""Blocks that arrive this far off, so many in a row: the stream lost sound or holds more back."""
_SETTLED_S = 0.002
_SETTLE_TIMEOUT_S = 8.0
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Offset:
    """What came back.

    Attributes:
        late_s: How much later than the picture the sound of a frame's first sample came; median.
        spread_s: Half the range in which four of five marks lie.
        camera_s: From handing a picture to the camera to its being read; median.
        marks: Marks that came back both ways.
    """

    late_s: float
    spread_s: float
    camera_s: float
    marks: int

    @property
    def error_s(self) -> float:
        """How much later than intended the sound comes."""
        return self.late_s - AIM_S


class Marks:
    """Clicks and blinks that belong to the same voice samples (see `FrameTarget`).

    Args:
        target: The camera, which gets pictures with the square.
        first_hop: Number of the frame from which on marks may lie.
        seed: Of the irregular distances.

    Attributes:
        hops: Numbers of the marked frames.
        shown_s: When each of them was handed to the camera.
    """

    def __init__(self, target: FrameTarget, first_hop: int, seed: int = 1) -> None:
        gaps = np.random.default_rng(seed).integers(*_SPACING_HOPS, size=_NUM_MARKS, endpoint=True)
        self.hops = (first_hop + np.cumsum(gaps)).tolist()
        self.shown_s: dict[int, float] = {}
        self._target = target
        at_s = (np.arange(round(_TONE_S * VOICE_RATE_HZ)) + 0.5) / VOICE_RATE_HZ
        self._tone = (0.5 * np.sign(np.sin(2 * np.pi * _TONE_HZ * at_s))).astype(np.float32)

    def sound(self, start: int, count: int) -> FloatArray:
        """The voice samples [start, start + count): silence and clicks, shape (count,)."""
        out = np.zeros(count, np.float32)
        for hop in self.hops:
            begin = hop * HOP_VOICE - start
            low, high = max(begin, 0), min(begin + self._tone.size, count)
            if low < high:
                out[low:high] = self._tone[low - begin : high - begin]
        return out

    def send(self, picture: Picture, repeated: bool) -> None:
        """See `FrameTarget.send`."""
        index = picture.video.index
        marked = index in self.hops and not repeated
        if marked:
            self.shown_s[index] = time.monotonic()
        rgb = picture.video.rgb.copy()
        rgb[_square(rgb)] = 255 if marked else 0
        self._target.send(replace(picture, video=VideoFrame(index, rgb)), repeated)


class _Seen:
    """When the square turned white in the camera's picture."""

    def __init__(self) -> None:
        self.times_s: list[float] = []
        self._white = True  # what shows before the first mark does not count

    def take(self, now_s: float, luma: ImageArray) -> None:
        white = float(luma[_square(luma)].mean()) > 128
        if white and not self._white:
            self.times_s.append(now_s)
        self._white = white


class Heard:
    """When clicks were heard at a microphone: when a program there has the sample in hand.

    Arrivals are smoothed by a clock that starts over when the stream lost sound: what sound servers
    say of the age of a block is not reliable.

    Args:
        rate_hz: Sample rate of the microphone.

    Attributes:
        times_s: `time.monotonic()` of every onset after at least 40 ms of quiet.
    """

    def __init__(self, rate_hz: int = VOICE_RATE_HZ) -> None:
        self.times_s: list[float] = []
        self._quiet_samples = round(2 * _TONE_S * rate_hz)
        self._rate_hz = rate_hz
        self._clock: SampleClock | None = None
        self._count = 0
        self._last_loud = -self._quiet_samples

    def take(self, samples: FloatArray, _age_s: float, _lost: bool) -> None:
        """See `BlockCallback`."""
        now_s = time.monotonic()
        if self._clock is None:
            start_s = now_s - samples.size / self._rate_hz
            self._clock = SampleClock(
                self._rate_hz, start_s, lost_s=_LOST_S, lost_count=_LOST_BLOCKS
            )
        start, self._count = self._count, self._count + samples.size
        self._clock.update(self._count, now_s)
        loud = np.flatnonzero(np.abs(samples) > _LOUD)
        if loud.size == 0:
            return
        if start + int(loud[0]) - self._last_loud > self._quiet_samples:
            self.times_s.append(self._clock.time_of(start + int(loud[0])))
        self._last_loud = start + int(loud[-1])


@dataclass(frozen=True)
class Calibration:
    """Measures one running session, and corrects it.

    Attributes:
        live: The running parts; `sound_shift_s` is corrected.
        system: The machine's sound.
        player: Name of the player that feeds the virtual microphone.
        camera: What shows pictures to the camera, and its id.
        size, frame_rate_hz: The camera's mode.
        show: Called with what the output is to show to instead of the camera; None for that again.
    """

    live: LivePipeline
    system: SoundSystem
    player: str
    camera: tuple[str, FrameTarget]
    size: tuple[int, int]
    frame_rate_hz: int
    show: Callable[[FrameTarget | None], None]

    def run(self, progress: Callable[[float], None]) -> Message:
        """Measure, correct the delay of the sound, and measure again; about 20 s.

        Returns:
            The result in words.

        Raises:
            DeviceError: Marks did not come back, or their distance makes no sense.
        """
        before = self.measure(lambda share: progress(0.45 * share))
        shift_s = self.live.sound_shift_s - before.error_s
        if abs(shift_s) > MAX_SHIFT_S:
            raise DeviceError(
                "The sound came back {late_ms:.0f} ms after the picture, which cannot be right. "
                "Go off and live again, then measure again.",
                late_ms=1000 * before.late_s,
            )
        self.live.sound_shift_s = shift_s
        self._settle(lambda share: progress(0.45 + 0.1 * share))
        after = self.measure(lambda share: progress(0.55 + 0.45 * share))
        return Message(
            "Measured: the sound came {before_ms:.0f} ms after its picture, and comes "
            "{after_ms:.0f} ms after it now (± {spread_ms:.0f} ms). The camera takes "
            "{camera_ms:.0f} ms. The sound is shifted by {shift_ms:+.0f} ms from now on.",
            before_ms=1000 * _middle_s(before), after_ms=1000 * _middle_s(after),
            spread_ms=1000 * after.spread_s, camera_ms=1000 * after.camera_s,
            shift_ms=1000 * shift_s,
        )  # fmt: skip

    def measure(self, progress: Callable[[float], None]) -> Offset:
        """Send marks and time their return.

        Raises:
            DeviceError: Too few came back.
        """
        seen, heard = _Seen(), Heard()
        camera_id, target = self.camera
        voice = self.live.voice
        with (
            read_back(camera_id, self.size, self.frame_rate_hz, seen.take),
            self._capture(heard),
        ):
            marks = Marks(target, voice.ring.written // HOP_VOICE + _LEAD_HOPS)
            voice.instead = marks.sound
            self.show(marks)
            try:
                self._await(marks, progress)
            finally:
                voice.instead = None
                self.show(None)
        return offset_of(marks, np.array(seen.times_s), np.array(heard.times_s))

    @contextmanager
    def _capture(self, heard: Heard) -> Iterator[None]:
        player = self.live.players.get(self.player)
        if player is None:
            raise DeviceError("The virtual microphone is not running. Choose it and go live.")
        stream = self.system.open_input(capture_id(player.device_id), heard.take)
        try:
            yield
        finally:
            stream.close()

    def _await(self, marks: Marks, progress: Callable[[float], None]) -> None:
        """Wait until the last mark must have come back."""
        first, last = marks.hops[0], marks.hops[-1]
        end_s = self.live.voice.clock.time_of(last * HOP_VOICE) + 1.0
        begun_s = time.monotonic()
        while time.monotonic() < end_s:
            progress((time.monotonic() - begun_s) / max(end_s - begun_s, _POLL_S))
            time.sleep(_POLL_S)
        logger.debug("marks %d to %d, shown %d", first, last, len(marks.shown_s))

    def _settle(self, progress: Callable[[float], None]) -> None:
        """Wait until the delay line has followed."""
        begun_s = time.monotonic()
        share = 0.0
        time.sleep(3 * _POLL_S)
        while share < 1:
            player = self.live.players.get(self.player)
            if player is None or abs(player.line.error_s) < _SETTLED_S:
                return
            share = (time.monotonic() - begun_s) / _SETTLE_TIMEOUT_S
            progress(min(share, 1.0))
            time.sleep(_POLL_S)


def offset_of(marks: Marks, seen_s: FloatArray, heard_s: FloatArray) -> Offset:
    """Pair what came back with what was sent.

    Args:
        marks: What was sent.
        seen_s, heard_s: `time.monotonic()` of blinks and clicks that came back.

    Raises:
        DeviceError: Too few came back both ways.
    """
    rows = []
    for shown_s in marks.shown_s.values():
        seen = seen_s[(seen_s >= shown_s - 0.001) & (seen_s < shown_s + _PAIR_S)]
        heard = heard_s[np.abs(heard_s - shown_s) < _PAIR_S]
        if seen.size and heard.size:
            rows.append((heard[0] - seen[0], seen[0] - shown_s))
    if len(rows) < _FEWEST:
        raise DeviceError(
            "Too little came back to measure with: of {sent} marks the camera returned {seen} and "
            "the virtual microphone {heard}. Check that the camera and the virtual microphone "
            "show no problem, then measure again.",
            sent=len(marks.hops), seen=len(seen_s), heard=len(heard_s),
        )  # fmt: skip
    late_s, camera_s = np.array(rows).T
    low_s, high_s = np.percentile(late_s, (10, 90))
    return Offset(
        float(np.median(late_s)), float(high_s - low_s) / 2, float(np.median(camera_s)), len(rows)
    )


def _middle_s(offset: Offset) -> float:
    """Lateness of the middle of a frame's sound, which is what is told everywhere."""
    return offset.late_s + 0.5 / FRAME_RATE_HZ


def _square(picture: ImageArray) -> tuple[slice, slice]:
    """Where the square is: the lower left corner, a sixth of the height."""
    side = max(picture.shape[0] // 6, 2)
    return slice(-side, None), slice(0, side)
