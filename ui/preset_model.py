"""The preset in use: changed by sliders, chosen, saved, imported and exported."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core.errors import RealTalkError
from core.preset_files import SHIPPED, PresetStore, file_name, write_preset
from core.presets import Preset, Value
from core.session import Session
from ui.context import Context


class PresetModel(QObject):
    """Holds the preset in use and hands every change to the session.

    Signals:
        changed: Values or name changed.
        names_changed: The list of presets changed.
        avatar_wanted: File name of the avatar that a chosen preset asks for.
        failed: Words for what could not be done. said: Words for what was done or left out.
    """

    changed = Signal()
    names_changed = Signal()
    avatar_wanted = Signal(str)
    failed = Signal(str)
    said = Signal(str)

    def __init__(self, context: Context, session: Session, store: PresetStore) -> None:
        super().__init__()
        self._context = context
        self._session = session
        self._store = store
        self._kept: Preset = SHIPPED[0]
        self.preset: Preset = SHIPPED[0]
        self.names: tuple[str, ...] = tuple(preset.name for preset in SHIPPED)

    @property
    def modified(self) -> bool:
        """Whether the preset differs from what is kept under its name."""
        return self.preset != self._kept

    @property
    def is_shipped(self) -> bool:
        """Whether the preset in use came with the program."""
        return self._store.is_shipped(self.preset.name)

    def start(self) -> None:
        """Read the list, and use the preset of the last time."""
        self.reload()
        name = self._context.settings.get("preset")
        if name and name != self.preset.name:
            self.choose(name, with_avatar=False)
        else:
            self._use(self.preset)

    def reload(self) -> None:
        """Read the list of presets again."""
        self._context.tasks.run(self, self._store.names, self._show_names, self.failed.emit)

    def get(self, path: str) -> Value:
        """A value such as "motion.blink"."""
        return self.preset.get(path)

    def set(self, path: str, value: Value) -> None:
        """Change one value; it counts from the next frame on."""
        try:
            changed = self.preset.changed(path, value)
        except RealTalkError as error:
            self.failed.emit(self._context.texts.describe(error))
            return
        if changed != self.preset:
            self.preset = changed
            self._session.apply_preset(changed)
            self.changed.emit()

    def set_avatar(self, name: str) -> None:
        """Remember the avatar (file name) that goes with the preset."""
        if name != self.preset.avatar:
            kept_follows = not self._kept.avatar and not self.modified
            self.preset = replace(self.preset, avatar=name)
            if kept_follows:
                self._kept = self.preset
            self.changed.emit()

    def choose(self, name: str, *, with_avatar: bool = True) -> None:
        """Use the preset of this name."""

        def done(found: tuple[Preset, tuple[str, ...]]) -> None:
            preset, problems = found
            self._use(preset)
            for problem in problems:
                self.said.emit(self._context.texts.words(problem))
            if with_avatar and preset.avatar:
                self.avatar_wanted.emit(preset.avatar)

        self._context.tasks.run(self, lambda: self._store.load(name), done, self.failed.emit)

    def neighbour(self, step: int) -> None:
        """Use the preset `step` places further in the list, around the end."""
        names = self.names
        place = names.index(self.preset.name) if self.preset.name in names else 0
        self.choose(names[(place + step) % len(names)])

    def save(self) -> None:
        """Keep the changes under the preset's own name."""
        self._save(self.preset)

    def save_as(self, name: str) -> None:
        """Keep the preset under another name and use that one."""
        self._save(replace(self.preset, name=name))

    def revert(self) -> None:
        """Forget the changes."""
        self._use(self._kept)

    def remove(self) -> None:
        """Delete the preset in use and go back to the first."""
        name = self.preset.name

        def done(_none: None) -> None:
            self._use(SHIPPED[0])
            self.reload()

        self._context.tasks.run(self, lambda: self._store.remove(name), done, self.failed.emit)

    def import_file(self, path: Path) -> None:
        """Copy a preset file into the list and use it."""

        def done(found: tuple[Preset, tuple[str, ...]]) -> None:
            preset, problems = found
            self._use(preset)
            self.reload()
            self.said.emit(self._context.texts("preset.imported", name=preset.name))
            for problem in problems:
                self.said.emit(self._context.texts.words(problem))

        self._context.tasks.run(self, lambda: self._store.import_file(path), done, self.failed.emit)

    def export_file(self, path: Path) -> None:
        """Write the preset in use to a file of the user's choice."""
        preset = self.preset
        words = self._context.texts("preset.exported", path=path)
        self._context.tasks.run(
            self,
            lambda: write_preset(preset, path),
            lambda _none: self.said.emit(words),
            self.failed.emit,
        )

    def proposal(self) -> str:
        """A file name for an export."""
        return f"{file_name(self.preset.name)}.toml"

    def _save(self, preset: Preset) -> None:
        def done(kept: Preset) -> None:
            self._use(kept)
            self.reload()
            self.said.emit(self._context.texts("preset.saved", name=kept.name))

        self._context.tasks.run(self, lambda: self._store.save(preset), done, self.failed.emit)

    def _use(self, preset: Preset) -> None:
        if not preset.avatar and self.preset.avatar:
            preset = replace(preset, avatar=self.preset.avatar)
        self._kept = self.preset = preset
        self._context.settings.set("preset", preset.name)
        self._session.apply_preset(preset)
        self.changed.emit()

    def _show_names(self, names: tuple[str, ...]) -> None:
        if names != self.names:
            self.names = names
            self.names_changed.emit()


def shown_name(context: Context, name: str) -> str:
    """The preset's name, translated for those that came with the program."""
    key = f"preset.shipped.{name.lower().replace(' ', '_')}"
    return context.texts(key) if context.texts.has(key) else name
