"""Which microphones and outputs there are, and opening them through PortAudio.

On Linux with PulseAudio or PipeWire, PortAudio sees one device ("pulse") for all of them. The
sound server itself is asked for its sources and sinks, and the chosen one is named to libpulse
through its environment variables while the stream is opened.
"""

import contextlib
import json
import logging
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from core import environment
from core.errors import DeviceError
from core.messages import Message
from core.session import Device, DeviceKind
from core.types import FloatArray

logger = logging.getLogger(__name__)

PULSE_LATENCY_MS = 10
"""Asked of the sound server: without it a stream is served every 20 ms to 2 s."""
OWN_PREFIX = "realtalk_"
"""Names of what we create in the sound server; never offered as a microphone."""
PULSE = "pulse:"
"""Prefix of the ids of the sound server's devices."""
_PORTAUDIO = "portaudio:"
_BLOCK_S = 0.01
_CABLE_WORDS = ("cable", "blackhole", "voicemeeter", "virtual", "loopback")
_PREFERRED_APIS = ("Windows WASAPI", "Core Audio", "ALSA", "JACK Audio Connection Kit")


def find(devices: tuple[Device, ...], text: str) -> Device:
    """The device a user means by `text`: its id, its name, or a part of its name.

    Raises:
        DeviceError: None or several fit; the message lists the choices.
    """
    wanted = text.casefold()
    for fits in (
        [d for d in devices if text in (d.id, d.name)],
        [d for d in devices if wanted in d.name.casefold() or wanted in d.id.casefold()],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            names = ", ".join(f"“{d.name}” ({d.id})" for d in fits)
            raise DeviceError(
                "“{text}” fits several devices: {names}. Use the id in brackets.",
                text=text,
                names=names,
            )
    names = ", ".join(f"“{d.name}”" for d in devices) or "none"
    raise DeviceError("There is no device “{text}”. Found: {names}.", text=text, names=names)


class InputStream:
    """An open microphone: calls back with blocks until closed.

    Attributes:
        rate_hz: Its sample rate.
    """

    def __init__(self, stream: Any, rate_hz: int, released: Callable[[], None]) -> None:
        self.rate_hz = rate_hz
        self._stream = stream
        self._released = released

    @property
    def active(self) -> bool:
        """Whether PortAudio believes that it runs (a dead device may look active)."""
        return bool(self._stream.active)

    def close(self) -> None:
        """Stop at once and release the device."""
        try:
            self._stream.abort(ignore_errors=True)
            self._stream.close(ignore_errors=True)
        finally:
            self._released()


BlockCallback = Callable[[FloatArray, float, bool], None]
"""Called with samples (N,), their age at arrival in seconds, and whether sound was lost."""


class SoundSystem:
    """PortAudio and the sound server of this machine.

    PortAudio freezes its list of devices when it is initialised. `reinitialise` renews it, which
    is only possible while no stream is open.

    Raises:
        DeviceError: The PortAudio library is not installed.
    """

    def __init__(self) -> None:
        try:
            import sounddevice
        except (ImportError, OSError) as error:
            raise DeviceError(
                "The PortAudio library is missing. Install the package libportaudio2 "
                "(Linux) or reinstall sounddevice."
            ) from error
        self._sd: Any = sounddevice
        self.error: type[Exception] = sounddevice.PortAudioError
        self._lock = threading.RLock()
        self._open_streams = 0

    def microphones(self) -> tuple[Device, ...]:
        """All microphones, the default first."""
        pulse = self._pulse_devices("sources", DeviceKind.MICROPHONE)
        return _sorted(pulse or self._portaudio_devices(DeviceKind.MICROPHONE))

    def outputs(self) -> tuple[Device, ...]:
        """All outputs, the default first."""
        pulse = self._pulse_devices("sinks", DeviceKind.OUTPUT)
        return _sorted(pulse or self._portaudio_devices(DeviceKind.OUTPUT))

    def cables(self) -> tuple[Device, ...]:
        """Outputs that carry sound to another program, likely ones first (VB-Cable, BlackHole)."""
        found = [
            Device(DeviceKind.VIRTUAL_MICROPHONE, device.id, device.name, device.detail)
            for device in self.outputs()
        ]
        return tuple(
            sorted(found, key=lambda d: not any(w in d.name.casefold() for w in _CABLE_WORDS))
        )

    def connected(self, device_id: str) -> bool:
        """Whether the sound server still has this device (True where it cannot be asked).

        A server moves our stream to another microphone when ours is unplugged, without a word.
        """
        if not device_id.startswith(PULSE):
            return True
        listed = run_pactl("list", "short", "sources").splitlines()
        return any(line.split("\t")[1:2] == [device_id.removeprefix(PULSE)] for line in listed)

    def reinitialise(self) -> bool:
        """Renew PortAudio's list of devices; False while a stream is open."""
        with self._lock:
            if self._open_streams:
                return False
            self._sd._terminate()
            self._sd._initialize()
            return True

    def open_input(self, device_id: str, callback: BlockCallback) -> InputStream:
        """Open and start a microphone at its own rate, mono, in blocks of about 10 ms.

        Raises:
            DeviceError: It is gone or refuses.
        """

        def on_block(data: Any, count: int, times: Any, status: Any) -> None:
            age_s = times.currentTime - times.inputBufferAdcTime
            callback(data[:, 0], age_s if 0 <= age_s < 1 else 0.0, bool(status.input_overflow))

        with self._lock, self._chosen(device_id, DeviceKind.MICROPHONE) as (index, rate_hz):
            try:
                stream = self._sd.InputStream(
                    device=index, channels=1, samplerate=rate_hz, dtype="float32",
                    blocksize=round(rate_hz * _BLOCK_S), latency="low", callback=on_block,
                )  # fmt: skip
                stream.start()
            except self._sd.PortAudioError as error:
                raise _refused("microphone", device_id, error) from error
            self._open_streams += 1
            return InputStream(stream, rate_hz, self._release)

    def open_output(self, device_id: str | None, rate_hz: int) -> Any:
        """Open and start an output stream for blocking writes, mono float32.

        Args:
            device_id: Which; None for the system's default.
            rate_hz: Sample rate, resampled by the system where it must be.

        Returns:
            A `sounddevice.OutputStream`; give it back with `close_output`.

        Raises:
            DeviceError: It is gone or refuses.
        """
        with self._lock, self._chosen(device_id, DeviceKind.OUTPUT) as (index, _):
            try:
                stream = self._sd.OutputStream(
                    device=index, channels=1, samplerate=rate_hz, dtype="float32", latency=0.05
                )
                stream.start()
            except self._sd.PortAudioError as error:
                raise _refused("output", device_id or "default", error) from error
            self._open_streams += 1
            return stream

    def close_output(self, stream: Any) -> None:
        """Stop an output stream at once and release its device."""
        try:
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)
        finally:
            self._release()

    def _release(self) -> None:
        with self._lock:
            self._open_streams -= 1

    @contextlib.contextmanager
    def _chosen(self, device_id: str | None, kind: DeviceKind) -> Iterator[tuple[int | None, int]]:
        """PortAudio's index and the device's own rate, the sound server told which one we mean."""
        if device_id is not None and device_id.startswith(PULSE):
            rate_hz = _pulse_rate(device_id.removeprefix(PULSE), kind)
            with _pulse_environment(device_id.removeprefix(PULSE), kind):
                yield self._index_of("ALSA", "pulse", kind), rate_hz
            return
        index = None
        if device_id is not None:
            api, _, name = device_id.removeprefix(_PORTAUDIO).partition(":")
            index = self._index_of(api, name, kind)
        try:
            info = self._sd.query_devices(
                index, "input" if kind is DeviceKind.MICROPHONE else "output"
            )
        except (self._sd.PortAudioError, ValueError) as error:
            raise _refused(kind.value, device_id or "default", error) from error
        yield index, round(info["default_samplerate"])

    def _index_of(self, api: str, name: str, kind: DeviceKind) -> int:
        for device in self._sd.query_devices():
            api_name = self._sd.query_hostapis(device["hostapi"])["name"]
            if device["name"] == name and api_name == api and _channels(device, kind):
                return int(device["index"])
        raise DeviceError(
            "The {device} “{name}” is not connected.", device=Message(kind.value), name=name
        )

    def _portaudio_devices(self, kind: DeviceKind) -> list[Device]:
        with self._lock:
            apis = self._sd.query_hostapis()
            all_devices = list(self._sd.query_devices())
        used = next((a for p in _PREFERRED_APIS for a in apis if a["name"] == p), None)
        if used is None:
            return []
        default = used[f"default_{'input' if kind is DeviceKind.MICROPHONE else 'output'}_device"]
        return [
            Device(
                kind=kind,
                id=f"{_PORTAUDIO}{used['name']}:{info['name']}",
                name=info["name"],
                detail=f"{info['default_samplerate'] / 1000:g} kHz, {used['name']}",
                default=info["index"] == default,
            )
            for info in all_devices
            if info["index"] in used["devices"] and _channels(info, kind)
        ]

    def _pulse_devices(self, what: str, kind: DeviceKind) -> list[Device]:
        with self._lock:
            if not any(d["name"] == "pulse" for d in self._sd.query_devices()):
                return []
        listed = _pactl_json("list", what)
        server = _pactl_json("info")
        if not isinstance(listed, list) or not isinstance(server, dict):
            return []
        default = server.get(f"default_{what[:-1]}_name")
        return [
            Device(
                kind=kind,
                id=PULSE + entry["name"],
                name=entry.get("description") or entry["name"],
                detail=_pulse_detail(entry),
                default=entry["name"] == default,
            )
            for entry in listed
            if not entry["name"].startswith(OWN_PREFIX)
        ]


def _sorted(devices: list[Device]) -> tuple[Device, ...]:
    return tuple(sorted(devices, key=lambda d: (not d.default, "monitor" in d.detail, d.name)))


def _channels(info: Any, kind: DeviceKind) -> bool:
    side = "input" if kind is DeviceKind.MICROPHONE else "output"
    return bool(info[f"max_{side}_channels"] > 0)


def _refused(what: str, device_id: str, error: Exception) -> DeviceError:
    name = device_id.rpartition(":")[2]
    return DeviceError(
        "The {device} “{name}” could not be opened ({reason}). Check that it is "
        "connected and not taken by another program, and that this program may use it.",
        device=Message(what),
        name=name,
        reason=error,
    )


def pulse_available() -> bool:
    """Whether a PulseAudio or PipeWire server can be driven from here."""
    return sys.platform == "linux" and shutil.which("pactl") is not None


def run_pactl(*words: str) -> str:
    """Run pactl and return its output.

    Raises:
        DeviceError: It is missing, takes longer than 2 s, or refuses.
    """
    try:
        done = subprocess.run(
            ["pactl", *words], capture_output=True, text=True, timeout=2, check=True,
            env=environment.copied(LC_ALL="C.UTF-8"),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or error
        raise DeviceError(
            "The sound server refused “pactl {names}”: {reason}",
            names=" ".join(words),
            reason=reason,
        ) from error
    return done.stdout.strip()


def _pactl_json(*words: str) -> Any:
    if not pulse_available():
        return None
    try:
        return json.loads(run_pactl("--format=json", *words))
    except (DeviceError, ValueError) as error:
        logger.debug("no list from the sound server: %s", error)
        return None


def _pulse_detail(entry: dict[str, Any]) -> str:
    words = [str(entry.get("sample_specification", ""))]
    if entry.get("monitor_of_sink", entry.get("monitor_source")) and ".monitor" in entry["name"]:
        words.append("monitor of an output")
    return ", ".join(word for word in words if word)


def _pulse_rate(name: str, kind: DeviceKind) -> int:
    """The source's own rate, so that nobody but us resamples."""
    listed = _pactl_json("list", "sources" if kind is DeviceKind.MICROPHONE else "sinks")
    for entry in listed if isinstance(listed, list) else []:
        if entry["name"] == name:
            return int(str(entry["sample_specification"]).split()[-1].removesuffix("Hz"))
    raise DeviceError(
        "The {device} “{name}” is not connected.", device=Message(kind.value), name=name
    )


def _pulse_environment(name: str, kind: DeviceKind) -> AbstractContextManager[None]:
    variable = "PULSE_SOURCE" if kind is DeviceKind.MICROPHONE else "PULSE_SINK"
    return environment.changed({variable: name, "PULSE_LATENCY_MSEC": str(PULSE_LATENCY_MS)})
