"""The default renderer: the portrait warped by the moved face mesh, a 3D mouth behind the lips."""

from render.background import Background
from render.warp.framing import Framing
from render.warp.renderer import WarpRenderer

__all__ = ["Background", "Framing", "WarpRenderer"]
