"""The seam between expression and picture: every renderer looks like this."""

from typing import Protocol

from core.types import ExpressionFrame, VideoFrame


class Renderer(Protocol):
    """Turns expression frames of one avatar into pictures of a fixed size."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    def render(self, frame: ExpressionFrame) -> VideoFrame:
        """Draw one frame; depends on the frame alone, so frames may be skipped."""
        ...
