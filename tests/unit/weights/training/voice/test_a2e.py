"""The audio-to-expression transformer: shapes, priors, loss."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from weights.training.voice import a2e, a2e_data, a2e_train  # noqa: E402
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


def windows(config: a2e.A2EConfig, seed: int) -> a2e_data.Windows:
    """Six people who always hold one expression of their own, two recordings each."""
    rng = np.random.default_rng(seed)
    people = [a2e_data.draw_person(rng) for _ in range(6)]
    recordings = [
        a2e_data.Recording(
            person,
            rng.standard_normal((80, config.feature_size)).astype(np.float16),
            np.full((40, config.channels), person / 10, np.float16),
        )
        for person in range(6)
        for _ in range(2)
    ]
    return a2e_data.Windows(recordings, people, config, seed)


def test_history_shows_the_same_person_and_is_guarded() -> None:
    config = a2e.small(8)
    audio, shape, history, truth = windows(config, 1).draw(8, guard=False)
    assert audio.shape == (8, 32, 8)
    assert shape.shape == (8, 80)
    assert torch.equal(history, truth)
    _, _, guarded, truth = windows(config, 1).draw(8, guard=True)
    assert not torch.equal(guarded, truth)


def test_training_learns_and_measures() -> None:
    torch.set_num_threads(1)
    config = replace(a2e.small(8), layers=(1, 1), width=16, heads=2, feedforward=16)
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
