"""The HuBERT encoder, with a tiny checkpoint made here."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from weights.training.voice import hubert  # noqa: E402


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("hubert")
    hubert.HubertModel(hubert.tiny_config()).save_pretrained(folder)
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


def test_pretraining_and_supervision_learn_something() -> None:
    rng = np.random.default_rng(0)
    frames, samples = 20, 20 * hubert.FRAME_SAMPLES + 80
    clips = hubert.Clips(
        rng.standard_normal((4, samples)).astype(np.float16),
        rng.standard_normal((4, frames, 80)).astype(np.float16),
        rng.random((4, frames, len(hubert.CHANNELS))).astype(np.float16),
    )
    encoder = hubert.pretrain(clips, hubert.tiny_config(), 0.02, "cpu")
    torch.manual_seed(0)
    net = hubert.supervise(clips, encoder, 0.05, "cpu")
    with torch.no_grad():
        predicted = net(clips.batch(np.arange(4), "cpu")).numpy()
    truth = clips.curves.astype(np.float32)
    assert ((predicted - truth) ** 2).mean() < (truth**2).mean()
