"""A session bus of our own, programs on it, and ways to wait for them."""

import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from core import environment


def require(*programs):
    """Skip the test where one of these programs is not installed."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs the programs {', '.join(missing)}")


class SessionBus:
    """A session bus in a folder of our own; the environment points to it."""

    def __init__(self):
        require("dbus-daemon")
        self.folder = Path(tempfile.mkdtemp(prefix="realtalk-bus-"))
        self._processes = {}
        self._changes = ExitStack()

    def __enter__(self):
        home = {name: str(self.folder / name) for name in ("config", "state", "data", "cache")}
        self._environment = {
            "XDG_RUNTIME_DIR": str(self.folder),
            "XDG_CONFIG_HOME": home["config"],
            "XDG_STATE_HOME": home["state"],
            "XDG_DATA_HOME": home["data"],
            "XDG_CACHE_HOME": home["cache"],
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.folder}/bus",
        }
        self._changes.enter_context(environment.changed(self._environment))
        try:
            address = self._environment["DBUS_SESSION_BUS_ADDRESS"]
            self.run("bus", "dbus-daemon", "--session", "--nofork", f"--address={address}")
            wait_for((self.folder / "bus").exists, "the session bus")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in reversed(list(self._processes)):
            self.kill(name)
        self._changes.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Start what belongs to it beside the bus."""

    def run(self, name, *command):
        """Run a program until the server is left or `kill(name)`."""
        log = (self.folder / f"{name}.log").open("wb")
        self._processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, name):
        """Kill one of the programs as a crash would."""
        process = self._processes.pop(name)
        process.kill()
        process.wait(5)

    def log(self, name):
        """What a program has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")


def wait_for(condition, what, timeout_s=15.0):
    """Wait until a condition holds; fails the test when it does not."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"{what} did not come within {timeout_s} s"
        time.sleep(0.05)
