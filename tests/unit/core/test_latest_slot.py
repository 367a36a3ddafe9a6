import threading

import pytest

from core.latest_slot import LatestSlot, NewestQueue
from core.ring_buffer import BufferClosedError


def test_newest_wins_and_drops_are_counted() -> None:
    queue: NewestQueue[int] = NewestQueue(2)
    for item in range(5):
        queue.put(item)
    assert queue.dropped == 3
    assert [queue.get(0), queue.get(0), queue.get(0)] == [3, 4, None]


def test_clear_does_not_count() -> None:
    queue: NewestQueue[int] = NewestQueue(2)
    queue.put(1)
    queue.clear()
    assert queue.get(0) is None
    assert queue.dropped == 0


def test_close_wakes_the_reader() -> None:
    queue: NewestQueue[int] = NewestQueue(1)
    threading.Timer(0.05, queue.close).start()
    with pytest.raises(BufferClosedError):
        queue.get(5.0)
    queue.put(1)


def test_looking_leaves_the_value() -> None:
    slot: LatestSlot[str] = LatestSlot()
    assert slot.peek() is None
    slot.put("a")
    slot.put("b")
    assert slot.peek() == slot.peek() == "b"
