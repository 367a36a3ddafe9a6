"""Learn our model from samples of the source."""

import numpy as np
from numpy.typing import NDArray

from core import blendshapes
from core.face_model.model import PART_INDEX, PARTS, FaceModel
from weights.training.face_model.decimate import Decimator
from weights.training.face_model.groups import named_groups, network_points
from weights.training.face_model.source import FloatArray, IntArray, Source

NUM_IDENTITY = 80
NUM_SAMPLES = 600
_TARGET = {
    "face": 2580,
    "mouth_socket": 170,
    "gums": 230,
    "tongue": 150,
    "teeth_upper": 430,
    "teeth_lower": 360,
    "eye_left": 130,
    "eye_right": 130,
    "eye_socket": 110,
}
"""Vertices a part; "face" is all skin: face, neck and head."""
_SKIN = ("face", "neck", "head")


def decimate(source: Source, locked: list[int]) -> tuple[IntArray, IntArray]:
    """Choose our vertices among the source's.

    Returns:
        Kept vertices (V,) in source numbering, and triangles (T, 3) in ours.
    """
    group = source.part.copy()
    group[np.isin(group, [PART_INDEX[name] for name in _SKIN])] = PART_INDEX["face"]
    stay = np.zeros(len(group), bool)
    stay[locked] = True
    stay[source.mirror[locked]] = True
    decimator = Decimator(
        _poses(source), source.triangles, group, source.mirror, stay, _importance(source)
    )
    kept, triangles = decimator.run({PART_INDEX[name]: n for name, n in _TARGET.items()})
    number = np.full(len(group), -1, np.int32)
    number[kept] = np.arange(len(kept))
    return kept.astype(np.int32), number[triangles]


def _poses(source: Source) -> NDArray[np.float64]:
    """Mean face and expressions that move what a talking face moves."""
    mixes: list[dict[str, float]] = [
        {},
        {"jawOpen": 0.8},
        {
            "mouthSmileLeft": 1,
            "mouthSmileRight": 1,
            "mouthUpperUpLeft": 0.6,
            "mouthUpperUpRight": 0.6,
        },
        {"eyeBlinkLeft": 1, "eyeBlinkRight": 1, "browDownLeft": 1, "browDownRight": 1},
        {"mouthPucker": 1, "jawOpen": 0.1},
        {"mouthFunnel": 1, "mouthLowerDownLeft": 1, "mouthLowerDownRight": 1, "jawOpen": 0.2},
    ]
    poses = []
    for mix in mixes:
        beta = np.zeros(blendshapes.NUM, np.float32)
        for name, value in mix.items():
            beta[blendshapes.INDEX[name]] = value
        poses.append(source.mean + np.tensordot(beta, source.expression, 1))
    return np.array(poses, np.float64)


def _importance(source: Source) -> NDArray[np.float64]:
    """How much an error at each vertex matters: lips and lids most, the back of the head least."""
    marks = source.landmarks68
    weight = np.full(len(source.mean), 1.0)
    for name, value in {"head": 0.06, "neck": 0.12, "eye_socket": 0.3}.items():
        weight[source.part == PART_INDEX[name]] = value
    for ring, radius, value in ((marks[48:68], 1.1, 6.0), (marks[36:48], 0.7, 6.0)):
        near = np.linalg.norm(source.mean[:, None] - source.mean[ring], axis=2).min(1)
        face = source.part == PART_INDEX["face"]
        weight = np.where(face, weight + value * np.exp(-((near / radius) ** 2)), weight)
    return weight


def learn_identity(source: Source, kept: IntArray, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Principal components of random people drawn from the source.

    Skin counts fully, what is inside the mouth and the sockets little: those follow the skin.

    Returns:
        Mean (V, 3) and modes (K, V, 3) scaled by their standard deviation.
    """
    random = np.random.default_rng(seed)
    people = random.standard_normal((NUM_SAMPLES, len(source.identity))).astype(np.float32)
    modes = source.identity[:, kept].reshape(len(source.identity), -1)
    samples = source.mean[kept].reshape(-1) + people @ modes
    mean = samples.mean(0)
    weight = np.where(source.part[kept] == PART_INDEX["face"], 1.0, 0.3).repeat(3)
    centred = (samples - mean) * weight
    _, scale, basis = np.linalg.svd(centred, full_matrices=False)
    components = basis[:NUM_IDENTITY] * (scale[:NUM_IDENTITY, None] / np.sqrt(NUM_SAMPLES))
    signs = np.sign(components[np.arange(NUM_IDENTITY), np.abs(components).argmax(1)])
    shaped = (components * signs[:, None] / weight).reshape(NUM_IDENTITY, -1, 3)
    # The average of the samples is the source's mean up to noise that is not symmetric.
    return source.mean[kept], shaped.astype(np.float32)


def build(source: Source) -> tuple[FaceModel, IntArray]:
    """Make the model.

    Returns:
        The model, and for each of its vertices the source vertex it is.
    """
    groups = named_groups(source)
    points = network_points(source, groups)
    groups["network"] = list(points.values())
    kept, triangles = decimate(source, sorted({v for group in groups.values() for v in group}))
    mean, identity = learn_identity(source, kept)
    number = np.full(len(source.mean), -1, np.int32)
    number[kept] = np.arange(len(kept))
    part = source.part[kept]
    model = FaceModel(
        mean=mean,
        identity=identity,
        expression=source.expression[:, kept],
        triangles=triangles,
        part=part,
        uv=_unroll(mean, part),
        mirror=number[source.mirror[kept]],
        lip_coord=source.lip_coord[kept],
        lip_side=source.lip_side[kept],
        landmarks={name: number[group] for name, group in groups.items()},
        landmark_names=tuple(points),
    )
    return model, kept


def _unroll(mean: FloatArray, part: NDArray[np.uint8]) -> FloatArray:
    """Skin around a vertical cylinder above v = 0.2, each other part in a cell of its own below."""
    uv = np.zeros((len(mean), 2), np.float32)
    skin = np.isin(part, [PART_INDEX[name] for name in _SKIN])
    height = mean[skin, 1]
    uv[skin, 0] = 0.5 + np.arctan2(mean[skin, 0], mean[skin, 2] - 1.0) / (2 * np.pi)
    uv[skin, 1] = 0.2 + 0.8 * (height - height.min()) / np.ptp(height)
    inner = [name for name in PARTS if name not in _SKIN]
    for cell, name in enumerate(inner):
        own = part == PART_INDEX[name]
        flat = (
            mean[own][:, [0, 2]] if name in ("gums", "tongue", "mouth_socket") else mean[own][:, :2]
        )
        flat = (flat - flat.min(0)) / np.ptp(flat, axis=0)
        uv[own] = [cell / len(inner), 0.0] + flat * [0.98 / len(inner), 0.19]
    return uv
