"""From an engine's voice to a network that runs, on seconds of speech."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("soundfile")

from core.voice import ExpressionStream, VoiceModel  # noqa: E402
from core.voice.logmel import HISTORY_SAMPLES, log_mel  # noqa: E402
from weights.training.voice import corpus, engines, export, features, train  # noqa: E402
from weights.training.voice.mixing import MixingConfig  # noqa: E402
from weights.training.voice.model import LOOKAHEAD_TOKENS, VoiceNet, VoiceNetConfig  # noqa: E402


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

    arrays = features.training_arrays(loaded, 0)
    data = tmp_path / "data"
    data.mkdir()
    for name, array in arrays.items():
        np.save(data / f"{name}.npy", array)
    np.save(data / "noise.npy", arrays["mel"][None, :300])
    config = train.TrainConfig(minutes=0.06, batch=4, tokens=100, warm_up_steps=5)
    out = tmp_path / "run"
    before = _loss(small_net(), data, config)
    train.train(data, out, config, MixingConfig())
    resumed = train.train(
        data, out, train.TrainConfig(minutes=0.1, batch=4, tokens=100), MixingConfig()
    )
    assert _loss(resumed.eval(), data, config) < before

    export.export(train.load(out / "last.pt"), tmp_path / "voice.onnx")
    stream = ExpressionStream(VoiceModel.load(tmp_path / "voice.onnx"))
    sound = spoken[0].samples.astype(np.float32) / 32768
    frames = stream.push(sound) + stream.finish()
    assert len(frames) == -(-len(sound) // 640)


def _loss(net: VoiceNet, data: Path, config: train.TrainConfig) -> float:
    sequences = train.Sequences(data, config, np.random.default_rng(0))
    with torch.no_grad():
        return float(train.loss_of(net, sequences.draw(), sequences, config))
