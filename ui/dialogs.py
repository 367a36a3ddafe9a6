"""Questions to the user that never hold up the window: each calls back when answered."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QFileDialog, QInputDialog, QMessageBox, QWidget

from ui.texts import Texts


def ask_open_file(
    parent: QWidget, title: str, kinds: str, suffixes: tuple[str, ...], done: Callable[[Path], None]
) -> QFileDialog:
    """Choose an existing file; `kinds` are the words for files with these suffixes."""
    dialog = QFileDialog(parent, title, "", _pattern(kinds, suffixes))
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.fileSelected.connect(lambda path: done(Path(path)))
    return _show(dialog)


def ask_open_files(
    parent: QWidget,
    title: str,
    kinds: str,
    suffixes: tuple[str, ...],
    done: Callable[[list[Path]], None],
) -> QFileDialog:
    """Choose existing files."""
    dialog = QFileDialog(parent, title, "", _pattern(kinds, suffixes))
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    dialog.filesSelected.connect(lambda paths: done([Path(path) for path in paths]))
    return _show(dialog)


def ask_save_file(
    parent: QWidget, title: str, kinds: str, proposal: Path, done: Callable[[Path], None]
) -> QFileDialog:
    """Choose where to write a file with the proposal's suffix."""
    dialog = QFileDialog(parent, title, str(proposal.parent), _pattern(kinds, (proposal.suffix,)))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(proposal.suffix.removeprefix("."))
    dialog.selectFile(proposal.name)
    dialog.fileSelected.connect(lambda path: done(Path(path)))
    return _show(dialog)


def ask_folder(
    parent: QWidget, title: str, start: Path, done: Callable[[Path], None]
) -> QFileDialog:
    """Choose a folder."""
    dialog = QFileDialog(parent, title, str(start))
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.fileSelected.connect(lambda path: done(Path(path)))
    return _show(dialog)


def ask_colour(
    parent: QWidget, title: str, start: QColor, done: Callable[[QColor], None]
) -> QColorDialog:
    """Choose a colour."""
    dialog = QColorDialog(start, parent)
    dialog.setWindowTitle(title)
    dialog.colorSelected.connect(done)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog


def ask_text(
    parent: QWidget, texts: Texts, title: str, words: str, start: str, done: Callable[[str], None]
) -> QInputDialog:
    """Type a line of text; blanks around it are dropped and an empty line counts as cancel."""

    def answer(text: str) -> None:
        if text.strip():
            done(text.strip())

    dialog = QInputDialog(parent)
    dialog.setWindowTitle(title)
    dialog.setLabelText(words)
    dialog.setTextValue(start)
    dialog.setOkButtonText(texts("common.ok"))
    dialog.setCancelButtonText(texts("common.cancel"))
    dialog.setMinimumWidth(360)
    dialog.textValueSelected.connect(answer)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog


def ask_yes(
    parent: QWidget, texts: Texts, title: str, words: str, yes: str, done: Callable[[], None]
) -> QMessageBox:
    """Confirm something; `yes` are the words of the button that does it."""
    dialog = QMessageBox(parent)
    dialog.setWindowTitle(title)
    dialog.setText(words)
    agree = dialog.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    refuse = dialog.addButton(texts("common.cancel"), QMessageBox.ButtonRole.RejectRole)
    dialog.setDefaultButton(refuse)
    dialog.setEscapeButton(refuse)
    agree.clicked.connect(done)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog


def _pattern(kinds: str, suffixes: tuple[str, ...]) -> str:
    return f"{kinds} ({' '.join(f'*{suffix}' for suffix in suffixes)})"


def _show(dialog: QFileDialog) -> QFileDialog:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog
