"""Colours, fonts and the style sheet: light or dark as the system is, unless told otherwise."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

_HERE = Path(__file__).parent
ICON_FOLDER = _HERE / "icons"
_STYLE_FILE = _HERE / "style.qss"

APPEARANCES = ("system", "light", "dark")

FONT_FAMILIES = (
    "Inter",
    "Segoe UI Variable Text",
    "Segoe UI",
    ".AppleSystemUIFont",
    "Cantarell",
    "Ubuntu",
    "Noto Sans",
    "Noto Sans CJK SC",
    "Microsoft YaHei UI",
    "PingFang SC",
    "DejaVu Sans",
)
"""First family found wins; the CJK ones also serve as fallbacks for Chinese text."""


@dataclass(frozen=True)
class Colours:
    """Named colours of one appearance, as `#rrggbb`.

    Attributes:
        window, surface, sunken: The ground, cards on it, wells within cards.
        border, border_strong: Hairlines; edges of controls that must be found (3:1 on surface).
        text, muted: Body and secondary text; both at least 4.5:1 on window, surface and sunken.
        accent, on_accent, accent_soft, accent_text: Fill of the chosen thing, text on it, its
            tint, and text or icons in the accent colour on surface and tint.
        live, on_live, danger, danger_soft, warning, warning_soft, success, success_soft: State.
        check_icon: Style icon that shows on an accent ground.
    """

    window: str
    surface: str
    sunken: str
    border: str
    border_strong: str
    text: str
    muted: str
    accent: str
    on_accent: str
    accent_hover: str
    accent_soft: str
    accent_text: str
    live: str
    live_hover: str
    on_live: str
    danger: str
    danger_soft: str
    warning: str
    warning_soft: str
    success: str
    success_soft: str
    check_icon: str


LIGHT = Colours(
    window="#f4f3f0",
    surface="#ffffff",
    sunken="#eeede9",
    border="#e0ded8",
    border_strong="#8e8d88",
    text="#1b1c20",
    muted="#5c5e66",
    accent="#3657d3",
    on_accent="#ffffff",
    accent_hover="#2b48b8",
    accent_soft="#e6ebfc",
    accent_text="#2f4dc0",
    live="#c72f3a",
    live_hover="#ab2630",
    on_live="#ffffff",
    danger="#b3262f",
    danger_soft="#fbe7e7",
    warning="#865000",
    warning_soft="#fbf0d9",
    success="#176a43",
    success_soft="#dff3e8",
    check_icon="style_check_on_dark.svg",
)

DARK = Colours(
    window="#141619",
    surface="#1c1f24",
    sunken="#272b31",
    border="#30353d",
    border_strong="#767d8a",
    text="#edeef0",
    muted="#a6abb5",
    accent="#8ea6ff",
    on_accent="#10131a",
    accent_hover="#a9bbff",
    accent_soft="#28304d",
    accent_text="#a5b8ff",
    live="#e2535c",
    live_hover="#ee6b73",
    on_live="#16090a",
    danger="#ff8a8d",
    danger_soft="#3e2428",
    warning="#ecb964",
    warning_soft="#3a3020",
    success="#69d09a",
    success_soft="#1d3629",
    check_icon="style_check_on_light.svg",
)


class Theme(QObject):
    """The appearance in use; emits `changed` when colours change so that icons are redrawn."""

    changed = Signal()

    def __init__(self, app: QApplication, appearance: str = "system") -> None:
        super().__init__(app)
        self._app = app
        self._appearance = appearance
        self.colours = LIGHT
        self._pixmaps: dict[tuple[str, str, int, float], QPixmap] = {}
        """Icons drawn so far: there are few, and drawing one costs more than anything else."""
        app.setStyle("Fusion")
        app.setFont(_font(app))
        app.styleHints().colorSchemeChanged.connect(self._follow_system)
        self._apply()

    @property
    def is_dark(self) -> bool:
        """Whether the dark colours are in use now."""
        return self.colours is DARK

    def set_appearance(self, appearance: str) -> None:
        """Choose "system", "light" or "dark"; anything else counts as "system"."""
        self._appearance = appearance if appearance in APPEARANCES else "system"
        if self._wanted() is not self.colours:
            self._apply()

    def icon(self, name: str, colour: str = "text") -> QIcon:
        """Icon drawn in one of the theme's colours; grey when disabled."""
        icon = QIcon()
        for size in (16, 20, 24, 32, 48, 64):
            icon.addPixmap(self.pixmap(name, colour, size))
            faint = self.pixmap(name, "border_strong", size)
            icon.addPixmap(faint, QIcon.Mode.Disabled)
        return icon

    def pixmap(self, name: str, colour: str = "text", size: int = 24) -> QPixmap:
        """The icon as a square pixmap of `size` device-independent pixels."""
        ratio = self._app.devicePixelRatio()
        key = (name, getattr(self.colours, colour), size, ratio)
        if key not in self._pixmaps:
            self._pixmaps[key] = self._draw(name, colour, size, ratio)
        return self._pixmaps[key]

    def _draw(self, name: str, colour: str, size: int, ratio: float) -> QPixmap:
        pixmap = QPixmap(QSize(round(size * ratio), round(size * ratio)))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        source = (ICON_FOLDER / f"{name}.svg").read_text(encoding="utf-8")
        source = source.replace("currentColor", getattr(self.colours, colour))
        painter = QPainter(pixmap)
        QSvgRenderer(QByteArray(source.encode())).render(painter, QRectF(0, 0, size, size))
        painter.end()
        return pixmap

    def colour(self, name: str) -> QColor:
        """One of the theme's colours for painting."""
        return QColor(getattr(self.colours, name))

    def bind_icon(self, set_icon: Callable[[QIcon], None], name: str, owner: QObject) -> None:
        """Set an icon now and again whenever the colours change, as long as `owner` lives."""
        binding = _IconBinding(self, set_icon, name, owner)
        binding.refresh()

    def _follow_system(self) -> None:
        if self._appearance == "system":
            self._apply()

    def _wanted(self) -> Colours:
        dark = self._appearance == "dark" or (
            self._appearance == "system"
            and self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark
        )
        return DARK if dark else LIGHT

    def _apply(self) -> None:
        self.colours = self._wanted()
        self._app.setPalette(_palette(self.colours))
        self._app.setStyleSheet(style_sheet(self.colours))
        self.changed.emit()


class _IconBinding(QObject):
    """Redraws one icon on colour changes; dies with the widget it belongs to."""

    def __init__(
        self, theme: Theme, set_icon: Callable[[QIcon], None], name: str, owner: QObject
    ) -> None:
        super().__init__(owner)
        self._theme = theme
        self._set_icon = set_icon
        self._name = name
        theme.changed.connect(self.refresh)

    def refresh(self) -> None:
        self._set_icon(self._theme.icon(self._name))


def style_sheet(colours: Colours) -> str:
    """The application's style sheet in the given colours."""
    values = asdict(colours) | {"icons": ICON_FOLDER.as_posix()}
    return Template(_STYLE_FILE.read_text(encoding="utf-8")).substitute(values)


def application_icon() -> QIcon:
    """The product's icon."""
    return QIcon(str(ICON_FOLDER / "app.svg"))


def _font(app: QApplication) -> QFont:
    font = app.font()
    font.setFamilies([*FONT_FAMILIES, font.family()])
    font.setPixelSize(14)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def _palette(colours: Colours) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: colours.window,
        QPalette.ColorRole.Base: colours.surface,
        QPalette.ColorRole.AlternateBase: colours.sunken,
        QPalette.ColorRole.Button: colours.surface,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.ToolTipBase: colours.surface,
        QPalette.ColorRole.ToolTipText: colours.text,
        QPalette.ColorRole.PlaceholderText: colours.muted,
        QPalette.ColorRole.Highlight: colours.accent,
        QPalette.ColorRole.HighlightedText: colours.on_accent,
        QPalette.ColorRole.Link: colours.accent_text,
    }
    for role, value in roles.items():
        palette.setColor(role, QColor(value))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.border_strong))
    return palette
