"""A message with what happened and what to do next."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from core.session import Notice, Severity
from ui.context import Context
from ui.widgets.basics import button, icon_button, label, restyle

_LOOK = {
    "error": ("warning", "danger"),
    "warning": ("warning", "warning"),
    "good": ("check", "success"),
    "info": ("info", "accent_text"),
}
KINDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"}


class Banner(QFrame):
    """One message; `closed` when the user dismisses it.

    Args:
        context: Words and icons.
        kind: "error", "warning", "good" or "info".
        text: Whole sentences.
        action: Optional words and call of a button that helps.
    """

    closed = Signal()

    def __init__(
        self,
        context: Context,
        kind: str,
        text: str,
        action: tuple[str, Callable[[], None]] | None = None,
    ) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self._context = context
        self.text = ""
        self._icon = QLabel()
        self._words = label("", wrap=True)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 6, 8)
        layout.setSpacing(10)
        layout.addWidget(self._icon)
        layout.addWidget(self._words, 1)
        if action is not None:
            helper = button(action[0])
            helper.clicked.connect(action[1])
            layout.addWidget(helper)
        dismiss = icon_button(context.theme, "close", context.texts("common.dismiss"))
        dismiss.clicked.connect(self.closed)
        layout.addWidget(dismiss)
        self.show_message(kind, text)
        context.theme.changed.connect(self._redraw)

    def show_message(self, kind: str, text: str) -> None:
        """Change what it says."""
        self.kind = kind
        self.text = text
        self.setProperty("kind", kind)
        self.setAccessibleName(text)
        self._words.setText(text)
        restyle(self)
        self._redraw()

    def _redraw(self) -> None:
        icon, colour = _LOOK[self.kind]
        self._icon.setPixmap(self._context.theme.pixmap(icon, colour, 20))


class BannerStack(QWidget):
    """The newest messages above a page; follows the session's notices.

    A notice the user dismissed stays away until it is over and comes back.
    """

    MAX_SHOWN = 3

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._banners: dict[str, Banner] = {}
        self._dismissed: set[str] = set()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        self.hide()

    @property
    def messages(self) -> list[str]:
        """What is shown now, oldest first."""
        return [banner.text for banner in self._banners.values()]

    def say(
        self, kind: str, text: str, action: tuple[str, Callable[[], None]] | None = None
    ) -> None:
        """Show a message of the window's own until it is dismissed."""
        self._add(f"own:{text}", kind, text, action)

    def follow(
        self,
        notices: tuple[Notice, ...],
        action: Callable[[Notice], tuple[str, Callable[[], None]] | None],
    ) -> None:
        """Show these notices of the session; those that ended go away."""
        current = {f"{notice.source}:{notice.text}": notice for notice in notices}
        self._dismissed &= current.keys()
        for key in [key for key in self._banners if not key.startswith("own:")]:
            if key not in current:
                self._remove(key)
        for key, notice in current.items():
            if key not in self._banners and key not in self._dismissed:
                words = self._context.texts.words(notice.text)
                self._add(key, KINDS[notice.severity], words, action(notice))

    def forget(self, text: str) -> None:
        """Take away one message of the window's own."""
        if f"own:{text}" in self._banners:
            self._remove(f"own:{text}")

    def clear_own(self) -> None:
        """Take away the window's own messages."""
        for key in [key for key in self._banners if key.startswith("own:")]:
            self._remove(key)

    def _add(
        self,
        key: str,
        kind: str,
        text: str,
        action: tuple[str, Callable[[], None]] | None,
    ) -> None:
        if key in self._banners:
            return
        while len(self._banners) >= self.MAX_SHOWN:
            self._dismiss(next(iter(self._banners)))
        banner = Banner(self._context, kind, text, action)
        banner.closed.connect(lambda: self._dismiss(key))
        self._banners[key] = banner
        self._layout.addWidget(banner)
        self.show()

    def _dismiss(self, key: str) -> None:
        self._dismissed.add(key)
        self._remove(key)

    def _remove(self, key: str) -> None:
        banner = self._banners.pop(key)
        self._layout.removeWidget(banner)
        banner.hide()
        banner.deleteLater()
        self.setVisible(bool(self._banners))
