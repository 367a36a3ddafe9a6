"""How much of the time each stage of a chain of iterators takes."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import ParamSpec, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class StageTimes:
    """Adds up the seconds spent inside each stage, stages inside stages counted once."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: list[str] = []
        self._since = time.perf_counter()

    def iterate(self, stage: str, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on; the time it takes to produce them belongs to `stage`."""
        iterator = iter(items)
        while True:
            self._enter(stage)
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self._leave()
            yield item

    def call(
        self,
        stage: str,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """Call a function; its time belongs to `stage`."""
        self._enter(stage)
        try:
            return function(*args, **kwargs)
        finally:
            self._leave()

    def shares(self) -> dict[str, float]:
        """Each stage's part of the whole, adding up to 1."""
        total = sum(self.seconds.values()) or 1.0
        return {stage: seconds / total for stage, seconds in self.seconds.items()}

    def _enter(self, stage: str) -> None:
        self._settle()
        self._running.append(stage)

    def _leave(self) -> None:
        self._settle()
        self._running.pop()

    def _settle(self) -> None:
        now = time.perf_counter()
        if self._running:
            stage = self._running[-1]
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now
