"""Work beside the window: results and errors come back on the window's own thread."""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import shiboken6
from PySide6.QtCore import QObject, Signal

from core.errors import RealTalkError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Failed = Callable[[str], None]


class Tasks(QObject):
    """Runs short file work on one thread and hands over the results of futures.

    Callbacks run on the thread that made this object, and only while their owner lives.

    Args:
        describe: Words for an error.
    """

    _delivered = Signal(object)

    def __init__(self, describe: Callable[[BaseException], str]) -> None:
        super().__init__()
        self._describe = describe
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._delivered.connect(self._call)
        self._thread = threading.Thread(target=self._work, name="window files", daemon=True)
        self._thread.start()

    def run(
        self,
        owner: QObject,
        work: Callable[[], Result],
        done: Callable[[Result], None],
        failed: Failed,
    ) -> None:
        """Do `work` on the file thread, then call `done(result)` or `failed(words)` here."""
        future: Future[Result] = Future()
        self._queue.put(lambda: _fulfil(future, work))
        self.watch(owner, future, done, failed)

    def watch(
        self,
        owner: QObject,
        future: "Future[Result]",
        done: Callable[[Result], None],
        failed: Failed,
    ) -> None:
        """Call `done(result)` or `failed(words)` here when the future resolves."""

        def deliver(finished: "Future[Result]") -> None:
            if not finished.cancelled():
                self._deliver(lambda: self._report(owner, finished, done, failed))

        future.add_done_callback(deliver)

    def close(self) -> None:
        """Stop; results still on their way are dropped. Returns at once, safe to call twice."""
        with self._lock:
            self._closed = True
        self._queue.put(None)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            job()

    def _deliver(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if not self._closed:
                self._delivered.emit(callback)

    def _report(
        self,
        owner: QObject,
        future: "Future[Result]",
        done: Callable[[Result], None],
        failed: Failed,
    ) -> None:
        if not shiboken6.isValid(owner):
            return
        error = future.exception()
        if error is None:
            done(future.result())
        else:
            if not isinstance(error, RealTalkError):
                logger.error("a background task failed", exc_info=error)
            failed(self._describe(error))

    def _call(self, callback: Callable[[], None]) -> None:
        if not self._closed:
            callback()


def _fulfil(future: "Future[Any]", work: Callable[[], Any]) -> None:
    try:
        future.set_result(work())
    except Exception as error:
        future.set_exception(error)
