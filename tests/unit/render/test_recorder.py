import threading
import time

import numpy as np
import pytest

from core.errors import MediaError
from core.types import AudioBlock, VideoFrame
from render.mark import VisibleMark
from render.provenance import Provenance, read_provenance
from render.recorder import Recorder
from tests.media import decode, decode_sound, picture, probe, small_disk

SIZE = (160, 120)
CODECS = {"mp4": ("h264", "aac"), "mkv": ("h264", "aac"), "webm": ("vp9", "opus")}
FIRST = 1000
"""The pipeline has been running for a while when recording starts."""


def video(index, rgb=None):
    return VideoFrame(index, picture(SIZE, index // 10) if rgb is None else rgb)


def sound(index, samples=None):
    return AudioBlock(np.zeros(640, np.float32) if samples is None else samples, index * 640)


def record(recorder, events):
    """Put items in this order, at the speed the recorder takes them."""
    for item in events:
        if isinstance(item, VideoFrame):
            recorder.put_video(item)
            while len(recorder._frames) > 5:
                time.sleep(0.001)
        else:
            recorder.put_audio(item)


@pytest.mark.parametrize("ending", CODECS)
def test_pictures_and_sound_are_equally_long(tmp_path, ending):
    path = tmp_path / f"r.{ending}"
    with Recorder(path, SIZE) as recorder:
        for i in range(60):
            record(recorder, [sound(FIRST + i + 5), video(FIRST + i)])
    streams = probe(path)
    assert (streams["video"]["codec"], streams["audio"]["codec"]) == CODECS[ending]
    assert streams["video"]["packets"] == 60
    assert abs(streams["video"]["end_s"] - streams["audio"]["end_s"]) < 0.04
    assert recorder.duration_s == 60 / 25
    assert recorder.frames_written == 60
    assert recorder.size_bytes == path.stat().st_size


@pytest.mark.parametrize("ending", CODECS)
@pytest.mark.parametrize("picture_delay", [-3, 0, 12])
def test_sound_meets_its_picture_whoever_is_late(tmp_path, ending, picture_delay):
    """A click and a flash of the same index are together, in whatever order they come."""
    click, path = 40, tmp_path / f"r.{ending}"
    events = []
    for i in range(75):
        loud = np.zeros(640, np.float32)
        loud[:160] = 0.9 * (i == click)
        white = np.full((120, 160, 3), 255 * (i >= click), np.uint8)
        events += [(i, sound(FIRST + i, loud)), (i + picture_delay, video(FIRST + i, white))]
    with Recorder(path, SIZE) as recorder:
        record(recorder, [item for _, item in sorted(events, key=lambda event: event[0])])
    flash = next(i for i, rgb in enumerate(decode(path)) if rgb.mean() > 128)
    heard = int(np.argmax(np.abs(decode_sound(path, 16_000)) > 0.3)) / 16_000
    streams = probe(path)
    offset_s = streams["audio"]["start_s"] - streams["video"]["start_s"]
    assert flash == click
    assert abs(heard + offset_s - click / 25) < 0.03


def test_missing_sound_is_silence_and_missing_pictures_stand_still(tmp_path):
    path = tmp_path / "r.mp4"
    ones = np.full(640, 0.5, np.float32)
    with Recorder(path, SIZE) as recorder:
        for i in range(100):
            if not 30 <= i < 60:
                record(recorder, [video(FIRST + i)])
            if not 50 <= i < 75:
                record(recorder, [sound(FIRST + i, ones)])
    streams = probe(path)
    assert streams["video"]["packets"] == 70
    assert streams["video"]["end_s"] == pytest.approx(4.0, abs=0.05)
    heard = decode_sound(path)
    assert np.abs(heard[52 * 640 : 72 * 640]).max() < 0.05
    assert np.abs(heard[20 * 640 : 48 * 640]).mean() > 0.1


def test_frames_out_of_order_are_left_out(tmp_path):
    path = tmp_path / "r.mp4"
    with Recorder(path, SIZE) as recorder:
        record(recorder, [video(i) for i in (5, 6, 6, 5, 7)])
    assert len(decode(path)) == 3
    assert recorder.frames_written == 3


def test_a_slow_encoder_drops_frames_and_never_blocks(tmp_path, monkeypatch):
    with Recorder(tmp_path / "r.mp4", SIZE, queue_ms=200) as recorder:
        add = recorder._track.add_frame
        monkeypatch.setattr(
            recorder._track, "add_frame", lambda frame: (time.sleep(0.05), add(frame))[1]
        )
        begun = time.monotonic()
        for i in range(40):
            recorder.put_video(video(i))
            recorder.put_audio(sound(i))
        assert time.monotonic() - begun < 1.0
    assert recorder.frames_dropped > 20
    assert recorder.frames_written + recorder.frames_dropped == 40


def test_nothing_is_overwritten(tmp_path):
    path = tmp_path / "r.mp4"
    path.write_bytes(b"precious")
    with pytest.raises(MediaError, match="exists already"):
        Recorder(path, SIZE)
    assert path.read_bytes() == b"precious"


def test_impossible_files_are_explained(tmp_path):
    with pytest.raises(MediaError, match="must end in"):
        Recorder(tmp_path / "r.avi", SIZE)
    with pytest.raises(MediaError, match="folder does not exist"):
        Recorder(tmp_path / "none" / "r.mp4", SIZE)


def test_a_recording_without_pictures_is_not_kept(tmp_path):
    path = tmp_path / "r.mp4"
    recorder = Recorder(path, SIZE)
    recorder.put_audio(sound(0))
    with pytest.raises(MediaError, match="no picture"):
        recorder.stop()
    assert not path.exists()


def test_stopping_twice_and_putting_afterwards_do_nothing(tmp_path):
    before = threading.active_count()
    recorder = Recorder(tmp_path / "r.mp4", SIZE)
    recorder.put_video(video(0))
    recorder.stop()
    recorder.put_video(video(1))
    recorder.put_audio(sound(1))
    recorder.stop()
    assert recorder.frames_written == 1
    assert threading.active_count() == before


def test_wrong_frames_are_refused(tmp_path):
    with Recorder(tmp_path / "r.mp4", SIZE) as recorder:
        recorder.put_video(video(0))
        with pytest.raises(TypeError):
            recorder.put_video(video(1, picture(SIZE) / np.float32(255)))
        with pytest.raises(ValueError, match="shape"):
            recorder.put_video(video(1, picture((10, 10))))


def test_recordings_say_what_they_are_and_carry_the_mark(tmp_path):
    path, size = tmp_path / "r.mp4", (640, 360)
    origin = Provenance(portrait_sha256="abc")
    grey = np.full((360, 640, 3), 90, np.uint8)
    with Recorder(path, size, provenance=origin, mark=VisibleMark(size)) as recorder:
        recorder.put_video(VideoFrame(0, grey))
    assert (grey == 90).all()
    assert read_provenance(path) == origin
    assert b"<x:xmpmeta" in path.read_bytes()
    assert decode(path)[0].max() > 150


@pytest.mark.parametrize("ending", CODECS)
def test_full_disk_stops_with_words_and_what_was_written_plays(tmp_path, ending):
    rng = np.random.default_rng(0)
    with small_disk(tmp_path, 1500) as folder:
        path = folder / f"r.{ending}"
        recorder = Recorder(path, SIZE)
        for i in range(2000):
            noise = rng.integers(0, 255, (120, 160, 3), np.uint8)
            record(recorder, [sound(i), video(i, noise)])
            if recorder.problem:
                break
        assert "disk is full" in recorder.problem
        with pytest.raises(MediaError, match="can be played"):
            recorder.stop()
        written = recorder.frames_written
        assert probe(path)["video"]["packets"] > written // 2 > 10


@pytest.mark.parametrize("ending", CODECS)
def test_a_disk_full_from_the_start_is_explained(tmp_path, ending):
    with small_disk(tmp_path, 4) as folder:
        (folder / "full").write_bytes(bytes(4096))
        with pytest.raises(MediaError, match="disk is full"):
            recorder = Recorder(folder / f"r.{ending}", SIZE)
            for i in range(60):
                record(recorder, [sound(i), video(i)])
            recorder.stop()


def test_a_finished_mp4_is_an_ordinary_one(tmp_path):
    path = tmp_path / "r.mp4"
    with Recorder(path, SIZE) as recorder:
        for i in range(60):
            record(recorder, [sound(i), video(i)])
    data, place, boxes = path.read_bytes(), 0, []
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        boxes.append(data[place + 4 : place + 8])
        if size == 1:
            size = int.from_bytes(data[place + 8 : place + 16], "big")
        place += size
    assert place == len(data)
    assert boxes.count(b"moov") == 1
    assert b"moof" not in boxes
