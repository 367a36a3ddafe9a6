"""What works on this machine, and what to do about what does not."""

import json
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from core.errors import DeviceError, RealTalkError


class Health(Enum):
    """Good; limited (something optional is missing); broken."""

    GOOD = "ok"
    LIMITED = "limited"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        subject: What was looked at.
        health: Whether it works.
        text: What was found.
        advice: What to do, empty if nothing.
    """

    subject: str
    health: Health
    text: str
    advice: str = ""


def examine() -> Iterator[Finding]:
    """Run every check; a check that itself fails is a finding, not a crash."""
    for subject, check in CHECKS.items():
        try:
            yield from check()
        except DeviceError as error:
            yield Finding(subject, Health.LIMITED, str(error))
        except RealTalkError as error:
            yield Finding(subject, Health.BROKEN, str(error))
        except (ImportError, OSError) as error:
            yield Finding(subject, Health.LIMITED, f"cannot be loaded ({error})", _install(subject))


def _install(subject: str) -> str:
    extra = {"window": "app"}.get(subject, "live")
    return f"Install it with: pip install 'realtalk-cam[{extra}]' (on Linux also libportaudio2)."


def _python() -> Iterator[Finding]:
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("python", Health.GOOD, text)


def _weights() -> Iterator[Finding]:
    from weights import store

    names = list(json.loads(store.MANIFEST.read_text(encoding="utf-8")))
    for name in names:
        store.path(name)
    yield Finding("weights", Health.GOOD, f"{len(names)} files, all as shipped")


def _engines() -> Iterator[Finding]:
    from app.parts import neural_decoder
    from core.presets import Rendering
    from render.engines.base import EngineSettings
    from render.engines.choose import LADDER, measure
    from render.engines.identity import nvidia_gpus

    decoder = neural_decoder(Rendering(neural="compact"))
    assert decoder is not None
    names = []
    for factory in LADDER:
        if not factory.available(decoder):
            continue
        engine, found = measure(factory, decoder, EngineSettings())
        if engine is None:
            yield Finding("engines", Health.LIMITED, found.problem)
        else:
            names.append(factory.name)
            text = f"{factory.name}: {found.median_ms:.1f} ms for a mouth of the network compact"
            yield Finding("engines", Health.GOOD, text)
    gpus = nvidia_gpus()
    if gpus and set(names) <= {"CPU", "CPU int8"}:
        advice = (
            "Let it draw with: python3 run.py gpu, or pip install onnxruntime-ep-nv-tensorrt-rtx."
        )
        yield Finding("engines", Health.LIMITED, f"{gpus} is not used", advice)


def _encoders() -> Iterator[Finding]:
    import av

    wanted = {"MP4 and MKV": "libx264", "WebM": "libvpx-vp9"}
    for formats, codec in wanted.items():
        if codec in av.codecs_available:
            yield Finding("video files", Health.GOOD, f"{formats} ({codec})")
        else:
            advice = "Install PyAV from its wheel: pip install --only-binary :all: av"
            yield Finding("video files", Health.LIMITED, f"{formats}: no {codec}", advice)


def _microphones() -> Iterator[Finding]:
    from audio_io.devices import SoundSystem

    found = SoundSystem().microphones()
    if found:
        names = ", ".join(device.name for device in found)
        yield Finding("microphones", Health.GOOD, names)
    else:
        advice = "Plug one in, or allow this program to use it, and look again."
        yield Finding("microphones", Health.LIMITED, "none found", advice)


def _virtual_microphones() -> Iterator[Finding]:
    from audio_io.devices import SoundSystem
    from audio_io.virtual_mic import virtual_microphones

    found = virtual_microphones(SoundSystem())
    if found:
        names = ", ".join(device.name for device in found)
        yield Finding("virtual microphone", Health.GOOD, names)
    else:
        advice = (
            "On Linux start PipeWire or PulseAudio and install pulseaudio-utils; on Windows "
            "install VB-Cable, on macOS BlackHole. Without one the call hears your voice "
            "a little before the lips move."
        )
        yield Finding("virtual microphone", Health.LIMITED, "none possible", advice)


def _cameras() -> Iterator[Finding]:
    from render.sinks import diagnose

    for camera in diagnose():
        health = Health.LIMITED if camera.problem else Health.GOOD
        yield Finding("camera", health, f"{camera.name}: {camera.problem or 'ready'}")


def _window() -> Iterator[Finding]:
    import PySide6.QtWidgets

    yield Finding("window", Health.GOOD, f"Qt {PySide6.__version__}")


CHECKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "python": _python,
    "weights": _weights,
    "engines": _engines,
    "video files": _encoders,
    "microphones": _microphones,
    "virtual microphone": _virtual_microphones,
    "cameras": _cameras,
    "window": _window,
}
