#!/usr/bin/env python3
"""One file to start everything; needs nothing but Python 3.11 or newer.

    python3 run.py             open the app
    python3 run.py gpu         the same, with what an NVIDIA GPU needs (2.5 GB, once for all)
    python3 run.py demo        make a portrait speak: writes demo.mp4
    python3 run.py test        run every check of the project
    python3 run.py COMMAND …   any other command of `realtalk` (try: run.py --help)

The first start makes a virtual environment in .venv and installs what the command needs.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
MINIMUM = (3, 11)
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# Debian and Ubuntu packages beyond the Python wheels, by what needs them.
SYSTEM_LIVE = ["libportaudio2", "libasound2-plugins"]
SYSTEM_APP = ["libegl1", "libgl1", "libxkbcommon0", "libdbus-1-3", "libfontconfig1", "libglib2.0-0"]
SYSTEM_TEST = [
    *SYSTEM_LIVE,
    *SYSTEM_APP,
    "dbus",
    "espeak-ng",
    "ffmpeg",
    "flite",
    "fonts-dejavu-core",
    "fonts-noto-cjk",
    "gstreamer1.0-pipewire",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-tools",
    "libpipewire-0.3-0",
    "pipewire",
    "pulseaudio",
    "pulseaudio-utils",
    "wireplumber",
    "xdg-desktop-portal",
    "xdotool",
    "xvfb",
]
APP, SYSTEM_ALL = ["app", "live"], [*SYSTEM_LIVE, *SYSTEM_APP]
EXTRAS = {"demo": [], "test": [*APP, "dev"], "app": APP, "gpu": [*APP, "gpu"], "live": ["live"]}
SYSTEM = {"test": SYSTEM_TEST, "app": SYSTEM_ALL, "gpu": SYSTEM_ALL, "live": SYSTEM_LIVE}
GPU_MARK = VENV / "installed" / "gpu.txt"
"""Tells that .venv is one for a GPU and shall stay one."""


def main(arguments: list[str]) -> int:
    if sys.version_info < MINIMUM:
        return fail(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    command = arguments[0] if arguments else "app"
    if command in ("-h", "--help") and arguments == [command]:
        print(__doc__)
    with_training = command == "test" and "--train" in arguments
    extras = [*EXTRAS.get(command, []), *(["train"] if with_training else [])]
    if GPU_MARK.is_file() and "gpu" not in extras:
        extras.append("gpu")
    try:
        install_system(SYSTEM.get(command, []))
        make_environment(extras)
    except SetupError as error:
        return fail(str(error))
    if command == "test":
        return run_tests([a for a in arguments[1:] if a != "--train"])
    if command == "gpu":
        GPU_MARK.touch()
        arguments = arguments[1:]
    return subprocess.call([str(PYTHON), "-m", "app.cli", *arguments], env=environment())


class SetupError(Exception):
    """The machine lacks something; the message says what to do."""


def fail(message: str) -> int:
    print(f"run.py: {message}", file=sys.stderr)
    return 2


def say(message: str) -> None:
    print(f"[set-up] {message}", flush=True)


def environment() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


# ---- system packages ------------------------------------------------------------------------


def install_system(packages: list[str]) -> None:
    """Install Debian packages that are missing, or say which and how."""
    if not shutil.which("dpkg-query"):
        return
    missing = [package for package in packages if not installed(package)]
    if not missing:
        return
    if os.name != "posix" or os.geteuid() != 0:
        say(f"missing system packages; please run: sudo apt-get install {' '.join(missing)}")
        return
    say(f"installing system packages: {' '.join(missing)}")
    apt(missing)


def installed(package: str) -> bool:
    query = ["dpkg-query", "-W", "-f", "${Status}", package]
    result = subprocess.run(query, capture_output=True, text=True, check=False)
    return "install ok installed" in result.stdout


def apt(packages: list[str]) -> None:
    options = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    for step in (["apt-get", "update", "-qq"], install):
        result = subprocess.run(step, env=options, capture_output=True, text=True, check=False)
        if result.returncode:
            raise SetupError(f"'{' '.join(step)}' failed:\n{result.stderr.strip()[-800:]}")


# ---- the virtual environment ----------------------------------------------------------------


def make_environment(extras: list[str]) -> None:
    """Create .venv and install what `extras` of pyproject.toml need, once."""
    done = VENV / "installed" / (stamp(extras) + ".txt")
    if done.is_file() and PYTHON.is_file():
        return
    started = time.monotonic()
    if not PYTHON.is_file():
        create_venv()
    wanted = requirements(extras)
    say(f"installing {len(wanted)} Python packages into {VENV.relative_to(ROOT)} …")
    pip = [str(PYTHON), "-m", "pip", "-qq", "--disable-pip-version-check"]
    if "gpu" in extras:
        subprocess.call([*pip, "uninstall", "-y", "onnxruntime"])
    if subprocess.call([*pip, "install", *wanted]):
        raise SetupError("pip could not install the packages above. Is the network up? Try again.")
    say("compiling inner loops, once (about 20 s) …")
    if subprocess.call([str(PYTHON), "-m", "app.compile_loops"], cwd=ROOT, env=environment()):
        say("that did not work; the first picture will take longer")
    done.parent.mkdir(exist_ok=True)
    done.write_text("\n".join(wanted), encoding="utf-8")
    say(f"ready after {time.monotonic() - started:.0f} s")


def create_venv() -> None:
    say(f"creating {VENV.relative_to(ROOT)} with Python {sys.version.split()[0]}")
    result = venv_command()
    if result.returncode and shutil.which("apt-get"):
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        if os.geteuid() != 0:
            shutil.rmtree(VENV, ignore_errors=True)
            raise SetupError(
                f"Python's venv module is missing; please run: sudo apt-get install {version}-venv"
            )
        say(f"installing {version}-venv")
        apt([f"{version}-venv"])
        result = venv_command()
    if result.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetupError(f"could not create {VENV}:\n{(result.stderr or result.stdout).strip()}")


def venv_command() -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def requirements(extras: list[str]) -> list[str]:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    if "gpu" in extras:  # Both packages hold the same files: the later one would hide the other.
        wanted = [one for one in wanted if not one.startswith("onnxruntime>")]
    return list(dict.fromkeys(wanted))


def stamp(extras: list[str]) -> str:
    text = "\n".join([sys.version, *requirements(extras)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# ---- checks ---------------------------------------------------------------------------------


def run_tests(arguments: list[str]) -> int:
    """Lint, format, types, import contracts and tests; all run, all must pass."""
    checks = [
        ("lint", ["ruff", "check", "."]),
        ("format", ["ruff", "format", "--check", "."]),
        ("types", ["mypy"]),
        ("imports", ["lint-imports"]),
        ("tests", ["pytest", *arguments]),
    ]
    failed = []
    for name, command in checks:
        print(f"\n== {name}", flush=True)
        if subprocess.call(tool(command), cwd=ROOT, env=test_environment()):
            failed.append(name)
    print(f"\n{'FAILED: ' + ', '.join(failed) if failed else 'all checks passed'}")
    return 1 if failed else 0


def tool(command: list[str]) -> list[str]:
    """The command line of a tool that pip put beside the environment's Python."""
    return [str(PYTHON.with_name(command[0])), *command[1:]]


def test_environment() -> dict[str, str]:
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return {**environment(), **one_thread, "QT_QPA_PLATFORM": "offscreen"}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
