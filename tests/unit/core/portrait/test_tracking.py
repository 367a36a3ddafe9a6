"""A face followed through a film, with landmarks projected from a known head."""

from dataclasses import dataclass

import numpy as np
import pytest

from core import blendshapes
from core.camera import HeadPose, euler_from_rotation, rotation_from_euler
from core.errors import PortraitError
from core.face_model import FaceModel
from core.portrait.enrol import EnrolTools
from core.portrait.tracking import track
from core.types import FloatArray, ImageArray
from weights import store

PICTURES = 16
PICTURE = np.zeros((240, 240, 3), np.uint8)


@dataclass(frozen=True)
class Seen:
    """What a landmark network would say."""

    points: FloatArray
    confidence: FloatArray


class Actor:
    """A head that turns and opens its mouth; its pictures are numbered in their first pixel."""

    def __init__(self, model: FaceModel, noise_px: float, lost: set[int]) -> None:
        rng = np.random.default_rng(0)
        self.model, self.lost = model, lost
        self.shape = model.shape(rng.normal(size=model.num_identity).astype(np.float32) * 0.7)
        count = len(model.landmarks["network"])
        self.noise = rng.normal(size=(PICTURES, count, 2)) * noise_px

    def jaw(self, number: int) -> float:
        return 0.25 + 0.25 * float(np.sin(number / 3))

    def yaw_deg(self, number: int) -> float:
        return 1.5 * (number - PICTURES / 2)

    def pose(self, number: int) -> HeadPose:
        rotation = rotation_from_euler(2, self.yaw_deg(number), 1)
        return HeadPose(9.0, rotation, np.array([120.0 + number, 120.0]))

    def pictures(self) -> list[ImageArray]:
        made = []
        for number in range(PICTURES):
            picture = PICTURE.copy()
            picture[0, 0, 0] = number
            made.append(picture)
        return made

    def look(self, rgb: ImageArray) -> tuple[int, Seen | None]:
        number = int(rgb[0, 0, 0])
        if number in self.lost:
            return 0, None
        beta = np.zeros(blendshapes.NUM, np.float32)
        beta[blendshapes.INDEX["jawOpen"]] = self.jaw(number)
        vertices = self.model.landmarks["network"]
        projected = self.pose(number).project(self.model.pose(self.shape, beta))[vertices, :2]
        points = np.asarray(projected + self.noise[number], np.float32)
        return 1, Seen(points, np.ones(len(points), np.float32))


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.load(store.path("face_model.npz"))


def follow(actor: Actor, smoothing: float = 1.0):
    return track(actor.pictures(), EnrolTools(actor.model, "hash", actor.look), smoothing)


def test_pose_and_jaw_are_followed(model: FaceModel) -> None:
    actor = Actor(model, noise_px=0.4, lost=set())
    found = follow(actor)
    jaw = [float(face.beta[blendshapes.INDEX["jawOpen"]]) for face in found.faces]
    yaw = [euler_from_rotation(np.asarray(face.pose.rotation))[1] for face in found.faces]
    assert np.corrcoef(jaw, [actor.jaw(i) for i in range(PICTURES)])[0, 1] > 0.9
    assert np.abs(np.array(yaw) - [actor.yaw_deg(i) for i in range(PICTURES)]).max() < 3
    turned = found.movement(PICTURES - 1)
    assert turned[1] == pytest.approx(1.5 * (PICTURES - 1), abs=3)
    assert turned[3] == pytest.approx((PICTURES - 1) / 9.0, abs=0.4)


def test_a_face_is_searched_for_only_where_it_is_not_near(model: FaceModel) -> None:
    actor = Actor(model, noise_px=0.0, lost=set())
    searched: list[int] = []

    def look(rgb: ImageArray) -> tuple[int, Seen | None]:
        searched.append(int(rgb[0, 0, 0]))
        return actor.look(rgb)

    def near(rgb: ImageArray, before: FloatArray) -> Seen | None:
        found = actor.look(rgb)[1]
        assert found is not None
        jumped = rgb[0, 0, 0] == 7
        return None if jumped or np.abs(found.points - before).max() > 20 else found

    tools = EnrolTools(model, "hash", look, near)
    found = track(actor.pictures(), tools, smoothing=0)
    assert searched == [0, 7]
    plain = track(actor.pictures(), EnrolTools(model, "hash", actor.look), smoothing=0)
    for one, other in zip(found.faces, plain.faces, strict=True):
        np.testing.assert_array_equal(one.points_px, other.points_px)


def test_smoothing_calms_the_points(model: FaceModel) -> None:
    actor = Actor(model, noise_px=1.0, lost=set())
    rough, calm = follow(actor, 0.0), follow(actor, 1.5)

    def shake(found) -> float:
        points = np.stack([face.points_px for face in found.faces])
        return float(np.abs(np.diff(points, 2, axis=0)).mean())

    assert shake(calm) < 0.4 * shake(rough)


def test_gaps_are_bridged_and_named(model: FaceModel) -> None:
    found = follow(Actor(model, noise_px=0.2, lost={0, 5, 6}))
    assert found.lost == [0, 5, 6]
    assert len(found.faces) == PICTURES
    before, middle, after = (found.faces[i].pose.translation_px[0] for i in (4, 5, 7))
    assert before < middle < after


def test_a_film_without_a_face_is_refused(model: FaceModel) -> None:
    with pytest.raises(PortraitError, match="4 of 16"):
        follow(Actor(model, noise_px=0.2, lost=set(range(4, PICTURES))))


def test_each_picture_is_a_portrait(model: FaceModel) -> None:
    actor = Actor(model, noise_px=0.0, lost=set())
    found = follow(actor, smoothing=0.0)
    avatar = found.avatar(3, actor.pictures()[3])
    posed = avatar.pose.project(model.pose(model.shape(avatar.alpha), avatar.beta))
    vertices = model.landmarks["lip_rim_upper"]
    placed = posed[vertices, :2] + avatar.offset_px[vertices]
    beta = np.zeros(blendshapes.NUM, np.float32)
    beta[blendshapes.INDEX["jawOpen"]] = actor.jaw(3)
    actual = actor.pose(3).project(model.pose(actor.shape, beta))[vertices, :2]
    assert np.abs(placed - actual).max() < 1.5
    assert avatar.model_hash == "hash"
