"""The microphone, supervised: opened, watched, and opened again when it comes back."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from audio_io.devices import InputStream, SoundSystem
from core.errors import DeviceError
from core.messages import Message
from core.ring_buffer import RingBuffer
from core.stage import Stage
from core.types import FloatArray

logger = logging.getLogger(__name__)

DEAD_AFTER_S = 0.4
"""A stream that delivered nothing for this long is dead, whatever it says of itself."""
_FIRST_BLOCK_S = 2.0
"""A stream that was just opened gets this long for its first block: some start slowly."""
_RETRY_S = 0.3
_WATCH_S = 0.05
_ASK_S = 1.0
_RING_S = 2.0


@dataclass(slots=True)
class MicrophoneStream:
    """Sound of one opening of one device.

    Attributes:
        rate_hz: The device's own rate.
        ring: What it delivered.
        age_s: How old the newest sample was when it arrived, as the device says.
        overflows: Blocks lost in the device or its driver.
    """

    rate_hz: int
    ring: RingBuffer = field(init=False)
    age_s: float = 0.0
    overflows: int = 0

    def __post_init__(self) -> None:
        self.ring = RingBuffer(round(self.rate_hz * _RING_S))


class Microphone(Stage):
    """Keeps the chosen microphone open and notices when it dies.

    `stream` is the sound of the current opening, or None. Everything slow or blocking (opening,
    closing, re-initialising PortAudio) happens on this stage's thread.

    Args:
        system: The machine's sound.
        on_failure: See `Stage`.
    """

    def __init__(
        self, system: SoundSystem, on_failure: Callable[[Stage], None] | None = None
    ) -> None:
        super().__init__("capture", on_failure)
        self.stream: MicrophoneStream | None = None
        self.problem: str = ""
        self._system = system
        self._wanted: str | None = None
        self._opened: str | None = None
        self._handle: InputStream | None = None
        self._opened_s = 0.0
        self._past_overflows = 0
        self._fails = 0
        self._next_ask_s = 0.0

    @property
    def overflows(self) -> int:
        """Blocks of sound lost since the start."""
        stream = self.stream
        return self._past_overflows + (stream.overflows if stream else 0)

    @property
    def alive(self) -> bool:
        """Whether sound arrives now."""
        stream = self.stream
        return stream is not None and stream.ring.written > 0 and self._silence_s() < DEAD_AFTER_S

    def set_device(self, device_id: str | None) -> None:
        """Listen to this device from now on; None for none."""
        self._wanted = device_id

    def step(self) -> None:
        """Open what is wanted, close what died, look again in 50 ms."""
        if self._opened != self._wanted:
            self._close()
            self._opened, self._fails, self.problem = self._wanted, 0, ""
        if self._opened is None:
            self.pause(_WATCH_S)
        elif self._handle is None:
            self._open(self._opened)
        elif self._is_dead() or self._is_gone():
            self._fails += 1
            self._complain(self._opened)
            self._close()
        elif self.alive:
            self._fails, self.problem = 0, ""
            self.pause(_WATCH_S)
        else:
            if self._silence_s() > DEAD_AFTER_S:
                self._complain(self._opened)
            self.pause(_WATCH_S)

    def teardown(self) -> None:
        """Release the device."""
        self._close()

    def _is_dead(self) -> bool:
        assert self._handle is not None and self.stream is not None
        if not self._handle.active:
            return True
        patience_s = DEAD_AFTER_S if self.stream.ring.written else _FIRST_BLOCK_S
        return self._silence_s() > patience_s

    def _is_gone(self) -> bool:
        """Whether the server took our device away and gave the stream another one."""
        if self._opened is None or time.monotonic() < self._next_ask_s:
            return False
        self._next_ask_s = time.monotonic() + _ASK_S
        try:
            return not self._system.connected(self._opened)
        except DeviceError:
            return False

    def _complain(self, device_id: str) -> None:
        if not self.problem:
            self.problem = Message(
                "The microphone “{name}” delivers no sound. Check its cable, its mute switch and "
                "the system's sound settings; it is tried again by itself.",
                name=_short(device_id),
            )
            logger.warning("%s", self.problem)

    def _silence_s(self) -> float:
        stream = self.stream
        if stream is None:
            return float("inf")
        written, mark_s = stream.ring.mark
        return time.monotonic() - (mark_s if written else self._opened_s)

    def _open(self, device_id: str) -> None:
        if self._fails:
            self.pause(_RETRY_S)
            self._system.reinitialise()
        holder: list[MicrophoneStream] = []

        def on_block(samples: FloatArray, age_s: float, lost: bool) -> None:
            if holder:
                stream = holder[0]
                stream.ring.write(samples)
                stream.age_s += 0.05 * (age_s - stream.age_s)
                stream.overflows += lost

        try:
            self._handle = self._system.open_input(device_id, on_block)
        except DeviceError as error:
            if not self._fails:
                logger.warning("%s", error)
            self._fails += 1
            self.problem = error.message
            return
        self._opened_s = time.monotonic()
        stream = MicrophoneStream(self._handle.rate_hz)
        holder.append(stream)
        self.stream = stream

    def _close(self) -> None:
        if self.stream is not None:
            self._past_overflows += self.stream.overflows
            self.stream = None
        if self._handle is not None:
            handle, self._handle = self._handle, None
            handle.close()


def _short(device_id: str) -> str:
    return device_id.rpartition(":")[2]
