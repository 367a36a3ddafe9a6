"""The statistical face model: identity, expression and pose of our own mesh."""

from core.face_model.model import PARTS, FaceModel

__all__ = ["PARTS", "FaceModel"]
