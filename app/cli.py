"""The command line: `realtalk COMMAND …`; without a command the window opens."""

import argparse
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Sequence

import app.commands
from app.interrupt import Interrupt
from core.errors import RealTalkError

VERSION = "0.1.0"
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 2 bad input, 130 interrupted)."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    args = build_parser().parse_args(arguments)
    try:
        with Interrupt() as args.interrupt:
            return int(args.run(args))
    except RealTalkError as error:
        return _report(args, str(error))
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return EXIT_INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each command module adds its own part."""
    parser = argparse.ArgumentParser(
        prog="realtalk", description="A talking avatar from one portrait and a voice."
    )
    parser.add_argument("--version", action="version", version=f"realtalk {VERSION}")
    parser.set_defaults(run=_open_window, json=False, quiet=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in pkgutil.iter_modules(app.commands.__path__):
        importlib.import_module(f"app.commands.{module.name}").add_parser(commands)
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="print the result as JSON")
        command.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    return parser


def _open_window(args: argparse.Namespace) -> int:
    gui = importlib.import_module("app.gui")
    return int(gui.main())


def _report(args: argparse.Namespace, message: str) -> int:
    if args.json:
        print(json.dumps({"error": message}))
    print(f"realtalk: {message}", file=sys.stderr)
    return EXIT_USER_ERROR


if __name__ == "__main__":
    raise SystemExit(main())
