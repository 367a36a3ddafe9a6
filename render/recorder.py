"""The live recorder: what the camera shows and the voice with it, in a file that survives a crash.

Pictures and sound meet by the pipeline's clock, the audio sample index: frame `i` belongs to
samples [i, i + 1) * HOP_SAMPLES however late either arrives. The file is written in fragments of a
second (MP4) or clusters (MKV, WebM), so that everything but the last seconds plays after a power
cut; a finished MP4 is an ordinary one.
"""

import logging
import threading
from collections import deque
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from core.errors import MediaError
from core.messages import Message
from core.types import FRAME_RATE_HZ, SAMPLE_RATE_HZ, AudioBlock, FloatArray, VideoFrame
from render.frames import check_frame
from render.mark import VisibleMark
from render.muxer import Encoding, Muxer, container_format, new_file, write_error
from render.provenance import Provenance

_log = logging.getLogger(__name__)

_FRAGMENT_FRAMES = FRAME_RATE_HZ
_MAX_APART_S = 2.0
"""Sound or pictures that are missing for longer are given up: silence, or a standing picture."""
_MAX_SOUND_BLOCKS = 2000
_TRACK_RATE_HZ = 48_000
_OPTIONS = {
    "mp4": {"movflags": "frag_keyframe+delay_moov+default_base_moof+hybrid_fragmented"},
    "matroska": {"cluster_time_limit": "1000"},
    "webm": {"cluster_time_limit": "1000"},
}
# one thread: the pipeline has better use for the other cores
_ENCODING = Encoding(threads=1)


class Recorder:
    """Writes frames and sound to a file from its own thread, without making the caller wait.

        with Recorder(Path("call.mp4"), (1280, 720)) as recorder:
            recorder.put_video(frame)      # from the renderer's thread
            recorder.put_audio(block)      # from the sound's thread

    When the encoder falls behind, frames are dropped (and counted), sound never. When the disk is
    full it stops by itself: `problem` says so, and what was written plays.

    Args:
        path: New file; its ending (.mp4, .mkv, .webm) chooses the format.
        size: Width and height of the frames.
        encoding: Video encoder settings.
        provenance: What the file says about its origin.
        mark: Badge blended into every frame, or None.
        sample_rate_hz: Rate of the sound and of its blocks' start indices.
        queue_ms: How far the encoder may fall behind before frames are dropped.

    Raises:
        MediaError: The file exists already or cannot be written.

    Threads: `put_video` and `put_audio` from one thread each; everything else from any.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        *,
        encoding: Encoding = _ENCODING,
        provenance: Provenance | None = None,
        mark: VisibleMark | None = None,
        sample_rate_hz: int = SAMPLE_RATE_HZ,
        queue_ms: int = 600,
    ) -> None:
        self.path = Path(path)
        self._size = size
        self._mark = mark
        self._provenance = provenance or Provenance()
        self._max_frames = max(1, queue_ms * FRAME_RATE_HZ // 1000)
        self._wake = threading.Condition()
        self._frames: deque[VideoFrame] = deque()
        self._blocks: deque[AudioBlock] = deque(maxlen=_MAX_SOUND_BLOCKS)
        self._stopping = False
        self._problem: str = ""
        self.frames_written = 0
        self.frames_dropped = 0
        """Frames lost because the encoder fell behind."""
        muxer = self._open_muxer(encoding)
        self._track = _Track(muxer, sample_rate_hz)
        self._thread = threading.Thread(
            target=self._run, args=(muxer,), name="recorder", daemon=True
        )
        self._thread.start()

    @property
    def duration_s(self) -> float:
        """Length of what was recorded so far."""
        return self._track.num_frames / FRAME_RATE_HZ

    @property
    def size_bytes(self) -> int:
        """Bytes on disk so far."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    @property
    def problem(self) -> str:
        """Why recording has ended by itself; empty while it runs or was stopped."""
        return self._problem

    def put_video(self, frame: VideoFrame) -> None:
        """Record a frame; copies it. Frames that are missing show the one before for longer.

        Raises:
            TypeError, ValueError: A frame of the wrong type or size.
        """
        check_frame(frame.rgb, self._size)
        with self._wake:
            full = len(self._frames) >= self._max_frames
            if full or self._stopping or self._problem:
                self.frames_dropped += full
                return
        # copied outside the lock: one thread puts, and the other side only makes room
        copy = replace(frame, rgb=frame.rgb.copy())
        with self._wake:
            self._frames.append(copy)
            self._wake.notify()

    def put_audio(self, block: AudioBlock) -> None:
        """Record sound; what is missing between blocks becomes silence."""
        with self._wake:
            if not (self._stopping or self._problem):
                self._blocks.append(block)
                self._wake.notify()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Write what is queued and finish the file; a second call does nothing.

        Raises:
            MediaError: Recording had ended by itself, for the reason in `problem`, or nothing
                was recorded.
        """
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise MediaError(
                "{path} is still being finished: the disk is very slow.", path=self.path
            )
        if self._problem:
            raise MediaError(self._problem)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        except MediaError:
            if kind is None:
                raise

    def _open_muxer(self, encoding: Encoding) -> Muxer:
        container = container_format(self.path)
        with new_file(self.path):
            return Muxer(
                self.path,
                container,
                self._size,
                Fraction(FRAME_RATE_HZ),
                audio=(_TRACK_RATE_HZ, "mono"),
                encoding=encoding,
                tags=self._provenance.tags(),
                options={**_OPTIONS[container], "flush_packets": "1"},
                keyframe_interval=_FRAGMENT_FRAMES,
            )

    def _run(self, muxer: Muxer) -> None:
        try:
            while self._step():
                pass
            self._finish(muxer)
        except MediaError as error:
            self._problem = Message(
                "{reason} Recording has stopped; what was written can be played.", reason=error
            )
            _log.error("%s", self._problem)
        except Exception as error:
            self._problem = Message(
                "Recording to {path} failed: {reason}", path=self.path, reason=error
            )
            _log.exception("the recorder failed")
        finally:
            muxer.abort()
            with self._wake:
                self._frames.clear()
                self._blocks.clear()
            if not self._track.num_frames:
                self.path.unlink(missing_ok=True)

    def _step(self) -> bool:
        """Write what has come; False when stopped and nothing is left."""
        with self._wake:
            self._wake.wait_for(lambda: self._frames or self._blocks or self._stopping)
            frames, blocks = list(self._frames), list(self._blocks)
            self._blocks.clear()
        for block in blocks:
            self._track.add_sound(block)
        for frame in frames:
            if self._mark is not None:
                self._mark.apply(frame.rgb)
            if self._track.add_frame(frame):
                self.frames_written += 1
            with self._wake:
                self._frames.popleft()  # only now: the queue's depth counts the work to do
        with self._wake:
            return bool(self._frames or self._blocks) or not self._stopping

    def _finish(self, muxer: Muxer) -> None:
        if not self._track.num_frames:
            raise MediaError(
                "{path} was not kept: no picture came while recording.", path=self.path
            )
        self._track.fill_sound()
        muxer.close()
        if container_format(self.path) == "mp4":
            try:
                self._provenance.append_to(self.path)
            except OSError as error:
                raise write_error(self.path, error) from error


class _Track:
    """Puts frames and sound on one time line that begins with the first frame."""

    def __init__(self, muxer: Muxer, sample_rate_hz: int) -> None:
        self._muxer = muxer
        self._rate_hz = sample_rate_hz
        self._first: int | None = None
        self._waiting: deque[AudioBlock] = deque()
        self._written = 0
        self.num_frames = 0
        """Frame periods on the time line."""

    def add_frame(self, frame: VideoFrame) -> bool:
        """Encode a frame; False when it is older than what was written."""
        if self._first is None:
            self._first = frame.index
        index = frame.index - self._first
        if index < self.num_frames:
            return False
        self._muxer.write_video(frame.rgb, index)
        self.num_frames = index + 1
        self._flush()
        return True

    def add_sound(self, block: AudioBlock) -> None:
        """Keep sound until its picture is there."""
        self._waiting.append(block)
        self._flush()

    def fill_sound(self) -> None:
        """Make the sound as long as the pictures, with silence where it is missing."""
        self._flush()
        self._write(np.zeros(max(0, self._end - self._written), np.float32))

    @property
    def _end(self) -> int:
        return self.num_frames * self._rate_hz // FRAME_RATE_HZ

    def _flush(self) -> None:
        """Write the sound up to the last picture's end."""
        if self._first is None:
            while len(self._waiting) > _MAX_SOUND_BLOCKS:
                self._waiting.popleft()
            return
        origin = self._first * (self._rate_hz // FRAME_RATE_HZ)
        while self._waiting and self._waiting[0].start_index - origin < self._end:
            block = self._waiting.popleft()
            start = block.start_index - origin
            self._write(np.zeros(max(0, start - self._written), np.float32))
            samples = block.samples[max(0, self._written - start) :]
            room = max(0, self._end - self._written)
            self._write(samples[:room])
            if len(samples) > room:
                rest = AudioBlock(samples[room:], origin + self._written)
                self._waiting.appendleft(rest)
                return
        late = self._end - self._written - round(_MAX_APART_S * self._rate_hz)
        self._write(np.zeros(max(0, late), np.float32))
        while len(self._waiting) > _MAX_SOUND_BLOCKS:  # no picture for a long time
            self._write(self._waiting.popleft().samples)

    def _write(self, samples: FloatArray) -> None:
        if len(samples):
            self._muxer.write_audio(samples[None], self._written, self._rate_hz)
            self._written += len(samples)
