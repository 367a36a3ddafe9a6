"""Where the program keeps what belongs to the user."""

import time
from pathlib import Path

import platformdirs

from core.presets import Preset

_DIRS = platformdirs.PlatformDirs("RealTalk Cam", appauthor=False)


def avatars() -> Path:
    """The avatar library."""
    return Path(_DIRS.user_data_dir) / "avatars"


def presets() -> Path:
    """The user's presets."""
    return Path(_DIRS.user_config_dir) / "presets"


def window_settings() -> Path:
    """What the window remembers."""
    return Path(_DIRS.user_config_dir) / "window.json"


def cache() -> Path:
    """What can be made again."""
    return Path(_DIRS.user_cache_dir)


def log_file() -> Path:
    """The log of the last runs."""
    return Path(_DIRS.user_log_dir) / "realtalk.log"


def new_recording(preset: Preset) -> Path:
    """A file name by time for a recording, in the preset's folder or the videos folder."""
    settings = preset.recording
    folder = Path(settings.folder) if settings.folder else Path(_DIRS.user_videos_dir) / "RealTalk"
    return folder / time.strftime(f"RealTalk %Y-%m-%d %H.%M.%S.{settings.format}")
