"""Motion, picture and recording: the preset's values, made from their declarations."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from core.presets import FIELDS
from ui.context import Context
from ui.dialogs import ask_colour, ask_folder, ask_open_file
from ui.preset_model import PresetModel
from ui.texts import Texts
from ui.widgets.basics import Card, ElidedLabel, IconLabel, button, label
from ui.widgets.drop_zone import PICTURES
from ui.widgets.segments import Segments
from ui.widgets.slider_row import SliderRow
from ui.widgets.switch import SwitchRow

NETWORKS = ("_decoder.onnx",)
LIFE = ("blink", "gaze", "brows", "sway", "nods", "breath", "rest")


class PresetPanel(QWidget):
    """A column of cards whose rows follow the preset; the rows are in `rows` by path."""

    def __init__(self, context: Context, presets: PresetModel) -> None:
        super().__init__()
        self._context = context
        self._texts = context.texts
        self._presets = presets
        self.rows: dict[str, QWidget] = {}
        self._shows: list[Callable[[], None]] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(12)
        presets.changed.connect(self.show_preset)

    def show_preset(self) -> None:
        """Bring every row up to date."""
        for show in self._shows:
            show()

    def finish(self) -> None:
        """Close the column once all cards are in it."""
        self._column.addStretch(1)
        self.show_preset()

    def card(self, icon: str, heading: str) -> Card:
        """Another card of the column."""
        card = Card(heading)
        card.header.insertWidget(0, IconLabel(self._context.theme, icon))
        self._column.addWidget(card)
        return card

    def slider(self, path: str) -> SliderRow:
        """A slider for a number."""
        field = FIELDS[path]
        row = SliderRow(
            self._texts(f"preset.{path}"),
            field.minimum,
            field.maximum,
            float(field.default),
            field.step,
            lambda value: f"{value * 100:.0f} %" if field.step < 0.1 else f"{value:g}",
            self._texts(f"preset.{path}.about"),
        )
        row.changed.connect(lambda value: self._presets.set(path, self._snapped(path, value)))
        self._shows.append(lambda: row.set_value(float(self._presets.get(path))))
        self.rows[path] = row
        return row

    def switch(self, path: str) -> SwitchRow:
        """A switch for a yes or no."""
        row = SwitchRow(self._context.theme, self._texts(f"preset.{path}"))
        row.setToolTip(self._texts(f"preset.{path}.about"))
        row.switch.clicked.connect(lambda on: self._presets.set(path, on))
        self._shows.append(lambda: row.switch.setChecked(bool(self._presets.get(path))))
        self.rows[path] = row
        return row

    def segments(self, path: str) -> Segments:
        """Exclusive choices side by side."""
        choices = {str(c): self._texts(f"preset.{path}.{c}") for c in FIELDS[path].choices}
        values = {str(c): c for c in FIELDS[path].choices}
        row = Segments(self._texts(f"preset.{path}"), choices)
        row.setToolTip(self._texts(f"preset.{path}.about"))
        row.chosen.connect(lambda key: self._presets.set(path, values[key]))
        self._shows.append(lambda: row.choose(str(self._presets.get(path))))
        self.rows[path] = row
        return row

    def choice(self, path: str, words: Callable[[str], str]) -> QComboBox:
        """A list of choices."""
        combo = QComboBox()
        combo.setAccessibleName(self._texts(f"preset.{path}"))
        combo.setToolTip(self._texts(f"preset.{path}.about"))
        for value in FIELDS[path].choices:
            combo.addItem(words(str(value)), value)
        combo.activated.connect(lambda row: self._presets.set(path, combo.itemData(row)))

        def show() -> None:
            with QSignalBlocker(combo):
                combo.setCurrentIndex(combo.findData(self._presets.get(path)))

        self._shows.append(show)
        self.rows[path] = combo
        return combo

    def _snapped(self, path: str, value: float) -> float:
        field = FIELDS[path]
        return min(max(round(value, 4), field.minimum), field.maximum)


class FileRow(QWidget):
    """The name of a file, and a button to choose another."""

    def __init__(self, texts: Texts, what: str) -> None:
        """`what`: the file's role, for those who hear the button."""
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._name = ElidedLabel("", "muted")
        self.button = button(texts("common.choose"))
        self.button.setAccessibleName(what)
        layout.addWidget(self._name, 1)
        layout.addWidget(self.button)

    def show_file(self, path: str, otherwise: str) -> None:
        """Show the file's name, or other words where there is none."""
        self._name.setText(Path(path).name or otherwise)


class MotionPanel(PresetPanel):
    """Expressiveness, life motions one by one, and how soon the face answers."""

    def __init__(self, context: Context, presets: PresetModel) -> None:
        super().__init__(context, presets)
        speech = self.card("talk", self._texts("motion.speech"))
        speech.body.addWidget(self.slider("motion.expressiveness"))
        for path in ("speech.lookahead_ms", "speech.voice"):
            speech.body.addWidget(label(self._texts(f"preset.{path}"), ""))
            speech.body.addWidget(self.segments(path))
        life = self.card("motion", self._texts("motion.life"))
        for name in LIFE:
            life.body.addWidget(self.slider(f"motion.{name}"))
        self.finish()


class PicturePanel(PresetPanel):
    """Background, framing, neural renderer and the camera's mode."""

    def __init__(self, context: Context, presets: PresetModel) -> None:
        super().__init__(context, presets)
        self._background()
        framing = self.card("portrait_fit", self._texts("picture.framing"))
        framing.body.addWidget(self.switch("framing.whole"))
        self._sized = [self.slider(f"framing.{name}") for name in ("face_height", "x", "y")]
        for row in self._sized:
            framing.body.addWidget(row)
        self._neural()
        camera = self.card("camera", self._texts("picture.camera"))
        camera.body.addWidget(self.choice("camera.mode", self._mode_words))
        camera.body.addWidget(self.switch("camera.mark"))
        self._shows.append(self._show_parts)
        self.finish()

    def _background(self) -> None:
        card = self.card("image", self._texts("picture.background"))
        card.body.addWidget(self.segments("background.kind"))
        self._blur = self.slider("background.blur")
        self.colour_button = button(self._texts("picture.colour"))
        self.colour_button.clicked.connect(self._ask_colour)
        self._picture = FileRow(self._texts, self._texts("picture.picture"))
        self.picture_button = self._picture.button
        self.picture_button.clicked.connect(self._ask_picture)
        for widget in (self._blur, self.colour_button, self._picture):
            card.body.addWidget(widget)

    def _neural(self) -> None:
        card = self.card("edit", self._texts("preset.rendering.neural"))
        card.body.addWidget(self.segments("rendering.neural"))
        self._network = FileRow(self._texts, self._texts("preset.rendering.network"))
        self._network.setToolTip(self._texts("preset.rendering.network.about"))
        self.network_button = self._network.button
        self.network_button.clicked.connect(self._ask_network)
        card.body.addWidget(self._network)
        about = label(self._texts("preset.rendering.neural.about"), "small", wrap=True)
        card.body.addWidget(about)

    def _show_parts(self) -> None:
        kind = self._presets.get("background.kind")
        self._blur.setVisible(kind == "blur")
        self.colour_button.setVisible(kind == "colour")
        self._picture.setVisible(kind == "picture")
        swatch = QPixmap(16, 16)
        swatch.fill(QColor(str(self._presets.get("background.colour"))))
        self.colour_button.setIcon(swatch)
        picture = str(self._presets.get("background.picture"))
        self._picture.show_file(picture, self._texts("picture.none"))
        self._network.setVisible(self._presets.get("rendering.neural") == "file")
        network = str(self._presets.get("rendering.network"))
        self._network.show_file(network, self._texts("picture.network.none"))
        for row in self._sized:
            row.setEnabled(not self._presets.get("framing.whole"))

    def _ask_colour(self) -> None:
        ask_colour(
            self,
            self._texts("picture.colour"),
            QColor(str(self._presets.get("background.colour"))),
            lambda colour: self._presets.set("background.colour", colour.name()),
        )

    def _ask_picture(self) -> None:
        ask_open_file(
            self,
            self._texts("picture.picture"),
            self._texts("files.pictures"),
            PICTURES,
            lambda path: self._presets.set("background.picture", str(path)),
        )

    def _ask_network(self) -> None:
        ask_open_file(
            self,
            self._texts("preset.rendering.network"),
            self._texts("files.networks"),
            NETWORKS,
            lambda path: self._presets.set("rendering.network", str(path)),
        )

    def _mode_words(self, mode: str) -> str:
        size, rate = mode.split("@")
        return self._texts("picture.mode", size=size.replace("x", " × "), rate=rate)


class RecordingPanel(PresetPanel):
    """Kind of file, folder and mark of a recording."""

    def __init__(self, context: Context, presets: PresetModel) -> None:
        super().__init__(context, presets)
        card = self.card("record", self._texts("recording.title"))
        card.body.addWidget(self.segments("recording.format"))
        card.body.addWidget(label(self._texts("recording.formats.about"), "small", wrap=True))
        card.body.addWidget(label(self._texts("preset.recording.folder")))
        row = QHBoxLayout()
        self._folder = ElidedLabel("", "muted")
        self.folder_button = button(self._texts("common.choose"))
        self.folder_button.setAccessibleName(self._texts("preset.recording.folder"))
        self.folder_button.clicked.connect(self._ask_folder)
        row.addWidget(self._folder, 1)
        row.addWidget(self.folder_button)
        card.body.addLayout(row)
        card.body.addWidget(self.switch("recording.mark"))
        card.body.addWidget(label(self._texts("recording.about"), "small", wrap=True))
        self._shows.append(self._show_folder)
        self.finish()

    def _show_folder(self) -> None:
        folder = str(self._presets.get("recording.folder"))
        self._folder.setText(folder or self._texts("recording.folder.default"))

    def _ask_folder(self) -> None:
        start = str(self._presets.get("recording.folder"))
        ask_folder(
            self,
            self._texts("preset.recording.folder"),
            Path(start) if start else Path.home(),
            lambda path: self._presets.set("recording.folder", str(path)),
        )
