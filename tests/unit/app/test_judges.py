"""Networks that the user brings, played by tiny ones whose answer is known."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs the extra [train]")
from onnx import TensorProto, helper  # noqa: E402

from app import judges  # noqa: E402
from core.errors import ConfigError  # noqa: E402

SIDE = 16
ANCHORS = judges.ALIGNED * 64


def save(path: Path, nodes: list, inputs: list[str], shape: tuple[int, ...]) -> Path:
    """A network over pictures of 16 x 16."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, (1, 3, SIDE, SIDE)) for n in inputs],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


@pytest.fixture
def mean_colour(tmp_path: Path) -> Path:
    nodes = [helper.make_node("GlobalAveragePool", ["a"], ["out"])]
    return save(tmp_path / "mean.onnx", nodes, ["a"], (1, 3, 1, 1))


@pytest.fixture
def difference(tmp_path: Path) -> Path:
    nodes = [
        helper.make_node("Sub", ["a", "b"], ["d"]),
        helper.make_node("Abs", ["d"], ["e"]),
        helper.make_node("ReduceMean", ["e"], ["out"], keepdims=0),
    ]
    return save(tmp_path / "difference.onnx", nodes, ["a", "b"], ())


def flat(*rgb: int) -> np.ndarray:
    return np.broadcast_to(np.uint8(rgb), (64, 64, 3)).copy()


def test_identity_is_one_for_the_same_face(mean_colour: Path) -> None:
    judge = judges.IdentityJudge(mean_colour)
    judge.add(flat(255, 0, 255), flat(255, 0, 255), ANCHORS)
    assert judge.means()["identity"] == pytest.approx(1)
    judge.add(flat(0, 255, 0), flat(255, 0, 255), ANCHORS)
    assert judge.means()["identity"] == pytest.approx(0, abs=1e-6)


def test_perceptual_distance_is_the_networks(difference: Path) -> None:
    judge = judges.PerceptualJudge(difference)
    judge.add(flat(255, 255, 255), flat(0, 0, 0), ANCHORS)
    judge.add(flat(9, 9, 9), flat(9, 9, 9), ANCHORS)
    assert judge.means()["LPIPS"] == pytest.approx(1)
    with pytest.raises(ConfigError, match="must take 1 picture"):
        judges.IdentityJudge(difference)


def test_frechet_distance_of_known_normals(mean_colour: Path) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(20000, 2)).astype(np.float32)
    b = (rng.normal(size=(20000, 2)) * [2, 1] + [3, 0]).astype(np.float32)
    assert judges.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert judges.frechet_distance(a, b) == pytest.approx(9 + 1, rel=0.03)
    judge = judges.FrechetJudge(mean_colour)
    for level in (10, 200):
        judge.add(flat(level, level, level), flat(level, level, level), ANCHORS)
    assert judge.means()["FID"] == pytest.approx(0, abs=1e-6)


class FaceMesh:
    """Sees three points, the last two lips, further down in brighter pictures."""

    def __init__(self, static_image_mode: bool) -> None:
        assert static_image_mode

    def process(self, rgb: np.ndarray) -> SimpleNamespace:
        drop = rgb.mean() / 255 / 8
        points = [SimpleNamespace(x=0.5, y=y) for y in (0.25, 0.5, 0.5 + drop)]
        return SimpleNamespace(multi_face_landmarks=[SimpleNamespace(landmark=points)])


def test_mediapipe_is_asked_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = SimpleNamespace(FaceMesh=FaceMesh, FACEMESH_LIPS={(1, 2)})
    fake = SimpleNamespace(solutions=SimpleNamespace(face_mesh=mesh))
    monkeypatch.setitem(sys.modules, "mediapipe", fake)
    (judge,) = judges.judges(None, None, None, mediapipe=True)
    judge.add(flat(255, 255, 255), flat(0, 0, 0), ANCHORS)
    eyes = float(np.linalg.norm(ANCHORS[1] - ANCHORS[0]))
    # The lips open by 8 px: each of them is 4 px away once both are moved to the same centre.
    assert judge.means()["M-LMD MediaPipe %"] == pytest.approx(4 / eyes * 100, rel=1e-3)
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(ConfigError, match="not installed"):
        judges.MediaPipeJudge()
