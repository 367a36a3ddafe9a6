"""Environment variables that are set for a while."""

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping

_CHANGING = threading.Lock()
"""Held while variables change or are copied: a copy taken meanwhile would fail."""


@contextlib.contextmanager
def changed(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process; afterwards they are what they were before.

    Threads: any; two must not change one variable at a time.
    """
    with _CHANGING:
        saved = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
    try:
        yield
    finally:
        with _CHANGING:
            for name, value in saved.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def copied(**changes: str) -> dict[str, str]:
    """The variables of this process with changes, for a program to be started."""
    with _CHANGING:
        return {**os.environ, **changes}
