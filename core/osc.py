"""Expressions to other programs over UDP: VMC (VTuber software) and ARKit face packets (engines).

Sending never blocks and never fails for want of a receiver: UDP to nobody is lost, and that is
right for a live stream.
"""

import math
import socket
import struct
import uuid
from types import TracebackType
from typing import Protocol

from core import blendshapes
from core.blendshapes import INDEX
from core.errors import ConfigError, DeviceError
from core.types import FRAME_RATE_HZ, ExpressionFrame

VMC_PORT = 39539
"""Where VMC performers usually send to."""
ARKIT_PORT = 11111
"""Where receivers of ARKit face packets usually listen."""

_IMMEDIATELY = struct.pack(">Q", 1)
_VMC_NAMES = tuple(name[0].upper() + name[1:] for name in blendshapes.NAMES)
_ARKIT_VERSION = 6
_ARKIT_VALUES = 61


def parse_address(text: str, default_port: int) -> tuple[str, int]:
    """Host and port of "HOST:PORT", "HOST" or "[IPV6]:PORT".

    Raises:
        ConfigError: The port is no number from 1 to 65535, or the host is empty.
    """
    host, separator, port = text.rpartition(":")
    if not separator or (":" in host and not host.startswith("[")):
        host, port = text, str(default_port)
    if not host.strip("[]") or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f"'{text}' is no address; write HOST:PORT, such as 127.0.0.1:39539.")
    return host.strip("[]"), int(port)


class Encoder(Protocol):
    """Turns a frame into one datagram."""

    def encode(self, frame: ExpressionFrame) -> bytes:
        """The datagram of a frame."""


def osc_message(address: str, *arguments: str | int | float) -> bytes:
    """One OSC 1.0 message with string, int32 and float32 arguments."""
    tags, body = ",", b""
    for argument in arguments:
        if isinstance(argument, str):
            tags, body = tags + "s", body + _osc_string(argument)
        elif isinstance(argument, int):
            tags, body = tags + "i", body + struct.pack(">i", argument)
        else:
            tags, body = tags + "f", body + struct.pack(">f", argument)
    return _osc_string(address) + _osc_string(tags) + body


def osc_bundle(messages: list[bytes]) -> bytes:
    """Messages that take effect together, at once."""
    parts = [struct.pack(">i", len(message)) + message for message in messages]
    return _osc_string("#bundle") + _IMMEDIATELY + b"".join(parts)


def _osc_string(text: str) -> bytes:
    raw = text.encode("utf-8")
    return raw + b"\0" * (4 - len(raw) % 4)


class VmcEncoder:
    """Virtual Motion Capture protocol: one bundle a frame.

    All 52 expressions go out under their "perfect sync" names (JawOpen, …), the vowels A, I, U, E,
    O beside them for avatars that have only those, and the head as a bone. Unity's axes: x to the
    subject's right, y up, z forward, left-handed.
    """

    def encode(self, frame: ExpressionFrame) -> bytes:
        """One OSC bundle."""
        messages = [
            osc_message("/VMC/Ext/OK", 1),
            osc_message("/VMC/Ext/T", frame.index / FRAME_RATE_HZ),
            osc_message("/VMC/Ext/Bone/Pos", "Head", 0.0, 0.0, 0.0, *_head_quaternion(frame)),
        ]
        values = dict(zip(_VMC_NAMES, map(float, frame.beta), strict=True)) | _vowels(frame)
        messages += [osc_message("/VMC/Ext/Blend/Val", n, v) for n, v in values.items()]
        messages.append(osc_message("/VMC/Ext/Blend/Apply"))
        return osc_bundle(messages)


def _head_quaternion(frame: ExpressionFrame) -> tuple[float, float, float, float]:
    """x, y, z, w of the head's rotation, applied as yaw after pitch after roll."""
    pitch, yaw, roll = (math.radians(float(a)) / 2 for a in frame.pose[:3])
    sx, cx = math.sin(-pitch), math.cos(pitch)
    sy, cy = math.sin(-yaw), math.cos(yaw)
    sz, cz = math.sin(roll), math.cos(roll)
    return (
        cy * sx * cz + sy * cx * sz,
        sy * cx * cz - cy * sx * sz,
        cy * cx * sz - sy * sx * cz,
        cy * cx * cz + sy * sx * sz,
    )


def _vowels(frame: ExpressionFrame) -> dict[str, float]:
    beta = frame.beta
    jaw = float(beta[INDEX["jawOpen"]])
    pucker = float(beta[INDEX["mouthPucker"]])
    funnel = float(beta[INDEX["mouthFunnel"]])
    spread = float(beta[INDEX["mouthStretchLeft"]] + beta[INDEX["mouthSmileLeft"]])
    openness = max(0.0, jaw - float(beta[INDEX["mouthClose"]])) * 1.5
    rounded = min(1.0, pucker + funnel)
    values = {
        "A": openness * (1 - rounded),
        "I": 0.8 * spread * max(0.0, 1 - 2 * jaw),
        "U": pucker * max(0.0, 1 - 2 * jaw),
        "E": 0.8 * spread * min(1.0, 2 * jaw),
        "O": rounded * min(1.0, 2 * openness),
    }
    return {name: min(1.0, max(0.0, value)) for name, value in values.items()}


class ArkitEncoder:
    """The face packet that phones with ARKit tracking send to game engines (Live Link Face).

    Version, device id, subject name, frame number, sub-frame, frame rate, then 61 big-endian
    floats: the 52 expressions and yaw, pitch, roll (radians) of the head and of each eye.
    """

    def __init__(self, subject: str = "RealTalk", device: uuid.UUID | None = None) -> None:
        """Name the sender.

        Args:
            subject: Name under which the receiver lists this face.
            device: Identity of this sender; a new one when left out.
        """
        name = subject.encode("utf-8")
        self._head = struct.pack("<I", _ARKIT_VERSION) + f"${device or uuid.uuid4()}".encode(
            "ascii"
        )
        self._head += struct.pack(">i", len(name)) + name

    def encode(self, frame: ExpressionFrame) -> bytes:
        """One packet."""
        pitch, yaw, roll = (math.radians(float(a)) for a in frame.pose[:3])
        values = [*map(float, frame.beta), yaw, pitch, roll]
        values += [0.0] * (_ARKIT_VALUES - len(values))
        timing = struct.pack(">IfII", frame.index & 0xFFFFFFFF, 0.0, FRAME_RATE_HZ, 1)
        return self._head + timing + struct.pack(f">B{_ARKIT_VALUES}f", _ARKIT_VALUES, *values)


class ExpressionSender:
    """Sends each frame as one datagram; a context manager.

    Attributes:
        lost: Datagrams the system refused to take (its buffer was full, or nobody listens).
    """

    def __init__(self, host: str, port: int, encoder: Encoder) -> None:
        """Open the socket.

        Raises:
            DeviceError: The host name cannot be resolved or reached.
        """
        self._encoder = encoder
        self.lost = 0
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_DGRAM
            )[0]
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setblocking(False)
            self._socket.connect(address)
        except OSError as error:
            raise DeviceError(
                f"Expressions cannot be sent to {host}:{port} ({error}). Check the address."
            ) from error

    def send(self, frame: ExpressionFrame) -> None:
        """Send one frame without waiting."""
        try:
            self._socket.send(self._encoder.encode(frame))
        except OSError:
            self.lost += 1

    def close(self) -> None:
        """Close the socket; may be called twice."""
        self._socket.close()

    def __enter__(self) -> "ExpressionSender":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
