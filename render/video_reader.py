"""Pictures of a video file, upright, one after the other in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from core.errors import MediaError
from core.types import ImageArray

MAX_SIDE_PX = 4096


@dataclass(frozen=True, slots=True)
class VideoFile:
    """The pictures of one file; iterating decodes it anew from the start.

    Attributes:
        path: The file.
        frame_rate_hz: Average pictures per second.
        num_frames: Number of pictures the file states, or None where it states none.
    """

    path: Path
    frame_rate_hz: Fraction
    num_frames: int | None

    def __iter__(self) -> Iterator[ImageArray]:
        """Yield upright pictures (H, W, 3), uint8, RGB.

        Raises:
            MediaError: The file is damaged, or a picture is too large.
        """
        try:
            with av.open(f"file:{self.path}", options={"protocol_whitelist": "file"}) as container:
                for frame in container.decode(video=0):
                    if max(frame.width, frame.height) > MAX_SIDE_PX:
                        raise MediaError(
                            "{path} is {width}x{height}; at most {max_side_px} pixels a side "
                            "can be worked on. Make it smaller first.",
                            path=self.path,
                            width=frame.width,
                            height=frame.height,
                            max_side_px=MAX_SIDE_PX,
                        )
                    quarters = round(frame.rotation / 90) % 4
                    upright = np.rot90(frame.to_ndarray(format="rgb24"), quarters)
                    yield np.ascontiguousarray(upright, np.uint8)
        except (av.FFmpegError, OSError) as error:
            raise MediaError(
                "{path} is damaged or cut short ({reason}).", path=self.path, reason=error
            ) from error


def read_video(path: str | Path) -> VideoFile:
    """Open a video file for its pictures.

    Raises:
        MediaError: There is no such file, or it holds no pictures.
    """
    path = Path(path)
    if not path.is_file():
        raise MediaError("There is no file {path}.", path=path)
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None or stream.average_rate is None:
                raise MediaError("{path} holds no moving pictures: give a video file.", path=path)
            return VideoFile(path, Fraction(stream.average_rate), stream.frames or None)
    except (av.FFmpegError, OSError) as error:
        raise MediaError(
            "{path} is not a video file, or it is damaged ({reason}).", path=path, reason=error
        ) from error
