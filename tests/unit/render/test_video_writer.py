import os
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest

from audio_io.files import read_audio
from core.errors import MediaError
from render.mark import VisibleMark
from render.muxer import Encoding
from render.provenance import DIGITAL_SOURCE_TYPE, Provenance, hash_picture, read_provenance
from render.video_writer import VideoWriter
from tests.media import decode, decode_sound, picture, probe, small_disk, tone, write_wav

SIZE = (160, 120)
CODECS = {"mp4": ("h264", "aac"), "mkv": ("h264", "aac"), "webm": ("vp9", "opus")}


def write(path, num_frames, size=SIZE, rate=25, **options):
    with VideoWriter(path, size, rate, **options) as writer:
        for i in range(num_frames):
            writer.write(picture(size, i // 10))
    return path


@pytest.mark.parametrize("ending", CODECS)
@pytest.mark.parametrize("sound_s", [0.5, 2.0, 3.7])
def test_sound_is_as_long_as_the_pictures(tmp_path, ending, sound_s):
    voice = write_wav(tmp_path / "v.wav", tone(sound_s, 44_100, 2), 44_100)
    streams = probe(write(tmp_path / f"o.{ending}", 50, audio=read_audio(voice)))
    assert (streams["video"]["codec"], streams["audio"]["codec"]) == CODECS[ending]
    assert streams["video"]["packets"] == 50
    assert abs(streams["video"]["end_s"] - streams["audio"]["end_s"]) < 0.04


@pytest.mark.parametrize("ending", CODECS)
def test_sound_stays_in_step_with_the_pictures(tmp_path, ending):
    """A click and a flash at the same instant are still together in the file."""
    sound = np.zeros((1, 32_000), np.float32)
    sound[0, 16_000:16_160] = 0.9
    audio = read_audio(write_wav(tmp_path / "v.wav", sound))
    path = tmp_path / f"o.{ending}"
    with VideoWriter(path, SIZE, 25, audio=audio) as writer:
        for i in range(50):
            writer.write(np.full((120, 160, 3), 255 * (i >= 25), np.uint8))
    flash = next(i for i, rgb in enumerate(decode(path)) if rgb.mean() > 128)
    heard = decode_sound(path, 16_000)
    click = int(np.argmax(np.abs(heard) > 0.3))
    streams = probe(path)
    assert flash == 25
    # the first packet of both tracks may be shifted by the encoder's priming, but together
    assert abs(click / 16_000 - 1.0) < 0.03
    assert abs(streams["video"]["start_s"] - streams["audio"]["start_s"]) < 0.03


@pytest.mark.parametrize("ending", CODECS)
def test_pictures_come_back(tmp_path, ending):
    path = write(tmp_path / f"o.{ending}", 12)
    for i, rgb in enumerate(decode(path)):
        error = np.abs(rgb.astype(int) - picture(SIZE, i // 10)).mean()
        assert error < 4


@pytest.mark.parametrize("size", [(161, 120), (160, 121), (33, 35)])
def test_odd_sizes_grow_by_a_pixel(tmp_path, size):
    video = probe(write(tmp_path / "o.mp4", 3, size))["video"]
    assert (video["width"], video["height"]) == tuple(side + side % 2 for side in size)


def test_rates_may_be_fractions(tmp_path):
    video = probe(write(tmp_path / "o.mp4", 30, rate=Fraction(30_000, 1001)))["video"]
    assert video["end_s"] == pytest.approx(30 * 1001 / 30_000, abs=1e-3)


def test_an_exception_leaves_nothing_behind(tmp_path):
    path = tmp_path / "o.mp4"
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, SIZE, 25) as writer:
        writer.write(picture(SIZE))
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_failed_run_keeps_the_file_that_was_there(tmp_path):
    path = tmp_path / "o.mp4"
    path.write_bytes(b"precious")
    with pytest.raises(MediaError, match="no frame"), VideoWriter(path, SIZE, 25):
        pass
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_new_files_have_ordinary_permissions(tmp_path):
    (tmp_path / "ordinary").touch()
    path = write(tmp_path / "o.mp4", 1)
    assert path.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.mark.parametrize(
    ("name", "message"),
    [("o.avi", "must end in one of"), ("none/o.mp4", "folder does not exist"), ("", "must end")],
)
def test_impossible_outputs_are_explained(tmp_path, name, message):
    with pytest.raises(MediaError, match=message):
        VideoWriter(tmp_path / name, SIZE, 25)
    assert not list(tmp_path.iterdir())


def test_a_folder_is_not_a_file(tmp_path):
    (tmp_path / "o.mp4").mkdir()
    with pytest.raises(MediaError, match="is a folder"):
        VideoWriter(tmp_path / "o.mp4", SIZE, 25)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_protected_folder_is_explained(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(MediaError, match="no permission"):
        VideoWriter(tmp_path / "o.mp4", SIZE, 25)


@pytest.mark.parametrize("ending", CODECS)
@pytest.mark.parametrize("kilobytes", [64, 300])
def test_full_disk_is_explained_and_leaves_nothing(tmp_path, ending, kilobytes):
    rng = np.random.default_rng(0)
    with small_disk(tmp_path, kilobytes) as folder:
        with (
            pytest.raises(MediaError, match="disk is full"),
            VideoWriter(folder / f"o.{ending}", SIZE, 25) as writer,
        ):
            for _ in range(60):
                writer.write(rng.integers(0, 255, (120, 160, 3), np.uint8))
        assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("frame", "error"),
    [(picture(SIZE) / np.float32(255), TypeError), (picture((10, 10)), ValueError)],
)
def test_wrong_frames_are_refused(tmp_path, frame, error):
    with pytest.raises(error), VideoWriter(tmp_path / "o.mp4", SIZE, 25) as writer:
        writer.write(frame)


def test_encoding_beside_the_caller_gives_the_same_file(tmp_path):
    """Frames may be overwritten at once, as renderers do."""
    files = []
    for threads in (0, 1):
        path = tmp_path / f"{threads}.mp4"
        shared = np.empty((120, 160, 3), np.uint8)
        encoding = Encoding(threads=threads)
        with VideoWriter(path, SIZE, 25, encoding=encoding) as writer:
            for i in range(30):
                shared[:] = picture(SIZE, i)
                writer.write(shared)
                shared[:] = 0
        files.append(decode(path))
    one, other = (np.stack(pictures).astype(int) for pictures in files)
    assert np.abs(one - other).mean() < 2


@pytest.mark.parametrize("speed", ["fast", "balanced", "small"])
@pytest.mark.parametrize("threads", [0, 1])
def test_every_speed_works(tmp_path, speed, threads):
    encoding = Encoding(speed=speed, threads=threads, crf=30)
    assert len(decode(write(tmp_path / "o.mp4", 5, encoding=encoding))) == 5


@pytest.mark.parametrize("ending", CODECS)
def test_files_say_what_they_are(tmp_path, ending):
    origin = Provenance(
        software='Test 1.0 <&">',
        created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        portrait_sha256=hash_picture(picture(SIZE)),
    )
    path = write(tmp_path / f"o.{ending}", 3, provenance=origin)
    assert read_provenance(path) == origin
    assert b"Synthetic media" in path.read_bytes()


def test_mp4_carries_xmp(tmp_path):
    data = write(tmp_path / "o.mp4", 3).read_bytes()
    start = data.index(b"<x:xmpmeta")
    assert DIGITAL_SOURCE_TYPE.encode() in data[start:]
    box = data.rindex(b"uuid", 0, start) - 4
    assert box + int.from_bytes(data[box : box + 4], "big") == len(data)


def test_other_videos_say_nothing(tmp_path):
    voice = write_wav(tmp_path / "v.wav", tone(0.1))
    assert read_provenance(voice) is None
    with pytest.raises(MediaError):
        read_provenance(tmp_path / "missing.mp4")


def test_pixels_decide_the_hash():
    assert hash_picture(picture(SIZE)) != hash_picture(picture(SIZE, 1))
    assert hash_picture(np.zeros((2, 3, 3), np.uint8)) != hash_picture(
        np.zeros((3, 2, 3), np.uint8)
    )


@pytest.mark.parametrize("corner", ["top_left", "top_right", "bottom_left", "bottom_right"])
def test_mark_changes_its_corner_alone(corner):
    size = (640, 360)
    frame = np.full((360, 640, 3), 90, np.uint8)
    VisibleMark(size, corner=corner).apply(frame)
    rows, columns = np.nonzero((frame != 90).any(axis=2))
    assert len(rows) > 300
    assert (rows.max() < 60) if corner.startswith("top") else (rows.min() > 300)
    assert (columns.max() < 320) if corner.endswith("left") else (columns.min() > 320)
    assert frame.max() > 150  # light letters
    assert frame.min() < 60  # on a dark plate


def test_mark_is_drawn_into_the_file_but_not_into_the_frame(tmp_path):
    size = (640, 360)
    frame = np.full((360, 640, 3), 90, np.uint8)
    with VideoWriter(tmp_path / "o.mp4", size, 25, mark=VisibleMark(size)) as writer:
        writer.write(frame)
    assert (frame == 90).all()
    assert decode(tmp_path / "o.mp4")[0].max() > 150


def test_mark_without_room_is_refused():
    with pytest.raises(ValueError, match="too small"):
        VisibleMark((40, 40), text="a very long sentence")
    with pytest.raises(ValueError, match="not within"):
        VisibleMark((640, 360), opacity=1.5)
