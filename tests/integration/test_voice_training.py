"""From an engine's voice to a network that runs, on seconds of speech."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("soundfile")

from core.blendshapes import INDEX  # noqa: E402
from core.voice import ExpressionStream, VoiceModel  # noqa: E402
from core.voice.logmel import HISTORY_SAMPLES, TOKEN_SAMPLES, log_mel  # noqa: E402
from weights.training.voice import (  # noqa: E402
    a2e,
    a2e_export,
    corpus,
    engines,
    export,
    features,
    train,
)
from weights.training.voice.coarticulation import CHANNELS  # noqa: E402
from weights.training.voice.losses import loss_of  # noqa: E402
from weights.training.voice.mixing import MixingConfig  # noqa: E402
from weights.training.voice.model import LOOKAHEAD_TOKENS, VoiceNet, VoiceNetConfig  # noqa: E402
from weights.training.voice.sequences import Sequences  # noqa: E402
from weights.training.voice.settings import TrainConfig  # noqa: E402


def small_net() -> VoiceNet:
    torch.manual_seed(1)
    config = VoiceNetConfig(
        convolution_width=32, feature_width=32, recurrent_width=32, head_width=16
    )
    return VoiceNet(config).eval()


def test_the_exported_network_is_the_trained_one(tmp_path: Path) -> None:
    net = small_net()
    export.export(net, tmp_path / "voice.onnx")
    model = VoiceModel.load(tmp_path / "voice.onnx")
    rng = np.random.default_rng(0)
    sound = (0.1 * rng.standard_normal(640 * 12)).astype(np.float32)
    mel = log_mel(np.pad(sound, (HISTORY_SAMPLES, 0)))
    with torch.no_grad():
        outputs, _ = net(torch.from_numpy(mel)[None])
    for tokens, out in zip(LOOKAHEAD_TOKENS, outputs, strict=True):
        expected = out.curves[0].reshape(12, 2, -1).mean(1).numpy()
        state = model.initial_state()
        for hop in range(12):
            beta, _, state = model.step(mel[2 * hop : 2 * hop + 2], state, tokens * 20)
            assert beta[17] == pytest.approx(expected[hop, 0], abs=1e-4)


@pytest.mark.skipif(not engines.espeak_available(), reason="needs the library of espeak-ng")
def test_seconds_of_speech_train_a_network(tmp_path: Path) -> None:
    spoken = engines.forked(engines.espeak("en", 40, 0), tmp_path / "spool")
    again = engines.forked(engines.espeak("en", 40, 0), tmp_path / "spool")
    assert [u.segments for u in again] == [u.segments for u in spoken]
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(spoken, again, strict=True))
    (tmp_path / "corpus").mkdir()
    corpus.save(tmp_path / "corpus" / "espeak_en.npz", spoken)
    loaded = corpus.load(tmp_path / "corpus" / "espeak_en.npz")
    assert loaded[0].segments[0].label == spoken[0].segments[0].label

    arrays = features.training_arrays(loaded, 0, True)
    assert len(arrays["sound"]) == len(arrays["labels"]) * TOKEN_SAMPLES
    data = tmp_path / "data"
    data.mkdir()
    for name, array in arrays.items():
        np.save(data / f"{name}.npy", array)
    np.save(data / "noise.npy", arrays["mel"][None, :300])
    config = TrainConfig(minutes=0.06, batch=4, tokens=100, warm_up_steps=5)
    out = tmp_path / "run"
    before = _loss(small_net(), data, config)
    train.train(data, out, config, MixingConfig())
    resumed = train.train(data, out, TrainConfig(minutes=0.1, batch=4, tokens=100), MixingConfig())
    assert _loss(resumed.eval(), data, config) < before

    export.export(train.load(out / "last.pt"), tmp_path / "voice.onnx")
    stream = ExpressionStream(VoiceModel.load(tmp_path / "voice.onnx"))
    sound = spoken[0].samples.astype(np.float32) / 32768
    frames = stream.push(sound) + stream.finish()
    assert len(frames) == -(-len(sound) // 640)


def test_the_transformer_streams_and_listens_to_its_priors(tmp_path: Path) -> None:
    encoder = small_net()
    transformer = a2e.A2E(a2e.small(encoder.speech_features)).eval()
    rng = np.random.default_rng(0)
    styles = {
        name: rng.random((16, len(a2e.SIDED_CHANNELS))).astype(np.float32)
        for name in ("neutral", "lively")
    }
    a2e_export.export(encoder, transformer, styles, tmp_path / "a2e.onnx")
    model = VoiceModel.load(tmp_path / "a2e.onnx")
    assert set(model.styles) == set(styles)
    sound = (0.1 * rng.standard_normal(640 * 8)).astype(np.float32)
    mel = log_mel(np.pad(sound, (HISTORY_SAMPLES, 0)))

    heard = _heard(model, mel)
    with torch.no_grad():
        features, _ = encoder.hear(torch.from_numpy(mel)[None], encoder.initial_state())
        window = torch.nn.functional.pad(features, (0, 0, 16, 0))
        history = torch.from_numpy(model.styles["neutral"])[None]
        expected = transformer(window, torch.zeros(1, 80), history)[0].numpy()
    columns = [INDEX[name] for name in a2e.SIDED_CHANNELS]
    np.testing.assert_allclose(heard[columns], expected[-2], atol=1e-4)
    np.testing.assert_allclose(_heard(model, mel, 40)[columns], expected[-1], atol=1e-4)

    lively = model.of_speaker(np.zeros(80, np.float32), "lively")
    shaped = model.of_speaker(np.ones(80, np.float32), "neutral")
    for other in (lively, shaped):
        assert np.abs(_heard(other, mel) - heard).max() > 1e-3
    np.testing.assert_array_equal(_heard(model, mel), heard)


@pytest.mark.parametrize("published", [False, True])
def test_hubert_runs_alone_and_under_the_transformer(published: bool, tmp_path: Path) -> None:
    hubert_net = pytest.importorskip("weights.training.voice.hubert_net")
    torch.manual_seed(1)
    if published:
        hubert_net.HubertModel(hubert_net.tiny_config()).save_pretrained(tmp_path / "published")
        net = hubert_net.PublishedHubert(tmp_path / "published").eval()
    else:
        net = hubert_net.HubertVoiceNet(hubert_net.tiny_config()).eval()
    rng = np.random.default_rng(0)
    sound = (0.1 * rng.standard_normal(640 * 30)).astype(np.float32)
    export.export(net, tmp_path / "alone.onnx")
    with torch.no_grad():
        outputs, _ = net(torch.from_numpy(sound)[None])
    expected = outputs[-1].curves[0].reshape(30, 2, -1).mean(1).numpy()
    model, column = VoiceModel.load(tmp_path / "alone.onnx"), INDEX["jawOpen"]
    state = model.initial_state()
    for hop in range(30):
        beta, _, state = model.step(sound[640 * hop : 640 * (hop + 1)], state, 80)
        assert beta[column] == pytest.approx(expected[hop, 0], abs=1e-4)

    transformer = a2e.A2E(a2e.small(net.speech_features)).eval()
    styles = {"neutral": np.zeros((16, len(a2e.SIDED_CHANNELS)), np.float32)}
    a2e_export.export(net, transformer, styles, tmp_path / "a2e.onnx")
    whole, cut = (
        [f.beta for n in blocks for f in n]
        for blocks in (
            _frames(VoiceModel.load(tmp_path / "a2e.onnx"), sound, block)
            for block in (len(sound), 333)
        )
    )
    np.testing.assert_array_equal(whole, cut)
    assert len(whole) == 30


def _frames(model: VoiceModel, sound: np.ndarray, block: int) -> list:
    stream = ExpressionStream(model)
    pieces = [stream.push(sound[i : i + block]) for i in range(0, len(sound), block)]
    return [*pieces, stream.finish()]


def test_a_picture_of_the_prediction(tmp_path: Path) -> None:
    plot = pytest.importorskip("weights.training.voice.plot")
    export.export(small_net(), tmp_path / "voice.onnx")
    model = VoiceModel.load(tmp_path / "voice.onnx")
    rng = np.random.default_rng(0)
    sound = (0.1 * rng.standard_normal(320 * 60)).astype(np.float32)
    labels = np.repeat(np.arange(6), 10).astype(np.uint8)
    truth = rng.random((60, len(CHANNELS))).astype(np.float32)
    figure = plot.draw(sound, labels, truth, model)
    figure.savefig(tmp_path / "plot.png")
    assert len(figure.axes) == 4
    assert (tmp_path / "plot.png").stat().st_size > 20_000


def _heard(model: VoiceModel, mel: np.ndarray, lookahead_ms: int = 80) -> np.ndarray:
    state = model.initial_state()
    for hop in range(len(mel) // 2):
        beta, _, state = model.step(mel[2 * hop : 2 * hop + 2], state, lookahead_ms)
    return beta


def _loss(net: VoiceNet, data: Path, config: TrainConfig) -> float:
    sequences = Sequences(data, config, np.random.default_rng(0))
    with torch.no_grad():
        return float(loss_of(net, sequences.draw(), sequences, config))
