import threading
import time

import pytest

from core.stage import Stage, StageState, StageTimeoutError


class _Worker(Stage):
    """Fails or hangs where told."""

    def __init__(self, fails_in: str = "", hang_s: float = 0.0) -> None:
        self.failures: list[Stage] = []
        super().__init__("worker", self.failures.append)
        self.calls: list[str] = []
        self.stepped = threading.Event()
        self._fails_in, self._hang_s = fails_in, hang_s

    def _note(self, name: str) -> None:
        if name not in self.calls:
            self.calls.append(name)
        if name == self._fails_in:
            raise ValueError(name)

    def setup(self) -> None:
        self._note("setup")

    def step(self) -> None:
        self.stepped.set()
        self._note("step")
        time.sleep(self._hang_s)
        self.pause(5.0)

    def teardown(self) -> None:
        self._note("teardown")


def _started(worker: _Worker) -> _Worker:
    worker.start()
    assert worker.stepped.wait(2.0)
    return worker


def test_lives_through_all_states() -> None:
    worker = _Worker()
    assert worker.state is StageState.CREATED
    _started(worker)
    assert worker.state is StageState.RUNNING
    worker.stop()
    worker.stop()
    worker.join(2.0)
    worker.join(2.0)
    assert worker.state is StageState.STOPPED
    assert worker.calls == ["setup", "step", "teardown"]
    assert not worker.failures


def test_stop_before_start_runs_nothing() -> None:
    worker = _Worker()
    worker.stop()
    worker.join(1.0)
    assert worker.state is StageState.STOPPED
    with pytest.raises(RuntimeError):
        worker.start()
    assert not worker.calls


@pytest.mark.parametrize("hook", ["setup", "step", "teardown"])
def test_a_failure_is_kept_and_told(hook: str) -> None:
    worker = _Worker(fails_in=hook)
    worker.start()
    if hook == "teardown":
        assert worker.stepped.wait(2.0)
        worker.stop()
    worker.join(2.0)
    assert worker.state is StageState.FAILED
    assert isinstance(worker.error, ValueError)
    assert worker.failures == [worker]
    assert worker.calls[-1] == "teardown"


def test_join_says_when_it_hangs() -> None:
    worker = _started(_Worker(hang_s=0.4))
    worker.stop()
    with pytest.raises(StageTimeoutError, match="worker"):
        worker.join(0.05)
    worker.join(2.0)
