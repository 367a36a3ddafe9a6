"""The help sheet: every key and what it does."""

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from ui.actions import COMMANDS, Actions
from ui.texts import Texts
from ui.widgets.basics import Card, button, label


class HelpSheet(QDialog):
    """All commands by group with the keys in force.

    Args:
        texts: Words.
        actions: Commands and keys.
        notes: Sentences shown under commands, by name; empty ones are not shown.
        parent: The window.
    """

    def __init__(
        self, texts: Texts, actions: Actions, notes: Mapping[str, str], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(texts("help.title"))
        self.resize(760, 560)
        self.setMinimumSize(560, 400)
        columns = QHBoxLayout()
        columns.setSpacing(12)
        sides = (QVBoxLayout(), QVBoxLayout())
        for side in sides:
            side.setSpacing(12)
            columns.addLayout(side, 1)
        groups = list(dict.fromkeys(command.group for command in COMMANDS))
        counts = [0, 0]
        for group in groups:
            commands = [command for command in COMMANDS if command.group == group]
            shorter = counts.index(min(counts))
            counts[shorter] += len(commands) + 2
            sides[shorter].addWidget(_group(texts, actions, notes, group))
        for side in sides:
            side.addStretch(1)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 6, 0)
        layout.addWidget(label(texts("help.about"), "muted", wrap=True))
        layout.addLayout(columns)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(page)
        close = button(texts("common.close"), "primary")
        close.clicked.connect(self.accept)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(18, 18, 18, 16)
        outer.setSpacing(12)
        outer.addWidget(scroll, 1)
        outer.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)


def _group(texts: Texts, actions: Actions, notes: Mapping[str, str], group: str) -> Card:
    card = Card(texts(f"commands.{group}"))
    grid = QGridLayout()
    grid.setColumnStretch(0, 1)
    grid.setVerticalSpacing(8)
    commands = [command for command in COMMANDS if command.group == group]
    for command in commands:
        row = grid.rowCount()
        words = texts(f"command.{command.name}")
        if command.held:
            words = texts("help.held", command=words)
        grid.addWidget(label(words, wrap=True), row, 0)
        keys = actions.shown_keys(command.name)
        if keys:
            cap = label(keys, "keycap")
            grid.addWidget(cap, row, 1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if note := notes.get(command.name):
            grid.addWidget(label(note, "small", wrap=True), row + 1, 0, 1, 2)
    card.body.addLayout(grid)
    return card
