"""The settings dialog, made from the declarations in `ui.settings` and `ui.actions`."""

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QKeySequenceEdit,
    QScrollArea,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ui.actions import COMMANDS, conflicts
from ui.context import Context
from ui.global_keys.global_key import GlobalKey
from ui.settings import SETTINGS, Setting
from ui.widgets.basics import Card, button, label, line
from ui.widgets.device_chooser import StateLine
from ui.widgets.segments import Segments
from ui.widgets.switch import Switch

PORTABLE = QKeySequence.SequenceFormat.PortableText


class SettingsDialog(QDialog):
    """Every declared setting, and every key; changes count at once.

    Signals:
        keys_changed: Key sequences were changed.
    """

    keys_changed = Signal()

    def __init__(self, context: Context, global_key: GlobalKey, parent: QWidget) -> None:
        super().__init__(parent)
        self._context = context
        self._global_key = global_key
        self._texts = context.texts
        self._show: dict[str, Callable[[], None]] = {}
        self.key_edits: dict[str, QKeySequenceEdit] = {}
        self.editors: dict[str, QWidget] = {}
        self.setWindowTitle(self._texts("settings.title"))
        self.resize(620, 560)
        self.setMinimumSize(520, 420)
        groups = list(dict.fromkeys(setting.group for setting in SETTINGS if setting.group))
        choices = {group: self._texts(f"settings.group.{group}") for group in groups}
        choices["keys"] = self._texts("settings.group.keys")
        self.tabs = Segments(self._texts("settings.title"), choices)
        pages = QStackedWidget()
        for group in groups:
            pages.addWidget(_scroll(self._group_page(group)))
        pages.addWidget(_scroll(self._keys_page()))
        self.tabs.chosen.connect(lambda key: pages.setCurrentIndex(list(choices).index(key)))
        reset = button(self._texts("settings.reset"), "flat")
        reset.clicked.connect(self.reset)
        close = button(self._texts("common.close"), "primary")
        close.clicked.connect(self.accept)
        close.setDefault(True)
        footer = QHBoxLayout()
        footer.addWidget(reset)
        footer.addStretch(1)
        footer.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 18, 18, 16)
        layout.setSpacing(14)
        layout.addWidget(self.tabs)
        layout.addWidget(pages, 1)
        layout.addLayout(footer)
        close.setFocus()
        context.settings.changed.connect(self._changed)
        global_key.changed.connect(self._show_global_key)

    def reset(self) -> None:
        """Back to the defaults, keys included."""
        self._context.settings.reset()
        self._context.settings.set_shortcuts({})
        for command in COMMANDS:
            edit = self.key_edits[command.name]
            with QSignalBlocker(edit):
                edit.setKeySequence(QKeySequence(command.keys, PORTABLE))
        self._check_keys()
        self.keys_changed.emit()

    def _group_page(self, group: str) -> QWidget:
        card = Card()
        first = True
        for setting in SETTINGS:
            if setting.group != group:
                continue
            if not first:
                card.body.addWidget(line())
            first = False
            card.body.addWidget(self._row(setting))
        return _page(card)

    def _row(self, setting: Setting) -> QWidget:
        name = self._texts(f"setting.{setting.key}")
        about = self._texts(f"setting.{setting.key}.about")
        editor = self._editor(setting)
        editor.setAccessibleName(name)
        editor.setAccessibleDescription(about)
        self.editors[setting.key] = editor
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(name))
        words.addWidget(label(about, "small", wrap=True))
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(16)
        layout.addLayout(words, 1)
        layout.addWidget(editor, 0, Qt.AlignmentFlag.AlignVCenter)
        return row

    def _editor(self, setting: Setting) -> QWidget:
        if isinstance(setting.default, bool):
            return self._switch(setting)
        if isinstance(setting.default, int):
            return self._number(setting)
        return self._choice(setting)

    def _switch(self, setting: Setting) -> QWidget:
        settings = self._context.settings
        switch = Switch(self._context.theme, "")
        switch.setChecked(settings.get(setting.key))
        switch.toggled.connect(lambda on: settings.set(setting.key, on))
        self._show[setting.key] = lambda: switch.setChecked(settings.get(setting.key))
        return switch

    def _number(self, setting: Setting) -> QWidget:
        settings = self._context.settings
        spin = QSpinBox()
        spin.setRange(int(setting.minimum), int(setting.maximum))
        spin.setSuffix(f" {self._texts(setting.unit)}" if setting.unit else "")
        spin.setMinimumWidth(130)
        spin.setValue(settings.get(setting.key))
        spin.valueChanged.connect(lambda value: settings.set(setting.key, value))
        self._show[setting.key] = lambda: spin.setValue(settings.get(setting.key))
        return spin

    def _choice(self, setting: Setting) -> QWidget:
        settings = self._context.settings
        combo = QComboBox()
        for choice in setting.choices:
            combo.addItem(self._texts(f"setting.{setting.key}.{choice}"), choice)

        def show() -> None:
            combo.setCurrentIndex(combo.findData(settings.get(setting.key)))

        combo.setMinimumWidth(170)
        show()
        combo.activated.connect(lambda index: settings.set(setting.key, combo.itemData(index)))
        self._show[setting.key] = show
        return combo

    def _keys_page(self) -> QWidget:
        card = Card()
        self.key_problem = StateLine(self._context)
        self.global_key_state = StateLine(self._context)
        card.body.addWidget(label(self._texts("settings.keys.about"), "small", wrap=True))
        card.body.addWidget(self.key_problem)
        changed = self._context.settings.shortcuts()
        group = ""
        for command in COMMANDS:
            if command.group != group:
                group = command.group
                card.body.addSpacing(6)
                card.body.addWidget(label(self._texts(f"commands.{group}"), "heading"))
            edit = QKeySequenceEdit()
            edit.setMaximumSequenceLength(1)
            edit.setClearButtonEnabled(True)
            edit.setFixedWidth(190)
            edit.setKeySequence(QKeySequence(changed.get(command.name, command.keys), PORTABLE))
            edit.setAccessibleName(self._texts(f"command.{command.name}"))
            edit.keySequenceChanged.connect(self._keys_edited)
            self.key_edits[command.name] = edit
            row = QHBoxLayout()
            row.addWidget(label(self._texts(f"command.{command.name}")), 1)
            row.addWidget(edit)
            card.body.addLayout(row)
            if command.everywhere:
                card.body.addWidget(self.global_key_state)
        self._check_keys()
        self._show_global_key()
        return _page(card)

    def _keys_edited(self) -> None:
        if self._check_keys():
            defaults = {command.name: command.keys for command in COMMANDS}
            changed = {n: keys for n, keys in self._keys().items() if keys != defaults[n]}
            self._context.settings.set_shortcuts(changed)
            self.keys_changed.emit()

    def _keys(self) -> dict[str, str]:
        return {n: edit.keySequence().toString(PORTABLE) for n, edit in self.key_edits.items()}

    def _check_keys(self) -> bool:
        twice = conflicts(self._keys())
        self.key_problem.setVisible(bool(twice))
        if twice:
            keys, names = next(iter(twice.items()))
            words = ", ".join(self._texts(f"command.{name}") for name in names)
            self.key_problem.show_state(
                "error", self._texts("settings.keys.twice", keys=keys, commands=words)
            )
        return not twice

    def _show_global_key(self) -> None:
        status = self._global_key.status
        words = status.words(self._texts)
        self.global_key_state.setVisible(bool(words))
        self.global_key_state.show_state(status.look, words)

    def _changed(self, key: str) -> None:
        if key in self._show:
            self._show[key]()


def _page(card: Card) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 6, 0)
    layout.addWidget(card)
    layout.addStretch(1)
    return page


def _scroll(page: QWidget) -> QScrollArea:
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(page)
    return scroll
