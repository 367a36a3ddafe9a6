"""A stage of the pipeline: one thread with a life cycle that can be asked, stopped and joined."""

import logging
import threading
from collections.abc import Callable
from enum import Enum

from core.errors import RealTalkError

logger = logging.getLogger(__name__)


class StageState(Enum):
    """Where a stage is in its life."""

    CREATED = "created"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class StageTimeoutError(RealTalkError):
    """A stage did not finish in the time allowed."""


class Stage:
    """A worker thread that loads in `setup`, works in `step` and cleans up in `teardown`.

    Subclasses override the three hooks and `wake`. All hooks run on the stage's own thread;
    `teardown` runs whenever `setup` was entered, so it must cope with a half-done `setup`. An
    exception at the thread's edge is logged with its traceback, kept in `error`, and reported
    through `on_failure`.

    Args:
        name: Name of the thread and of the stage in messages.
        on_failure: Called on the stage's thread, after `teardown`, with this stage.
    """

    def __init__(self, name: str, on_failure: "Callable[[Stage], None] | None" = None) -> None:
        self.name = name
        self.error: BaseException | None = None
        self._on_failure = on_failure
        self._state = StageState.CREATED
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def state(self) -> StageState:
        """Where the stage is in its life."""
        return self._state

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for; long steps look at this."""
        return self._stop.is_set()

    def setup(self) -> None:
        """Load and warm up."""

    def step(self) -> None:
        """Do one bounded piece of work; must return within about 100 ms or when woken."""
        raise NotImplementedError

    def teardown(self) -> None:
        """Release what `setup` took."""

    def wake(self) -> None:
        """Make a waiting `step` return: close the buffers it waits on. Called by `stop`."""

    def pause(self, seconds: float) -> bool:
        """Sleep on the stage's thread; returns early, with True, when asked to stop."""
        return self._stop.wait(seconds)

    def start(self) -> None:
        """Start the thread and return at once.

        Raises:
            RuntimeError: The stage was started before.
        """
        with self._lock:
            if self._state is not StageState.CREATED:
                raise RuntimeError(f"stage {self.name} was started before")
            self._state = StageState.STARTING
            self._thread.start()

    def stop(self) -> None:
        """Ask the stage to stop and return at once. Safe at any time, any number of times."""
        with self._lock:
            if self._state is StageState.CREATED:
                self._state = StageState.STOPPED
            elif self._state in (StageState.STARTING, StageState.RUNNING):
                self._state = StageState.STOPPING
            self._stop.set()
        self.wake()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end.

        Raises:
            StageTimeoutError: It still runs after `timeout_s`.
        """
        if self._thread.ident is None:
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise StageTimeoutError(f"{self.name} did not stop within {timeout_s:g} s")

    def _run(self) -> None:
        try:
            try:
                self.setup()
                self._enter_running()
                while not self._stop.is_set():
                    self.step()
            finally:
                self.teardown()
        except Exception as error:
            logger.exception("stage %s failed", self.name)
            self.error = error
            self._state = StageState.FAILED
            if self._on_failure is not None:
                self._on_failure(self)
        else:
            self._state = StageState.STOPPED

    def _enter_running(self) -> None:
        with self._lock:
            if not self._stop.is_set():
                self._state = StageState.RUNNING
