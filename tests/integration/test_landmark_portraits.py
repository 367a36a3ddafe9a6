"""Real portraits, held against an outside tracker: the whole way from picture to landmarks."""

from core.portrait.landmarks import LandmarkNetwork
from tests.faces import face_model
from tests.shared import shared
from weights import store
from weights.training.landmarks.evaluate import evaluate

_SOME = (
    "photo_hand_on_cheek",
    "photo_beard_grin",
    "painting_seated_woman",
    "painting_woman_afro",
    "drawing_young_man",
    "render_girl",
)


def test_landmarks_of_portraits_agree_with_an_outside_tracker() -> None:
    folder = shared("portraits", "landmarks_mediapipe478.npz").parent
    network = LandmarkNetwork(face_model(), store.path("landmarks.onnx"), store.path("mouth.onnx"))
    for stem, (found, seen) in evaluate(folder, network, face_model(), _SOME).items():
        assert found is not None, stem
        assert seen is not None
        assert found.inner < 5, (stem, found)
        assert found.mouth < 4, (stem, found)
        assert seen.plausibility > 0.3, stem
