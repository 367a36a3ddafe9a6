"""Figures of clips, and the landmark distance of the mouth in crops."""

import numpy as np
import pytest

from core.face_model import FaceModel
from core.portrait.landmarks import LandmarkNetwork
from render.fia.config import PRESETS
from render.fia.scores import LipReader, score
from weights import store
from weights.training.fia.world import World

FRAMES = 2


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.load(store.path("face_model.npz"))


def test_lips_out_of_place_are_far_from_the_truth(model: FaceModel) -> None:
    network = LandmarkNetwork(model, store.path("landmarks.onnx"), store.path("mouth.onnx"))
    reader = LipReader(network)
    clips = [World(model, PRESETS["pocket"]).clip(seed, FRAMES) for seed in range(4, 8)]
    clip = clips[2]
    assert reader.distance(clip.target, clip.target) == 0
    lowered = np.roll(clip.target, 5, axis=1)  # both are moved to the same centre
    assert reader.distance(lowered, clip.target) < 1
    assert reader.distance(clip.target[::-1], clip.target) > 2
    others = [reader.distance(one.target[::-1], one.target) for one in clips]
    warped_by = [reader.distance(one.base, one.target) for one in clips]
    assert np.mean(others) > 1.5 * np.mean(warped_by)
    perfect = score(clip.target, clip, reader)
    warped = score(clip.base, clip, reader)
    assert perfect["M-LMD %"] == 0 < warped["M-LMD %"]
    assert perfect["SSIM mouth"] > warped["SSIM mouth"]
    assert "M-LMD %" not in score(clip.base, clip)
