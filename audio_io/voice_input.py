"""From a microphone that may stall, vanish and change to one unbroken voice on one clock."""

import time
from collections.abc import Callable

import numpy as np

from audio_io.capture import MicrophoneStream
from audio_io.gain_gate import GainGate, GateSettings
from audio_io.resample import StreamResampler
from core.clock import SampleClock
from core.ring_buffer import RingBuffer, SamplesLostError
from core.session import Level
from core.types import FloatArray

VOICE_RATE_HZ = 48_000
"""Rate of the voice as the call hears it."""
_RING_S = 4.0
_PATIENCE_S = 0.06
"""Sound this late is replaced by silence, so that the face rests instead of freezing."""
_GONE_PATIENCE_S = 0.02
_SETTLE_S = 0.005
"""After a gap the backlog arrives in a burst; this long later only the newest counts."""
_AHEAD_S = 0.04
_BEHIND_S = 0.06
_STEP_S, _STEP_PULLS = 0.012, 5
"""Sound that is this far off, always to the same side, is no jitter: the microphone lost some or
holds more of it back. Following it would pull picture and voice apart, which follow at their own
pace, so the voice takes the step instead."""
_POLL_S = 0.1


class VoiceInput:
    """Writes the voice ring at the pace of time: the microphone's sound, or silence for it.

    The ring's sample index is the clock of everything downstream. It never stops and never runs
    ahead: missing sound is filled with silence, a backlog after a stall is skipped.

    Args:
        source: The open microphone now, or None.

    Attributes:
        ring: The voice at `VOICE_RATE_HZ`, after gain, gate and mute.
        clock: Voice sample index to the monotonic time of its arrival.
        settings: Gain, gate and mute; replace it at any time.
        instead: When set, called with the first index and the number of samples; its sound takes
            the place of the microphone's (for measuring).

    Threads: `advance` on one thread; the rest from any.
    """

    def __init__(self, source: Callable[[], MicrophoneStream | None]) -> None:
        self.ring = RingBuffer(round(VOICE_RATE_HZ * _RING_S))
        self.clock = SampleClock(VOICE_RATE_HZ)
        self.settings = GateSettings()
        self.instead: Callable[[int, int], FloatArray] | None = None
        self.skipped_samples = 0
        self.filled_samples = 0
        self._source = source
        self._gate = GainGate(VOICE_RATE_HZ)
        self._position = 0
        """Voice samples that entered the gate."""
        self._stream: MicrophoneStream | None = None
        self._resampler = StreamResampler(VOICE_RATE_HZ, VOICE_RATE_HZ)
        self._raw_next = 0
        self._origin = (0, 0)
        """Raw sample and voice sample that are the same moment."""
        self._gap = True
        self._steps = 0
        """Pulls in a row that came late (-) or early (+) by a step."""

    @property
    def receiving(self) -> bool:
        """Whether the voice is the microphone's now, not our silence."""
        return not self._gap

    @property
    def age_s(self) -> float:
        """How old a sample is when it arrives here, as the device says."""
        stream = self._stream
        return stream.age_s if stream else 0.0

    def level(self) -> Level:
        """Loudness of the last 100 ms."""
        return self._gate.level()

    def advance(self, index: int) -> None:
        """Wait until the ring holds `index` samples, with the microphone's sound or silence.

        Returns no later than about 60 ms after the sample's time.
        """
        while self.ring.written < index:
            self._attach()
            patience_s = _GONE_PATIENCE_S if self._gap else _PATIENCE_S
            due_s = self.clock.time_of(index) + patience_s
            if not self._await_sound(index, due_s):
                if time.monotonic() >= due_s:
                    self._fill(index - self._position)
            elif self._gap:
                self._realign()
            else:
                self._pull()

    def _attach(self) -> None:
        stream = self._source()
        if stream is not self._stream:
            self._stream, self._gap, self._raw_next = stream, True, 0

    def _await_sound(self, index: int, due_s: float) -> bool:
        """Whether new sound is there: after a gap any, else enough for `index`."""
        wait_s = min(due_s - time.monotonic(), _POLL_S)
        stream = self._stream
        if stream is None:
            time.sleep(max(wait_s, 0.0))
            return False
        missing = max(index - self._position, 1) * stream.rate_hz / VOICE_RATE_HZ
        needed = 1 if self._gap else int(missing + self._resampler.lag_s * stream.rate_hz) + 1
        return stream.ring.wait_for(self._raw_next + needed, wait_s)

    def _realign(self) -> None:
        """Sound is back: take up the stream where its newest sample is the clock's now."""
        assert self._stream is not None
        time.sleep(_SETTLE_S)
        written, mark_s = self._stream.ring.mark
        ahead = self.clock.index_at(mark_s) - self._position
        if ahead < 0:
            self._raw_next = written
            return
        wanted = round(ahead * self._stream.rate_hz / VOICE_RATE_HZ)
        kept = self._stream.ring.capacity // 2  # the older half may be overwritten meanwhile
        start = max(written - min(wanted, kept), self._raw_next)
        self.skipped_samples += start - self._raw_next
        self._raw_next = start
        missing = round(ahead - (written - start) * VOICE_RATE_HZ / self._stream.rate_hz)
        if missing > 0:
            self._fill(missing)
        self._origin = (start, self._position)
        self._resampler = StreamResampler(self._stream.rate_hz, VOICE_RATE_HZ)
        self._gap = False
        self._pull()

    def _pull(self) -> None:
        stream = self._stream
        assert stream is not None
        written, mark_s = stream.ring.mark
        at = self._origin[1] + (written - self._origin[0]) * VOICE_RATE_HZ / stream.rate_hz
        early_s = self.clock.time_of(at) - mark_s
        try:
            raw = stream.ring.read(self._raw_next, written - self._raw_next)
        except SamplesLostError:
            early_s = _AHEAD_S * 2
        if not -_BEHIND_S < early_s < _AHEAD_S or self._has_stepped(early_s):
            self._gap = True
            return
        self.clock.update(round(at), mark_s)
        self._raw_next = written
        self._pass_on(self._resampler.push(raw))

    def _has_stepped(self, early_s: float) -> bool:
        side = (early_s > _STEP_S) - (early_s < -_STEP_S)
        self._steps = self._steps + side if self._steps * side > 0 else side
        if abs(self._steps) < _STEP_PULLS:
            return False
        self._steps = 0
        return True

    def _fill(self, count: int) -> None:
        self._gap = True
        self.filled_samples += max(count, 0)
        skipped = max(count, 0) // VOICE_RATE_HZ * VOICE_RATE_HZ
        if skipped:  # the machine slept; whole seconds leave the gate's slices as they are
            self._position += skipped
            self.ring.skip(skipped)
        self._pass_on(np.zeros(max(count, 0) - skipped, np.float32))

    def _pass_on(self, sound: FloatArray) -> None:
        self._position += sound.size
        passed = self._gate.process(sound, self.settings)
        instead = self.instead
        self.ring.write(instead(self.ring.written, sound.size) if instead else passed)
