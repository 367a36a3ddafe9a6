"""HuBERT: published checkpoints, its pretraining, and our form of it that streams; all tiny."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from core.voice.logmel import TOKEN_SAMPLES  # noqa: E402
from weights.training.voice import hubert, hubert_net, train  # noqa: E402
from weights.training.voice.coarticulation import CHANNELS  # noqa: E402
from weights.training.voice.losses import loss_of  # noqa: E402
from weights.training.voice.mixing import GENTLE, SoundMixer  # noqa: E402
from weights.training.voice.model import SpeechNet  # noqa: E402
from weights.training.voice.sequences import Sequences  # noqa: E402
from weights.training.voice.settings import TrainConfig  # noqa: E402


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("hubert")
    hubert.HubertModel(hubert_net.tiny_config()).save_pretrained(folder)
    return folder


@torch.no_grad()
def features_of(net: SpeechNet, sound: torch.Tensor, hop_tokens: int) -> torch.Tensor:
    state, parts = net.initial_state(), []
    for hop in sound.split(hop_tokens * TOKEN_SAMPLES, 1):
        features, state = net.encode(hop, state)
        parts.append(features)
    return torch.cat(parts, 1)


def noise(tokens: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, tokens * TOKEN_SAMPLES, generator=generator) * 0.1


def test_a_published_checkpoint_streams_the_same_however_cut(checkpoint: Path) -> None:
    net = hubert_net.PublishedHubert(checkpoint).eval()
    sound = noise(20)
    whole = features_of(net, sound, 20)
    assert whole.shape == (1, 20, 32)
    torch.testing.assert_close(features_of(net, sound, 2), whole, atol=1e-6, rtol=1e-5)


def test_a_published_checkpoint_hears_nothing_of_what_comes(checkpoint: Path) -> None:
    net = hubert_net.PublishedHubert(checkpoint).eval()
    sound = noise(20)
    changed = sound.clone()
    changed[:, 12 * TOKEN_SAMPLES :] = 0
    a, b = (features_of(net, s, 2) for s in (sound, changed))
    assert torch.equal(a[:, :12], b[:, :12])
    assert not torch.equal(a[:, 12:], b[:, 12:])


def test_heads_on_a_published_checkpoint_train_alone(
    checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    net = hubert_net.PublishedHubert(checkpoint)
    before = {name: weight.clone() for name, weight in net.state_dict().items()}
    config = TrainConfig(minutes=0.03, batch=2, tokens=40, warm_up_steps=5)
    train.train(data, tmp_path, config, GENTLE, net.train())
    again = train.load(tmp_path / "last.pt")
    moved = {n for n, w in again.state_dict().items() if not torch.equal(w, before[n])}
    assert moved
    assert all(name.startswith("heads.") for name in moved)


def test_masks_cover_about_their_share() -> None:
    mask = hubert.span_mask(64, 100, 0.5, 5, np.random.default_rng(0))
    assert 0.3 < mask.float().mean().item() < 0.5


def test_k_means_finds_clusters() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(c, 0.1, (50, 2)) for c in (0, 5, 9)]).astype(np.float32)
    labels = hubert.assign(points, hubert.k_means(points, 3))
    assert [len(set(labels[i : i + 50])) for i in (0, 50, 100)] == [1, 1, 1]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tones, each with a movement of its own, as `features --sound` writes them."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    tokens = 1200
    high = np.repeat(rng.integers(0, 2, tokens // 12), 12)
    time = np.arange(tokens * TOKEN_SAMPLES) / 16_000
    hz = np.repeat(np.where(high, 1500.0, 300.0), TOKEN_SAMPLES)
    sound = np.round(8000 * np.sin(2 * np.pi * hz * time)).astype(np.int16)
    curves = np.zeros((tokens, len(CHANNELS)), np.float16)
    curves[:, 0] = high
    np.save(folder / "sound.npy", sound)
    np.save(folder / "mel.npy", train.VoiceNet.prepare(sound / np.float32(32767)))
    noise = rng.integers(-900, 900, (3, 16_000)).astype(np.int16)
    np.save(folder / "noise_sound.npy", noise)
    spectra = [train.VoiceNet.prepare(piece / np.float32(32767)) for piece in noise]
    np.save(folder / "noise.npy", np.stack(spectra))
    np.save(folder / "curves.npy", curves)
    np.save(folder / "labels.npy", high.astype(np.uint8))
    np.save(folder / "speech.npy", np.ones(tokens, np.uint8))
    return folder


def test_pretraining_learns_something(data: Path) -> None:
    torch.manual_seed(0)
    encoder = hubert.pretrain(data, hubert_net.tiny_config(), 0.1, "cpu", tokens=40)
    assert all(torch.isfinite(p).all() for p in encoder.parameters())


def tiny_net() -> hubert_net.HubertVoiceNet:
    torch.manual_seed(0)
    return hubert_net.HubertVoiceNet(hubert_net.tiny_config()).eval()


def test_streaming_is_what_it_does_on_the_whole() -> None:
    net, sound = tiny_net(), noise(70)
    whole = features_of(net, sound, 70)
    torch.testing.assert_close(features_of(net, sound, 2), whole, atol=1e-5, rtol=1e-4)
    changed = sound.clone()
    changed[:, 50 * TOKEN_SAMPLES :] = 0
    other = features_of(net, changed, 70)
    assert torch.equal(other[:, :50], whole[:, :50])  # hears nothing of what comes
    assert not torch.equal(other[:, 50:], whole[:, 50:])


def test_convolutions_learn_the_spectrum(data: Path) -> None:
    sound = torch.from_numpy(np.load(data / "sound.npy")[: 600 * TOKEN_SAMPLES] / np.float32(32767))
    mel = torch.from_numpy(np.load(data / "mel.npy")[:600])

    def loss(net: hubert_net.HubertVoiceNet) -> float:
        with torch.no_grad():
            return float(torch.nn.functional.mse_loss(net.tell_spectrum(sound[None]), mel[None]))

    net = tiny_net().train()
    before = loss(net)
    train.learn_spectrum(net, data, TrainConfig(batch=4, tokens=30, spectrum_steps=150))
    assert loss(net) < 0.5 * before


def test_it_trains_and_comes_back_from_its_checkpoint(data: Path, tmp_path: Path) -> None:
    config = TrainConfig(minutes=0.1, batch=6, tokens=60, warm_up_steps=5)

    def loss(net: hubert_net.HubertVoiceNet) -> float:
        sequences = Sequences(data, config, np.random.default_rng(1), net.INPUT)
        with torch.no_grad():
            return float(loss_of(net.eval(), sequences.draw(), sequences, config))

    net = tiny_net().train()
    before = loss(net)
    trained = train.train(data, tmp_path, config, GENTLE, net.train())
    assert loss(trained) < 0.8 * before
    again = train.load(tmp_path / "last.pt")
    assert loss(again) == pytest.approx(loss(trained), rel=1e-4)


def test_mixing_keeps_shapes_and_changes_the_sound(data: Path) -> None:
    sound = torch.randn(6, 50 * TOKEN_SAMPLES, generator=torch.Generator().manual_seed(0)) * 0.1
    curves = torch.full((6, 50, len(CHANNELS)), 0.5)
    noise = torch.from_numpy(np.load(data / "noise_sound.npy"))
    mixed = [SoundMixer(GENTLE, noise, np.random.default_rng(3))(sound, curves) for _ in range(2)]
    heard, moved = mixed[0]
    assert heard.shape == sound.shape and moved.shape == curves.shape
    assert torch.isfinite(heard).all() and not torch.equal(heard, sound)
    assert moved.min() >= 0 and moved.max() <= 1
    assert all(torch.equal(a, b) for a, b in zip(*mixed, strict=True))
