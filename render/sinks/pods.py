"""The few SPA pods PipeWire needs to agree on a video format, as bytes.

A pod is a size (uint32), a type (uint32) and a body padded to 8 bytes; see PipeWire's
documentation, "SPA POD". Numbers are those of spa/utils/type.h, spa/param/*.h and
spa/param/video/raw.h, which are part of its stable interface.
"""

import struct
from enum import IntEnum


class PodType(IntEnum):
    """Type of a pod's body."""

    ID = 3
    INT = 4
    RECTANGLE = 10
    FRACTION = 11
    OBJECT = 15
    CHOICE = 19


class Param(IntEnum):
    """Which parameter an object is."""

    ENUM_FORMAT = 3
    FORMAT = 4
    BUFFERS = 5
    META = 6


_OBJECT_FORMAT, _OBJECT_BUFFERS, _OBJECT_META = 0x40003, 0x40004, 0x40005
_MEDIA_TYPE, _MEDIA_SUBTYPE = 1, 2
_VIDEO_FORMAT, _VIDEO_SIZE, _VIDEO_RATE = 0x20001, 0x20003, 0x20004
_MEDIA_TYPE_VIDEO, _MEDIA_SUBTYPE_RAW = 2, 1
_FORMAT_I420 = 2
_CHOICE_RANGE, _CHOICE_FLAGS = 1, 4
META_HEADER = 1
META_HEADER_BYTES = 32
DATA_MEM_PTR, DATA_MEM_FD = 1, 2


def i420_format(size: tuple[int, int], frame_rate_hz: int) -> bytes:
    """The one format offered: raw I420 video of a fixed size and rate."""
    return _object(
        _OBJECT_FORMAT,
        Param.ENUM_FORMAT,
        (_MEDIA_TYPE, _pod(PodType.ID, struct.pack("<I", _MEDIA_TYPE_VIDEO))),
        (_MEDIA_SUBTYPE, _pod(PodType.ID, struct.pack("<I", _MEDIA_SUBTYPE_RAW))),
        (_VIDEO_FORMAT, _pod(PodType.ID, struct.pack("<I", _FORMAT_I420))),
        (_VIDEO_SIZE, _pod(PodType.RECTANGLE, struct.pack("<II", *size))),
        (_VIDEO_RATE, _pod(PodType.FRACTION, struct.pack("<II", frame_rate_hz, 1))),
    )


def i420_buffers(size: tuple[int, int]) -> bytes:
    """What a buffer must hold: one block of all three planes in shared memory."""
    width, height = size
    kinds = 1 << DATA_MEM_PTR | 1 << DATA_MEM_FD
    return _object(
        _OBJECT_BUFFERS,
        Param.BUFFERS,
        (1, _choice(_CHOICE_RANGE, 4, 2, 8)),  # number of buffers
        (2, _int(1)),  # blocks
        (3, _int(width * height * 3 // 2)),  # bytes
        (4, _int(width)),  # stride
        (6, _choice(_CHOICE_FLAGS, kinds)),  # kinds of memory
    )


def header_meta() -> bytes:
    """Asks for a header with time and number on every buffer."""
    return _object(
        _OBJECT_META,
        Param.META,
        (1, _pod(PodType.ID, struct.pack("<I", META_HEADER))),
        (2, _int(META_HEADER_BYTES)),
    )


def _pod(kind: PodType, body: bytes) -> bytes:
    return struct.pack("<II", len(body), kind) + body + bytes(-len(body) % 8)


def _int(value: int) -> bytes:
    return _pod(PodType.INT, struct.pack("<i", value))


def _choice(kind: int, *values: int) -> bytes:
    head = struct.pack("<IIII", kind, 0, 4, PodType.INT)
    return _pod(PodType.CHOICE, head + struct.pack(f"<{len(values)}i", *values))


def _object(kind: int, param: Param, *properties: tuple[int, bytes]) -> bytes:
    body = struct.pack("<II", kind, param)
    for key, pod in properties:
        body += struct.pack("<II", key, 0) + pod
    return _pod(PodType.OBJECT, body)
