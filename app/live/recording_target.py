"""The recording: every new picture with exactly the voice it stands for."""

import logging
from typing import Protocol

import numpy as np

from app.live.stages import HOP_VOICE, Picture
from core.ring_buffer import RingBuffer, SamplesLostError
from core.types import AudioBlock, FloatArray, VideoFrame

logger = logging.getLogger(__name__)


class RecordingFile(Protocol):
    """A file written on a thread of its own (see `render.recorder.Recorder`)."""

    @property
    def duration_s(self) -> float:
        """Length so far."""
        ...

    @property
    def size_bytes(self) -> int:
        """Bytes on disk so far."""
        ...

    @property
    def problem(self) -> str:
        """Why it ended by itself; empty while it runs."""
        ...

    def put_video(self, frame: VideoFrame) -> None:
        """Take a picture without waiting."""
        ...

    def put_audio(self, block: AudioBlock) -> None:
        """Take sound at `VOICE_RATE_HZ` without waiting."""
        ...

    def stop(self) -> None:
        """Finish the file; raises MediaError where it ended by itself."""
        ...


class RecordingTarget:
    """Hands pictures and voice to a recording (see `FrameTarget`).

    Args:
        file: The open recording.
        voice: The voice ring; picture i belongs to its samples [i, i + 1) * HOP_VOICE.
    """

    def __init__(self, file: RecordingFile, voice: RingBuffer) -> None:
        self.file = file
        self._voice = voice
        self._sound_to = -1

    def send(self, picture: Picture, repeated: bool) -> None:
        """See `FrameTarget.send`."""
        if repeated:
            return
        video = picture.video
        start, end = video.index * HOP_VOICE, (video.index + 1) * HOP_VOICE
        if 0 <= self._sound_to < start:
            start = self._sound_to
        self.file.put_video(video)
        self.file.put_audio(AudioBlock(self._sound(start, end - start), start))
        self._sound_to = end

    def _sound(self, start: int, count: int) -> FloatArray:
        try:
            return self._voice.read(start, count)
        except (SamplesLostError, IndexError):
            logger.warning("%d samples of the recording's sound are silent", count)
            return np.zeros(count, np.float32)
