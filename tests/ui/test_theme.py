"""Colours can be read, icons can be drawn, in light and in dark."""

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from ui.theme import DARK, ICON_FOLDER, LIGHT, Colours, Theme, style_sheet


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [QColor(colour).redF(), QColor(colour).greenF(), QColor(colour).blueF()]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


TEXT_ON_GROUND = [
    ("text", "window"),
    ("text", "surface"),
    ("text", "sunken"),
    ("muted", "window"),
    ("muted", "surface"),
    ("muted", "sunken"),
    ("on_accent", "accent"),
    ("on_accent", "accent_hover"),
    ("accent_text", "surface"),
    ("accent_text", "accent_soft"),
    ("on_live", "live"),
    ("danger", "surface"),
    ("danger", "danger_soft"),
    ("warning", "window"),
    ("text", "danger_soft"),
    ("text", "warning_soft"),
    ("text", "success_soft"),
    ("success", "success_soft"),
]


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON_GROUND)
def test_text_can_be_read(colours: Colours, text: str, ground: str) -> None:
    assert contrast(getattr(colours, text), getattr(colours, ground)) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("edge", ["border_strong", "accent", "success", "danger", "warning"])
def test_controls_and_states_can_be_found(colours: Colours, edge: str) -> None:
    assert contrast(getattr(colours, edge), colours.surface) >= 3.0


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_style_sheet_leaves_no_place_open(colours: Colours) -> None:
    sheet = style_sheet(colours)
    assert "$" not in sheet
    assert sheet.count("{") == sheet.count("}")


def test_every_icon_draws_something_in_the_colour_asked_for(theme: Theme) -> None:
    names = [path.stem for path in ICON_FOLDER.glob("*.svg")]
    assert len(names) > 30
    for name in names:
        image = theme.pixmap(name, "text", 32).toImage()
        drawn = [
            image.pixelColor(x, y)
            for x in range(image.width())
            for y in range(image.height())
            if image.pixelColor(x, y).alpha() > 200
        ]
        assert drawn, name
        if not name.startswith(("style_", "app")):
            assert drawn[0].lightness() == pytest.approx(theme.colour("text").lightness(), abs=12)


def test_colours_are_put_on_once_when_they_change(
    application: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on: list[Colours] = []

    def note(colours: Colours) -> str:
        put_on.append(colours)
        return f"/* {len(put_on)} */"

    monkeypatch.setattr("ui.theme.style_sheet", note)
    theme = Theme(application, "light")
    for appearance in ("light", "dark", "dark", "light"):
        theme.set_appearance(appearance)
    assert put_on == [LIGHT, DARK, LIGHT]
    assert application.styleSheet() == "/* 3 */"
    application.setStyleSheet("")
