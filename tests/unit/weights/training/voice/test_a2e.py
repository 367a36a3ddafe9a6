"""The audio-to-expression transformer: shapes, priors, loss."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from weights.training.voice import a2e, a2e_data, a2e_train, a2e_windows  # noqa: E402
from weights.training.voice.coarticulation import CHANNEL_INDEX, CHANNELS  # noqa: E402


def inputs(config: a2e.A2EConfig, batch: int = 2):
    return (
        torch.randn(batch, config.audio_tokens, config.feature_size),
        torch.randn(batch, config.shape_size),
        torch.randn(batch, config.history_tokens, config.channels),
    )


@pytest.mark.parametrize("preset", [a2e.paper, a2e.live, a2e.small])
def test_presets_answer_sixteen_frames(preset) -> None:
    config = preset(24)
    out = a2e.A2E(config).eval()(*inputs(config))
    assert out.shape == (2, 16, len(a2e.SIDED_CHANNELS))


def test_the_paper_preset_has_the_papers_depth() -> None:
    config = a2e.paper(1024)
    assert (config.layers, config.heads, config.width) == ((8, 8), 8, 256)
    assert (config.audio_tokens, config.history_tokens, config.queries) == (32, 16, 16)


def test_left_out_priors_have_no_influence() -> None:
    torch.manual_seed(0)
    config = a2e.small(24)
    audio, shape, history = inputs(config)
    for use_shape, use_history in a2e_train.PRIORS.values():
        net = a2e.A2E(replace(config, use_shape=use_shape, use_history=use_history)).eval()
        base = net(audio, shape, history)
        assert (not torch.equal(net(audio, shape + 1, history), base)) == use_shape
        assert (not torch.equal(net(audio, shape, history + 1), base)) == use_history


def test_positions_repeat_with_their_period() -> None:
    encoding = a2e.periodic_encoding(50, 16, 20)
    assert torch.equal(encoding[3], encoding[23])
    assert not torch.equal(encoding[3], encoding[4])


def test_loss_weighs_vertices() -> None:
    predicted, truth = torch.zeros(1, 2, 3), torch.ones(1, 2, 3)
    basis = torch.eye(3) * 2
    assert a2e.expression_loss(predicted, truth, basis).item() == pytest.approx(1 + 0.1 * 4)


def test_sides_follow_the_asymmetry() -> None:
    curves = np.full((4, len(CHANNELS)), 0.5, np.float32)
    out = a2e_data.sided(curves, 0.5)
    at = {name: out[0, i] for i, name in enumerate(a2e.SIDED_CHANNELS)}
    assert at["mouthSmileLeft"] == pytest.approx(0.6)
    assert at["mouthSmileRight"] == pytest.approx(0.4)
    assert at["jawOpen"] == pytest.approx(0.5)
    assert set(CHANNEL_INDEX) >= {"jawOpen"}


def tiny(feature_size: int) -> a2e.A2EConfig:
    return replace(a2e.small(feature_size), layers=(1, 1), width=16, heads=2, feedforward=16)


def windows(config: a2e.A2EConfig, seed: int) -> a2e_windows.Windows:
    """Six people who always hold one expression of their own, two recordings each."""
    rng = np.random.default_rng(seed)
    people = [a2e_data.draw_person(rng) for _ in range(6)]
    recordings = [
        a2e_windows.Recording(
            person,
            rng.standard_normal((80, config.feature_size)).astype(np.float16),
            np.full((40, config.channels), person / 10, np.float16),
        )
        for person in range(6)
        for _ in range(2)
    ]
    return a2e_windows.Windows(recordings, people, config, seed)


def test_training_learns_and_measures() -> None:
    torch.set_num_threads(1)
    config = tiny(8)
    basis = torch.zeros(config.channels, 3)
    errors = [
        a2e_train.expression_error(
            a2e_train.train_a2e(
                config,
                windows(config, 1),
                basis,
                a2e_train.A2ETrainConfig(learning_rate=1e-2, steps=steps, batch=8, warm_up_steps=1),
            ),
            windows(config, 1),
            batches=1,
            batch=8,
        )
        for steps in (1, 12)
    ]
    assert errors[1] < 0.9 * errors[0]


def test_says_how_long_to_train() -> None:
    config = a2e.small(8)
    with pytest.raises(ValueError, match="steps or minutes"):
        a2e_train.train_a2e(config, windows(config, 1), torch.zeros(1), a2e_train.A2ETrainConfig())


def test_an_experiment_repeats_however_its_seeds_are_shared(capsys) -> None:
    torch.set_num_threads(1)
    config = tiny(8)
    basis = torch.zeros(config.channels, 3)
    options = a2e_train.A2ETrainConfig(learning_rate=1e-2, steps=3, batch=4)

    def run(seeds: range) -> tuple[dict[str, list[float]], str]:
        data = windows(config, 1), windows(config, 2)
        results = a2e_train.experiment(data, config, basis, options, seeds)
        return results, capsys.readouterr().out

    whole, _ = run(range(2))
    (_, first), (second, printed) = run(range(1)), run(range(1, 2))
    assert {name: errors[1:] for name, errors in whole.items()} == second
    merged = a2e_train.printed_results([printed, first])
    for name, errors in whole.items():
        assert errors[0] != errors[1]
        assert merged[name] == pytest.approx(errors, abs=1e-4)
    a2e_train.report(merged)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:15].strip() for line in lines] == list(a2e_train.PRIORS)
    assert "better by 0.0000 ± 0.0000" in lines[0]
    with pytest.raises(ValueError, match="twice"):
        a2e_train.printed_results([first, first])
    with pytest.raises(ValueError, match="lack"):
        a2e_train.printed_results([first.splitlines()[0]])


def test_saved_weights_are_the_network(tmp_path: Path) -> None:
    config = tiny(8)
    net = a2e.A2E(config).eval()
    a2e_train.save(net, tmp_path / "net.pt")
    loaded = a2e_train.load(tmp_path / "net.pt")
    assert loaded.config == config
    given = inputs(config)
    torch.testing.assert_close(loaded(*given), net(*given), atol=5e-3, rtol=0)


def test_half_precision_trains() -> None:
    config = tiny(8)
    options = a2e_train.A2ETrainConfig(steps=1, batch=4, bf16=True)
    net = a2e_train.train_a2e(config, windows(config, 1), torch.zeros(config.channels, 3), options)
    assert all(w.dtype == torch.float32 and w.isfinite().all() for w in net.parameters())
