"""Real time, but short: sound arrives as from a card, with the faults a card has."""

import threading
import time

import numpy as np
import pytest

from audio_io.capture import MicrophoneStream
from audio_io.gain_gate import GateSettings
from audio_io.voice_input import VOICE_RATE_HZ, VoiceInput

BLOCK_S = 0.01
HOP = VOICE_RATE_HZ // 25


class _Card(threading.Thread):
    """Delivers a constant in blocks of 10 ms; stalls and bursts where told."""

    def __init__(self, stream: MicrophoneStream) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.stalled = threading.Event()
        self.lose = 0
        self.ended = threading.Event()

    def run(self) -> None:
        block = np.full(round(self.stream.rate_hz * BLOCK_S), 0.5, np.float32)
        due_s = time.monotonic()
        while not self.ended.wait(max(due_s - time.monotonic(), 0.0)):
            if not self.stalled.is_set():
                while due_s <= time.monotonic():
                    if self.lose > 0:
                        self.lose -= 1
                    else:
                        self.stream.ring.write(block)
                    due_s += BLOCK_S


def _hear(voice: VoiceInput, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Advance hop by hop; returns the sound and how late each hop came, in seconds."""
    first = voice.ring.written // HOP
    late = []
    for hop in range(first + 1, first + round(seconds * 25) + 1):
        voice.advance(hop * HOP)
        late.append(time.monotonic() - voice.clock.time_of(hop * HOP))
    return voice.ring.read(first * HOP, (hop - first) * HOP), np.array(late)


@pytest.fixture(params=[48_000, 44_100])
def card(request: pytest.FixtureRequest) -> "_Card":
    made = _Card(MicrophoneStream(request.param))
    made.start()
    yield made
    made.ended.set()
    made.join(2.0)


def test_passes_the_sound_on_time(card: _Card) -> None:
    voice = VoiceInput(lambda: card.stream)
    _hear(voice, 0.4)
    sound, late = _hear(voice, 0.6)
    assert voice.receiving
    np.testing.assert_allclose(sound, 0.5, atol=1e-3)
    assert np.median(late) < 0.03


def test_without_a_microphone_silence_keeps_the_pace() -> None:
    voice = VoiceInput(lambda: None)
    begun_s = time.monotonic()
    sound, _ = _hear(voice, 0.4)
    assert not sound.any()
    assert time.monotonic() - begun_s == pytest.approx(0.4, abs=0.15)
    assert not voice.receiving


def test_a_stall_is_filled_and_its_backlog_skipped(card: _Card) -> None:
    voice = VoiceInput(lambda: card.stream)
    _hear(voice, 0.4)
    card.stalled.set()
    sound, late = _hear(voice, 0.3)
    assert not sound[-HOP:].any()
    assert late.max() < 0.1
    card.stalled.clear()
    _hear(voice, 0.2)
    sound, late = _hear(voice, 0.4)
    assert voice.skipped_samples > 0
    np.testing.assert_allclose(sound, 0.5, atol=1e-3)
    assert abs(voice.ring.written - voice.clock.index_at(time.monotonic())) < 0.06 * VOICE_RATE_HZ


def test_lost_sound_moves_the_voice_and_not_its_clock(card: _Card) -> None:
    voice = VoiceInput(lambda: card.stream)
    _hear(voice, 2.0)  # the clock has settled
    expected_s = voice.clock.time_of(100 * HOP)
    filled = voice.filled_samples
    card.lose = 3
    _hear(voice, 0.5)
    assert voice.filled_samples - filled == pytest.approx(0.03 * VOICE_RATE_HZ, rel=0.4)
    assert voice.clock.time_of(100 * HOP) == pytest.approx(expected_s, abs=0.01)
    sound, _ = _hear(voice, 0.3)
    np.testing.assert_allclose(sound, 0.5, atol=1e-3)


def test_a_new_stream_takes_over(card: _Card) -> None:
    streams = [None, card.stream]
    voice = VoiceInput(lambda: streams[0])
    _hear(voice, 0.2)
    streams[0] = card.stream
    _hear(voice, 0.2)
    sound, _ = _hear(voice, 0.3)
    np.testing.assert_allclose(sound, 0.5, atol=1e-3)


def test_mute_silences_the_voice(card: _Card) -> None:
    voice = VoiceInput(lambda: card.stream)
    _hear(voice, 0.3)
    voice.settings = GateSettings(open=False)
    sound, _ = _hear(voice, 0.3)
    assert not sound[HOP:].any()
    assert voice.receiving
