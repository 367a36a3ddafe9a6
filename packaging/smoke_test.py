#!/usr/bin/env python3
"""Check a built or installed program: python packaging/smoke_test.py realtalk

Runs without a screen and without touching the user's own settings. Needs only Python.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START_S = 90.0
END_S = 4.0
"""The window promises 2 s; the interpreter's own start and end come on top."""


def main(program: list[str]) -> int:
    """Run all checks; returns 0 if they pass."""
    with tempfile.TemporaryDirectory() as folder:
        environment = private_environment(Path(folder))
        check("version", "realtalk" in run([*program, "--version"], environment))
        check("help", "tell" in run([*program, "--help"], environment))
        window_opens_and_ends(program, environment)
    print("all checks passed")
    return 0


def private_environment(folder: Path) -> dict[str, str]:
    """An environment whose settings, data and logs lie in `folder`, without a screen."""
    places = ("HOME", "APPDATA", "LOCALAPPDATA", "USERPROFILE")
    places += ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
    user = f"smoke{os.getpid()}"
    return {
        **os.environ,
        **{place: str(folder) for place in places},
        "QT_QPA_PLATFORM": "offscreen",
        "LOGNAME": user,
        "USER": user,
        "USERNAME": user,
    }


def run(command: list[str], environment: dict[str, str]) -> str:
    """Output of a command that must succeed."""
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=START_S, check=False
    )
    if result.returncode:
        raise SystemExit(f"FAILED: {' '.join(command)}\n{result.stdout}{result.stderr}")
    return result.stdout


def window_opens_and_ends(program: list[str], environment: dict[str, str]) -> None:
    """Open the window, wait until it answers, ask it to quit, and take the time."""
    window = subprocess.Popen(program, env=environment)
    try:
        begun_s = time.monotonic()
        while tell(program, "show", environment):
            if window.poll() is not None or time.monotonic() - begun_s > START_S:
                raise SystemExit("FAILED: the window did not open")
            time.sleep(0.2)
        print(f"ok: the window answered after {time.monotonic() - begun_s:.1f} s")
        tell(program, "quit", environment)
        asked_s = time.monotonic()
        code = window.wait(END_S)
        check(f"the window ended after {time.monotonic() - asked_s:.1f} s", code == 0)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"FAILED: the window did not end within {END_S:g} s") from None
    finally:
        if window.poll() is None:
            window.kill()
            window.wait()


def tell(program: list[str], command: str, environment: dict[str, str]) -> int:
    """Exit code of `realtalk tell COMMAND`."""
    result = subprocess.run(
        [*program, "tell", command], env=environment, capture_output=True, check=False
    )
    return result.returncode


def check(what: str, passed: bool) -> None:
    """Say so, and stop at the first failure."""
    if not passed:
        raise SystemExit(f"FAILED: {what}")
    print(f"ok: {what}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:] or ["realtalk"]))
