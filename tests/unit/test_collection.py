"""The tests can be collected without the training extra, as `python3 run.py test` installs it."""

import subprocess
import sys

from tests.shared import ROOT

SCRIPT = """
import sys

import pytest

EXTRA = ("torch", "transformers", "onnx", "onnxscript", "soundfile", "matplotlib")

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in EXTRA:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider"]))
"""


def test_no_test_needs_the_training_extra_without_saying_so() -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout[-2000:]
