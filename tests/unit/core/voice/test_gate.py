"""Hysteresis, hold and edges of the voice gate."""

from core.voice.gate import GateSettings, VoiceGate


def run(chances: list[float], settings: GateSettings | None = None) -> list[tuple[float, bool]]:
    gate = VoiceGate(settings)
    return [gate.step(chance) for chance in chances]


def test_starts_closed_and_opens_within_its_attack() -> None:
    out = run([0.0, 0.9, 0.9, 0.9, 0.9])
    assert out == [(0.0, False), (0.0, False), (0.5, True), (1.0, True), (1.0, True)]


def test_a_single_frame_does_not_open_it() -> None:
    assert not any(is_open for _, is_open in run([0.0, 0.99, 0.0, 0.99, 0.0]))


def test_doubt_keeps_it_as_it_is() -> None:
    assert all(not is_open for _, is_open in run([0.5] * 20))
    assert all(is_open for _, is_open in run([0.9] * 2 + [0.5] * 20)[1:])


def test_closes_after_hold_and_release() -> None:
    settings = GateSettings(hold_frames=3, release_frames=2)
    out = run([0.9, 0.9, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0], settings)
    assert [is_open for _, is_open in out] == [False, *[True] * 4, *[False] * 3]
    assert [opening for opening, _ in out][5:] == [0.5, 0.0, 0.0]


def test_a_short_gap_does_not_close_it() -> None:
    out = run([0.9] * 4 + [0.0] * 4 + [0.9] * 4)
    assert all(opening == 1.0 for opening, _ in out[3:])


def test_noise_that_sets_in_does_not_open_it_but_likely_speech_does() -> None:
    assert not any(is_open for _, is_open in run([0.0, 0.83, 0.87, 0.75, 0.3, 0.1]))
    assert [is_open for _, is_open in run([0.0, 0.8, 0.8, 0.8, 0.8])] == [False] * 4 + [True]
