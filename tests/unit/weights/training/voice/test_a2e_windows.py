"""What the transformer is shown: hearing in batches, windows and histories drawn by index."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from weights.training.voice import a2e, a2e_data, a2e_windows  # noqa: E402
from weights.training.voice.a2e_windows import Recording, Windows  # noqa: E402
from weights.training.voice.model import SpeechNet, VoiceNet, VoiceNetConfig  # noqa: E402

CONFIG = a2e.small(2)
FRAMES = (30, 41, 25, 36, 17, 60, 50, 16)
PERSONS = (2, 0, 2, 0, 1, 2, 3, 3)
"""The last recording is too short, so persons 1 and 3 have but one."""


def mel_net() -> VoiceNet:
    torch.manual_seed(1)
    config = VoiceNetConfig(
        convolution_width=16, feature_width=16, recurrent_width=16, head_width=8
    )
    return VoiceNet(config).eval()


def hubert() -> SpeechNet:
    hubert_net = pytest.importorskip("weights.training.voice.hubert_net")
    torch.manual_seed(1)
    return hubert_net.HubertVoiceNet(hubert_net.tiny_config()).eval()


@pytest.mark.parametrize("make", [mel_net, hubert])
def test_heard_together_is_heard_alone(make) -> None:
    encoder, rng = make(), np.random.default_rng(0)
    prepared = [
        torch.from_numpy(encoder.prepare((0.1 * rng.standard_normal(640 * n)).astype(np.float32)))
        for n in (9, 30, 14)
    ]
    together = a2e_windows.hear_together(prepared, encoder)
    assert [len(features) for features in together] == [18, 60, 28]
    for heard, features in zip(prepared, together, strict=True):
        with torch.no_grad():
            alone, _ = encoder.hear(heard[None], encoder.initial_state())
        torch.testing.assert_close(features, alone[0], atol=1e-4, rtol=0)


def test_recordings_keep_their_order_and_their_lag() -> None:
    rng, encoder = np.random.default_rng(0), mel_net()
    spoken = [
        a2e_data.Spoken(
            person,
            (2000 * rng.standard_normal(640 * n)).astype(np.int16),
            rng.random((n, CONFIG.channels)).astype(np.float16),
        )
        for person, n in enumerate((20, 8, 31, 12))
    ]
    together = a2e_windows.record(spoken, encoder, batch=3)
    for one, recording in zip(spoken, together, strict=True):
        (alone,) = a2e_windows.record([one], encoder)
        assert recording.person == one.person
        np.testing.assert_allclose(recording.features, alone.features, atol=2e-3)
        np.testing.assert_array_equal(recording.expressions, alone.expressions)
        assert len(recording.features) == 2 * len(recording.expressions)
        assert not recording.features[:28].any()
        assert recording.features[28].any()
        np.testing.assert_array_equal(recording.expressions[15:], one.expressions[:-1])


def recordings() -> list[Recording]:
    """Features hold the recording and the token; expressions hold both too, made small.

    Every third frame is at rest.
    """
    out = []
    for i, (person, count) in enumerate(zip(PERSONS, FRAMES, strict=True)):
        features = np.stack([np.full(2 * count, i), np.arange(2 * count)], 1)
        expressions = np.zeros((count, CONFIG.channels))
        expressions[:, 0] = (i + 1) / 10 * (np.arange(count) % 3 > 0)
        expressions[:, 1] = np.arange(count) / 2000
        out.append(Recording(person, features.astype(np.float16), expressions.astype(np.float16)))
    return out


def windows(seed: int = 1) -> Windows:
    shapes = [np.full(80, person, np.float32) for person in range(4)]
    people = [a2e_data.Person(shape, a2e_data.Style()) for shape in shapes]
    return Windows(recordings(), people, CONFIG, seed)


def test_windows_are_cut_from_one_recording() -> None:
    audio, shape, _, truth = windows().draw(300, guard=False)
    assert audio.shape == (300, CONFIG.audio_tokens, 2)
    assert audio.dtype == shape.dtype == truth.dtype == torch.float32
    recording, token = audio[:, 0, 0].int(), audio[..., 1]
    assert (audio[..., 0] == recording[:, None]).all()
    assert set(recording.tolist()) == {0, 1, 2, 3, 5}
    assert (shape[:, 0] == torch.tensor(PERSONS)[recording]).all()
    assert (token == token[:, :1] + torch.arange(CONFIG.audio_tokens)).all()
    torch.testing.assert_close(truth[..., 1], token[:, ::2] / 4000, atol=1e-4, rtol=0)
    starts = token[recording == 2, 0] / 2
    assert (starts.min(), starts.max()) == (0, FRAMES[2] - CONFIG.queries)


def test_history_is_of_another_recording_of_the_same_person_who_speaks() -> None:
    audio, _, history, _ = windows().draw(300, guard=False)
    recording = audio[:, 0, 0].int()
    assert history.shape == (300, CONFIG.history_tokens, CONFIG.channels)
    shown = (history[..., 0] * 10).round().int() - 1
    assert (shown >= 0).all()  # none at rest
    assert (shown == shown[:, :1]).all()  # all of one recording
    assert (shown[:, 0] != recording).all()
    persons = torch.tensor(PERSONS)
    assert (persons[shown[:, 0]] == persons[recording]).all()
    pairs = set(zip(recording.tolist(), shown[:, 0].tolist(), strict=True))
    assert pairs == {(1, 3), (3, 1), (0, 2), (0, 5), (2, 0), (2, 5), (5, 0), (5, 2)}


@pytest.mark.parametrize(("prior", "noise", "share"), [(1, 0.5, 0.3), (2, 0.02, 0.1)])
def test_training_blurs_priors_and_sometimes_hides_them(
    prior: int, noise: float, share: float
) -> None:
    clear, guarded = (windows().draw(400, guard=guard)[prior] for guard in (False, True))
    hidden = (guarded == 0).flatten(1).all(dim=1)
    assert hidden.float().mean().item() == pytest.approx(share, abs=0.07)
    assert (guarded - clear)[~hidden].std().item() == pytest.approx(noise, rel=0.05)


def test_the_seed_decides() -> None:
    given = windows(3)
    first = given.draw(8, guard=True)
    second = given.draw(8, guard=True)
    given.restart(3)
    for a, b, c in zip(first, given.draw(8, guard=True), second, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_somebody_who_never_moves_shows_a_face_at_rest() -> None:
    rest = np.zeros((4, CONFIG.channels), np.float16)
    assert a2e_data.is_speaking(rest).all()
    rest[1] = 0.5
    assert a2e_data.is_speaking(rest).tolist() == [False, True, False, False]
