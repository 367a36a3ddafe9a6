"""Where the program keeps what belongs to the user."""

from pathlib import Path

import platformdirs

_DIRS = platformdirs.PlatformDirs("RealTalk Cam", appauthor=False)


def avatars() -> Path:
    """The avatar library."""
    return Path(_DIRS.user_data_dir) / "avatars"


def presets() -> Path:
    """The user's presets."""
    return Path(_DIRS.user_config_dir) / "presets"


def cache() -> Path:
    """What can be made again."""
    return Path(_DIRS.user_cache_dir)


def log_file() -> Path:
    """The log of the last runs."""
    return Path(_DIRS.user_log_dir) / "realtalk.log"
