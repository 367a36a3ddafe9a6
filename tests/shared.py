"""The data packs that lie beside a checkout, for tests that compare with the outside world."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def shared(*parts: str) -> Path:
    """Path of a file of the data packs; skips the test where they are absent."""
    base = Path(os.environ.get("REALTALK_SHARED", ROOT.parent / "shared"))
    path = base.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs the data pack file {'/'.join(parts)} beside the checkout")
    return path
