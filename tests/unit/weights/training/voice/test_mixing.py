"""How batches are changed before the networks hear them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from core.voice.logmel import HISTORY_SAMPLES, NUM_BANDS, log_mel  # noqa: E402
from weights.training.voice.coarticulation import CHANNEL_INDEX, CHANNELS  # noqa: E402
from weights.training.voice.mixing import Mixer, MixingConfig, SoundMixer, louder  # noqa: E402

ALL = {
    f"{name}_chance": 1.0
    for name in ("prosody", "tract", "band_limit", "room", "noise", "babble", "dropout")
}
NOTHING = MixingConfig(**dict.fromkeys(ALL, 0.0), filter_db=0.0, gain_db=(0.0, 0.0))


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sound (B, S), its log-mel (B, T, D), and movements (B, T, C)."""
    rng = np.random.default_rng(0)
    sound = (0.1 * rng.standard_normal((6, 320 * 50))).astype(np.float32)
    mel = np.stack([log_mel(np.pad(one, (HISTORY_SAMPLES, 0))) for one in sound])
    curves = rng.random((6, 50, len(CHANNELS))).astype(np.float32)
    return torch.from_numpy(sound), torch.from_numpy(mel), torch.from_numpy(curves)


def mixers(config: MixingConfig) -> tuple[Mixer, SoundMixer]:
    sound, mel, _ = batch()
    noise = (sound[:2] * 9000).to(torch.int16)
    rng = np.random.default_rng(1)
    return Mixer(config, mel[:2].half(), rng), SoundMixer(config, noise, rng)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_changes_are_finite_and_keep_shapes(share: float) -> None:
    sound, mel, curves = batch()
    on_mel, on_sound = mixers(MixingConfig(**dict.fromkeys(ALL, share)))
    for _ in range(5):
        for mixer, heard in ((on_mel, mel), (on_sound, sound)):
            changed, moved = mixer(heard, curves)
            assert changed.shape == heard.shape and moved.shape == curves.shape
            assert torch.isfinite(changed).all() and not torch.equal(changed, heard)
            assert moved.min() >= 0 and moved.max() <= 1


def test_nothing_wished_for_changes_nothing() -> None:
    sound, mel, curves = batch()
    for mixer, heard in zip(mixers(NOTHING), (mel, sound), strict=True):
        changed, moved = mixer(heard, curves)
        torch.testing.assert_close(changed, heard, atol=1e-4, rtol=1e-4)
        assert torch.equal(moved, curves)


def test_only_what_opens_opens_with_the_loudness() -> None:
    on_mel, _ = mixers(NOTHING)
    curves = torch.full((1, 2, len(CHANNELS)), 0.25)
    opened = on_mel._opened(curves, torch.tensor([[20.0, -20.0]]))[0]
    assert opened[:, CHANNEL_INDEX["jawOpen"]].tolist() == pytest.approx([0.5, 0.125])
    assert opened[:, CHANNEL_INDEX["mouthPucker"]].tolist() == [0.25, 0.25]


def test_dropped_bands_keep_their_mean() -> None:
    _, mel, _ = batch()
    on_mel, _ = mixers(MixingConfig(dropout_chance=1.0))
    dropped = on_mel._drop_bands(mel)
    for one, before in zip(dropped, mel, strict=True):
        gone = (one != before).any(0)  # (D,)
        assert torch.equal(gone[:NUM_BANDS], gone[NUM_BANDS:])
        assert 2 <= int(gone[:NUM_BANDS].sum()) <= 5
        for half in (slice(0, NUM_BANDS), slice(NUM_BANDS, None)):
            inside = one[:, half][:, gone[half]]
            expected = before[:, half][:, gone[half]].mean()
            torch.testing.assert_close(inside, expected.expand_as(inside), atol=1e-5, rtol=1e-5)


def test_bands_are_cut_at_both_ends() -> None:
    on_mel, _ = mixers(MixingConfig(band_limit_chance=1.0, filter_db=0.0))
    power = on_mel._filter(torch.ones(200, 2, NUM_BANDS))[:, 0]
    assert (power[:, -1] < 2e-4).all() and (power[:, 13:27] == 1).all()
    low = (power[:, 0] < 2e-3).float().mean()
    assert 0.35 < low < 0.65 and (power[:, 5] == 1).all()


def test_louder_sound_has_the_louder_spectrum() -> None:
    sound, mel, _ = batch()
    heard, told = louder(sound, mel, torch.linspace(-20, 6, 6))
    spectra = [log_mel(np.pad(one.numpy(), (HISTORY_SAMPLES, 0))) for one in heard]
    torch.testing.assert_close(told, torch.from_numpy(np.stack(spectra)), atol=1e-3, rtol=1e-3)
