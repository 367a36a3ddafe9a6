"""What the file tab does: speak a file live, or render it to a video."""

import logging
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from app.live.jobs import JobControl
from app.live.parts import LiveParts
from app.live.pipeline import LivePipeline
from audio_io.capture import MicrophoneStream
from audio_io.files import AudioFile, read_audio
from audio_io.voice_input import VOICE_RATE_HZ
from core import pipeline
from core.avatar import Avatar
from core.messages import Message
from core.presets import Preset
from core.types import FRAME_RATE_HZ, FloatArray, VideoFrame
from render.mark import VisibleMark
from render.provenance import Provenance, hash_picture
from render.video_writer import VideoWriter

logger = logging.getLogger(__name__)

_BLOCK_S = 0.02
_TAIL_S = 1.0
_MONITOR = "monitor"


def play_file(live: LivePipeline, audio: Path, output: str | None, control: JobControl) -> str:
    """Let the running avatar speak a file in place of the microphone, heard at `output`.

    Raises:
        MediaError: The file cannot be read.
        CancelledError: The job was cancelled.
    """
    sound = read_audio(audio)
    stream = MicrophoneStream(VOICE_RATE_HZ)
    live.play_to(_MONITOR, output)
    live.instead = stream
    try:
        begun_s = time.monotonic()
        for played_s, block in _blocks(sound):
            time.sleep(max(begun_s + played_s - time.monotonic(), 0.0))
            stream.ring.write(block)
            control.progress(played_s / sound.duration_s if sound.duration_s else 0.0)
        time.sleep(_TAIL_S)
    finally:
        live.instead = None
        live.stop_playing(_MONITOR)
    return Message("Played.")


def _blocks(sound: AudioFile) -> Iterator[tuple[float, FloatArray]]:
    """Blocks of 20 ms, mono at `VOICE_RATE_HZ`, with the time at which each is complete."""
    size = round(VOICE_RATE_HZ * _BLOCK_S)
    pending = np.zeros(0, np.float32)
    played = 0
    for chunk in sound.original(VOICE_RATE_HZ, "mono" if sound.num_channels == 1 else "stereo"):
        pending = np.concatenate([pending, chunk.mean(axis=0, dtype=np.float32)])
        whole = pending.size - pending.size % size
        for block in pending[:whole].reshape(-1, size):
            played += size
            yield played / VOICE_RATE_HZ, block
        pending = pending[whole:]
    yield (played + pending.size) / VOICE_RATE_HZ, pending


def render_file(
    parts: LiveParts, avatar: Avatar, preset: Preset, audio: Path, video: Path, control: JobControl
) -> Path:
    """Render a file to a video; a cancelled or failed one leaves nothing behind.

    Raises:
        MediaError: The sound cannot be read, or the video cannot be written.
        CancelledError: The job was cancelled.
    """
    sound = read_audio(audio)
    size = preset.camera.size
    renderer = parts.renderer(avatar, preset, size, logger.warning)
    provenance = Provenance(portrait_sha256=hash_picture(avatar.image_rgb))
    with VideoWriter(
        video, size, Fraction(FRAME_RATE_HZ), audio=sound, provenance=provenance,
        mark=VisibleMark(size) if preset.recording.mark else None,
    ) as writer:  # fmt: skip
        speech, motion = parts.speech(preset, avatar), parts.motion(preset)
        frames = pipeline.draw(pipeline.express(sound, speech, motion), renderer)
        for frame in _reported(frames, sound.duration_s, control):
            writer.write(frame.rgb)
    return video


def _reported(
    frames: Iterator[VideoFrame], duration_s: float | None, control: JobControl
) -> Iterator[VideoFrame]:
    for number, frame in enumerate(frames):
        control.progress(number / (duration_s * FRAME_RATE_HZ) if duration_s else 0.0)
        yield frame
