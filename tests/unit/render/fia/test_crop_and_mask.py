"""Where the network looks, and what it may change."""

import dataclasses

import numpy as np
import pytest

from core import blendshapes
from core.camera import HeadPose, rotation_from_euler
from core.face_model import FaceModel
from render.fia.config import PRESETS
from render.fia.crop import crop_frame
from render.fia.mask import MaskMaker
from weights import store

SIZE = 160


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.load(store.path("face_model.npz"))


def pose(roll_deg: float = 0, yaw_deg: float = 0, scale: float = 14.0) -> HeadPose:
    place = np.array([200.0, 220.0])
    return HeadPose(scale, rotation_from_euler(0, yaw_deg, roll_deg), place)


def beta(**values: float) -> np.ndarray:
    made = np.zeros(blendshapes.NUM, np.float32)
    for name, value in values.items():
        made[blendshapes.INDEX[name]] = value
    return made


@pytest.mark.parametrize("yaw_deg", [0, 25])
@pytest.mark.parametrize("roll_deg", [-20, 0, 15])
@pytest.mark.parametrize("scale", [7.0, 20.0])
def test_the_mouth_is_upright_and_at_its_place(
    model: FaceModel, roll_deg: float, yaw_deg: float, scale: float
) -> None:
    projected = pose(roll_deg, yaw_deg, scale).project(model.mean)
    crop = crop_frame(projected, model, "lower_face", SIZE)
    lips = crop.points(projected)[model.landmarks["lip_outer_upper"]]
    right, left = lips[0], lips[-1]
    assert abs(left[1] - right[1]) < 4
    assert 0.1 * SIZE < left[0] - right[0] < 0.45 * SIZE
    assert abs((left + right)[0] / 2 - SIZE / 2) < 0.12 * SIZE
    assert 0.2 * SIZE < left[1] < 0.5 * SIZE


def test_cutting_and_adding_agree(model: FaceModel) -> None:
    projected = pose(roll_deg=12).project(model.mean)
    crop = crop_frame(projected, model, "lower_face", SIZE)
    rows, columns = np.mgrid[0:400, 0:400].astype(np.float32)
    places = np.stack([columns + 0.5, rows + 0.5, columns], axis=-1)
    cut = crop.cut(places)[..., :2].reshape(-1, 2)
    back = crop.points(cut).reshape(SIZE, SIZE, 2)
    grid = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1) + 0.5
    inside = slice(8, -40)
    assert np.abs(back - grid)[inside, inside].max() < 0.15
    picture = np.full((400, 400, 3), 100, np.uint8)
    change = np.zeros((SIZE, SIZE, 3), np.float32)
    change[70:90, 60:100] = 50
    crop.add(picture, change)
    again = crop.cut(picture)
    assert np.abs(again[74:86, 64:96].astype(int) - 150).max() <= 1
    assert np.abs(again[:60].astype(int) - 100).max() <= 1


def test_a_crop_beyond_the_picture_changes_what_is_there(model: FaceModel) -> None:
    projected = pose().project(model.mean)
    crop = crop_frame(projected, model, "lower_face", SIZE)
    picture = np.zeros((240, 200, 3), np.uint8)
    crop.add(picture, np.full((SIZE, SIZE, 3), 9, np.float32))
    assert picture[235, 195].tolist() == [9, 9, 9]
    far = np.zeros((10, 10, 3), np.uint8)
    crop.add(far, np.full((SIZE, SIZE, 3), 9, np.float32))
    assert not far.any()


def test_the_mask_follows_the_jaw(model: FaceModel) -> None:
    head = pose()
    crop = crop_frame(head.project(model.mean), model, "lower_face", SIZE)
    maker = MaskMaker(PRESETS["compact"], model)

    def repainted(**shape: float) -> np.ndarray:
        moved = crop.points(head.project(model.pose(model.mean, beta(**shape))))
        return maker.mask(moved) < 0.5

    closed, opened = repainted(), repainted(jawOpen=1.0)
    assert opened.sum() > 1.1 * closed.sum()
    lowest = [np.flatnonzero(region.any(axis=1))[-1] for region in (closed, opened)]
    assert lowest[1] > lowest[0] + 8
    lips = crop.points(head.project(model.mean))[model.landmarks["lip_outer_lower"]]
    assert closed[lips[:, 1].astype(int), lips[:, 0].astype(int)].all()


@pytest.mark.parametrize("kind", ["learned", "naive"])
def test_nothing_changes_along_the_border(model: FaceModel, kind: str) -> None:
    config = dataclasses.replace(PRESETS["compact"], mask=kind)
    head = pose(scale=20)
    crop = crop_frame(head.project(model.mean), model, "lower_face", SIZE)
    moved = crop.points(head.project(model.pose(model.mean, beta(jawOpen=1.0))))
    mask = MaskMaker(config, model).mask(moved)
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert (border == 1).all()
    assert mask.min() < 0.01
    assert mask.shape == (SIZE, SIZE)


def test_the_naive_mask_ignores_the_face(model: FaceModel) -> None:
    config = dataclasses.replace(PRESETS["compact"], mask="naive")
    maker = MaskMaker(config, model)
    points = np.zeros((model.num_vertices, 2), np.float32)
    assert np.array_equal(maker.mask(points), maker.mask(points + 50))
    assert maker.mask(points)[: SIZE // 10].min() == 1


def test_what_shows_between_the_lips_can_be_kept(model: FaceModel) -> None:
    repainting = PRESETS["compact"]
    keeping = dataclasses.replace(repainting, keep_mouth=True)
    posed = pose(yaw_deg=10).project(model.pose(model.mean, beta(jawOpen=0.7)))
    crop = crop_frame(posed, model, "lower_face", SIZE)
    points = crop.points(posed)
    painted, kept = (MaskMaker(one, model).mask(points) for one in (repainting, keeping))
    middles = [
        points[model.landmarks[name]][len(model.landmarks[name]) // 2]
        for name in ("lip_rim_upper", "lip_rim_lower", "lip_outer_lower")
    ]
    column, row = np.rint((middles[0] + middles[1]) / 2).astype(int)[:2]
    assert painted[row, column] == 0
    assert kept[row, column] > 0.99
    lip_column, lip_row = np.rint((middles[1] + 2 * middles[2]) / 3).astype(int)[:2]
    assert kept[lip_row, lip_column] < 0.2
    far = np.abs(np.arange(SIZE) - row) > 0.3 * SIZE
    assert np.array_equal(kept[far], painted[far])
