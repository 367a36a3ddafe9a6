"""Pictures out: written whole or not at all."""

import tempfile
from pathlib import Path

import cv2

from core.errors import MediaError
from core.types import ImageArray


def write_picture(path: Path, rgb: ImageArray) -> None:
    """Write a picture; the ending of the path chooses PNG, JPEG or WebP.

    Args:
        path: File to write; replaced only once the new one is whole.
        rgb: Shape (H, W, 3), uint8.

    Raises:
        MediaError: The ending is unknown, or the file cannot be written.
    """
    try:
        done, encoded = cv2.imencode(path.suffix or ".", rgb[..., ::-1])
    except cv2.error:
        done = False
    if not done:
        raise MediaError("{path}: pictures can be written as .png, .jpg or .webp.", path=path)
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            temporary = file.name
            file.write(encoded.tobytes())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise MediaError(
            "The picture {path} cannot be written ({reason}). Choose a folder you may "
            "write to, with space left.",
            path=path,
            reason=error.strerror or error,
        ) from error
