"""The user's avatars: a folder of avatar files with small pictures beside them."""

import json
import re
import unicodedata
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from core.avatar import Avatar
from core.errors import PortraitError
from core.types import ImageArray

SUFFIX = ".avatar"
THUMBNAIL_PX = 256
_THUMBNAILS = ".thumbnails"


@dataclass(frozen=True)
class AvatarEntry:
    """An avatar as the gallery shows it.

    Attributes:
        path: The avatar file.
        name: Its name.
        thumbnail_rgb: Shape (THUMBNAIL_PX, THUMBNAIL_PX, 3), uint8; None if it cannot be read.
        problem: Why it cannot be used, empty when it can.
    """

    path: Path
    name: str
    thumbnail_rgb: ImageArray | None
    problem: str = ""


class AvatarLibrary:
    """Adds, lists, renames and removes avatars; every method may block on the disk.

    Args:
        folder: Where the files live; made when the first avatar is added.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self) -> tuple[AvatarEntry, ...]:
        """All avatars by name; broken files are listed with their problem."""
        found = [self._entry(path) for path in self.folder.glob(f"*{SUFFIX}")]
        return tuple(sorted(found, key=lambda entry: (entry.name.casefold(), entry.path)))

    def load(self, path: Path) -> Avatar:
        """Read one avatar.

        Raises:
            PortraitError: It cannot be read.
        """
        return Avatar.load(path)

    def add(self, avatar: Avatar) -> Path:
        """Keep a new avatar; an existing one of the same name stays.

        Returns:
            Its file.

        Raises:
            PortraitError: The folder or file cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PortraitError(
                "The avatar folder {folder} cannot be made ({reason}). Choose a data folder "
                "you may write to.",
                folder=self.folder,
                reason=error.strerror or error,
            ) from error
        path = self._free_path(avatar.name)
        avatar.save(path)
        self._write_thumbnail(path, avatar)
        return path

    def rename(self, path: Path, name: str) -> Path:
        """Give an avatar another name.

        Returns:
            Its new file.

        Raises:
            PortraitError: The name is empty, or a file cannot be read or written.
        """
        if not name.strip():
            raise PortraitError("An avatar needs a name. Type one and try again.")
        renamed = self.add(replace(Avatar.load(path), name=name.strip()))
        self.remove(path)
        return renamed

    def remove(self, path: Path) -> None:
        """Delete an avatar for good.

        Raises:
            PortraitError: The file cannot be deleted.
        """
        try:
            path.unlink(missing_ok=True)
            self._thumbnail_path(path).unlink(missing_ok=True)
        except OSError as error:
            raise PortraitError(
                "The avatar {path} cannot be deleted ({reason}).",
                path=path,
                reason=error.strerror or error,
            ) from error

    def _entry(self, path: Path) -> AvatarEntry:
        try:
            thumbnail, name = self._read_thumbnail(path), _stored_name(path)
            if thumbnail is None or name is None:
                avatar = Avatar.load(path)
                name = avatar.name
                thumbnail = self._write_thumbnail(path, avatar)
            return AvatarEntry(path, name, thumbnail)
        except PortraitError as error:
            return AvatarEntry(path, path.stem, None, error.message)

    def _free_path(self, name: str) -> Path:
        stem = re.sub(r"[^\w \-().]", "_", unicodedata.normalize("NFC", name)).strip(" .")
        stem = stem[:80] or "avatar"
        path = self.folder / f"{stem}{SUFFIX}"
        number = 2
        while path.exists():
            path = self.folder / f"{stem} ({number}){SUFFIX}"
            number += 1
        return path

    def _thumbnail_path(self, path: Path) -> Path:
        return self.folder / _THUMBNAILS / f"{path.stem}.jpg"

    def _read_thumbnail(self, path: Path) -> ImageArray | None:
        stored = self._thumbnail_path(path)
        if not stored.exists() or stored.stat().st_mtime < path.stat().st_mtime:
            return None
        bgr = cv2.imdecode(np.frombuffer(stored.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        return None if bgr is None else np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8)

    def _write_thumbnail(self, path: Path, avatar: Avatar) -> ImageArray:
        thumbnail = face_thumbnail(avatar)
        ok, data = cv2.imencode(".jpg", thumbnail[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
        if ok:
            stored = self._thumbnail_path(path)
            stored.parent.mkdir(exist_ok=True)
            stored.write_bytes(bytes(data))
        return thumbnail


def _stored_name(path: Path) -> str | None:
    """The name in an avatar file, without reading the rest; None if there is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            return str(json.loads(archive.read("avatar.json"))["name"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def face_thumbnail(avatar: Avatar, size_px: int = THUMBNAIL_PX) -> ImageArray:
    """The face and some room around it, shape (size_px, size_px, 3), uint8 RGB."""
    height, width = avatar.image_rgb.shape[:2]
    side = float(min(height, width))
    centre = np.array([width / 2, side / 2])
    if avatar.points:
        points = np.array(list(avatar.points.values()))
        low, high = points.min(axis=0), points.max(axis=0)
        side = min(side, 2.4 * float(max(high - low)))
        centre = (low + high) / 2 - [0.0, 0.08 * side]
    half = side / 2
    x = float(np.clip(centre[0], half, width - half))
    y = float(np.clip(centre[1], half, height - half))
    left, top, right, bottom = (int(v) for v in (x - half, y - half, x + half, y + half))
    crop = avatar.image_rgb[max(top, 0) : bottom, max(left, 0) : right]
    resized = cv2.resize(crop, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(resized, dtype=np.uint8)
