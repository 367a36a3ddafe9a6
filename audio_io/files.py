"""Sound files in: any audio or video FFmpeg reads, streamed in bounded memory."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from core.errors import MediaError
from core.types import HOP_SAMPLES, SAMPLE_RATE_HZ, AudioBlock, FloatArray

_log = logging.getLogger(__name__)

_MAX_BAD_PACKETS = 50
"""Damaged packets in a row after which a file counts as broken."""


@dataclass(frozen=True, slots=True)
class AudioFile:
    """The sound of one file; iterating decodes it anew from the start.

    Attributes:
        path: The file.
        duration_s: Length the file states, or None where it states none (a raw stream).
        sample_rate_hz: The file's own rate.
        num_channels: The file's own channels.
        codec: FFmpeg's name of the sound format, for display.
        block_samples: Samples in each block but the last.
    """

    path: Path
    duration_s: float | None
    sample_rate_hz: int
    num_channels: int
    codec: str
    block_samples: int = HOP_SAMPLES

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield the sound as mono blocks at SAMPLE_RATE_HZ, the last one possibly shorter.

        Raises:
            MediaError: The file is damaged, or holds no sound at all.
        """
        # FFmpeg's own way from stereo to mono makes floats louder by 3 dB and lets them clip
        layout = "mono" if self.num_channels == 1 else "stereo"
        block = np.empty(self.block_samples, np.float32)
        filled = start = 0
        for chunk in self.original(SAMPLE_RATE_HZ, layout):
            samples = _tamed(chunk[0] if len(chunk) == 1 else chunk.mean(axis=0))
            while len(samples):
                taken = min(len(samples), len(block) - filled)
                block[filled : filled + taken] = samples[:taken]
                samples, filled = samples[taken:], filled + taken
                if filled == len(block):
                    yield AudioBlock(block.copy(), start)
                    start, filled = start + filled, 0
        if filled:
            yield AudioBlock(block[:filled].copy(), start)

    @property
    def num_frames(self) -> int | None:
        """Expression frames this sound makes, as far as the file states its length."""
        if self.duration_s is None:
            return None
        return -(-round(self.duration_s * SAMPLE_RATE_HZ) // HOP_SAMPLES)

    def original(self, sample_rate_hz: int, layout: str) -> Iterator[FloatArray]:
        """Decode at full quality, for the sound track of a rendered video.

        Args:
            sample_rate_hz: Wanted rate; the file's own costs nothing.
            layout: "mono" or "stereo".

        Yields:
            Chunks of shape (channels, N), float32.

        Raises:
            MediaError: The file is damaged.
        """
        return _Resampler(layout, sample_rate_hz).convert(_decode(self.path))


def read_audio(path: str | Path, block_samples: int = HOP_SAMPLES) -> AudioFile:
    """Open the sound of an audio or video file.

    Only the head is read here; the sound itself is decoded while the result is iterated, so a
    file of many hours needs no more memory than one of a second.

    Args:
        path: A local file. Network addresses and files that point to others are not followed.
        block_samples: Samples per yielded block.

    Raises:
        MediaError: The file is missing, empty, not a media file, or has no sound.
    """
    path = Path(path)
    _check_file(path)
    with _open(path) as container:
        stream = _audio_stream(container, path)
        context = stream.codec_context
        return AudioFile(
            path=path,
            duration_s=_duration_s(container, stream),
            sample_rate_hz=context.sample_rate,
            num_channels=context.channels,
            codec=context.codec.long_name,
            block_samples=block_samples,
        )


def _tamed(samples: FloatArray) -> FloatArray:
    """Samples within [-1, 1]; float files may hold louder ones, and numbers that are none."""
    if not np.isfinite(np.dot(samples, samples)):
        samples = np.nan_to_num(samples, posinf=1.0, neginf=-1.0)
    return np.clip(samples, -1.0, 1.0)


class _Resampler:
    """Converts decoded frames to one format, also where a file changes its own midway."""

    def __init__(self, layout: str, rate_hz: int) -> None:
        self._target = {"format": "fltp", "layout": layout, "rate": rate_hz}

    def convert(self, frames: Iterator[av.AudioFrame]) -> Iterator[NDArray[np.float32]]:
        """Yield arrays of shape (channels, N), float32."""
        resampler: av.AudioResampler | None = None
        source = None
        for frame in frames:
            frame.pts = None
            layout = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or layout != source:
                yield from self._flush(resampler)
                resampler, source = av.AudioResampler(**self._target), layout
            yield from self._arrays(resampler.resample(frame))
        yield from self._flush(resampler)

    def _flush(self, resampler: av.AudioResampler | None) -> Iterator[NDArray[np.float32]]:
        if resampler is not None:
            yield from self._arrays(resampler.resample(None))

    @staticmethod
    def _arrays(frames: list[av.AudioFrame | None]) -> Iterator[NDArray[np.float32]]:
        # a resampler with nothing to do hands the flushing None back
        return (frame.to_ndarray() for frame in frames if frame is not None)


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise MediaError("{path} is a folder: give a sound or video file.", path=path)
        if path.stat().st_size == 0:
            raise MediaError("{path} is empty (0 bytes): was it copied completely?", path=path)
    except FileNotFoundError:
        raise MediaError("There is no file {path}.", path=path) from None
    except OSError as error:
        raise MediaError(
            "{path} cannot be read: {reason}.", path=path, reason=error.strerror
        ) from error


@contextmanager
def _open(path: Path) -> Iterator[av.container.InputContainer]:
    try:
        # "file:" keeps a name with a colon from being taken for a protocol; the white list keeps
        # playlists from reaching out to other machines
        container = av.open(
            f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="ignore"
        )
    except (av.FFmpegError, OSError) as error:
        raise _unreadable(path, error) from error
    with container:
        yield container


def _unreadable(path: Path, error: Exception) -> MediaError:
    if isinstance(error, PermissionError):
        return MediaError("{path} cannot be read: permission denied.", path=path)
    return MediaError(
        "{path} is damaged, cut short or not a sound or video file: try to play or "
        "convert it with another program. (FFmpeg says: {reason})",
        path=path,
        reason=getattr(error, "strerror", None) or error,
    )


def _audio_stream(container: av.container.InputContainer, path: Path) -> av.AudioStream:
    stream = container.streams.best("audio")
    if stream is None:
        raise MediaError("{path} has no sound: give a file with a voice in it.", path=path)
    if stream.codec_context is None or not stream.codec_context.sample_rate:
        raise MediaError(
            "{path} holds sound in a format that FFmpeg cannot decode here.", path=path
        )
    return stream


def _duration_s(container: av.container.InputContainer, stream: av.AudioStream) -> float | None:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return float(container.duration / av.time_base)
    return None


def _decode(path: Path) -> Iterator[av.AudioFrame]:
    """Decode all frames; damaged packets are skipped and said aloud, too many are an error."""
    with _open(path) as container:
        stream = _audio_stream(container, path)
        decoded_s, num_bad, bad_in_a_row = 0.0, 0, 0
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                frames = packet.decode() if packet is not None else []
                bad_in_a_row = 0
            except (av.FFmpegError, ValueError) as error:
                num_bad, bad_in_a_row = num_bad + 1, bad_in_a_row + 1
                if bad_in_a_row > _MAX_BAD_PACKETS:
                    raise _unreadable(path, error) from error
                continue
            for frame in frames:
                decoded_s += frame.samples / frame.sample_rate
                yield frame
            if packet is None:
                break
        if not decoded_s:
            raise MediaError(
                "{path} is damaged or cut short: no sound could be decoded.", path=path
            )
        if num_bad:
            _log.warning("%s is damaged: %d packets of sound were skipped", path, num_bad)
        stated_s = _duration_s(container, stream)
        if stated_s and decoded_s < 0.98 * stated_s - 0.5:
            _log.warning("%s is cut short: %.1f s of %.1f s", path, decoded_s, stated_s)
