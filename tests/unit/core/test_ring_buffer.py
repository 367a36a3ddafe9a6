import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ring_buffer import BufferClosedError, RingBuffer, SamplesLostError


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 40), st.data())
def test_reads_what_was_written(sizes: list[int], capacity: int, data: st.DataObject) -> None:
    ring = RingBuffer(capacity)
    whole = np.arange(sum(sizes), dtype=np.float32)
    at = 0
    for size in sizes:
        ring.write(whole[at : at + size])
        at += size
    assert ring.written == whole.size
    oldest = max(0, whole.size - capacity)
    start = data.draw(st.integers(oldest, whole.size))
    count = data.draw(st.integers(0, whole.size - start))
    np.testing.assert_array_equal(ring.read(start, count), whole[start : start + count])


def test_before_the_start_is_silence() -> None:
    ring = RingBuffer(8)
    ring.write(np.ones(4, np.float32))
    np.testing.assert_array_equal(ring.read(-2, 4), [0, 0, 1, 1])
    np.testing.assert_array_equal(ring.read(-5, 3), [0, 0, 0])


def test_says_when_samples_are_lost_or_not_yet_there() -> None:
    ring = RingBuffer(10)
    ring.write(np.zeros(25, np.float32))
    with pytest.raises(SamplesLostError) as caught:
        ring.read(14, 2)
    assert caught.value.oldest == 15
    with pytest.raises(IndexError):
        ring.read(20, 6)
    with pytest.raises(ValueError, match="shape"):
        ring.write(np.zeros((4, 1), np.float32))


def test_waits_until_written_and_wakes_on_close() -> None:
    ring = RingBuffer(100)
    timer = threading.Timer(0.05, lambda: ring.write(np.zeros(10, np.float32)))
    timer.start()
    assert ring.wait_for(10, 5.0)
    assert not ring.wait_for(11, 0.01)
    timer = threading.Timer(0.05, ring.close)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(BufferClosedError):
        ring.wait_for(11, 5.0)
    assert time.monotonic() - begun < 2.0


def test_skipping_writes_silence_and_keeps_count() -> None:
    ring = RingBuffer(8)
    ring.write(np.ones(5, np.float32))
    ring.skip(3)
    assert ring.read(3, 5).tolist() == [1, 1, 0, 0, 0]
    ring.skip(10**12)
    assert ring.written == 10**12 + 8
    assert not ring.read(ring.written - 8, 8).any()
