"""The tests can be collected without the training extra, as `python3 run.py test` installs it."""

import subprocess
import sys

from tests.shared import ROOT

SCRIPT = """
import sys

import pytest

for name in ("torch", "transformers", "onnx", "onnxscript", "soundfile", "matplotlib"):
    sys.modules[name] = None  # importing it fails
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider"]))
"""


def test_no_test_needs_the_training_extra_without_saying_so() -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout[-2000:]
