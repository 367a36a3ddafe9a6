"""The live page: picture, big switch, and the panels beside it."""
