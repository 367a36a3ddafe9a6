"""What arrives at a real receiver on this machine."""

import math
import socket
import struct
import uuid
from collections.abc import Iterator

import numpy as np
import pytest

from core import blendshapes
from core.blendshapes import INDEX
from core.errors import ConfigError, DeviceError
from core.osc import (
    ArkitEncoder,
    ExpressionSender,
    VmcEncoder,
    osc_message,
    parse_address,
)
from core.types import ExpressionFrame


def frame(index: int = 3, pose: tuple[float, ...] = (0, 0, 0, 0, 0, 0)) -> ExpressionFrame:
    beta = np.random.default_rng(index).random(blendshapes.NUM, np.float32)
    return ExpressionFrame(index, beta, np.array(pose, np.float32), True)


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        yield sock


def parse_message(data: bytes) -> tuple[str, list[str | int | float]]:
    """An independent reading of the OSC 1.0 text."""

    def string(at: int) -> tuple[str, int]:
        end = data.index(b"\0", at)
        return data[at:end].decode(), (end // 4 + 1) * 4

    address, at = string(0)
    tags, at = string(at)
    values: list[str | int | float] = []
    for tag in tags[1:]:
        if tag == "s":
            text, at = string(at)
            values.append(text)
        else:
            values.append(struct.unpack_from(f">{tag}", data, at)[0])
            at += 4
    assert at == len(data)
    return address, values


def parse_bundle(data: bytes) -> list[tuple[str, list[str | int | float]]]:
    assert data[:8] == b"#bundle\0"
    assert struct.unpack(">Q", data[8:16]) == (1,)
    messages, at = [], 16
    while at < len(data):
        (size,) = struct.unpack_from(">i", data, at)
        assert size % 4 == 0
        messages.append(parse_message(data[at + 4 : at + 4 + size]))
        at += 4 + size
    return messages


def test_message_bytes_are_those_of_the_specification() -> None:
    expected = b"/oscillator/4/frequency\0,f\0\0\x43\xdc\0\0"
    assert osc_message("/oscillator/4/frequency", 440.0) == expected


def test_vmc_arrives(receiver: socket.socket) -> None:
    sent = frame()
    with ExpressionSender("127.0.0.1", receiver.getsockname()[1], VmcEncoder()) as sender:
        sender.send(sent)
    messages = parse_bundle(receiver.recv(65536))
    values = {args[0]: args[1] for address, args in messages if address == "/VMC/Ext/Blend/Val"}
    for name, value in zip(blendshapes.NAMES, sent.beta, strict=True):
        assert values[name[0].upper() + name[1:]] == pytest.approx(float(value))
    assert {"A", "I", "U", "E", "O"} <= values.keys()
    assert messages[-1] == ("/VMC/Ext/Blend/Apply", [])
    assert ("/VMC/Ext/OK", [1]) in messages
    assert len(VmcEncoder().encode(sent)) < 4096


@pytest.mark.parametrize(
    ("pose", "axis", "sign"),
    [((10, 0, 0), 0, -1), ((0, 10, 0), 1, -1), ((0, 0, 10), 2, 1)],
)
def test_vmc_head_turns_about_unitys_axes(pose: tuple[float, ...], axis: int, sign: int) -> None:
    messages = dict(parse_bundle(VmcEncoder().encode(frame(pose=(*pose, 0, 0, 0)))))
    quaternion = messages["/VMC/Ext/Bone/Pos"][4:]
    half = math.radians(5)
    expected = [0.0, 0.0, 0.0, math.cos(half)]
    expected[axis] = sign * math.sin(half)
    assert quaternion == pytest.approx(expected, abs=1e-6)


def test_vmc_open_vowel_is_an_a() -> None:
    beta = np.zeros(blendshapes.NUM, np.float32)
    beta[INDEX["jawOpen"]] = 0.6
    open_mouth = ExpressionFrame(0, beta, np.zeros(6, np.float32), True)
    values = {
        args[0]: float(args[1])
        for address, args in parse_bundle(VmcEncoder().encode(open_mouth))
        if address == "/VMC/Ext/Blend/Val"
    }
    assert values["A"] == max(values[v] for v in "AIUEO") > 0.5


def test_arkit_packet_arrives(receiver: socket.socket) -> None:
    sent = frame(7, pose=(10, 20, 30, 0, 0, 0))
    device = uuid.UUID(int=5)
    encoder = ArkitEncoder("Jürgen", device)
    with ExpressionSender("127.0.0.1", receiver.getsockname()[1], encoder) as sender:
        sender.send(sent)
    data = receiver.recv(65536)
    assert struct.unpack_from("<I", data) == (6,)
    assert data[4:41].decode() == f"${device}"
    (length,) = struct.unpack_from(">i", data, 41)
    assert data[45 : 45 + length].decode() == "Jürgen"
    at = 45 + length
    assert struct.unpack_from(">IfII", data, at) == (7, 0.0, 25, 1)
    count, *values = struct.unpack_from(">B61f", data, at + 16)
    assert count == 61
    assert len(data) == at + 16 + 1 + 61 * 4
    assert values[:52] == pytest.approx(sent.beta.tolist())
    assert values[52:55] == pytest.approx([math.radians(a) for a in (20, 10, 30)])


def test_sending_to_nobody_does_not_fail() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    sender = ExpressionSender("127.0.0.1", port, VmcEncoder())
    for i in range(20):
        sender.send(frame(i))
    sender.close()
    sender.close()


def test_unknown_host() -> None:
    with pytest.raises(DeviceError, match=r"nowhere\.invalid"):
        ExpressionSender("nowhere.invalid", 39539, VmcEncoder())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("localhost", ("localhost", 39539)),
        ("[::1]:9000", ("::1", 9000)),
        ("::1", ("::1", 39539)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text, 39539) == expected


@pytest.mark.parametrize("text", ["", ":9000", "host:0", "host:70000", "host:abc"])
def test_bad_addresses(text: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        parse_address(text, 39539)
