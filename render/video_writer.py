"""Finished videos: frames in, one complete file out, or none at all."""

import secrets
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from core.errors import MediaError
from core.types import FloatArray, ImageArray
from render.frames import check_frame
from render.mark import VisibleMark
from render.muxer import Encoding, Muxer, container_format, new_file, track_rate_hz, write_error
from render.provenance import Provenance

_MAX_WAITING_FRAMES = 3


class SoundSource(Protocol):
    """Where the sound track comes from; `audio_io.files.AudioFile` is one."""

    @property
    def sample_rate_hz(self) -> int:
        """The source's own rate."""
        ...

    @property
    def num_channels(self) -> int:
        """The source's own channels."""
        ...

    def original(self, sample_rate_hz: int, layout: str) -> Iterator[FloatArray]:
        """Yield chunks of shape (channels, N) at this rate, layout "mono" or "stereo"."""
        ...


class VideoWriter:
    """Writes an MP4, MKV or WebM file under a temporary name and renames it when complete.

    A context manager: leaving it normally finishes the file; leaving it by any exception
    (Ctrl-C too) removes what was written, and a file that was there before stays as it was.
    The sound track is cut or padded with silence to the length of the pictures. Unless the
    encoding asks for a single thread, frames are encoded on another one while the caller draws
    the next; what goes wrong there is raised by a later `write` or on leaving.

        with VideoWriter("out.mp4", (512, 512), 25, audio=read_audio("voice.wav")) as writer:
            for frame in frames:
                writer.write(frame.rgb)

    Args:
        path: Its ending chooses the container: .mp4, .m4v (H.264 + AAC), .mkv (the same) or
            .webm (VP9 + Opus).
        size: Width and height of the frames. Odd sides grow by one pixel in the file.
        frame_rate_hz: Frames per second; a Fraction for rates such as 30000/1001.
        audio: Source of the sound track, or None for a silent film.
        encoding: Video encoder settings.
        provenance: What the file says about its origin.
        mark: Badge blended into every frame, or None.

    Raises:
        MediaError: Wrong ending, a folder that does not exist or may not be written, full disk,
            no frames at all. Raised on construction, by `write` and on leaving.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        frame_rate_hz: int | Fraction,
        *,
        audio: SoundSource | None = None,
        encoding: Encoding | None = None,
        provenance: Provenance | None = None,
        mark: VisibleMark | None = None,
    ) -> None:
        self.path = Path(path)
        self._rate_hz = Fraction(frame_rate_hz)
        self._provenance = provenance or Provenance()
        self._mark = mark
        container = container_format(self.path)
        self._is_mp4 = container == "mp4"
        self._sound = _SoundTrack(audio, container) if audio else None
        self._num_frames = 0
        self._size = size
        encoding = encoding or Encoding()
        self._pool = ThreadPoolExecutor(1, "encoder") if encoding.threads != 1 else None
        self._waiting: deque[Future[None]] = deque()
        self._temporary = _temporary_name(self.path)
        with new_file(self._temporary, shown=self.path):
            self._muxer = Muxer(
                self._temporary,
                container,
                size,
                self._rate_hz,
                audio=self._sound.format if self._sound else None,
                encoding=encoding,
                tags=self._provenance.tags(),
                options={"movflags": "+faststart"} if self._is_mp4 else {},
            )

    @property
    def num_frames(self) -> int:
        """Frames written so far."""
        return self._num_frames

    @property
    def duration_s(self) -> float:
        """Length of what was written so far."""
        return float(self._num_frames / self._rate_hz)

    def write(self, rgb: ImageArray) -> None:
        """Append one frame, and the sound that belongs to it.

        Args:
            rgb: Shape (H, W, 3), uint8, of the size given at construction. Left unchanged.

        Raises:
            TypeError: Not uint8.
            ValueError: Another size.
            MediaError: The file could not be written.
        """
        check_frame(rgb, self._size)
        if self._pool is None:
            self._encode(rgb.copy() if self._mark else rgb, self._num_frames)
        else:
            self._settle(_MAX_WAITING_FRAMES - 1)
            job = self._pool.submit(self._encode, rgb.copy(), self._num_frames)
            self._waiting.append(job)
        self._num_frames += 1

    def _settle(self, num_left: int) -> None:
        """Wait until no more than this many frames wait, raising what went wrong."""
        while len(self._waiting) > num_left:
            self._waiting.popleft().result()

    def _encode(self, rgb: ImageArray, index: int) -> None:
        if self._mark is not None:
            self._mark.apply(rgb)
        self._muxer.write_video(rgb, index)
        if self._sound is not None:
            self._sound.write_until(self._muxer, (index + 1) / self._rate_hz)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)
            self._muxer.abort()
            self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        if not self._num_frames:
            raise MediaError(
                "{path} was not written: there was no frame to put in it.", path=self.path
            )
        self._settle(0)
        self._muxer.close()
        try:
            if self._is_mp4:
                self._provenance.append_to(self._temporary)
            self._temporary.replace(self.path)
        except OSError as error:
            raise write_error(self.path, error) from error


class _SoundTrack:
    """Hands a sound source to the muxer in step with the pictures."""

    def __init__(self, source: SoundSource, container: str) -> None:
        rate_hz = track_rate_hz(container, source.sample_rate_hz)
        layout = "mono" if source.num_channels == 1 else "stereo"
        self.format = (rate_hz, layout)
        self._chunks = source.original(rate_hz, layout)
        self._rest = np.zeros((1 if layout == "mono" else 2, 0), np.float32)
        self._written = 0

    def write_until(self, muxer: Muxer, time_s: Fraction) -> None:
        """Write all sound before a time; silence once the source has ended."""
        end = round(time_s * self.format[0])
        while self._written < end:
            if not self._rest.shape[1]:
                self._rest = next(self._chunks, self._silence(end - self._written))
            chunk = self._rest[:, : end - self._written]
            self._rest = self._rest[:, chunk.shape[1] :]
            muxer.write_audio(chunk, self._written, self.format[0])
            self._written += chunk.shape[1]

    def _silence(self, num_samples: int) -> FloatArray:
        return np.zeros((len(self._rest), num_samples), np.float32)


def _temporary_name(path: Path) -> Path:
    """A new name beside `path`, so that the file can be renamed to it."""
    if path.is_dir():
        raise MediaError("{path} is a folder: give the name of a file in it.", path=path)
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part")
