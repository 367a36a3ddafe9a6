"""The recording on a thread of its own: what the camera shows and the voice in step with it."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from app.stages import HOP_VOICE, Picture
from audio_io.voice_input import VOICE_RATE_HZ
from core.latest_slot import NewestQueue
from core.ring_buffer import RingBuffer, SamplesLostError
from core.session import Recording
from core.stage import Stage
from core.types import FRAME_RATE_HZ, FloatArray, ImageArray

logger = logging.getLogger(__name__)

_QUEUE_FRAMES = 2 * FRAME_RATE_HZ
"""Pictures that may wait for a slow disk: 2 s."""
_DRAIN_S = 1.0


class RecordingFile(Protocol):
    """A file that takes pictures and sound as they come and survives a crash."""

    def write_video(self, rgb: ImageArray, index: int) -> None:
        """Add the frame of that number since the start; numbers may be left out."""
        ...

    def write_audio(self, samples: FloatArray) -> None:
        """Add mono sound of shape (N,) at `VOICE_RATE_HZ`."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


class RecordingStage(Stage):
    """Writes pictures and voice from the first picture on.

    Args:
        path: The file, for showing.
        open_file: Opens it, on this stage's thread.
        voice: The voice ring; picture i belongs to its samples [i, i + 1) * HOP_VOICE.
        on_failure: See `Stage`; the file is whole up to the failure.
    """

    def __init__(
        self,
        path: Path,
        open_file: Callable[[Path], RecordingFile],
        voice: RingBuffer,
        on_failure: Callable[[Stage], None] | None = None,
    ) -> None:
        super().__init__("recording", on_failure)
        self.path = path
        self.lost_pictures = 0
        self._open_file = open_file
        self._voice = voice
        self._file: RecordingFile | None = None
        self._pictures: NewestQueue[Picture] = NewestQueue(_QUEUE_FRAMES)
        self._first: int | None = None
        self._last = -1
        self._sound_to = 0

    def snapshot(self) -> Recording:
        """How far the recording is."""
        written = 0 if self._first is None else self._last + 1 - self._first
        size = self.path.stat().st_size if self.path.exists() else 0
        return Recording(self.path, written / FRAME_RATE_HZ, size)

    def send(self, picture: Picture, repeated: bool) -> None:
        """See `FrameTarget.send`."""
        if not repeated and not self.stopping:
            self._pictures.put(picture)

    def setup(self) -> None:
        """Open the file."""
        self._file = self._open_file(self.path)

    def step(self) -> None:
        """Write the next picture and its sound."""
        picture = self._pictures.get(0.1)
        if picture is not None:
            self._write(picture)

    def teardown(self) -> None:
        """Write what still waits and finish the file."""
        recording, self._file = self._file, None
        if recording is None:
            return
        try:
            if self.error is None:
                self._file = recording
                self._drain()
        finally:
            self._file = None
            self.lost_pictures = self._pictures.dropped
            recording.close()

    def _drain(self) -> None:
        deadline_s = time.monotonic() + _DRAIN_S
        while time.monotonic() < deadline_s and (picture := self._pictures.get(0.0)):
            self._write(picture)

    def _write(self, picture: Picture) -> None:
        assert self._file is not None
        index = picture.video.index
        if self._first is None:
            self._first, self._last = index, index - 1
            self._sound_to = index * HOP_VOICE
        if index <= self._last:
            return
        end = (index + 1) * HOP_VOICE
        self._file.write_audio(self._sound(self._sound_to, end - self._sound_to))
        self._file.write_video(picture.video.rgb, index - self._first)
        self._sound_to, self._last = end, index

    def _sound(self, start: int, count: int) -> FloatArray:
        try:
            return self._voice.read(start, count)
        except (SamplesLostError, IndexError):
            logger.warning("%.2f s of the recording's sound are silent", count / VOICE_RATE_HZ)
            return np.zeros(count, np.float32)
