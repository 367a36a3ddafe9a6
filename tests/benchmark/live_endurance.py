"""A long live run with the product's own parts: real voice in, 720p at 25 frames a second out.

`python -m tests.benchmark.live_endurance --minutes 30 --speech FILE [--portrait FILE]`

The camera is read inside the process, so its figures are those of the hand-over to a camera.
"""

import argparse
import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from app.live.parts import ShippedParts
from app.live.session import LiveSession
from app.parts import SAMPLE_PORTRAIT, SAMPLE_SPEECH
from audio_io.virtual_mic import OWN_ID
from core.avatar import Avatar
from core.presets import Preset
from core.session import Mode
from core.types import ImageArray
from tests.integration.audio_server import MICROPHONE, AudioServer


class CountingCamera:
    """A camera that notes when frames come and whether they differ from the last."""

    def __init__(self, size: tuple[int, int], frame_rate_hz: int) -> None:
        self.size, self.frame_rate_hz, self.has_reader = size, frame_rate_hz, None
        self.times_s: list[float] = []
        self.unique = 0
        self._last = -1

    def open(self) -> None:
        """Nothing to open."""

    def send(self, rgb: ImageArray) -> None:
        """Note the frame."""
        self.times_s.append(time.monotonic())
        mark = int(rgb[::16, ::16].sum())
        self.unique += mark != self._last
        self._last = mark

    def close(self) -> None:
        """Nothing to close."""


class EnduranceParts(ShippedParts):
    """The product's parts with a camera that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.counting = CountingCamera((1280, 720), 25)

    def camera(self, camera_id: str, preset: Preset) -> Any:
        """See `LiveParts.camera`."""
        return self.counting


def main() -> None:
    """Run, print one line a minute, then the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--portrait", type=Path, default=SAMPLE_PORTRAIT)
    parser.add_argument("--speech", type=Path, default=SAMPLE_SPEECH)
    args = parser.parse_args()
    parts = EnduranceParts()
    with AudioServer() as server:
        ended = threading.Event()
        speaker = threading.Thread(target=speak, args=(server, args.speech, ended))
        speaker.start()
        session = LiveSession(parts)
        try:
            session.set_avatar(_avatar(parts, args.portrait))
            session.set_microphone(f"pulse:{MICROPHONE}")
            session.set_camera("memory")
            session.set_virtual_microphone(OWN_ID)
            session.set_mode(Mode.LIVE)
            _run(session, parts.counting, args.minutes)
        finally:
            session.close()
            ended.set()
            speaker.join(5.0)


def _avatar(parts: ShippedParts, portrait: Path) -> Avatar:
    return Avatar.load(portrait) if portrait.suffix == ".avatar" else parts.enrol(portrait)


def speak(server: AudioServer, speech: Path, ended: threading.Event) -> None:
    """Play the file into the microphone again and again."""
    while not ended.is_set():
        player = server.play(speech)
        while not ended.is_set() and player.poll() is None:
            time.sleep(0.1)
        player.kill()
        player.wait(5)


def _run(session: LiveSession, camera: CountingCamera, minutes: float) -> None:
    while not session.state().content_fps > 20:
        time.sleep(0.1)
    time.sleep(5.0)
    process = psutil.Process()
    begun_s, cpu_s = time.monotonic(), sum(process.cpu_times()[:2])
    first_mb = process.memory_info().rss / 1e6
    first = len(camera.times_s)
    unique = camera.unique
    while time.monotonic() < begun_s + 60 * minutes:
        time.sleep(min(60.0, max(begun_s + 60 * minutes - time.monotonic(), 0.1)))
        print(json.dumps(_figures(session, camera, begun_s, process)), flush=True)
    elapsed_s = time.monotonic() - begun_s
    gaps_ms = 1000 * np.diff(camera.times_s[first:])
    print(
        json.dumps(
            {
                "minutes": round(elapsed_s / 60, 1),
                "frames": len(camera.times_s) - first,
                "expected": round(25 * elapsed_s),
                "unique": camera.unique - unique,
                "gap_p50_p99_max_ms": np.percentile(gaps_ms, (50, 99, 100)).round(1).tolist(),
                "cpu_cores": round((sum(process.cpu_times()[:2]) - cpu_s) / elapsed_s, 3),
                "rss_mb": [round(first_mb), round(process.memory_info().rss / 1e6)],
                "load_average": round(psutil.getloadavg()[1], 1),
            }
        )
    )


def _figures(
    session: LiveSession, camera: CountingCamera, begun_s: float, process: psutil.Process
) -> dict[str, Any]:
    state = session.state()
    latency = state.latency
    return {
        "minute": round((time.monotonic() - begun_s) / 60, 1),
        "frames": len(camera.times_s),
        "content_fps": state.content_fps,
        "latency_p50_p95_p99_ms": [
            round(v) for v in (latency.total_p50_ms, latency.total_p95_ms, latency.total_p99_ms)
        ],
        "render_ms": round(latency.render_ms, 1),
        "expression_ms": round(latency.expression_ms, 1),
        "dropped": state.dropped_frames,
        "overflows": state.overflows,
        "sync_offset_ms": None if state.sync_offset_ms is None else round(state.sync_offset_ms, 1),
        "rss_mb": round(process.memory_info().rss / 1e6),
    }


if __name__ == "__main__":
    main()
