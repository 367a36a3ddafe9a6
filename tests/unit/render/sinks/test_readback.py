"""Reading a camera back, from a device file as v4l2loopback offers it."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from core.errors import DeviceError
from core.types import ImageArray
from render.sinks.readback import can_read_back, read_back
from tests.live_fakes import until

SIZE = (8, 4)


def test_every_frame_of_a_device_is_taken(tmp_path: Path) -> None:
    device = tmp_path / "video9"
    os.mkfifo(device)
    seen: list[ImageArray] = []
    writer = os.open(device, os.O_RDWR)
    with read_back(f"v4l2:{device}", SIZE, 25, lambda _now_s, luma: seen.append(luma.copy())):
        for grey in (10, 200):
            os.write(writer, bytes([grey]) * 32 + bytes([128]) * 16)
            until(lambda: bool(seen) and int(seen[-1][0, 0]) == grey)  # noqa: B023
    os.close(writer)
    assert [int(luma.max()) for luma in seen] == [10, 200]
    assert all(np.ptp(luma) == 0 and luma.shape == (4, 8) for luma in seen)
    assert "read back" not in {thread.name for thread in threading.enumerate()}


def test_what_cannot_be_read_back_says_so(tmp_path: Path) -> None:
    assert not can_read_back("desktop:obs")
    assert not can_read_back("memory")
    assert can_read_back("pipewire")
    for camera in ("desktop:obs", f"v4l2:{tmp_path}/gone"):
        with (
            pytest.raises(DeviceError, match="read back"),
            read_back(camera, SIZE, 25, lambda _now_s, _luma: None),
        ):
            pass
