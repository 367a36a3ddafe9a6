"""Choice of the preset, and what can be done with it."""

from pathlib import Path

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QToolButton, QWidget

from ui.actions import Actions
from ui.context import Context
from ui.dialogs import ask_open_file, ask_save_file, ask_text, ask_yes
from ui.preset_model import PresetModel, shown_name
from ui.widgets.basics import icon_button, label

_KINDS = (".toml",)


class PresetBar(QWidget):
    """A list of presets with a menu; the name carries a dot while there are unsaved changes."""

    def __init__(self, context: Context, presets: PresetModel, actions: Actions) -> None:
        super().__init__()
        self._context = context
        self._texts = context.texts
        self._presets = presets
        self.combo = QComboBox()
        self.combo.setAccessibleName(self._texts("preset.name"))
        self.combo.setMinimumWidth(180)
        self.combo.activated.connect(lambda row: presets.choose(self.combo.itemData(row)))
        self.menu_button = icon_button(context.theme, "more", self._texts("preset.menu"))
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self.menu_button.setMenu(self.menu)
        self._save = self.menu.addAction(self._texts("command.save_preset"), self.save)
        self.menu.addAction(self._texts("command.save_preset_as"), self.save_as)
        self._revert = self.menu.addAction(self._texts("preset.revert"), presets.revert)
        self.menu.addSeparator()
        self.menu.addAction(self._texts("command.import_preset"), self.import_preset)
        self.menu.addAction(self._texts("command.export_preset"), self.export_preset)
        self.menu.addSeparator()
        self._remove = self.menu.addAction(self._texts("preset.remove"), self.remove)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(label(self._texts("preset.name"), "muted"))
        layout.addWidget(self.combo)
        layout.addWidget(self.menu_button)
        presets.changed.connect(self._show)
        presets.names_changed.connect(self._show)
        for name, slot in (
            ("save_preset", self.save),
            ("save_preset_as", self.save_as),
            ("import_preset", self.import_preset),
            ("export_preset", self.export_preset),
            ("next_preset", lambda: presets.neighbour(1)),
            ("previous_preset", lambda: presets.neighbour(-1)),
        ):
            actions[name].triggered.connect(slot)
        self._show()

    def save(self) -> None:
        """Keep changes; a shipped preset is kept under another name."""
        if self._presets.is_shipped:
            self.save_as()
        else:
            self._presets.save()

    def save_as(self) -> None:
        """Ask for a name and keep the preset under it."""
        name = shown_name(self._context, self._presets.preset.name)
        if self._presets.is_shipped:
            name = self._texts("preset.copy", name=name)
        ask_text(
            self,
            self._texts,
            self._texts("command.save_preset_as"),
            self._texts("preset.save_as.ask"),
            name,
            self._presets.save_as,
        )

    def import_preset(self) -> None:
        """Ask for a preset file and take it in."""
        ask_open_file(
            self,
            self._texts("command.import_preset"),
            self._texts("files.presets"),
            _KINDS,
            self._presets.import_file,
        )

    def export_preset(self) -> None:
        """Ask where to write the preset in use."""
        ask_save_file(
            self,
            self._texts("command.export_preset"),
            self._texts("files.presets"),
            Path.home() / self._presets.proposal(),
            self._presets.export_file,
        )

    def remove(self) -> None:
        """Ask, then delete the preset in use."""
        words = self._texts("preset.remove.ask", name=self._presets.preset.name)
        title = self._texts("preset.remove")
        ask_yes(self, self._texts, title, words, title, self._presets.remove)

    def _show(self) -> None:
        current, modified = self._presets.preset.name, self._presets.modified
        with QSignalBlocker(self.combo):
            self.combo.clear()
            for name in self._presets.names:
                words = shown_name(self._context, name)
                if name == current and modified:
                    words = f"{words} •"
                self.combo.addItem(words, name)
            self.combo.setCurrentIndex(self.combo.findData(current))
        self._save.setEnabled(modified)
        self._revert.setEnabled(modified)
        self._remove.setEnabled(not self._presets.is_shipped)
        self.combo.setToolTip(self._texts("preset.modified") if modified else "")
