"""`realtalk live`: a portrait speaks in a call, without a window."""

import argparse
import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.choices import add_neural, add_voice

_REPORT_EVERY_S = 1.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "live",
        help="let a portrait speak live, without a window",
        description="Let a portrait speak what the microphone hears, into a virtual camera. "
        "Where the system has signals, SIGUSR1 freezes to the resting face and mutes, and a second "
        "one ends that; bind 'pkill -USR1 -f \"realtalk live\"' to a key of the desktop.",
    )
    parser.add_argument("--portrait", type=Path, help="picture of a face, or an .avatar file")
    parser.add_argument("--mic", help="name or part of it; the system's default if left out")
    parser.add_argument("--camera", help="name or part of it, or 'none' (default: the first)")
    parser.add_argument("--virtual-mic", help="name or part of it, or 'none' (default: ours)")
    parser.add_argument("--preset", help="name or .toml file of a preset")
    add_voice(parser)
    add_neural(parser)
    parser.add_argument("--record", type=Path, metavar="FILE", help="record to this file as well")
    parser.add_argument("--seconds", type=float, help="stop by itself after this long")
    parser.add_argument("--stats", type=Path, metavar="FILE", help="write figures as JSON")
    parser.add_argument("--list", action="store_true", help="list the devices and end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until the time is up or Ctrl-C, then write the figures."""
    from app import folders
    from app.choices import choose_preset
    from app.live.parts import ShippedParts
    from app.live.session import LiveSession

    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    preset = choose_preset(args.preset, folders.presets(), voice=args.voice, neural=args.neural)
    session = LiveSession(ShippedParts(), preset)
    try:
        if args.list:
            return _list(session, args.json)
        with _panic_signal(session):
            return _live(session, args)
    finally:
        session.close()


@contextmanager
def _panic_signal(session: Any) -> Iterator[None]:
    """Let SIGUSR1 freeze and mute and the next one resume, where the system has signals."""

    def toggle() -> None:
        if session.state().panicked:
            session.resume()
        else:
            session.panic()

    number = getattr(signal, "SIGUSR1", None)
    if number is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    # On a thread of its own: the handler interrupts whatever holds a lock right now.
    before = signal.signal(number, lambda *_: threading.Thread(target=toggle).start())
    try:
        yield
    finally:
        signal.signal(number, before)


def _list(session: Any, as_json: bool) -> int:
    from core.session import DeviceKind

    found = {kind.value: session.devices(kind) for kind in DeviceKind}
    if as_json:
        rows = [{**asdict(d), "kind": d.kind.value} for devices in found.values() for d in devices]
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    for kind, devices in found.items():
        for device in devices:
            words = ", ".join(word for word in (device.detail, device.problem) if word)
            print(f"{kind}: {device.name} [{device.id}] {words}")
    return 0


def _live(session: Any, args: argparse.Namespace) -> int:
    from app.avatars import open_avatar
    from app.parts import SAMPLE_PORTRAIT
    from core.session import DeviceKind, Mode

    session.set_avatar(open_avatar(args.portrait or SAMPLE_PORTRAIT, note=_note(args)))
    session.set_microphone(_choose(session, DeviceKind.MICROPHONE, args.mic))
    session.set_camera(_choose(session, DeviceKind.CAMERA, args.camera))
    session.set_virtual_microphone(
        _choose(session, DeviceKind.VIRTUAL_MICROPHONE, args.virtual_mic)
    )
    session.set_mode(Mode.LIVE)
    if args.record is not None:
        session.start_recording(args.record)
    begun_s = time.monotonic()
    begun_cpu_s = time.process_time()
    while not _over(args.seconds, begun_s) and not args.interrupt.wait(_REPORT_EVERY_S):
        if not args.quiet:
            _report(session.state())
    stats = _stats(session.state(), time.monotonic() - begun_s, time.process_time() - begun_cpu_s)
    if args.stats is not None:
        args.stats.write_text(json.dumps(stats, indent=1) + "\n", encoding="utf-8")
    if args.json:
        print(json.dumps(stats))
    return 0


def _choose(session: Any, kind: Any, name: str | None) -> str | None:
    from audio_io.devices import find

    if name == "none":
        return None
    devices = session.devices(kind)
    if name is None:
        usable = [device for device in devices if not device.problem]
        return usable[0].id if usable else None
    return str(find(devices, name).id)


def _over(seconds: float | None, begun_s: float) -> bool:
    return seconds is not None and time.monotonic() - begun_s >= seconds - _REPORT_EVERY_S / 2


def _report(state: Any) -> None:
    latency = state.latency
    sync = "–" if state.sync_offset_ms is None else f"{state.sync_offset_ms:+.0f} ms"
    line = (
        f"\r{state.content_fps:4.1f} fps, latency {latency.total_p95_ms:3.0f} ms, sync {sync}, "
        f"dropped {state.dropped_frames}, level {state.level.rms_dbfs:4.0f} dB"
    )
    notice = f" | {state.notices[-1].text}" if state.notices else ""
    print((line + notice)[:200].ljust(100), end="", file=sys.stderr, flush=True)


def _stats(state: Any, elapsed_s: float, cpu_s: float) -> dict[str, Any]:
    """Figures of the run, as plain JSON values."""
    return {
        "seconds": elapsed_s,
        "fps": state.fps,
        "content_fps": state.content_fps,
        "frames_sent": state.frames_sent,
        "dropped_frames": state.dropped_frames,
        "overflows": state.overflows,
        "latency_ms": asdict(state.latency),
        "delay_ms": state.delay_ms,
        "sync_offset_ms": state.sync_offset_ms,
        "cpu_share": cpu_s / elapsed_s if elapsed_s else 0.0,
        "engine": state.engine,
        "microphone_alive": state.microphone_alive,
        "camera_alive": state.camera_alive,
        "virtual_microphone_alive": state.virtual_microphone_alive,
        "notices": [notice.text for notice in state.notices],
    }


def _note(args: argparse.Namespace) -> Any:
    def note(text: str) -> None:
        if not args.quiet:
            print(text, file=sys.stderr)

    return note
