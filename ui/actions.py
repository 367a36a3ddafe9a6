"""Everything a key can do: declared once, used by menus, tool tips, help sheet and settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from ui.texts import Texts


@dataclass(frozen=True)
class Command:
    """One command; its words are the text `command.NAME`.

    Attributes:
        name: Stable name, also in the settings.
        group: Heading in the help sheet, the text `commands.GROUP`.
        keys: Default key sequence in Qt's portable form.
        held: Acts while the key is down rather than once; the window handles it itself.
        everywhere: The key works in every program (`ui.global_keys`), not in the window alone.
    """

    name: str
    group: str
    keys: str
    held: bool = False
    everywhere: bool = False


COMMANDS: tuple[Command, ...] = (
    Command("go_live", "session", "Ctrl+L"),
    Command("panic", "session", "F8"),
    # Linux changes consoles with Ctrl+Alt+F8, and AltGr on Windows is Ctrl+Alt
    Command("panic_everywhere", "session", "Ctrl+Alt+Shift+F8", everywhere=True),
    Command("mute", "session", "Ctrl+M"),
    Command("talk", "session", "F2", held=True),
    Command("record", "session", "Ctrl+R"),
    Command("preview", "session", "Ctrl+P"),
    Command("refresh", "session", "F5"),
    Command("calibrate", "session", "Ctrl+Shift+K"),
    Command("page_live", "pages", "Ctrl+1"),
    Command("page_avatars", "pages", "Ctrl+2"),
    Command("page_files", "pages", "Ctrl+3"),
    Command("panel_devices", "pages", "Alt+1"),
    Command("panel_motion", "pages", "Alt+2"),
    Command("panel_picture", "pages", "Alt+3"),
    Command("panel_recording", "pages", "Alt+4"),
    Command("next_avatar", "avatars", "Ctrl+Shift+Right"),
    Command("previous_avatar", "avatars", "Ctrl+Shift+Left"),
    Command("open_picture", "avatars", "Ctrl+O"),
    Command("open_audio", "files", "Ctrl+Shift+O"),
    Command("cancel_jobs", "files", "Ctrl+Shift+Backspace"),
    Command("next_preset", "presets", "Ctrl+PgDown"),
    Command("previous_preset", "presets", "Ctrl+PgUp"),
    Command("save_preset", "presets", "Ctrl+S"),
    Command("save_preset_as", "presets", "Ctrl+Shift+S"),
    Command("import_preset", "presets", "Ctrl+I"),
    Command("export_preset", "presets", "Ctrl+E"),
    Command("full_screen", "window", "F11"),
    Command("appearance", "window", "Ctrl+Shift+D"),
    Command("settings", "window", "Ctrl+,"),
    Command("first_start", "window", "Ctrl+Shift+F1"),
    Command("help", "window", "F1"),
    Command("quit", "window", "Ctrl+Q"),
)

BY_NAME: Mapping[str, Command] = {command.name: command for command in COMMANDS}


class Actions:
    """The commands as `QAction`s of one window.

    Args:
        window: Where the keys work.
        texts: Words.
        changed: Key sequences the user changed, by command name.
    """

    def __init__(self, window: QWidget, texts: Texts, changed: Mapping[str, str]) -> None:
        self._actions: dict[str, QAction] = {}
        for command in COMMANDS:
            action = QAction(texts(f"command.{command.name}"), window)
            action.setObjectName(command.name)
            if not (command.held or command.everywhere):
                window.addAction(action)
            self._actions[command.name] = action
        self.apply_keys(changed)

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def keys(self, name: str) -> QKeySequence:
        """The key sequence in force."""
        return self._actions[name].shortcut()

    def apply_keys(self, changed: Mapping[str, str]) -> None:
        """Use these key sequences instead of the defaults."""
        for command in COMMANDS:
            keys = changed.get(command.name, command.keys)
            self._actions[command.name].setShortcut(
                QKeySequence(keys, QKeySequence.SequenceFormat.PortableText)
            )

    def tip(self, name: str) -> str:
        """Words with the key, for tool tips."""
        words, keys = self._actions[name].text(), self.shown_keys(name)
        return f"{words} ({keys})" if keys else words

    def shown_keys(self, name: str) -> str:
        """The key sequence in force as people write it here."""
        return self.keys(name).toString(QKeySequence.SequenceFormat.NativeText)


def conflicts(keys_by_name: Mapping[str, str]) -> dict[str, list[str]]:
    """Key sequences that more than one command uses, with the commands' names."""
    users: dict[str, list[str]] = {}
    for name, keys in keys_by_name.items():
        if keys:
            users.setdefault(keys, []).append(name)
    return {keys: names for keys, names in users.items() if len(names) > 1}
