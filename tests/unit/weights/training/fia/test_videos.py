"""Clips from films: aligned with the pictures, and what is no film is named."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from render import metrics
from render.fia.clips import Clip
from render.fia.config import PRESETS
from render.video_writer import VideoWriter
from tests.actor import SIDE_PX, Actor
from weights.training.fia.videos import prepare

PICTURES = 5


@pytest.mark.parametrize("guided", [True, False])
def test_a_film_becomes_a_clip(tmp_path: Path, guided: bool) -> None:
    actor = Actor()
    takes = [actor.shoot(jaw, 2 * i) for i, jaw in enumerate((0.3, 0.0, 0.2, 0.5, 0.4))]
    film = tmp_path / "films" / "person" / "part.mp4"
    film.parent.mkdir(parents=True)
    with VideoWriter(film, (SIDE_PX, SIDE_PX), 25) as writer:
        for take in takes:
            writer.write(take.rgb)
    (film.parent / "broken.mp4").write_text("no film")
    config = dataclasses.replace(PRESETS["pocket"], guided=guided)
    clips = tmp_path / "clips"
    refused = prepare(tmp_path / "films", clips, actor.tools(takes), config)
    assert len(refused) == 1
    assert "broken.mp4" in refused[0]
    clip = Clip.load(clips / "person_part.npz")
    assert clip.target.shape == (PICTURES, 160, 160, 3)
    inside = (clip.mask < 128).astype(np.float32)
    outside = (clip.mask == 255).astype(np.float32)
    if guided:
        assert 20 < metrics.psnr_db(clip.base, clip.target, inside) < 60
    else:
        assert np.array_equal(clip.base, clip.target)
    assert outside.mean() > 0.2
    jaw = [float(frame[17]) for frame in clip.beta]
    assert np.corrcoef(jaw, [0.3, 0.0, 0.2, 0.5, 0.4])[0, 1] > 0.9
    assert prepare(tmp_path / "films", clips, actor.tools([]), config) == refused
