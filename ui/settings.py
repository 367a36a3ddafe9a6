"""The window's settings: each declared once with type, default, choices and text key."""

import json
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.errors import ConfigError
from ui.texts import LANGUAGES

logger = logging.getLogger(__name__)

Value = bool | int | float | str


@dataclass(frozen=True)
class Setting:
    """One declared setting; its words are the texts `setting.KEY` and `setting.KEY.about`.

    Attributes:
        key: Name in the file.
        default: Default; its type is the setting's type.
        group: Page of the settings dialog; empty for values the window keeps for itself.
        choices: Allowed values of a text setting (texts `setting.KEY.CHOICE`); empty for any.
        minimum, maximum: Bounds of a number.
        unit: Text key of the unit shown behind a number.
    """

    key: str
    default: Value
    group: str = ""
    choices: tuple[str, ...] = ()
    minimum: float = 0.0
    maximum: float = 0.0
    unit: str = ""

    def check(self, value: object) -> Value:
        """The value in the setting's type.

        Raises:
            ConfigError: Wrong type, not a choice, or out of bounds.
        """
        kind = type(self.default)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise ConfigError(f"The setting '{self.key}' must be a {kind.__name__}, not {value!r}.")
        if self.choices and value not in self.choices:
            raise ConfigError(
                f"The setting '{self.key}' is {value!r}; choose one of {', '.join(self.choices)}."
            )
        if self.maximum > self.minimum and not self.minimum <= float(value) <= self.maximum:
            raise ConfigError(
                f"The setting '{self.key}' is {value}; "
                f"it must lie between {self.minimum:g} and {self.maximum:g}."
            )
        return value


SETTINGS: tuple[Setting, ...] = (
    Setting("language", "system", "look", ("system", *LANGUAGES)),
    Setting("appearance", "system", "look", ("system", "light", "dark")),
    Setting("mirror_preview", False, "look"),
    Setting("close_to_tray", False, "behaviour"),
    Setting("preview_at_start", True, "behaviour"),
    Setting("live_at_start", False, "behaviour"),
    Setting("push_to_talk", False, "behaviour"),
    Setting("preview_rate_hz", 30, "behaviour", minimum=5, maximum=60, unit="unit.per_second"),
    Setting("first_start_done", False),
    Setting("microphone", ""),
    Setting("camera", ""),
    Setting("virtual_microphone", ""),
    Setting("output", ""),
    Setting("gain_db", 0.0, minimum=-40.0, maximum=40.0),
    Setting("sound_shift_ms", 0.0, minimum=-200.0, maximum=200.0),
    Setting("gate_enabled", True),
    Setting("gate_dbfs", -50.0, minimum=-90.0, maximum=0.0),
    Setting("avatar", ""),
    Setting("preset", ""),
    Setting("window_geometry", ""),
    Setting("shortcuts", "{}"),
)

_BY_KEY = {setting.key: setting for setting in SETTINGS}


class Settings(QObject):
    """The user's choices, kept in one JSON file; `changed(key)` tells who listens.

    Args:
        path: The file; it and its folder are made on the first write. None keeps all in memory.
    """

    changed = Signal(str)

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self._path = path
        self._values: dict[str, Value] = {}
        self._unknown: dict[str, object] = {}
        self.problems: tuple[str, ...] = ()
        if path is not None and path.exists():
            self._values, self._unknown, self.problems = _read(path)

    def get(self, key: str) -> Any:
        """The value of a declared setting."""
        return self._values.get(key, _BY_KEY[key].default)

    def set(self, key: str, value: Value) -> None:
        """Change a setting and write the file.

        Raises:
            ConfigError: The value does not fit the declaration.
        """
        checked = _BY_KEY[key].check(value)
        if checked == self.get(key):
            return
        self._values[key] = checked
        self._write()
        self.changed.emit(key)

    def shortcuts(self) -> dict[str, str]:
        """Key sequences the user changed, by action name."""
        stored = json.loads(self.get("shortcuts"))
        return {str(name): str(keys) for name, keys in stored.items()}

    def set_shortcuts(self, shortcuts: Mapping[str, str]) -> None:
        """Keep the changed key sequences."""
        self.set("shortcuts", json.dumps(dict(shortcuts), sort_keys=True))

    def reset(self) -> None:
        """Put every setting of the dialog back to its default."""
        for setting in SETTINGS:
            if setting.group:
                self.set(setting.key, setting.default)

    def _write(self) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", dir=self._path.parent, suffix=".part", delete=False, encoding="utf-8"
            ) as stream:
                json.dump(
                    self._unknown | self._values,
                    stream,
                    indent=1,
                    ensure_ascii=False,
                    sort_keys=True,
                )
            Path(stream.name).replace(self._path)
        except OSError:
            logger.exception("settings could not be written to %s", self._path)


def _read(path: Path) -> tuple[dict[str, Value], dict[str, object], tuple[str, ...]]:
    """Valid values of a settings file, values of unknown keys, and a sentence for each problem.

    Nothing is lost: unknown keys are written back, and a file that cannot be read at all is kept
    beside as `.broken`.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("no table of settings")
    except (OSError, ValueError) as error:
        kept = path.with_suffix(".broken")
        try:
            path.replace(kept)
        except OSError:
            logger.exception("broken settings could not be kept as %s", kept)
        return (
            {},
            {},
            (f"The settings file {path} is broken ({error}). It was kept as {kept.name}.",),
        )
    values: dict[str, Value] = {}
    unknown: dict[str, object] = {}
    problems = []
    for key, value in content.items():
        if key not in _BY_KEY:
            unknown[key] = value
            problems.append(f"The settings file names '{key}', which this version does not know.")
            continue
        try:
            values[key] = _BY_KEY[key].check(value)
        except ConfigError as error:
            problems.append(f"{error} The default is used.")
    return values, unknown, tuple(problems)
