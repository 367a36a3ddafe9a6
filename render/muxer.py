"""One encoder for finished videos and live recordings: RGB frames and sound into a container."""

import contextlib
import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import av.codec
import numpy as np

from core.errors import MediaError
from core.types import FloatArray, ImageArray
from render.frames import check_frame, to_i420

Speed = Literal["fast", "balanced", "small"]

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mkv": "matroska", ".webm": "webm"}
_VIDEO_CODECS = {
    "webm": ("libvpx-vp9", "libvpx"),
    "other": ("libx264", "libopenh264", "h264_videotoolbox", "h264_mf", "mpeg4"),
}
_X264_FAST = "subme=1:me=dia:bframes=0:rc-lookahead=5:weightp=0:ref=1"
"""As cheap as x264's preset `ultrafast`, in a fifth of its bytes: an avatar's picture hardly
moves outside the mouth, so the short look-ahead (mbtree) pays and the motion search does not."""
_X264_SPEED: dict[Speed, dict[str, str]] = {
    "fast": {"preset": "veryfast", "x264-params": _X264_FAST},
    "balanced": {"preset": "veryfast"},
    "small": {"preset": "medium"},
}
_VPX_SPEED: dict[Speed, dict[str, str]] = {
    "fast": {"deadline": "realtime", "cpu-used": "8"},
    "balanced": {"deadline": "realtime", "cpu-used": "5"},
    "small": {"deadline": "good", "cpu-used": "4"},
}
_KEPT_RATES_HZ = (32_000, 44_100, 48_000)


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How hard the video encoder works.

    Attributes:
        speed: "fast" costs the least time, "small" makes the smallest file.
        crf: Constant quality on the codec's own scale (lower is better); None: visually lossless
            for an avatar (18 for H.264, 28 for VP9, 10 for VP8).
        threads: Encoder threads; 0 lets the encoder choose.
        codec: FFmpeg encoder, or None for the best one this machine has for the container.
    """

    speed: Speed = "fast"
    crf: int | None = None
    threads: int = 0
    codec: str | None = None


def container_format(path: Path) -> str:
    """FFmpeg's name of the container for a file name.

    Raises:
        MediaError: The ending is none that can be written.
    """
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        known = ", ".join(_FORMATS)
        raise MediaError(
            "{name} must end in one of {known} to say what to write.", name=path.name, known=known
        ) from None


def track_rate_hz(container: str, source_rate_hz: int) -> int:
    """Sample rate of the sound track for a source: its own where players take it."""
    if container != "webm" and source_rate_hz in _KEPT_RATES_HZ:
        return source_rate_hz
    return 48_000


def write_error(path: Path, error: BaseException) -> MediaError:
    """Say in the user's words why a file could not be written."""
    code = getattr(error, "errno", None)
    if code == errno.ENOSPC:
        return MediaError(
            "The disk is full: {path} could not be written. Free some space or choose "
            "another folder.",
            path=path,
        )
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return MediaError(
            "{path} cannot be written: no permission. Choose another folder.", path=path
        )
    if code in (errno.ENOENT, errno.ENOTDIR):
        return MediaError("{path} cannot be written: its folder does not exist.", path=path)
    return MediaError("{path} could not be written: {reason}", path=path, reason=error)


@contextlib.contextmanager
def new_file(path: Path, shown: Path | None = None) -> Iterator[None]:
    """Create an empty file for the block to open; it is removed again when the block fails.

    Args:
        path: The file.
        shown: How messages call it, where it has a temporary name.

    Raises:
        MediaError: It exists already or cannot be written.
    """
    try:
        path.open("xb").close()
    except FileExistsError:
        raise MediaError("{path} exists already: choose another name.", path=path) from None
    except OSError as error:
        raise write_error(shown or path, error) from error
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


class Muxer:
    """An open output container with one video track and, optionally, one sound track.

    Args:
        path: File to write, created or overwritten.
        container: "mp4", "matroska" or "webm".
        size: Width and height of the frames; odd ones grow by one pixel, as encoders need.
        frame_rate_hz: Frames per second.
        audio: Sample rate and "mono" or "stereo", or None for no sound.
        encoding: Video encoder settings.
        tags: Metadata of the file.
        options: Options of FFmpeg's muxer.
        keyframe_interval: Frames from one key frame to the next at most, None for the encoder's.

    Raises:
        MediaError: The file cannot be created or no encoder is there.
    """

    def __init__(
        self,
        path: Path,
        container: str,
        size: tuple[int, int],
        frame_rate_hz: Fraction,
        *,
        audio: tuple[int, str] | None,
        encoding: Encoding,
        tags: Mapping[str, str],
        options: Mapping[str, str],
        keyframe_interval: int | None = None,
    ) -> None:
        self._path = path
        self._size = size
        try:
            self._container = av.open(f"file:{path}", "w", format=container, options=dict(options))
            self._container.metadata.update(tags)
            self._video = self._add_video(container, frame_rate_hz, encoding)
            if keyframe_interval is not None:
                self._video.codec_context.gop_size = keyframe_interval
            self._audio = self._add_audio(container, *audio) if audio else None
            self._container.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise write_error(path, error) from error

    def _add_video(
        self, container: str, frame_rate_hz: Fraction, encoding: Encoding
    ) -> av.VideoStream:
        codec = encoding.codec or _first_codec(container)
        stream = self._container.add_stream(
            codec, rate=frame_rate_hz, options=_codec_options(codec, encoding)
        )
        stream.width, stream.height = (side + side % 2 for side in self._size)
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = 1 / frame_rate_hz
        stream.codec_context.thread_count = encoding.threads
        stream.codec_context.thread_type = "AUTO"
        return stream

    def _add_audio(self, container: str, rate_hz: int, layout: str) -> av.AudioStream:
        opus = container == "webm"
        stream = self._container.add_stream("libopus" if opus else "aac", rate=rate_hz)
        stream.layout = layout
        stream.bit_rate = (64_000 if opus else 96_000) * (2 if layout == "stereo" else 1)
        stream.time_base = stream.codec_context.time_base = Fraction(1, rate_hz)
        return stream

    def write_video(self, rgb: ImageArray, index: int) -> None:
        """Encode one frame.

        Args:
            rgb: Shape (H, W, 3), uint8, of the size given at construction.
            index: Its place in time, in frames; must grow.

        Raises:
            TypeError: Not uint8.
            ValueError: Another size.
            MediaError: The file could not be written.
        """
        check_frame(rgb, self._size)
        frame = av.VideoFrame.from_ndarray(to_i420(rgb), format="yuv420p")
        frame.pts, frame.time_base = index, self._video.codec_context.time_base
        self._encode(self._video, frame)

    def write_audio(self, samples: FloatArray, start_index: int, rate_hz: int) -> None:
        """Encode sound; there must be no gaps.

        Args:
            samples: Shape (channels, N), float32.
            start_index: Index of its first sample, at `rate_hz`.
            rate_hz: Its rate, converted to the track's.

        Raises:
            MediaError: The file could not be written.
        """
        assert self._audio is not None, "opened without sound"
        context = self._audio.codec_context
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples, np.float32), "fltp", context.layout.name
        )
        frame.sample_rate = rate_hz
        frame.pts, frame.time_base = start_index, Fraction(1, rate_hz)
        self._encode(self._audio, frame)

    def close(self) -> None:
        """Flush the encoders and finish the file; a second call does nothing.

        Raises:
            MediaError: The file could not be written.
        """
        if self._container is None:
            return
        try:
            for stream in (self._video, self._audio):
                if stream is not None:
                    self._encode(stream, None)
        finally:
            self._release()

    def abort(self) -> None:
        """Let go of the file without finishing it; never raises a MediaError."""
        with contextlib.suppress(MediaError):  # whoever aborts knows the file is of no use
            self._release()

    def _release(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            try:
                container.close()
            except (av.FFmpegError, OSError) as error:
                raise write_error(self._path, error) from error

    def _encode(self, stream: av.stream.Stream, frame: av.frame.Frame | None) -> None:
        try:
            for packet in stream.encode(frame):
                self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise write_error(self._path, error) from error


def _first_codec(container: str) -> str:
    wanted = _VIDEO_CODECS.get(container, _VIDEO_CODECS["other"])
    for codec in wanted:
        if codec in av.codec.codecs_available:
            return codec
    raise MediaError(
        "This FFmpeg has no encoder for {container} (tried {names}).",
        container=container,
        names=", ".join(wanted),
    )


def _codec_options(codec: str, encoding: Encoding) -> dict[str, str]:
    # cv2 converts with the BT.601 matrix; players must be told, they assume BT.709 for HD
    options = {
        "colorspace": "smpte170m",
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "color_range": "tv",
    }
    if codec == "libx264":
        options |= _X264_SPEED[encoding.speed] | {"crf": str(_crf(encoding, 18))}
    elif codec == "libvpx-vp9":
        options |= _VPX_SPEED[encoding.speed] | {"crf": str(_crf(encoding, 28)), "b": "0"}
        options |= {"row-mt": "1", "tile-columns": "2"}
    elif codec == "libvpx":
        options |= _VPX_SPEED[encoding.speed] | {"crf": str(_crf(encoding, 10)), "b": "8M"}
    else:
        options |= {"b": "8M"}
    return options


def _crf(encoding: Encoding, default: int) -> int:
    return default if encoding.crf is None else encoding.crf
