import numpy as np
import pytest

from audio_io.delay_line import MAX_SLEW, DelayLine
from core.clock import SampleClock
from core.ring_buffer import RingBuffer

DELAY_S = 0.16


class _TwoCards:
    """A microphone and a player on different crystals, in simulated time."""

    def __init__(self, skew_in: float, skew_out: float, rate_out_hz: int = 44_100) -> None:
        self.rate_in = 48_000 * (1 + skew_in)
        self.rate_out = rate_out_hz * (1 + skew_out)
        self.ring = RingBuffer(96_000)
        self.clock = SampleClock(48_000, start_s=0.0)
        self.line = DelayLine(self.ring, self.clock, rate_out_hz, DELAY_S)
        self.random = np.random.default_rng(0)
        self._written, self._played = 0, 0
        self._block = rate_out_hz // 50

    def run(self, until_s: float) -> np.ndarray:
        """Rows of (time, true delay minus the wanted one in seconds), one a block."""
        rows = []
        while (now_s := 0.3 + self._played / self.rate_out) < until_s:
            while (arrival_s := (self._written + 480) / self.rate_in) <= now_s:
                at = np.arange(self._written, self._written + 480) / self.rate_in
                self.ring.write(np.sin(2 * np.pi * 440 * at).astype(np.float32), arrival_s)
                self._written += 480
                self.clock.update(self._written, arrival_s + abs(self.random.normal(0, 0.004)))
            heard_s = now_s + 0.03
            sound = self.line.read(self._block, heard_s + self.random.normal(0, 0.001))
            self._played += self._block
            # The phase of the tone says which moment of the microphone is heard.
            at = np.arange(self._block) / self.rate_out
            angle = np.angle(np.sum(sound * np.exp(-2j * np.pi * 440 * at))) + np.pi / 2
            delay = (2 * np.pi * 440 * (heard_s - DELAY_S) - angle) / (2 * np.pi * 440)
            rows.append((now_s, (delay + 0.5 / 440) % (1 / 440) - 0.5 / 440))
        return np.array(rows)


@pytest.mark.parametrize("skews", [(100e-6, 0.0), (0.0, 100e-6), (-150e-6, 150e-6)])
def test_drift_is_corrected(skews: tuple[float, float]) -> None:
    rows = _TwoCards(*skews).run(70.0)
    settled = rows[rows[:, 0] > 35]
    # Uncorrected, 35 s at 100 ppm are 3.5 ms, at 300 ppm 10 ms. The phase wraps every 2.3 ms,
    # so its turns are counted.
    delay_s = np.unwrap(settled[:, 1], period=1 / 440)
    assert np.ptp(delay_s) < 0.002
    assert abs(np.polyfit(settled[:, 0], delay_s, 1)[0]) < 10e-6


def test_catches_up_by_an_inaudible_slew() -> None:
    cards = _TwoCards(0.0, 0.0)
    cards.run(10.0)
    cards.line.delay_s += 0.02
    position = cards.line._position
    assert position is not None
    cards.run(10.5)
    assert (cards.line._position - position) / 48_000 == pytest.approx(
        0.5, abs=0.5 * MAX_SLEW + 0.03
    )
    cards.run(25.0)
    assert abs(cards.line.error_s) < 0.003
    assert cards.line.jumps == 0


def test_jumps_when_far_off_and_plays_silence_when_starved() -> None:
    cards = _TwoCards(0.0, 0.0)
    cards.run(5.0)
    cards.line.delay_s += 0.5
    cards.run(5.2)
    assert cards.line.jumps == 1
    assert abs(cards.line.error_s) < 0.01
    cards.line.delay_s = -1.0
    cards.line.read(100, 5.3)
    assert not cards.line.read(100, 5.302).any()
    assert cards.line.starved_blocks >= 1


def test_what_is_off_after_the_buffers_filled_is_jumped_once() -> None:
    cards = _TwoCards(0.0, 0.0)
    cards.run(0.8)
    cards.line.delay_s += 0.03
    cards.run(3.0)
    assert cards.line.jumps == 1
    assert abs(cards.line.error_s) < 0.006
    cards.line.restart()
    cards.run(6.0)
    assert cards.line.jumps == 1


def test_an_error_is_corrected_at_once_in_silence_but_not_in_speech() -> None:
    ring, clock = RingBuffer(480_000), SampleClock(48_000, start_s=0.0)
    speech = np.sin(np.arange(5 * 48_000) / 10).astype(np.float32)
    ring.write(np.concatenate([speech, np.zeros(2 * 48_000, np.float32)]))
    line = DelayLine(ring, clock, 48_000, DELAY_S)
    for number in range(200):  # beyond the time in which its buffers fill
        line.read(960, 0.4 + 0.02 * number)
    for number in range(200, 230):
        line.read(960, 0.415 + 0.02 * number)  # an underrun of 15 ms
    assert line.jumps == 0
    assert 0.008 < line.error_s < 0.015
    for number in range(230, 260):
        line.read(960, 0.415 + 0.02 * number)
    assert line.jumps == 1
    assert abs(line.error_s) < 0.001
