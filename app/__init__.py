"""The composition root: command line, session wiring, crash handling."""
