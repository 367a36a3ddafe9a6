import os
import signal
import subprocess
import sys

import pytest

from app.interrupt import Interrupt


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_between_items(number):
    before = signal.getsignal(number)
    done = []
    with Interrupt() as interrupt, pytest.raises(KeyboardInterrupt):
        for item in interrupt.guard(range(5)):
            done.append(item)
            if item == 2:
                os.kill(os.getpid(), number)
    assert done == [0, 1, 2]
    assert signal.getsignal(number) is before


def test_wait_ends_early():
    with Interrupt() as interrupt:
        assert not interrupt.wait(0.001)
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.wait(5)


def test_second_signal_ends_the_process():
    code = (
        "import os,signal,time\nfrom app.interrupt import Interrupt\n"
        "with Interrupt():\n"
        "    os.kill(os.getpid(), signal.SIGTERM); time.sleep(.01)\n"
        "    os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGTERM
