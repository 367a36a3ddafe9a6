"""What a network is told of the speaker."""

import numpy as np

from core.blendshapes import INDEX, NUM
from core.voice.priors import HISTORY_FRAMES, as_history, as_shape, representative


def test_representatives_span_the_whole_range() -> None:
    frames = np.random.default_rng(0).permutation(160)[:, None].astype(np.float32)
    chosen = representative(frames)[:, 0]
    np.testing.assert_array_equal(chosen, np.arange(HISTORY_FRAMES) * 10 + 5)


def test_few_frames_are_repeated() -> None:
    assert representative(np.ones((1, 3), np.float32)).shape == (HISTORY_FRAMES, 3)


def test_history_holds_the_networks_channels_only() -> None:
    past = np.zeros((40, NUM), np.float32)
    past[:, INDEX["jawOpen"]] = np.linspace(0, 1, 40)
    past[:, INDEX["eyeBlinkLeft"]] = 1
    history = as_history(past, ("mouthClose", "jawOpen"))
    assert history.shape == (1, HISTORY_FRAMES, 2)
    assert history[0, :, 0].max() == 0
    assert np.all(np.diff(history[0, :, 1]) > 0)


def test_shape_is_cut_or_filled() -> None:
    alpha = np.arange(1, 6, dtype=np.float32)
    np.testing.assert_array_equal(as_shape(alpha, 3)[0], [1, 2, 3])
    np.testing.assert_array_equal(as_shape(alpha, 7)[0], [1, 2, 3, 4, 5, 0, 0])
