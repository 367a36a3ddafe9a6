"""Recipe of the landmark networks; see `docs/landmarks.md`."""
