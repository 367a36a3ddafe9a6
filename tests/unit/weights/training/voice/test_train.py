"""Losses, the average, and that a step waits for nothing."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from core.voice.logmel import TOKEN_SAMPLES  # noqa: E402
from weights.training.voice import train  # noqa: E402
from weights.training.voice.coarticulation import (  # noqa: E402
    CHANNEL_INDEX,
    CHANNELS,
    CLOSURE_PER_JAW,
)
from weights.training.voice.losses import Tutor  # noqa: E402
from weights.training.voice.mixing import MixingConfig  # noqa: E402
from weights.training.voice.model import SpeechNet, VoiceNet, closure_of, seal  # noqa: E402
from weights.training.voice.sequences import Sequences  # noqa: E402
from weights.training.voice.settings import TrainConfig  # noqa: E402


def test_closures_are_what_sealing_has_put_in() -> None:
    rng = np.random.default_rng(0)
    curves = rng.random((3, 40, len(CHANNELS))).astype(np.float32)
    curves[:, :5, CHANNEL_INDEX["jawOpen"]] = 0
    sealing = CLOSURE_PER_JAW * curves[..., CHANNEL_INDEX["jawOpen"]]
    share = curves[..., CHANNEL_INDEX["mouthClose"]] / np.maximum(sealing, 1e-3)
    expected = np.where(sealing > 0.01, np.clip(share, 0, 1), 0)
    np.testing.assert_allclose(closure_of(torch.from_numpy(curves)), expected, atol=1e-6)
    closure = torch.from_numpy(rng.random((3, 40)).astype(np.float32))
    closure[torch.from_numpy(sealing <= 0.01)] = 0
    sealed = seal(torch.from_numpy(curves), closure)
    torch.testing.assert_close(closure_of(sealed), closure, atol=1e-5, rtol=1e-5)


def test_the_average_moves_towards_the_weights() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    rng = torch.Generator().manual_seed(0)
    average = {k: torch.randn(v.shape, generator=rng) for k, v in net.state_dict().items()}
    expected = {k: v.lerp(net.state_dict()[k], 0.1) for k, v in average.items()}
    train.average_weights(average, net, 0.9)
    torch.testing.assert_close(average, expected)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    np.save(folder / "mel.npy", rng.normal(0, 0.3, (300, 80)).astype(np.float16))
    np.save(folder / "noise.npy", rng.normal(0, 0.3, (2, 50, 80)).astype(np.float16))
    sound = rng.integers(-900, 900, 300 * TOKEN_SAMPLES).astype(np.int16)
    np.save(folder / "sound.npy", sound)
    np.save(folder / "noise_sound.npy", sound[: 100 * TOKEN_SAMPLES].reshape(2, -1))
    np.save(folder / "curves.npy", rng.random((300, len(CHANNELS))).astype(np.float16))
    np.save(folder / "labels.npy", rng.integers(0, 5, 300).astype(np.uint8))
    np.save(folder / "speech.npy", np.ones(300, np.uint8))
    np.save(folder / "human.npy", np.arange(300, dtype=np.uint8) % 2)
    return folder


def _nets(kind: str) -> tuple[SpeechNet, SpeechNet | None]:
    """A network to train, and its teacher."""
    if kind == "mel":
        return VoiceNet(), None
    hubert_net = pytest.importorskip("weights.training.voice.hubert_net")
    return hubert_net.HubertVoiceNet(hubert_net.tiny_config()), VoiceNet()


@pytest.mark.parametrize("kind", ["mel", "hubert"])
@pytest.mark.parametrize("device", ["meta", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_steps_stay_on_one_device(kind: str, device: str, data: Path) -> None:
    """Whatever reads a number back, or mixes devices, raises on the device that holds none."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA GPU")
    config = TrainConfig(batch=4, tokens=60, human_share=0.5)
    net, teacher = _nets(kind)
    net = net.to(device)
    tutor = Tutor(teacher, net) if teacher else None
    run, rng = train.Run(net, tutor, config), np.random.default_rng(0)
    sequences = Sequences(data, config, rng, net.INPUT, device, with_mel=tutor is not None)
    mixer = sequences.kind.mixer(MixingConfig(), sequences.noise, rng)
    for _ in range(6):
        loss = train._loss(net, sequences, mixer, config, tutor)
        assert loss.device.type == device
        run.descend(loss, 1e-3, 0.99)
    assert run.step == 6


def test_a_training_goes_on_where_it_stopped(data: Path, tmp_path: Path) -> None:
    config = TrainConfig(minutes=0.02, batch=2, tokens=40)
    train.train(data, tmp_path, config, MixingConfig())
    before = torch.load(tmp_path / "last.pt", weights_only=True)
    assert before["spent_s"] >= 1.2
    longer = TrainConfig(minutes=0.04, batch=2, tokens=40)
    train.train(data, tmp_path, longer, MixingConfig())
    after = torch.load(tmp_path / "last.pt", weights_only=True)
    assert after["step"] > before["step"] and 2.4 <= after["spent_s"] < 4
    whole, small = train.load(tmp_path / "last.pt"), train.load(tmp_path / "net.pt")
    torch.testing.assert_close(small.state_dict(), whole.state_dict(), atol=0, rtol=0)
    assert (tmp_path / "net.pt").stat().st_size < 0.3 * (tmp_path / "last.pt").stat().st_size


def test_a_training_can_begin_with_another_s_average(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(3)
    first = train.Run(VoiceNet(), None, TrainConfig())
    first.save_result(tmp_path / "first.pt")
    arguments = f"--data {data} --out {tmp_path} --minutes 0 --device cpu".split()
    begin = ["--begin-with", str(tmp_path / "first.pt")]
    monkeypatch.setattr("sys.argv", ["train", *arguments, *begin])
    train.main()
    second = torch.load(tmp_path / "net.pt", weights_only=True)
    assert second["step"] == 0
    torch.testing.assert_close(second["average"], first.average)
