import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_io.resample import StreamResampler

RATES = [(48_000, 16_000), (44_100, 48_000), (16_000, 48_000), (96_000, 48_000), (8_000, 16_000)]


def _tone(rate_hz: int, hz: float, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz).astype(np.float32)


def _whole(rates: tuple[int, int], sound: np.ndarray) -> np.ndarray:
    resampler = StreamResampler(*rates)
    return np.concatenate([resampler.push(sound), resampler.finish()])


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([*RATES, (48_000, 48_000)]), st.lists(st.integers(0, 700), max_size=12))
def test_chunked_equals_whole(rates: tuple[int, int], sizes: list[int]) -> None:
    sound = np.random.default_rng(0).normal(size=sum(sizes)).astype(np.float32)
    resampler = StreamResampler(*rates)
    blocks = [resampler.push(block) for block in np.split(sound, np.cumsum(sizes))]
    chunked = np.concatenate([*blocks, resampler.finish()])
    np.testing.assert_array_equal(chunked, _whole(rates, sound))
    assert abs(chunked.size - sound.size * rates[1] / rates[0]) < 1


@pytest.mark.parametrize("rates", RATES)
def test_a_tone_stays_where_it_is(rates: tuple[int, int]) -> None:
    made = _whole(rates, _tone(rates[0], 1000))
    inner = slice(100, -200)
    np.testing.assert_allclose(made[inner], _tone(rates[1], 1000)[: made.size][inner], atol=1e-3)


@pytest.mark.parametrize("rates", [(48_000, 16_000), (44_100, 16_000), (96_000, 48_000)])
def test_nothing_folds_back(rates: tuple[int, int]) -> None:
    made = _whole(rates, _tone(rates[0], rates[1] * 0.55))
    assert np.abs(made[100:-200]).max() < 1e-3


def test_waits_for_little_sound() -> None:
    assert StreamResampler(48_000, 16_000).lag_s <= 0.0016
    assert StreamResampler(44_100, 48_000).lag_s <= 0.0016
    assert StreamResampler(48_000, 48_000).lag_s == 0


def test_refuses_senseless_rates() -> None:
    with pytest.raises(ValueError, match="positive"):
        StreamResampler(0, 16_000)
