"""Reads picture files of every kind people have, upright and in plain sRGB."""

import struct
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from core.avatar import MAX_SIDE_PX
from core.errors import PortraitError
from core.types import ImageArray

MIN_SIDE_PX = 64
MAX_PIXELS = 150_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "HEIF", "AVIF", "BMP", "GIF", "TIFF")
_BACKDROP = (226, 226, 226)
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error)


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        rgb: Upright, shape (H, W, 3), uint8, sRGB, longest side at most `MAX_SIDE_PX`. Where the
            file is transparent, it lies on a light grey.
        opacity: Shape (H, W), uint8, 255 = opaque; None where the whole picture is opaque.
        zoom: Pixels of `rgb` for each pixel of the upright file: below 1 where it was shrunk.
    """

    rgb: ImageArray
    opacity: ImageArray | None = None
    zoom: float = 1.0


def read_picture(path: Path) -> Picture:
    """Read a PNG, JPEG, WebP, HEIC, AVIF, BMP, GIF or TIFF file.

    Takes the first image of an animation, turns the picture upright as its EXIF entry says,
    converts 16-bit, grey, palette, CMYK and wide-gamut colours to 8-bit sRGB, and shrinks what is
    larger than an avatar may be.

    Raises:
        PortraitError: There is no such file, it is no picture, it is cut off, or its size is
            useless (a side under 64 pixels) or absurd (over 150 megapixels).
    """
    path = Path(path)
    if not path.is_file():
        raise PortraitError("There is no picture file {path}.", path=path)
    if path.stat().st_size == 0:
        raise PortraitError("The picture {path} is empty (0 bytes). Copy it again.", path=path)
    pillow_heif.register_heif_opener()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except UnidentifiedImageError as error:
        raise PortraitError(
            "{path} is not a picture this program knows. Save it as PNG, JPEG, WebP or HEIC.",
            path=path,
        ) from error
    except PermissionError as error:
        raise PortraitError("You may not read the picture {path}.", path=path) from error
    except _BROKEN as error:
        raise _damaged(path, error) from error
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(path)
        try:
            return _decode(image, path)
        except _BROKEN as error:
            raise _damaged(path, error) from error


def _too_large(path: Path) -> PortraitError:
    return PortraitError(
        "The picture {path} has more than {max_pixels} megapixels. Make it smaller.",
        path=path,
        max_pixels=MAX_PIXELS // 1_000_000,
    )


def _damaged(path: Path, error: Exception) -> PortraitError:
    return PortraitError(
        "The picture {path} is damaged or cut off ({reason}). Copy or export it again.",
        path=path,
        reason=error,
    )


def _decode(image: Image.Image, path: Path) -> Picture:
    if min(image.size) < MIN_SIDE_PX:
        raise PortraitError(
            "The picture {path} is only {width}x{height} pixels. Use one with at least "
            "{min_side_px} pixels a side; better are 500 or more.",
            path=path,
            width=image.width,
            height=image.height,
            min_side_px=MIN_SIDE_PX,
        )
    longest = max(image.size)
    if image.format == "JPEG":
        image.draft(None, (MAX_SIDE_PX, MAX_SIDE_PX))
    profile = image.info.get("icc_profile")
    upright = _eight_bit(ImageOps.exif_transpose(image))
    upright.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if min(upright.size) < MIN_SIDE_PX:
        raise PortraitError("The picture {path} is too long and thin to be a portrait.", path=path)
    if upright.mode != "RGBA":
        return Picture(np.array(_to_srgb(upright, profile)), zoom=max(upright.size) / longest)
    alpha = upright.getchannel("A")
    backdrop = Image.new("RGB", upright.size, _BACKDROP)
    backdrop.paste(_to_srgb(upright.convert("RGB"), profile), mask=alpha)
    opacity = np.array(alpha)
    shown = None if opacity.min() == 255 else opacity
    return Picture(np.array(backdrop), shown, max(upright.size) / longest)


def _eight_bit(image: Image.Image) -> Image.Image:
    """The same picture in a mode with 8 bits a channel: RGB, RGBA, L or CMYK."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image, np.float32)
        top = max(float(values.max()), 1e-6)
        white = 1.0 if top <= 1.0 else 255.0 if top <= 255.0 else max(65535.0, top)
        eight = Image.fromarray((values * (255.0 / white)).clip(0, 255).astype(np.uint8))
        eight.info = dict(image.info)
        return eight
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None  # a profile for other channels than the picture's: plain conversion
        if converted is not None:
            return converted
    return image.convert("RGB")
