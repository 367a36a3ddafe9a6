"""Expression, renderer and output threads with readable parts."""

import time

import numpy as np
import pytest

from app.live.stages import HOP_VOICE, ExpressionStage, OutputStage, Picture, RenderStage, Timed
from audio_io.capture import MicrophoneStream
from audio_io.resample import StreamResampler
from audio_io.voice_input import VOICE_RATE_HZ, VoiceInput
from core.latest_slot import NewestQueue
from core.ring_buffer import RingBuffer
from core.stage import StageState
from core.types import ExpressionFrame, FloatArray, VideoFrame
from tests.live_fakes import BrightnessRenderer, LoudnessSpeech, PictureLog, Stillness, until

FRAME_S = 0.04


def _timed(index: int, arrived_s: float) -> Timed:
    frame = ExpressionFrame(index, np.zeros(52, np.float32), np.zeros(6, np.float32), False)
    return Timed(frame, arrived_s, arrived_s, arrived_s)


def _picture(index: int, arrived_s: float) -> Picture:
    video = VideoFrame(index, np.full((2, 2, 3), index % 256, np.uint8))
    return Picture(video, _timed(index, arrived_s), time.monotonic())


def test_live_expressions_equal_offline_ones() -> None:
    stream = MicrophoneStream(VOICE_RATE_HZ)
    voice = VoiceInput(lambda: stream)
    out: NewestQueue[Timed] = NewestQueue(100)
    stage = ExpressionStage(voice, LoudnessSpeech, Stillness(), out)
    random = np.random.default_rng(0)
    stage.start()
    for _ in range(100):
        time.sleep(0.01)
        loudness = random.uniform(0, 0.1)
        stream.ring.write((loudness * random.normal(size=480)).astype(np.float32))
    first = stage._base * HOP_VOICE
    stage.stop()
    stage.join(2.0)
    live = []
    while (timed := out.get(0.0)) is not None:
        live.append(timed.frame)
    sound = voice.ring.read(first, voice.ring.written - first)
    resampler, speech = StreamResampler(VOICE_RATE_HZ, 16_000), LoudnessSpeech()
    offline = speech.push(np.concatenate([np.zeros(24, np.float32), resampler.push(sound)]))
    assert len(live) >= 18
    assert [frame.index - live[0].index for frame in live] == list(range(len(live)))
    for ours, theirs in zip(live, offline, strict=False):
        np.testing.assert_array_equal(ours.beta, theirs.beta)
    assert max(frame.beta.max() for frame in live) > 0.5


class StallingSpeech(LoudnessSpeech):
    """Stands still once, for longer than the rings of sound reach back."""

    def __init__(self) -> None:
        super().__init__()
        self.stalls = [1.5]

    def push(self, samples: FloatArray) -> list[ExpressionFrame]:
        if samples.size > HOP_VOICE // 6 and self.stalls:
            time.sleep(self.stalls.pop())
        return super().push(samples)


def test_after_a_long_stall_only_the_newest_voice_counts() -> None:
    stream = MicrophoneStream(VOICE_RATE_HZ)
    stream.ring = RingBuffer(VOICE_RATE_HZ // 2)
    voice = VoiceInput(lambda: stream)
    voice.ring = RingBuffer(VOICE_RATE_HZ // 2)
    speeches = [LoudnessSpeech(), StallingSpeech()]
    out: NewestQueue[Timed] = NewestQueue(200)
    stage = ExpressionStage(voice, speeches.pop, Stillness(), out)
    stage.start()
    begun_s = time.monotonic()
    while (passed_s := time.monotonic() - begun_s) < 3.0:
        due = int(passed_s * VOICE_RATE_HZ) - stream.ring.written
        stream.ring.write(np.zeros(due, np.float32))
        time.sleep(0.01)
    assert stage.state is StageState.RUNNING
    assert not speeches, "the speech began anew"
    assert _newest_index(out) * HOP_VOICE > voice.ring.written - VOICE_RATE_HZ // 2
    stage.stop()
    stage.join(2.0)


def _newest_index(out: NewestQueue[Timed]) -> int:
    newest = -1
    while (timed := out.get(0.0)) is not None:
        newest = timed.frame.index
    return newest


def test_a_slow_renderer_drops_frames_and_shows_the_newest() -> None:
    expressions: NewestQueue[Timed] = NewestQueue(1)
    pictures: NewestQueue[Picture] = NewestQueue(50)
    stage = RenderStage(expressions, pictures)
    stage.renderer = BrightnessRenderer(work_s=0.1)
    stage.start()
    for index in range(20):
        expressions.put(_timed(index, time.monotonic()))
        time.sleep(0.02)
    time.sleep(0.25)
    stage.stop()
    stage.join(2.0)
    drawn = []
    while (picture := pictures.get(0.0)) is not None:
        drawn.append(picture.video.index)
    assert drawn[-1] == 19
    assert len(drawn) + expressions.dropped == 20
    assert expressions.dropped > 8


def test_a_frame_that_cannot_be_drawn_is_counted_and_the_next_one_drawn() -> None:
    expressions: NewestQueue[Timed] = NewestQueue(1)
    pictures: NewestQueue[Picture] = NewestQueue(1)
    stage = RenderStage(expressions, pictures)
    stage.start()

    class Broken:
        size = (2, 2)

        def render(self, frame: ExpressionFrame) -> VideoFrame:
            raise ValueError("no picture")

    stage.renderer = Broken()
    expressions.put(_timed(0, time.monotonic()))
    until(lambda: stage.failed_frames == 1)
    assert "no picture" in stage.problem
    stage.renderer = BrightnessRenderer()
    expressions.put(_timed(1, time.monotonic()))
    picture = pictures.get(2.0)
    assert picture is not None
    assert picture.video.index == 1
    assert stage.problem == ""
    assert stage.state is StageState.RUNNING
    stage.stop()
    stage.join(2.0)


@pytest.fixture
def shown() -> "tuple[OutputStage, NewestQueue[Picture], PictureLog]":
    log = PictureLog()
    pictures: NewestQueue[Picture] = NewestQueue(12)
    stage = OutputStage(pictures, lambda: (log,), lambda: 0.0)
    stage.start()
    yield stage, pictures, log
    stage.stop()
    stage.join(2.0)


def test_jittered_frames_are_shown_at_an_even_pace(
    shown: "tuple[OutputStage, NewestQueue[Picture], PictureLog]",
) -> None:
    stage, pictures, log = shown
    random = np.random.default_rng(0)
    begun_s = time.monotonic()
    for index in range(60):
        arrived_s = begun_s + index * FRAME_S
        time.sleep(max(arrived_s + random.uniform(0.01, 0.03) - time.monotonic(), 0.0))
        pictures.put(_picture(index, arrived_s))
    until(lambda: log.rows[-1][1] == 59)
    settled = [row for row in log.rows if row[1] >= 30]
    gaps_ms = 1000 * np.diff([row[0] for row in settled])
    assert np.percentile(np.abs(gaps_ms - 40), 75) < 8
    assert stage.latency().total_p50_ms < 60


def test_a_gap_is_bridged_by_repeats_and_the_pace_kept(
    shown: "tuple[OutputStage, NewestQueue[Picture], PictureLog]",
) -> None:
    stage, pictures, log = shown
    for index in range(10):
        pictures.put(_picture(index, time.monotonic() - 0.2))
        time.sleep(FRAME_S)
    time.sleep(0.4)
    repeats = [row for row in log.rows if row[3]]
    assert len(repeats) >= 8
    assert {row[1] for row in repeats} == {9}
    times = np.array([row[0] for row in log.rows])
    assert np.diff(times)[2:].max() < 0.1
    assert stage.repeated == len(repeats)
