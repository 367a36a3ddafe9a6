"""What every camera looks like, and what is known of one before it is opened."""

from dataclasses import dataclass
from typing import Protocol

from core.types import ImageArray


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera that could be opened, or the reason why it cannot.

    Attributes:
        id: Stable name for `make_camera`, such as "pipewire" or "v4l2:/dev/video10".
        name: What to show.
        detail: Further words, such as "needs no kernel module".
        problem: What is wrong and what to do about it; empty when nothing is.
        usable: Whether frames can be sent; a problem may leave a camera usable.
        repairable: Whether `repair_camera` may help.
    """

    id: str
    name: str
    detail: str = ""
    problem: str = ""
    usable: bool = True
    repairable: bool = False


class CameraSink(Protocol):
    """A camera of fixed mode that takes frames as they come; it does not pace them.

    Constructors take `size=(width, height)`, even numbers of pixels, and `frame_rate_hz`; nothing
    is opened before `open()`.

    Threads: `open`, `send` and `close` belong to one thread; the properties may be read by any.
    """

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    @property
    def frame_rate_hz(self) -> int:
        """Frames per second that readers are promised."""
        ...

    @property
    def has_reader(self) -> bool | None:
        """Whether a program is watching; None where that cannot be known."""
        ...

    def open(self) -> None:
        """Make the camera appear. A second call does nothing.

        Raises:
            DeviceError: Says what is wrong and what to do.
        """
        ...

    def send(self, rgb: ImageArray) -> None:
        """Hand over one frame; returns within milliseconds whether or not anybody watches.

        Args:
            rgb: Shape (H, W, 3), uint8, of `size`; may be reused by the caller afterwards.

        Raises:
            TypeError, ValueError: A frame of the wrong type or size.
            DeviceError: The camera is gone or not open; close it and open it again.
        """
        ...

    def close(self) -> None:
        """Take the camera away. Never raises; a second call does nothing."""
        ...


class FixedMode:
    """The mode of a camera, for cameras to derive from.

    Args:
        size: Width and height in pixels.
        frame_rate_hz: Frames per second.

    Raises:
        ValueError: Odd sides, which I420 has no room for.
    """

    def __init__(self, size: tuple[int, int], frame_rate_hz: int) -> None:
        if size[0] % 2 or size[1] % 2:
            raise ValueError(f"cameras need even sides, not {size[0]}x{size[1]}")
        self._size = size
        self._frame_rate_hz = frame_rate_hz
        self.frames_sent = 0
        """Frames handed over so far."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._size

    @property
    def frame_rate_hz(self) -> int:
        """Frames per second that readers are promised."""
        return self._frame_rate_hz

    @property
    def has_reader(self) -> bool | None:
        """Whether a program is watching; None: most drivers do not tell."""
        return None
