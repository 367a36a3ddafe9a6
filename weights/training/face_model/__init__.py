"""Recipe of the statistical face model: `python -m weights.training.face_model`."""
