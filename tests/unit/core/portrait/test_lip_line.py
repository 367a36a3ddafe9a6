"""The line between closed lips is found where the picture shows it."""

import cv2
import numpy as np
import pytest

from core.portrait.lip_line import refine_lip_line
from core.types import ImageArray
from tests.unit.core.portrait.faces import Face, drawn, face, model

NAMES = np.array(model().landmark_names)
RIM = np.char.startswith(NAMES, "lip_rim")
OUTER = np.char.startswith(NAMES, "lip_outer")


def with_line(shown: Face) -> ImageArray:
    """The drawn face with a dark line where its lips meet."""
    picture = drawn(shown)
    at = shown.vertices_px[model().landmarks["lip_rim_upper"], :2]
    cv2.polylines(picture, [np.round(at).astype(np.int32)], False, (70, 20, 25), 2)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0))


@pytest.mark.parametrize("roll", [0.0, 14.0, -20.0])
@pytest.mark.parametrize("off_cm", [0.5, -0.5])
def test_a_displaced_line_is_pulled_back(roll: float, off_cm: float) -> None:
    shown = face((-8, 5, roll), scale=16.0)
    radians = np.radians(roll)
    down = np.array([-np.sin(radians), np.cos(radians)])
    points = shown.points.copy()
    points[RIM | OUTER] += (off_cm * 16.0 * down).astype(np.float32)
    moved = refine_lip_line(model(), with_line(shown), points)
    before = np.linalg.norm(points - shown.points, axis=1)
    after = np.linalg.norm(moved - shown.points, axis=1)
    assert after[RIM].mean() < 0.35 * before[RIM].mean()
    assert after[OUTER].mean() < before[OUTER].mean()
    np.testing.assert_array_equal(moved[~(RIM | OUTER)], points[~(RIM | OUTER)])


def test_a_right_line_stays() -> None:
    shown = face(scale=16.0)
    moved = refine_lip_line(model(), with_line(shown), shown.points)
    assert np.abs(moved - shown.points).max() < 0.12 * 16.0


def test_nothing_to_see_moves_nothing() -> None:
    shown = face(scale=16.0)
    flat = np.full((512, 512, 3), 120, np.uint8)
    np.testing.assert_array_equal(refine_lip_line(model(), flat, shown.points), shown.points)


def test_an_open_mouth_is_left_alone() -> None:
    shown = face(scale=16.0, jawOpen=0.5)
    picture = drawn(shown)
    np.testing.assert_array_equal(refine_lip_line(model(), picture, shown.points), shown.points)


def parted(shown: Face, inside: tuple[int, int, int]) -> ImageArray:
    """The drawn face with something of this colour between its lips, which dark lines surround."""
    picture = with_line(shown)
    line = shown.vertices_px[model().landmarks["lip_rim_upper"], :2]
    share = np.linspace(0.0, 1.0, len(line))
    up = np.minimum(np.sin(np.pi * share) * 1.4, 1.0) * (share > 0.25) * (share < 0.75)
    top = line - np.outer(up * 0.55 * shown.pose.scale_px_per_cm, [0.0, 1.0])
    area = np.round(np.concatenate([line, top[::-1]])).astype(np.int32)
    cv2.fillPoly(picture, [area], inside)
    cv2.polylines(picture, [area], True, (70, 20, 25), 2)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0))


@pytest.mark.parametrize("inside", [(205, 190, 165), (110, 85, 75)])
def test_teeth_between_the_lips_are_no_part_of_the_upper_one(inside: tuple[int, int, int]) -> None:
    shown = face(scale=16.0)
    moved = refine_lip_line(model(), parted(shown, inside), shown.points)
    raised = (shown.points - moved)[:, 1] / 16.0
    upper = np.flatnonzero(np.char.startswith(NAMES, "lip_rim_upper"))
    assert 0.35 < raised[upper[len(upper) // 2]] < 0.75
    assert np.abs(raised[upper[[0, -1]]]).max() < 0.12
    assert np.abs(raised[np.char.startswith(NAMES, "lip_rim_lower")]).max() < 0.12


def test_a_gleam_at_the_edge_of_the_upper_lip_is_no_opening() -> None:
    shown = face(scale=16.0)
    picture = with_line(shown)
    line = shown.vertices_px[model().landmarks["lip_outer_upper"], :2].astype(np.int32)
    gleam = line[len(line) // 2] + [0, 4]
    cv2.ellipse(picture, gleam.tolist(), (22, 2), 0, 0, 360, (235, 215, 210), -1)
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0))
    moved = refine_lip_line(model(), picture, shown.points)
    assert np.abs(moved - shown.points).max() < 0.12 * 16.0


def test_a_line_in_a_wide_shadow_is_found() -> None:
    """It has no lighter shoulder close above it, and the landmarks lie in a bright lower lip."""
    shown = face(scale=16.0)
    picture = drawn(shown)
    line = shown.vertices_px[model().landmarks["lip_rim_upper"], :2]
    for share in np.linspace(1.0, 0.0, 12):
        above = line[::-1] - [0.0, share * 1.2 * 16.0]
        colour = tuple(int(20 + share * level) for level in (90, 50, 50))
        cv2.fillPoly(picture, [np.round(np.concatenate([line, above])).astype(np.int32)], colour)
    lower = line[::-1] + np.array([0.0, 1.2 * 16.0])
    below = np.concatenate([line, lower])
    cv2.fillPoly(picture, [np.round(below).astype(np.int32)], (230, 110, 140))
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.5))
    points = shown.points.copy()
    points[RIM | OUTER] += np.array([0.0, 0.5 * 16.0], np.float32)
    moved = refine_lip_line(model(), picture, points)
    assert np.abs(moved - shown.points)[RIM, 1].mean() < 0.15 * 16.0
