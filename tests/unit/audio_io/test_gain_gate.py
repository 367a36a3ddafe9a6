import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_io.gain_gate import GainGate, GateSettings

RATE_HZ = 48_000


def _noise(seconds: float, level_dbfs: float) -> np.ndarray:
    sound = np.random.default_rng(1).normal(size=int(RATE_HZ * seconds)) * 10 ** (level_dbfs / 20)
    return sound.astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 1500), max_size=12))
def test_chunked_equals_whole(sizes: list[int]) -> None:
    sound = _noise(sum(sizes) / RATE_HZ + 1e-9, -30)
    wanted = GainGate(RATE_HZ).process(sound, GateSettings(gate_dbfs=-40))
    gate = GainGate(RATE_HZ)
    blocks = np.split(sound, np.cumsum(sizes))
    made = np.concatenate([gate.process(b, GateSettings(gate_dbfs=-40)) for b in blocks])
    np.testing.assert_allclose(made, wanted, atol=1e-7)


def test_gain_and_meter() -> None:
    gate = GainGate(RATE_HZ)
    gate.process(_noise(0.5, -40), GateSettings(gain_db=20))
    assert gate.level().rms_dbfs == pytest.approx(-20, abs=0.5)
    assert gate.level().gate_open
    assert not gate.level().clipped
    loud = gate.process(_noise(0.5, -3), GateSettings(gain_db=20))
    assert gate.level().clipped
    assert np.abs(loud).max() <= 1.0


def test_gate_closes_on_noise_and_opens_for_speech() -> None:
    gate, settings_ = GainGate(RATE_HZ), GateSettings(gate_dbfs=-45)
    assert not gate.process(_noise(1.0, -60), settings_).any()
    opened = gate.process(_noise(0.5, -30), settings_)
    assert np.abs(opened[: RATE_HZ // 50]).max() > 0
    after = gate.process(_noise(1.0, -60), settings_)
    held = after[: RATE_HZ // 5]
    assert np.abs(held).max() > 0
    assert not after[RATE_HZ // 2 :].any()


def test_mute_is_silent_within_10_ms_and_does_not_click() -> None:
    gate = GainGate(RATE_HZ)
    tone = 0.5 * np.sin(2 * np.pi * 100 * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)
    gate.process(tone, GateSettings())
    muted = gate.process(tone, GateSettings(open=False))
    assert not muted[RATE_HZ // 100 :].any()
    assert np.abs(np.diff(muted)).max() < 0.02


@pytest.mark.parametrize("broken", [{"gain_db": 60.0}, {"gate_dbfs": 3.0}])
def test_refuses_senseless_settings(broken: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        GateSettings(**broken)
