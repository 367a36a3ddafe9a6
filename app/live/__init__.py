"""The live session: its parts, its threads, and the jobs beside them."""
