"""HuBERT: published checkpoints, its pretraining, and our form of it that streams; all tiny."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from core.voice.logmel import TOKEN_SAMPLES  # noqa: E402
from weights.training.voice import hubert, hubert_net, train  # noqa: E402
from weights.training.voice.coarticulation import CHANNELS  # noqa: E402
from weights.training.voice.mixing import GENTLE, SoundMixer  # noqa: E402


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("hubert")
    hubert.HubertModel(hubert_net.tiny_config()).save_pretrained(folder)
    return folder


def stream_all(checkpoint: Path, sound: np.ndarray, blocks: list[int]) -> np.ndarray:
    stream = hubert.HubertStream(hubert.load(checkpoint), window_frames=16)
    out, at, turn = [], 0, 0
    while at < len(sound):
        out.append(stream.push(sound[at : at + blocks[turn % len(blocks)]]))
        at, turn = at + blocks[turn % len(blocks)], turn + 1
    return np.concatenate(out)


def test_a_local_checkpoint_loads_and_streams_the_same_however_cut(checkpoint: Path) -> None:
    sound = np.random.default_rng(0).standard_normal(6400).astype(np.float32) * 0.1
    whole = stream_all(checkpoint, sound, [len(sound)])
    assert whole.shape == (20, 32)
    np.testing.assert_array_equal(stream_all(checkpoint, sound, [7, 1000, 333]), whole)


def test_features_do_not_hear_beyond_their_lookahead(checkpoint: Path) -> None:
    sound = np.random.default_rng(0).standard_normal(6400).astype(np.float32) * 0.1
    changed = sound.copy()
    changed[3840:] = 0
    a, b = (stream_all(checkpoint, s, [640]) for s in (sound, changed))
    np.testing.assert_array_equal(a[:12], b[:12])
    assert not np.array_equal(a[12:], b[12:])


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
    np.save(folder / "noise_sound.npy", rng.integers(-900, 900, (3, 16_000)).astype(np.int16))
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
    net = tiny_net()
    sound = torch.randn(1, 70 * TOKEN_SAMPLES, generator=torch.Generator().manual_seed(0)) * 0.1
    with torch.no_grad():
        whole, _ = net.encode(sound, net.initial_state())
        state, parts = net.initial_state(), []
        for hop in sound.split(2 * TOKEN_SAMPLES, 1):
            features, state = net.encode(hop, state)
            parts.append(features)
        torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-4)
        changed = sound.clone()
        changed[:, 50 * TOKEN_SAMPLES :] = 0
        other, _ = net.encode(changed, net.initial_state())
    assert torch.equal(other[:, :50], whole[:, :50])  # hears nothing of what comes
    assert not torch.equal(other[:, 50:], whole[:, 50:])


def test_convolutions_learn_the_spectrum(data: Path) -> None:
    net = tiny_net().train()
    quick = train.TrainConfig(batch=4, tokens=30, spectrum_minutes=0.001)
    first = train.learn_spectrum(net, data, quick)
    longer = train.TrainConfig(batch=4, tokens=30, spectrum_minutes=0.08)
    assert train.learn_spectrum(net, data, longer) < 0.6 * first


def test_it_trains_and_comes_back_from_its_checkpoint(data: Path, tmp_path: Path) -> None:
    config = train.TrainConfig(minutes=0.1, batch=6, tokens=60, warm_up_steps=5)

    def loss(net: hubert_net.HubertVoiceNet) -> float:
        sequences = train.Sequences(data, config, np.random.default_rng(1), net.INPUT)
        with torch.no_grad():
            return float(train.loss_of(net.eval(), sequences.draw(), sequences, config))

    net = tiny_net().train()
    before = loss(net)
    trained = train.train(data, tmp_path, config, GENTLE, net.train())
    assert loss(trained) < 0.8 * before
    again = train.load(tmp_path / "last.pt")
    assert loss(again) == pytest.approx(loss(trained), rel=1e-4)


def test_mixing_keeps_shapes_and_changes_the_sound(data: Path) -> None:
    sound = torch.randn(6, 50 * TOKEN_SAMPLES, generator=torch.Generator().manual_seed(0)) * 0.1
    curves = torch.full((6, 50, len(CHANNELS)), 0.5)
    noise = np.load(data / "noise_sound.npy")
    mixed = [SoundMixer(GENTLE, noise, np.random.default_rng(3))(sound, curves) for _ in range(2)]
    heard, moved = mixed[0]
    assert heard.shape == sound.shape and moved.shape == curves.shape
    assert torch.isfinite(heard).all() and not torch.equal(heard, sound)
    assert moved.min() >= 0 and moved.max() <= 1
    assert all(torch.equal(a, b) for a, b in zip(*mixed, strict=True))
