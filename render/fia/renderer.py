"""The neural renderer: the warp renderer's picture, its mouth region repainted."""

import numpy as np

from core.avatar import Avatar
from core.face_model import FaceModel
from core.types import ExpressionFrame, FloatArray, VideoFrame
from render.engines.base import Engine
from render.fia.coefficients import network_beta, network_pose
from render.fia.config import FiaConfig
from render.fia.crop import CropFrame, crop_frame
from render.fia.enrolment import FiaCache
from render.fia.geometry import HeadGeometry
from render.fia.mask import MaskMaker
from render.warp import WarpRenderer


class FiaRenderer:
    """A `core.renderer.Renderer` that runs one network over the warp renderer's frames.

    Attributes:
        strength: How much of the network's correction is applied, [0, 1].
    """

    def __init__(
        self,
        avatar: Avatar,
        warp: WarpRenderer,
        model: FaceModel,
        config: FiaConfig,
        engine: Engine,
        cache: FiaCache,
        strength: float = 1.0,
    ) -> None:
        """Upload what stays the same.

        Args:
            avatar: Who.
            warp: Draws the frames of this avatar.
            model: The face model.
            config: Of the network.
            engine: Holds the network's decoder.
            cache: Of this avatar and this network.
            strength: See the attribute.

        Raises:
            ModelError: The engine does not work.
        """
        self._warp, self._model, self._config, self._engine = warp, model, config, engine
        self._geometry = HeadGeometry(avatar, model, warp.view)
        self._masks = MaskMaker(config, model)
        self.strength = strength
        engine.set_constants(cache.tensors)
        self._at_rest: FloatArray | None = None
        if config.guided:
            rest = ExpressionFrame.at_rest()
            self._at_rest = self._paint(rest, warp.render(rest))[1]

    def warm_up(self) -> None:
        """Run the engine before the first frame.

        Raises:
            ModelError: The engine does not work.
        """
        self._engine.warm_up()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._warp.size

    @property
    def engine_name(self) -> str:
        """Network and inference back end in use now, such as "compact, CUDA"."""
        return f"{self._config.name}, {self._engine.name}"

    def render(self, frame: ExpressionFrame) -> VideoFrame:
        """Draw one frame; depends on the frame alone.

        Raises:
            ModelError: The engine failed and nothing could replace it.
        """
        picture = self._warp.render(frame)
        crop, change = self._paint(frame, picture)
        if self._at_rest is not None:
            change = without(self._at_rest, change)
        crop.add(picture.rgb, change.transpose(1, 2, 0) * np.float32(255 * self.strength))
        return picture

    def _paint(self, frame: ExpressionFrame, picture: VideoFrame) -> tuple[CropFrame, FloatArray]:
        """Where the network looks at a picture, and what it would change there, (3, S, S)."""
        rigid = self._geometry.rigid(frame)
        crop = crop_frame(rigid, self._model, self._config.crop, self._config.size_px)
        mask = self._masks.mask(crop.points(self._geometry.moved(frame)))
        base = crop.cut(picture.rgb).transpose(2, 0, 1)[None] * np.float32(1 / 255)
        painted = self._engine.run(
            {
                "beta": network_beta(frame.beta, self._config)[None],
                "rho": network_pose(self._geometry.portrait_rotation, frame)[None],
                "base": base,
                "mask": mask[None, None],
            }
        )
        return crop, (painted - base)[0]


def without(at_rest: FloatArray, change: FloatArray) -> FloatArray:
    """A network's change without what it would change of the portrait itself.

    At rest the portrait is the truth, so that every change there is a fault, and one that mostly
    stays when the lips move. It is taken away as far as the change has it, and never added.

    Args:
        at_rest: The change at rest, any shape; an array, or torch's tensor while training.
        change: The change of a frame, of the same shape.
    """
    kept: FloatArray = change - at_rest.clip(change.clip(max=0), change.clip(min=0))
    return kept
