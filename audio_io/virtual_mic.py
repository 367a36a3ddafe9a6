"""The voice offered to the call as a microphone, as late as the face.

On Linux the microphone is made by us: a null sink that we play into, and its monitor remapped to
a source with a name a call program can show. Elsewhere the user's virtual cable is an output.
"""

import logging
import time
from collections.abc import Callable

from audio_io.delay_line import DelayLine
from audio_io.devices import OWN_PREFIX, PULSE, SoundSystem, pulse_available, run_pactl
from audio_io.playback import Playback, PortAudioPlayback
from audio_io.pulse_playback import PulsePlayback
from audio_io.voice_input import VOICE_RATE_HZ
from core.clock import SampleClock
from core.errors import DeviceError
from core.messages import Message
from core.ring_buffer import RingBuffer
from core.session import Device, DeviceKind
from core.stage import Stage

logger = logging.getLogger(__name__)

OWN_ID = "realtalk"
"""Id of the virtual microphone that we make ourselves."""
SINK = f"{OWN_PREFIX}voice"
SOURCE = f"{OWN_PREFIX}microphone"
_NAME = "RealTalk Microphone"
_BLOCK_S = 0.02
_RETRY_S = 0.3


def virtual_microphones(system: SoundSystem) -> tuple[Device, ...]:
    """What can carry the delayed voice into a call, the best first."""
    cables = system.cables()
    if not pulse_available():
        return cables
    own = Device(
        kind=DeviceKind.VIRTUAL_MICROPHONE, id=OWN_ID, name=_NAME,
        detail=Message("made by this program while it runs"), default=True,
    )  # fmt: skip
    return (own, *cables)


def capture_id(device_id: str | None) -> str:
    """The microphone at which a call program hears what is played into a virtual microphone.

    Raises:
        DeviceError: It cannot be told.
    """
    if device_id == OWN_ID:
        return f"{PULSE}{SOURCE}"
    if device_id is not None and device_id.startswith(PULSE):
        return f"{device_id}.monitor"
    raise DeviceError(
        "What this virtual microphone carries cannot be recorded here, so it cannot be measured."
    )


class PulseVirtualMicrophone:
    """The null sink and its remapped source, there until closed.

    Leftovers of a run that crashed are removed first.

    Raises:
        DeviceError: The sound server refuses.
    """

    def __init__(self) -> None:
        self._modules: list[str] = []
        _unload_leftovers()
        try:
            self._load(
                "module-null-sink", f"sink_name={SINK}", f"rate={VOICE_RATE_HZ}", "channels=1",
                f'sink_properties=device.description="{_NAME.replace(" ", "-")}-Feed"',
            )  # fmt: skip
            self._load(
                "module-remap-source", f"source_name={SOURCE}", f"master={SINK}.monitor",
                f"source_properties=\"device.description='{_NAME}'\"",
            )  # fmt: skip
        except DeviceError:
            self.close()
            raise

    def close(self) -> None:
        """Remove both; safe to call twice and after the server died."""
        while self._modules:
            try:
                run_pactl("unload-module", self._modules.pop())
            except DeviceError as error:
                logger.info("the virtual microphone was gone already: %s", error)

    def _load(self, *words: str) -> None:
        self._modules.append(run_pactl("load-module", *words))


def _unload_leftovers() -> None:
    for line in reversed(run_pactl("list", "short", "modules").splitlines()):
        if f"sink_name={SINK}" in line or f"source_name={SOURCE}" in line:
            run_pactl("unload-module", line.split()[0])


class VoicePlayer(Stage):
    """Plays the voice ring into an output with a steady delay.

    Args:
        name: Name of the stage.
        system: The machine's sound.
        ring: The voice at `VOICE_RATE_HZ`.
        clock: The clock of `ring`.
        device_id: `OWN_ID`, an output's id, or None for the default output.
        delay_s: Called before each block: the delay wanted now, from a sample's arrival in the
            ring to its being heard.
        on_failure: See `Stage`.
    """

    def __init__(
        self,
        name: str,
        system: SoundSystem,
        ring: RingBuffer,
        clock: SampleClock,
        device_id: str | None,
        delay_s: Callable[[], float],
        on_failure: Callable[[Stage], None] | None = None,
    ) -> None:
        super().__init__(name, on_failure)
        self.problem: str = ""
        self.alive = False
        self.line = DelayLine(ring, clock, VOICE_RATE_HZ, delay_s())
        self._system = system
        self.device_id = device_id
        self._delay_s = delay_s
        self._playback: Playback | None = None
        self._made: PulseVirtualMicrophone | None = None

    def step(self) -> None:
        """Play one block, or try to get the device back."""
        try:
            if self._playback is None:
                self._open()
            assert self._playback is not None
            self._play_block(self._playback)
            self.problem, self.alive = "", True
        except DeviceError as error:
            if not self.problem:
                logger.warning("%s: %s", self.name, error)
            self.problem, self.alive = error.message, False
            self._close()
            self.pause(_RETRY_S)

    def teardown(self) -> None:
        """Release the device and remove what we made."""
        self._close()

    def _play_block(self, playback: Playback) -> None:
        self.line.delay_s = self._delay_s()
        heard_s = time.monotonic() + playback.latency_s()
        playback.write(self.line.read(round(VOICE_RATE_HZ * _BLOCK_S), heard_s))

    def _open(self) -> None:
        self.line.restart()
        if self.device_id == OWN_ID:
            self._made = PulseVirtualMicrophone()
            self._playback = PulsePlayback(SINK, VOICE_RATE_HZ)
        else:
            self._playback = PortAudioPlayback(self._system, self.device_id, VOICE_RATE_HZ)

    def _close(self) -> None:
        playback, self._playback = self._playback, None
        made, self._made = self._made, None
        self.alive = False
        if playback is not None:
            playback.close()
        if made is not None:
            made.close()
