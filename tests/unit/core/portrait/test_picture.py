"""Every kind of picture file, good and bad."""

from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from core.avatar import MAX_SIDE_PX
from core.errors import PortraitError
from core.portrait.picture import read_picture


def scene(width: int = 96, height: int = 128) -> Image.Image:
    """Red at the top left, green at the top right, blue below: orientation shows."""
    array = np.zeros((height, width, 3), np.uint8)
    array[:, :, 2] = 200
    array[: height // 2, : width // 2] = (220, 30, 30)
    array[: height // 2, width // 2 :] = (30, 220, 30)
    return Image.fromarray(array)


def assert_scene(rgb: np.ndarray, tolerance: float = 12.0) -> None:
    height, width = rgb.shape[:2]
    assert height > width
    for (y, x), colour in (
        ((0.25, 0.25), (220, 30, 30)),
        ((0.25, 0.75), (30, 220, 30)),
        ((0.75, 0.5), (0, 0, 200)),
    ):
        pixel = rgb[int(y * height), int(x * width)].astype(float)
        assert np.abs(pixel - colour).max() <= tolerance, (pixel, colour)


@pytest.mark.parametrize(
    "suffix", ["png", "jpg", "webp", "heic", "avif", "bmp", "gif", "tiff", "jpeg"]
)
def test_formats(tmp_path: Path, suffix: str) -> None:
    pillow_heif.register_heif_opener()
    file = tmp_path / f"picture.{suffix}"
    scene().save(file, quality=95)
    picture = read_picture(file)
    assert picture.rgb.dtype == np.uint8
    assert picture.opacity is None
    assert_scene(picture.rgb, 16)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_exif_rotation(tmp_path: Path, orientation: int, suffix: str) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = scene()
    if orientation in undo:
        image = image.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / f"a.{suffix}", exif=exif)
    assert_scene(read_picture(tmp_path / f"a.{suffix}").rgb, 25)


def test_heic_rotation(tmp_path: Path) -> None:
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = 6
    scene().transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.heic", exif=exif.tobytes())
    assert_scene(read_picture(tmp_path / "a.heic").rgb, 25)


def test_grey_palette_cmyk(tmp_path: Path) -> None:
    scene().convert("L").save(tmp_path / "grey.png")
    grey = read_picture(tmp_path / "grey.png").rgb
    assert grey.shape == (128, 96, 3)
    assert np.ptp(grey, axis=2).max() == 0
    scene().quantize(8).save(tmp_path / "palette.png")
    assert_scene(read_picture(tmp_path / "palette.png").rgb)
    scene().convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    assert_scene(read_picture(tmp_path / "cmyk.jpg").rgb, 25)


def test_sixteen_bit(tmp_path: Path) -> None:
    import cv2

    ramp = np.linspace(0, 65535, 128 * 96).reshape(128, 96).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "grey16.png"), ramp)
    grey = read_picture(tmp_path / "grey16.png").rgb
    assert np.abs(grey[..., 0].astype(float) - ramp / 257.0).max() <= 1
    colour = np.asarray(scene(), np.uint16)[..., ::-1] * np.uint16(257)
    cv2.imwrite(str(tmp_path / "rgb16.png"), colour)
    assert_scene(read_picture(tmp_path / "rgb16.png").rgb, 1)


def test_transparency_lies_on_grey_and_is_kept(tmp_path: Path) -> None:
    image = scene().convert("RGBA")
    alpha = np.full((128, 96), 255, np.uint8)
    alpha[:10] = 0
    image.putalpha(Image.fromarray(alpha))
    image.save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert picture.opacity is not None
    np.testing.assert_array_equal(picture.opacity, alpha)
    assert (picture.rgb[5] == 226).all()
    assert_scene(picture.rgb[2:], 12)


def test_opaque_alpha_is_dropped(tmp_path: Path) -> None:
    scene().convert("RGBA").save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").opacity is None


def test_colour_profile_is_applied(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1)
    swapped = swapped.replace(b"????", b"gXYZ", 1)
    channels = scene().split()
    swapped_scene = Image.merge("RGB", (channels[1], channels[0], channels[2]))
    swapped_scene.save(tmp_path / "swapped.png", icc_profile=swapped)
    assert_scene(read_picture(tmp_path / "swapped.png").rgb, 6)
    scene().save(tmp_path / "junk.png", icc_profile=b"junk" * 40)
    assert_scene(read_picture(tmp_path / "junk.png").rgb)
    scene().convert("L").save(tmp_path / "mismatch.png", icc_profile=srgb)
    assert read_picture(tmp_path / "mismatch.png").rgb.shape == (128, 96, 3)


def test_animation_gives_its_first_picture(tmp_path: Path) -> None:
    other = Image.new("RGB", (96, 128), (9, 9, 9))
    for suffix in ("gif", "webp", "png"):
        file = tmp_path / f"a.{suffix}"
        scene().save(file, save_all=True, append_images=[other, other], duration=50)
        assert_scene(read_picture(file).rgb, 20)


def test_large_pictures_are_shrunk(tmp_path: Path) -> None:
    scene(3000, 4000).save(tmp_path / "a.jpg")
    rgb = read_picture(tmp_path / "a.jpg").rgb
    assert rgb.shape == (MAX_SIDE_PX, MAX_SIDE_PX * 3 // 4, 3)
    assert_scene(rgb)


def test_bad_files(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jpg"
    scene().save(whole)
    data = whole.read_bytes()
    cases = {
        "missing.png": (None, "no picture file"),
        "empty.jpg": (b"", "empty"),
        "cut.jpg": (data[: len(data) * 2 // 3], "damaged or cut off"),
        "head.jpg": (data[:12], "not a picture|damaged"),
        "text.png": (b"I am a text file, really.\n" * 20, "not a picture"),
    }
    for name, (content, message) in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(PortraitError, match=message) as caught:
            read_picture(tmp_path / name)
        assert name in str(caught.value)
    for name, size, message in (
        ("tiny.png", (20, 20), "20x20"),
        ("thin.png", (64, 40_000), "long and thin"),
        ("huge.png", (14_000, 14_000), "megapixels"),
    ):
        Image.new("1", size).save(tmp_path / name)
        with pytest.raises(PortraitError, match=message):
            read_picture(tmp_path / name)


@pytest.mark.parametrize("suffix", ["png", "webp", "heic", "gif", "tiff"])
def test_truncation_never_escapes_as_another_error(tmp_path: Path, suffix: str) -> None:
    pillow_heif.register_heif_opener()
    whole = tmp_path / f"whole.{suffix}"
    scene().save(whole)
    data = whole.read_bytes()
    for part in range(1, 12):
        file = tmp_path / f"cut.{suffix}"
        file.write_bytes(data[: len(data) * part // 12])
        with pytest.raises(PortraitError):
            read_picture(file)
