"""`realtalk tell`: a command for the open window, to be bound to a key of the desktop."""

import argparse

WHAT = ("show", "panic", "mute", "go_live", "record", "quit")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "tell",
        help="send a command to the open window",
        description="Send a command to the open window. Bind 'realtalk tell panic' to a key of "
        "your desktop, and it freezes the face and mutes whatever program has the keyboard.",
    )
    parser.add_argument("what", choices=WHAT, help="what the window shall do")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send it.

    Raises:
        ConfigError: The window is not open, or the window's packages are not installed.
    """
    from core.errors import ConfigError

    try:
        from ui.remote import tell
    except ImportError as error:
        raise ConfigError("The window is not installed. Install realtalk-cam[app].") from error
    if not tell(args.what):
        raise ConfigError("The window is not open. Start it with 'realtalk'.")
    return 0
