"""Where the avatar's head is in the output picture of a frame, as the warp renderer puts it."""

import numpy as np

from core.avatar import Avatar
from core.face_model import FaceModel
from core.types import ExpressionFrame, FloatArray
from render.warp.framing import View
from render.warp.lips import Lips
from render.warp.rig import Rig, combine


class HeadGeometry:
    """The posed mesh of one avatar in output pixels.

    Attributes:
        neutral: The person's neutral face as the portrait is turned, (V, 3).
        portrait_rotation: Of the head in the portrait, (3, 3).
    """

    def __init__(self, avatar: Avatar, model: FaceModel, view: View) -> None:
        self._avatar, self._model, self._view = avatar, model, view
        self._rig = Rig(avatar, model, view)
        self._open_share = Lips(self._rig, model).open_share
        self._shape = model.shape(avatar.alpha)
        self.neutral = view.points(avatar.pose.project(self._shape))
        self.portrait_rotation = np.asarray(avatar.pose.rotation, np.float64)

    def rigid(self, frame: ExpressionFrame) -> FloatArray:
        """The neutral face turned as the frame asks, (V, 3): what the crop is placed by."""
        return self.turned(self.neutral, frame)

    def moved(self, frame: ExpressionFrame) -> FloatArray:
        """The face with the frame's expression, turned, (V, 3)."""
        vertices = self._avatar.pose.project(self._model.pose(self._shape, self.shown(frame)))
        vertices[:, :2] += self._avatar.offset_px
        return self.turned(self._view.points(vertices), frame)

    def shown(self, frame: ExpressionFrame) -> FloatArray:
        """The expression that the picture shows, (52,): the frame's and the portrait's own."""
        return combine(self._avatar.beta, frame, self._open_share)[0]

    def turned(self, vertices_px: FloatArray, frame: ExpressionFrame) -> FloatArray:
        """Vertices of the unturned head moved with it, (V, 3)."""
        turn = self._rig.turn(frame.pose)
        if turn.is_still:
            return vertices_px
        return np.asarray(vertices_px @ turn.matrix.T + turn.shift, np.float32)
