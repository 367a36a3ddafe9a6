"""The avatar library: add, list, rename, remove; broken files are shown, not hidden."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.avatar import Avatar
from core.avatar_library import THUMBNAIL_PX, AvatarLibrary
from core.camera import HeadPose
from core.errors import PortraitError


def make_avatar(name: str = "Ada", size: tuple[int, int] = (120, 90)) -> Avatar:
    height, width = size
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)
    return Avatar(
        image_rgb=image,
        alpha=np.zeros(4, np.float32),
        beta=np.zeros(52, np.float32),
        pose=HeadPose(1.0, np.eye(3), np.zeros(2)),
        offset_px=np.zeros((5, 2), np.float32),
        points={"chin": (45.0, 70.0), "eye_left": (55.0, 40.0)},
        name=name,
    )


def test_add_list_and_load(tmp_path: Path) -> None:
    library = AvatarLibrary(tmp_path / "avatars")
    assert library.entries() == ()
    path = library.add(make_avatar())
    (entry,) = library.entries()
    assert (entry.path, entry.name, entry.problem) == (path, "Ada", "")
    assert entry.thumbnail_rgb is not None
    assert entry.thumbnail_rgb.shape == (THUMBNAIL_PX, THUMBNAIL_PX, 3)
    assert library.load(path).name == "Ada"


def test_equal_names_stay_apart_and_odd_names_make_files(tmp_path: Path) -> None:
    library = AvatarLibrary(tmp_path)
    paths = {library.add(make_avatar(name)) for name in ("Ada", "Ada", "../../x", "名 前", "...")}
    assert len(paths) == 5
    assert all(path.parent == tmp_path and path.exists() for path in paths)


def test_thumbnails_are_made_anew_for_a_file_that_came_from_elsewhere(tmp_path: Path) -> None:
    make_avatar("Bob").save(tmp_path / "copied.avatar")
    library = AvatarLibrary(tmp_path)
    first, second = library.entries()[0], library.entries()[0]
    assert first.name == "Bob" == second.name
    np.testing.assert_allclose(first.thumbnail_rgb, second.thumbnail_rgb, atol=24)


def test_rename_and_remove(tmp_path: Path) -> None:
    library = AvatarLibrary(tmp_path)
    path = library.rename(library.add(make_avatar()), " Grace ")
    assert [entry.name for entry in library.entries()] == ["Grace"]
    assert library.load(path).name == "Grace"
    with pytest.raises(PortraitError, match="name"):
        library.rename(path, "  ")
    library.remove(path)
    assert library.entries() == ()
    assert not list(tmp_path.glob("**/*.jpg"))


def test_a_broken_file_is_listed_with_its_problem(tmp_path: Path) -> None:
    (tmp_path / "broken.avatar").write_bytes(b"nothing")
    (entry,) = AvatarLibrary(tmp_path).entries()
    assert entry.thumbnail_rgb is None
    assert "broken.avatar" in entry.problem


@pytest.mark.parametrize("size", [(40, 300), (300, 40), (64, 64)])
def test_points_near_the_edge_still_give_a_square(tmp_path: Path, size: tuple[int, int]) -> None:
    avatar = replace(make_avatar(size=size), points={"a": (0.0, 0.0), "b": (39.0, 39.0)})
    library = AvatarLibrary(tmp_path)
    library.add(avatar)
    thumbnail = library.entries()[0].thumbnail_rgb
    assert thumbnail is not None and thumbnail.shape == (THUMBNAIL_PX, THUMBNAIL_PX, 3)
