"""The file page: a queue of sounds spoken or rendered through the avatar."""
