"""Memory of a training on the CPU is kept from step to step."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource
import sys

import numpy as np

from weights.training.memory import keep_memory

if sys.argv[1] == "keep" and not keep_memory():
    print("unknown")
    sys.exit()


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


for step in range(21):
    if step == 1:
        before = faults()
    blocks = [np.ones(5_000_000, np.float64) for _ in range(3)]
    del blocks
print(faults() - before)
"""


def faults(how: str) -> int:
    run = [sys.executable, "-c", SCRIPT, how]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    if said == "unknown":
        pytest.skip("this C library gives no say in it")
    return int(said)


@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults as Linux does")
def test_blocks_that_were_freed_are_used_again() -> None:
    assert faults("keep") < 0.05 * faults("plain")
