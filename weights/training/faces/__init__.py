"""Procedural pictures of faces with known geometry: what the landmark networks learn from.

No photograph is used. `python -m weights.training.faces` draws a contact sheet.
"""

from weights.training.faces.render import FaceRenderer, Sample

__all__ = ["FaceRenderer", "Sample"]
