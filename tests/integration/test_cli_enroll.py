"""`realtalk enroll` on the shipped portrait: points out and in, a foreign mask, bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app import parts
from app.cli import main
from core.avatar import Avatar
from core.portrait.points import EDITABLE


def enroll(output: Path, *options: object, portrait: Path = parts.SAMPLE_PORTRAIT) -> int:
    return main(["enroll", str(portrait), "-o", str(output), *map(str, options)])


def test_sample_portrait_is_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert enroll(tmp_path / "a.avatar", "--json", "--save-points", tmp_path / "a.json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"], report["reasons"]
    assert Avatar.load(tmp_path / "a.avatar").verdict.ok
    assert set(json.loads((tmp_path / "a.json").read_text())) == set(EDITABLE)
    with Image.open(report["preview"]) as preview:
        assert preview.width > 300


def test_of_two_people_the_larger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Image.open(parts.SAMPLE_PORTRAIT) as portrait:
        near = portrait.convert("RGB").resize((640, 640))
    both = Image.new("RGB", (1000, 640), (128, 120, 110))
    both.paste(near.resize((320, 320)), (0, 160))
    both.paste(near, (360, 0))
    both.save(tmp_path / "two.png")
    assert enroll(tmp_path / "a.avatar", portrait=tmp_path / "two.png") == 0
    assert "The picture shows 2 faces; the largest is used." in capsys.readouterr().out
    assert Avatar.load(tmp_path / "a.avatar").points["nose_tip"][0] > 360


def test_a_point_moved_by_hand(tmp_path: Path) -> None:
    assert enroll(tmp_path / "a.avatar", "--quiet", "--save-points", tmp_path / "a.json") == 0
    points = json.loads((tmp_path / "a.json").read_text())
    x, y = points["mouth_corner_left"]
    moved = {"mouth_corner_left": [x + 6, y - 4]}
    (tmp_path / "b.json").write_text(json.dumps(moved))
    assert enroll(tmp_path / "b.avatar", "--quiet", "--points", tmp_path / "b.json") == 0
    again = Avatar.load(tmp_path / "b.avatar").points["mouth_corner_left"]
    assert np.linalg.norm(np.subtract(again, moved["mouth_corner_left"])) < 2.0


def test_a_mask_made_elsewhere(tmp_path: Path) -> None:
    with Image.open(parts.SAMPLE_PORTRAIT) as portrait:
        mask = Image.new("L", portrait.size, 0)
    mask.paste(255, (10, 10, 90, 90))
    mask.save(tmp_path / "mask.png")
    assert enroll(tmp_path / "a.avatar", "--quiet", "--mask", tmp_path / "mask.png") == 0
    found = Avatar.load(tmp_path / "a.avatar").person_mask
    assert found is not None
    np.testing.assert_array_equal(found, np.asarray(mask))


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ({"nose": [3, 4]}, "Unknown point 'nose'"),
        ({"chin": [3, 99999]}, "outside the picture"),
        ({}, "holds no points"),
    ],
)
def test_bad_points(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], points: object, words: str
) -> None:
    (tmp_path / "p.json").write_text(json.dumps(points))
    assert enroll(tmp_path / "a.avatar", "--points", tmp_path / "p.json") == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "a.avatar").exists()


def test_a_statue_without_a_face_network(tmp_path: Path) -> None:
    """Grey noise is no face; sixteen points make it one."""
    picture = tmp_path / "stone.png"
    noise = np.random.default_rng(0).integers(90, 140, (400, 400, 3), np.uint8)
    Image.fromarray(noise).save(picture)
    assert enroll(tmp_path / "a.avatar", portrait=picture) == 2
    marks = {
        "eye_right_outer": [120, 160],
        "eye_left_outer": [280, 160],
        "mouth_corner_right": [155, 280],
        "mouth_corner_left": [245, 280],
        "nose_tip": [200, 215],
        "chin": [200, 350],
    }
    (tmp_path / "p.json").write_text(json.dumps(marks))
    assert enroll(tmp_path / "a.avatar", "--points", tmp_path / "p.json", portrait=picture) == 0
    placed = Avatar.load(tmp_path / "a.avatar").points
    for name, place in marks.items():
        assert np.linalg.norm(np.subtract(placed[name], place)) < 4, name
