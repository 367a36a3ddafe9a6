"""What lies inside the mouth."""

import numpy as np

from render.warp import WarpRenderer
from render.warp.interior import tongue_relief
from tests.synthetic_avatar import face_model, frame_of, synthetic_avatar


def test_the_tongues_relief_has_a_furrow_and_no_edge() -> None:
    relief = tongue_relief()
    for rim in (relief[0], relief[-1], relief[:, 0], relief[:, -1]):
        np.testing.assert_allclose(rim, 1.0, atol=0.02)
    middle = relief.shape[1] // 2
    back = relief[len(relief) // 3 :]
    assert back[:, middle].mean() < back[:, middle - 12].mean() - 0.05
    assert relief.min() > 0.75 and relief.max() < 1.4


def test_an_open_mouth_shows_it() -> None:
    renderer = WarpRenderer(synthetic_avatar(), face_model(), (320, 320))
    frame = frame_of(jawOpen=0.6, mouthLowerDown=0.2)
    mouth = renderer.layers(frame).mouth > 0.99
    shown = renderer.render(frame).rgb.astype(float).mean(-1)
    rows, columns = np.nonzero(mouth)
    low = rows.min() + int(0.7 * np.ptp(rows))
    line = shown[low - 2 : low + 3].mean(0)
    middle = (columns.min() + columns.max()) // 2
    furrow = line[middle - 1 : middle + 2].mean()
    assert furrow < min(line[middle - 8], line[middle + 8])


def test_a_person_cut_out_of_the_background_keeps_the_mouths_own_inside() -> None:
    """The portrait then has a fourth channel, which is no colour."""
    from render.background import Background

    avatar = synthetic_avatar(jawOpen=0.3)
    plain = WarpRenderer(avatar, face_model(), (320, 320))
    cut = WarpRenderer(avatar, face_model(), (320, 320), background=Background("blur"))
    mouth = plain.layers(frame_of()).mouth > 0.99
    assert mouth.sum() > 30
    off = np.abs(plain.render(frame_of()).rgb.astype(int) - cut.render(frame_of()).rgb)[mouth]
    assert off.max() <= 3
