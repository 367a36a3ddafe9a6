"""The stream: exact under any cutting, causal, at rest when nobody speaks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.blendshapes import INDEX
from core.errors import ConfigError, ModelError
from core.types import HOP_SAMPLES, SAMPLE_RATE_HZ, ExpressionFrame
from core.voice import ExpressionControls, ExpressionStream, VoiceModel

Sound = NDArray[np.float32]


def express(
    model: VoiceModel, samples: Sound, blocks: list[int] | None = None, lookahead_ms: int = 80
) -> list[ExpressionFrame]:
    stream = ExpressionStream(model, lookahead_ms)
    frames, at, turn = [], 0, 0
    while at < len(samples):
        size = blocks[turn % len(blocks)] if blocks else len(samples)
        frames += stream.push(samples[at : at + size])
        at, turn = at + size, turn + 1
    return frames + stream.finish()


def betas(frames: list[ExpressionFrame]) -> NDArray[np.float32]:
    return np.stack([frame.beta for frame in frames])


@settings(max_examples=12, deadline=None)
@given(blocks=st.lists(st.integers(1, 16_000), min_size=1, max_size=5))
def test_cutting_changes_no_bit(model: VoiceModel, speech: Sound, blocks: list[int]) -> None:
    whole = express(model, speech)
    cut = express(model, speech, blocks)
    assert [f.index for f in cut] == list(range(len(whole)))
    assert np.array_equal(betas(cut), betas(whole))
    assert [f.voiced for f in cut] == [f.voiced for f in whole]


@pytest.mark.parametrize("size", [1, 7, 639, 640, 641])
def test_small_blocks(model: VoiceModel, speech: Sound, size: int) -> None:
    part = speech[8000 : 8000 + 4000]
    assert np.array_equal(betas(express(model, part, [size])), betas(express(model, part)))


@pytest.mark.parametrize("count", [0, 1, 639, 640, 641, 6400, 6401])
@pytest.mark.parametrize("lookahead_ms", [40, 80])
def test_as_many_frames_as_hops_begun(model: VoiceModel, count: int, lookahead_ms: int) -> None:
    frames = express(model, np.zeros(count, np.float32), lookahead_ms=lookahead_ms)
    assert [f.index for f in frames] == list(range(-(-count // HOP_SAMPLES)))


@pytest.mark.parametrize("lookahead_ms", [40, 80])
def test_causal_with_the_stated_lookahead(
    model: VoiceModel, speech: Sound, lookahead_ms: int
) -> None:
    latency = ExpressionStream(model, lookahead_ms).latency_samples
    assert latency == lookahead_ms * SAMPLE_RATE_HZ // 1000
    index = 40
    needed = (index + 1) * HOP_SAMPLES + latency
    changed = speech.copy()
    changed[needed:] = np.random.default_rng(0).standard_normal(len(speech) - needed) * 0.3
    a = betas(express(model, speech, lookahead_ms=lookahead_ms))
    b = betas(express(model, changed.astype(np.float32), lookahead_ms=lookahead_ms))
    assert np.array_equal(a[: index + 1], b[: index + 1])
    assert not np.array_equal(a[index + 1 :], b[index + 1 :])


def test_a_frame_comes_out_as_soon_as_its_lookahead_is_in(model: VoiceModel, speech: Sound) -> None:
    stream = ExpressionStream(model)
    needed = HOP_SAMPLES + stream.latency_samples
    assert stream.push(speech[: needed - 1]) == []
    assert [f.index for f in stream.push(speech[needed - 1 : needed])] == [0]


def test_speech_moves_the_mouth_and_silence_around_it_does_not(
    model: VoiceModel, speech: Sound
) -> None:
    frames = express(model, speech)
    jaw = betas(frames)[:, INDEX["jawOpen"]]
    assert jaw[15:60].max() > 0.15
    assert any(f.voiced for f in frames)
    assert np.all(betas(frames)[:8] == 0)


def test_the_mouth_moves_within_a_tenth_of_a_second_of_the_voice(
    model: VoiceModel, speech: Sound
) -> None:
    loud = np.flatnonzero(np.abs(speech) > 0.02)[0] / SAMPLE_RATE_HZ
    moving = np.flatnonzero(betas(express(model, speech)).max(1) > 0.03)[0] / 25
    assert -0.2 < moving - loud < 0.1


def _noise(kind: str, level_db: float) -> Sound:
    rng = np.random.default_rng(3)
    count = 6 * SAMPLE_RATE_HZ
    time = np.arange(count) / SAMPLE_RATE_HZ
    sounds = {
        "silence": np.zeros(count),
        "white": rng.standard_normal(count),
        "hum": sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 5)),
    }
    sound = np.asarray(sounds[kind])
    return (sound / (sound.std() + 1e-9) * 10 ** (level_db / 20)).astype(np.float32)


@pytest.mark.parametrize("kind", ["silence", "white", "hum"])
@pytest.mark.parametrize("level_db", [-30, -50])
def test_rests_without_a_voice(model: VoiceModel, kind: str, level_db: float) -> None:
    beta = betas(express(model, _noise(kind, level_db)))
    assert beta[:, INDEX["jawOpen"]].mean() <= 0.02
    assert beta.max() <= 0.05


def test_a_rest_is_exactly_zero(model: VoiceModel) -> None:
    frames = express(model, np.zeros(32_000, np.float32))
    assert np.all(betas(frames) == 0)
    assert not any(f.voiced for f in frames)


def test_returns_to_rest_after_speech(model: VoiceModel, speech: Sound) -> None:
    followed = np.concatenate([speech, np.zeros(SAMPLE_RATE_HZ, np.float32)])
    assert np.all(betas(express(model, followed))[-10:] == 0)


def test_bad_numbers_do_not_spread(model: VoiceModel, speech: Sound) -> None:
    broken = speech.copy()
    broken[9000:9100] = np.nan
    broken[9200:9300] = np.inf
    assert np.isfinite(betas(express(model, broken))).all()


def test_controls_may_change_while_running(model: VoiceModel, speech: Sound) -> None:
    stream = ExpressionStream(model)
    half = len(speech) // 2
    frames = stream.push(speech[:half])
    stream.controls = ExpressionControls(amplitude=0.0)
    later = stream.push(speech[half:]) + stream.finish()
    assert betas(frames).max() > 0.1
    assert np.all(betas(later) == 0)


def test_refuses_what_it_cannot_hear(model: VoiceModel) -> None:
    stream = ExpressionStream(model)
    with pytest.raises(TypeError, match="float32"):
        stream.push(np.zeros(10))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="shape"):
        stream.push(np.zeros((2, 10), np.float32))
    stream.finish()
    assert stream.finish() == []
    with pytest.raises(ValueError, match="finished"):
        stream.push(np.zeros(10, np.float32))


def test_unknown_lookahead(model: VoiceModel) -> None:
    with pytest.raises(ConfigError, match="40, 80"):
        ExpressionStream(model, lookahead_ms=60)


def test_not_a_network(tmp_path) -> None:
    path = tmp_path / "voice.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"voice\.onnx"):
        VoiceModel.load(path)


def test_laughter_trembles_in_an_open_mouth_and_ends_at_rest(model: VoiceModel) -> None:
    """Five bursts a second of "ha", with breath between them."""
    count = 3 * SAMPLE_RATE_HZ
    time = np.arange(count) / SAMPLE_RATE_HZ
    voiced = np.zeros(count)
    for pitch in np.arange(250, 5000, 250):
        gain = sum(1 / (1 + ((pitch - f) / 120) ** 2) for f in (800, 1300))
        voiced += gain * np.sin(2 * np.pi * pitch * time)
    swing = np.sin(2 * np.pi * 5 * time)
    breath = np.random.default_rng(0).standard_normal(count) * np.clip(-swing, 0, 1)
    laugh = (0.1 * voiced * np.clip(swing, 0, 1) + 0.01 * breath) * np.exp(-time / 2)
    sound = np.pad(laugh, (0, SAMPLE_RATE_HZ)).astype(np.float32)
    jaw = betas(express(model, sound))[:, INDEX["jawOpen"]]
    assert jaw[10:60].min() > 0.15
    assert jaw[10:60].max() < 0.8
    assert jaw[-8:].max() == 0
