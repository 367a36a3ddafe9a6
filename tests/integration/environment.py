"""Environment variables that point to servers of our own, for a while."""

import os
from collections.abc import Mapping


def point_to(variables: Mapping[str, str]) -> dict[str, str | None]:
    """Set these variables; returns what `restore` needs."""
    saved = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    return saved


def restore(saved: Mapping[str, str | None]) -> None:
    """Put back what was there before."""
    for name, value in saved.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
