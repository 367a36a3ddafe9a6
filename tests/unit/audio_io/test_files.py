import logging
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_io.files import read_audio
from core.errors import MediaError
from core.types import HOP_SAMPLES
from tests.media import tone, write_media, write_wav


def samples_of(audio):
    return np.concatenate([block.samples for block in audio])


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_becomes_16_khz_mono(tmp_path, rate_hz, channels):
    path = write_wav(tmp_path / "a.wav", tone(1.3, rate_hz, channels), rate_hz)
    audio = read_audio(path)
    samples = samples_of(audio)
    assert (audio.sample_rate_hz, audio.num_channels) == (rate_hz, channels)
    assert audio.duration_s == pytest.approx(1.3, abs=1e-3)
    assert abs(len(samples) - 1.3 * 16_000) <= 2
    expected = tone(1.3, 16_000)[0] * (1 + (channels - 1) / 8)
    middle = slice(2000, 18_000)  # away from the resampler's edges
    assert np.abs(samples[middle] - expected[middle]).max() < 0.02


def test_blocks_follow_each_other_without_gap(tmp_path):
    path = write_wav(tmp_path / "a.wav", tone(0.5))
    blocks = list(read_audio(path))
    assert [block.start_index for block in blocks] == [640 * i for i in range(13)]
    assert [len(block.samples) for block in blocks] == [640] * 12 + [8000 - 12 * 640]
    assert blocks[0].samples.dtype == np.float32
    assert len(blocks) == read_audio(path).num_frames


@settings(max_examples=20, deadline=None)
@given(block_samples=st.integers(1, 20_000))
def test_block_size_does_not_change_the_sound(tmp_path_factory, block_samples):
    path = tmp_path_factory.mktemp("blocks") / "a.wav"
    write_wav(path, tone(0.3, 44_100), 44_100)
    whole = samples_of(read_audio(path))
    assert np.array_equal(samples_of(read_audio(path, block_samples)), whole)


@pytest.mark.parametrize(
    ("name", "codec", "picture"),
    [("a.mp3", None, False), ("a.flac", None, False), ("a.ogg", "libopus", False),
     ("a.mp4", "aac", True), ("a.mkv", "aac", True), ("a:b.wav", None, False)],
)  # fmt: skip
def test_reads_what_ffmpeg_reads(tmp_path, name, codec, picture):
    path = tmp_path / name
    if codec is None and name.endswith(".wav"):
        write_wav(path, tone(1, 48_000), 48_000)
    else:
        write_media(path, tone(1, 48_000, 2), 48_000, codec, picture)
    samples = samples_of(read_audio(path))
    assert 16_000 <= len(samples) <= 16_000 + 2 * HOP_SAMPLES
    assert np.abs(samples[4000:12_000]).max() == pytest.approx(0.3, abs=0.06)


def test_original_quality_keeps_rate_and_channels(tmp_path):
    wanted = tone(0.5, 44_100, 2, hz=9000.0)
    audio = read_audio(write_wav(tmp_path / "a.wav", wanted, 44_100))
    got = np.concatenate(list(audio.original(44_100, "stereo")), axis=1)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() < 1e-4


def test_silence_is_sound(tmp_path):
    path = write_wav(tmp_path / "a.wav", np.zeros((1, 16_000), np.float32))
    assert not samples_of(read_audio(path)).any()


def test_hours_of_sound_need_no_memory(tmp_path):
    path = tmp_path / "long.wav"
    write_wav(path, np.zeros((1, 16_000 * 150), np.float32))
    tracemalloc.start()
    total = sum(len(block.samples) for block in read_audio(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 16_000 * 150
    assert peak < 1_500_000  # the sound as float32 would be 9.6 MB


def test_bad_files_are_named_and_explained(tmp_path):
    empty, text, folder = tmp_path / "empty.wav", tmp_path / "text.wav", tmp_path / "folder.wav"
    empty.touch()
    text.write_text("hello")
    folder.mkdir()
    silent = write_media(tmp_path / "silent.mp4", None, 0, picture=True)
    whole = write_media(tmp_path / "whole.mp4", tone(1, 48_000), 48_000, "aac").read_bytes()
    head = tmp_path / "head.mp4"
    head.write_bytes(whole[: len(whole) // 2])
    cases = [
        (empty, "is empty"),
        (text, "damaged, cut short or not a sound"),
        (head, "damaged, cut short or not a sound"),
        (folder, "is a folder"),
        (silent, "has no sound"),
        (tmp_path / "missing.wav", "There is no file"),
    ]
    for path, message in cases:
        with pytest.raises(MediaError, match=message) as caught:
            read_audio(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_garbage_after_a_good_head_is_an_error(tmp_path):
    path = write_media(tmp_path / "a.flac", tone(20, 48_000), 48_000)
    head = path.read_bytes()[:8192]  # the stream header, and no whole frame
    noise = np.random.default_rng(0).integers(0, 255, 300_000, np.uint8).tobytes()
    path.write_bytes(head[:100] + noise)
    with pytest.raises(MediaError, match="damaged"):
        samples_of(read_audio(path))


def test_a_cut_file_is_read_as_far_as_it_goes_and_said_aloud(tmp_path, caplog):
    path = write_media(tmp_path / "a.mp3", tone(4, 48_000), 48_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING, "audio_io.files"):
        samples = samples_of(read_audio(path))
    assert 1.5 < len(samples) / 16_000 < 2.5
    assert "cut short" in caplog.text


def test_playlists_do_not_reach_out(tmp_path):
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaError):
        samples_of(read_audio(path))


def test_samples_out_of_range_are_tamed(tmp_path):
    loud = tone(0.2, 16_000) * 10
    loud[0, 100] = np.nan
    path = write_media(tmp_path / "a.wav", loud, 16_000, "pcm_f32le")
    samples = samples_of(read_audio(path))
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() == 1.0
