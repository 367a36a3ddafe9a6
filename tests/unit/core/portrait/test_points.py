"""Editable points: names, files, and how landmarks follow a hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import PortraitError
from core.portrait.points import (
    EDITABLE,
    check_points,
    editable_points,
    landmark_indices,
    move_landmarks,
    read_points,
    start_points,
    write_points,
)
from tests.unit.core.portrait.faces import face, model


def test_names_exist_in_the_model() -> None:
    assert set(EDITABLE.values()) <= set(model().landmark_names)


def test_sides() -> None:
    at = editable_points(model(), face().vertices_px)
    assert at["eye_right_outer"][0] < at["eye_right_inner"][0] < at["nose_tip"][0]
    assert at["nose_tip"][0] < at["eye_left_inner"][0] < at["eye_left_outer"][0]
    assert at["mouth_corner_right"][0] < at["mouth_corner_left"][0]
    down = [
        "eye_left_top",
        "eye_left_bottom",
        "nose_tip",
        "upper_lip_top",
        "upper_lip_bottom",
        "lower_lip_bottom",
        "chin",
    ]
    heights = [at[name][1] for name in down]
    assert heights == sorted(heights)


def test_file_round_trip(tmp_path: Path) -> None:
    points = editable_points(model(), face().vertices_px)
    write_points(tmp_path / "p.json", points)
    again = read_points(tmp_path / "p.json")
    assert set(again) == set(points)
    assert all(np.allclose(again[name], points[name], atol=0.01) for name in points)
    (tmp_path / "q.json").write_text(json.dumps({"points": {"chin": [1, 2]}}))
    assert read_points(tmp_path / "q.json") == {"chin": (1.0, 2.0)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("[]", "no points"),
        ("{}", "no points"),
        ('{"elbow": [1, 2]}', "Unknown point 'elbow'"),
        ('{"chin": 5}', "two numbers"),
        ('{"chin": [1, 2, 3]}', "two numbers"),
        ('{"chin": ["a", 2]}', "two numbers"),
        ('{"chin": [NaN, 2]}', "not a place"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(PortraitError, match=message):
        read_points(tmp_path / "p.json")
    with pytest.raises(PortraitError, match="cannot be read"):
        read_points(tmp_path / "none.json")


def test_points_outside_the_picture() -> None:
    check_points({"chin": (10, 10)}, 20, 20)
    with pytest.raises(PortraitError, match=r"'chin'.*outside"):
        check_points({"chin": (10, 21)}, 20, 20)


def test_neighbours_follow_and_strangers_stay() -> None:
    landmarks = face().points
    corner = landmarks[landmark_indices(model(), {"mouth_corner_left": (0, 0)})[0]]
    moved = move_landmarks(
        model(), landmarks, {"mouth_corner_left": (float(corner[0]) + 12, float(corner[1]) - 6)}
    )
    shift = moved - landmarks
    names = list(model().landmark_names)
    np.testing.assert_allclose(shift[names.index("lip_outer_upper_8")], [12, -6], atol=1e-3)
    assert shift[names.index("lip_rim_upper_8"), 0] > 6
    assert np.abs(shift[names.index("lip_outer_upper_0")]).max() < 0.1
    assert all((shift[i] == 0).all() for i, n in enumerate(names) if not n.startswith("lip"))


def test_no_points_change_nothing() -> None:
    landmarks = face().points
    np.testing.assert_array_equal(move_landmarks(model(), landmarks, {}), landmarks)


def test_start_points_are_a_face_in_the_middle() -> None:
    points = start_points(300, 400)
    assert set(points) == set(EDITABLE)
    check_points(points, 300, 400)
    assert points["chin"][1] > points["mouth_corner_left"][1] > points["nose_tip"][1]
    assert points["eye_right_outer"][0] < 150 < points["eye_left_outer"][0]
    assert np.mean(list(points.values()), axis=0) == pytest.approx([150, 172], abs=20)
