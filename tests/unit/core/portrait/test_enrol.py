"""Enrolment with a landmark network that sees the truth: verdicts, hand points, masks."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.avatar import Avatar, Quality
from core.errors import PortraitError
from core.portrait.enrol import EnrolTools, enrol, enrol_file
from core.portrait.person_mask import read_mask
from core.portrait.picture import Picture
from core.portrait.points import editable_points
from core.portrait.preview import draw_fit, draw_fit_over, portrait_vertices
from tests.unit.core.portrait.faces import EYES_CM, Face, drawn, face, model, tools_that_see


def enrolled(shown: Face, num_faces: int = 1, **options: object) -> Avatar:
    return enrol(drawn(shown), tools_that_see(shown, num_faces), **options)  # type: ignore[arg-type]


def test_a_good_face() -> None:
    shown = face(seed=3)
    avatar = enrol(drawn(shown), tools_that_see(shown, noise=0.01))
    assert avatar.verdict == Quality(True, ())
    assert avatar.model_hash == "a" * 64
    placed = portrait_vertices(avatar, model())[:, :2]
    rims = np.concatenate([model().landmarks[f"lip_rim_{s}"] for s in ("upper", "lower")])
    error = np.linalg.norm(placed[rims] - shown.vertices_px[rims, :2], axis=1)
    assert error.mean() < 0.02 * EYES_CM * shown.pose.scale_px_per_cm
    assert set(avatar.points) >= {"chin", "mouth_corner_left", "eye_right_outer"}


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (face((-8, 38, 0)), "turned 3[5-9]° to its left"),
        (face((-8, -38, 0)), "turned 3[5-9]° to its right"),
        (face((30, 0, 0)), "looks up"),
        (face(scale=3.0), "too small"),
    ],
)
def test_faults_with_reasons(shown: Face, words: str) -> None:
    verdict = enrolled(shown).verdict
    assert not verdict.ok
    assert any(re.search(words, reason) for reason in verdict.reasons)


def test_blurred_dark_and_bright() -> None:
    shown = face()
    sharp = drawn(shown)
    tools = tools_that_see(shown)
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 7))
    assert "blurred" in enrol(blurred, tools).verdict.reasons[0]
    assert "too dark" in enrol(sharp // 12, tools).verdict.reasons[0]
    bright = np.maximum(sharp, 250)
    assert "overexposed" in " ".join(enrol(bright, tools).verdict.reasons)


def test_covered_mouth() -> None:
    shown = face()
    tools = tools_that_see(shown)
    _, seen = tools.look(drawn(shown))
    assert seen is not None
    hidden = np.where(np.char.startswith(np.array(model().landmark_names), "lip"), 0.1, 0.9)
    unsure = replace(seen, confidence=hidden.astype(np.float32))  # type: ignore[type-var]
    avatar = enrol(drawn(shown), replace(tools, look=lambda _: (1, unsure)))
    assert not avatar.verdict.ok
    assert "mouth cannot be made out" in avatar.verdict.reasons[0]


def test_open_mouth_and_several_faces_are_noted_but_fine() -> None:
    verdict = enrolled(face(jawOpen=0.5), num_faces=3).verdict
    assert verdict.ok
    assert "3 faces; the largest" in verdict.reasons[0]
    assert "mouth is open" in verdict.reasons[1]


def test_no_face_says_what_to_do() -> None:
    with pytest.raises(PortraitError, match=r"No face was found.*points by hand"):
        enrol(np.zeros((100, 100, 3), np.uint8), tools_that_see(None))


def hand_points(shown: Face, *names: str) -> dict[str, tuple[float, float]]:
    points = editable_points(model(), shown.vertices_px)
    return {name: points[name] for name in names} if names else points


def test_hand_points_alone_are_enough() -> None:
    shown = face((-8, 12, 5), seed=8)
    few = ("eye_right_outer", "eye_left_outer", "mouth_corner_right", "mouth_corner_left", "chin")
    for names, limit in ((few, 0.09), ((), 0.04)):
        avatar = enrol(drawn(shown), tools_that_see(None), hand_points(shown, *names))
        placed = portrait_vertices(avatar, model())[:, :2]
        marks = model().landmarks["network"]
        error = np.linalg.norm(placed[marks] - shown.points, axis=1).mean()
        assert error < limit * EYES_CM * shown.pose.scale_px_per_cm
        for name, point in hand_points(shown, *names).items():
            assert np.linalg.norm(np.subtract(avatar.points[name], point)) < 2.5, name
    with pytest.raises(PortraitError, match="Only 3 points"):
        enrol(drawn(shown), tools_that_see(None), hand_points(shown, *few[:3]))


def test_a_strange_creature_by_hand() -> None:
    """Huge wide-set eyes and a tiny mouth: the mesh still goes where the points say."""
    points = {
        "eye_right_outer": (90.0, 180.0),
        "eye_right_inner": (220.0, 190.0),
        "eye_right_top": (150.0, 120.0),
        "eye_right_bottom": (150.0, 240.0),
        "eye_left_inner": (290.0, 190.0),
        "eye_left_outer": (420.0, 180.0),
        "eye_left_top": (360.0, 120.0),
        "eye_left_bottom": (360.0, 240.0),
        "nose_tip": (255.0, 270.0),
        "mouth_corner_right": (225.0, 330.0),
        "mouth_corner_left": (285.0, 330.0),
        "upper_lip_top": (255.0, 322.0),
        "upper_lip_bottom": (255.0, 330.0),
        "lower_lip_top": (255.0, 331.0),
        "lower_lip_bottom": (255.0, 340.0),
        "chin": (255.0, 400.0),
    }
    avatar = enrol(drawn(face()), tools_that_see(None), points)
    off = {n: float(np.linalg.norm(np.subtract(avatar.points[n], p))) for n, p in points.items()}
    assert max(off.values()) < 14, off
    assert max(v for n, v in off.items() if "mouth" in n or "lip" in n) < 5, off


def test_a_hand_point_overrides_the_network() -> None:
    shown = face()
    corner = hand_points(shown, "mouth_corner_left")["mouth_corner_left"]
    moved = (corner[0] + 15.0, corner[1] - 8.0)
    plain = enrolled(shown)
    edited = enrolled(shown, points={"mouth_corner_left": moved})
    assert np.linalg.norm(np.subtract(edited.points["mouth_corner_left"], moved)) < 2.5
    for far in ("eye_right_outer", "eye_left_outer", "chin"):
        assert np.linalg.norm(np.subtract(edited.points[far], plain.points[far])) < 3


def test_wrong_points_are_refused() -> None:
    with pytest.raises(PortraitError, match="outside"):
        enrolled(face(), points={"chin": (10.0, 9000.0)})
    with pytest.raises(PortraitError, match="Unknown"):
        enrolled(face(), points={"ear": (10.0, 10.0)})


def test_mask_finds_the_person() -> None:
    shown = face()
    avatar = enrolled(shown)
    assert avatar.person_mask is not None
    inside = shown.vertices_px[model().vertices_of("face"), :2].astype(int)
    assert (avatar.person_mask[inside[:, 1], inside[:, 0]] > 128).mean() > 0.97
    assert avatar.person_mask[5:60, 5:80].max() < 40
    assert avatar.person_mask[470, 256] > 200, "the chest"
    again = enrolled(shown)
    np.testing.assert_array_equal(avatar.person_mask, again.person_mask)


def test_masks_from_elsewhere(tmp_path: Path) -> None:
    shown = face()
    own = np.zeros((512, 512), np.uint8)
    own[:, 100:400] = 255
    assert enrolled(shown, mask=own).person_mask is own
    see_through = Picture(drawn(shown), own)
    assert enrol(see_through, tools_that_see(shown)).person_mask is own
    Image.fromarray(own[::2, ::2]).save(tmp_path / "mask.png")
    read = read_mask(tmp_path / "mask.png", 512, 512)
    assert read.shape == own.shape
    assert (np.abs(read.astype(int) - own) > 0).mean() < 0.01
    with pytest.raises(PortraitError, match="same shape"):
        read_mask(tmp_path / "mask.png", 512, 300)


def test_file_enrolment(tmp_path: Path) -> None:
    shown = face()
    file = tmp_path / "me.png"
    Image.fromarray(drawn(shown)).save(file)
    avatar = enrol_file(file, tools_that_see(shown))
    assert avatar.name == "me"
    assert avatar.provenance["file"] == "me.png"
    assert len(avatar.provenance["sha256"]) == 64
    avatar.save(tmp_path / "me.avatar")
    np.testing.assert_array_equal(Avatar.load(tmp_path / "me.avatar").alpha, avatar.alpha)
    with pytest.raises(PortraitError, match=r"me\.png: No face"):
        enrol_file(file, tools_that_see(None))


def test_points_of_a_shrunk_file_are_in_its_own_pixels(tmp_path: Path) -> None:
    shown = face()
    file = tmp_path / "large.jpg"
    Image.fromarray(drawn(shown)).resize((3072, 3072)).save(file)
    points = {name: (6 * x, 6 * y) for name, (x, y) in hand_points(shown).items()}
    tools: EnrolTools = tools_that_see(None)
    avatar = enrol_file(file, tools, points)
    zoom = avatar.image_rgb.shape[0] / 512
    for name, (x, y) in hand_points(shown).items():
        assert np.linalg.norm(np.subtract(avatar.points[name], (zoom * x, zoom * y))) < 2 * zoom


def test_preview_shows_fit_and_words() -> None:
    shown = face((-8, 40, 0))
    avatar = enrolled(shown)
    preview = draw_fit(avatar, model(), 400)
    assert preview.shape[1] == 400
    assert preview.shape[0] > 440
    assert preview.dtype == np.uint8
    red = (preview[:400].astype(int) @ [1, -1, 0] > 120).sum()
    assert red > 30, "no lip line drawn"


def test_the_fit_over_the_portrait_lies_on_the_face_alone() -> None:
    avatar = enrolled(face())
    over = draw_fit_over(avatar, model())
    assert over.shape == avatar.image_rgb.shape
    changed = (over != avatar.image_rgb).any(-1)
    x, y = np.round(avatar.points["mouth_corner_left"]).astype(int)
    assert changed[y - 3 : y + 3, x - 3 : x + 3].any()
    assert not changed[:8].any()
    assert 0.02 < changed.mean() < 0.6
