"""Enrolment: the picture with its fit, the verdict, a name, consent, keep or discard."""

import logging
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core.avatar import Avatar
from core.avatar_library import AvatarLibrary
from core.portrait.picture import Picture, read_picture
from core.portrait.points import start_points
from core.session import Session
from ui.avatars.point_editor import PointEditor
from ui.context import Context
from ui.widgets.banner import BannerStack
from ui.widgets.basics import Card, ElidedLabel, button, label
from ui.widgets.device_chooser import StateLine
from ui.widgets.segments import Segments
from ui.widgets.switch import SwitchRow

logger = logging.getLogger(__name__)

_PANEL_PX = 320


class EnrolPage(QWidget):
    """From a picture file to a kept avatar; everything slow runs elsewhere.

    Signals:
        kept: The file of an avatar just added to the library.
        left: The user went back without keeping.
        other_wanted: The picture did not do; the user wants to choose another.
    """

    kept = Signal(object)
    left = Signal()
    other_wanted = Signal()

    def __init__(self, context: Context, session: Session, library: AvatarLibrary) -> None:
        super().__init__()
        self._context = context
        self._texts = context.texts
        self._session = session
        self._library = library
        self._avatar: Avatar | None = None
        self._first: Avatar | None = None
        self._run = 0
        self._file: Path | None = None
        self._picture: Picture | None = None
        self._failed = False
        self.editor = PointEditor(context.theme, context.texts)
        self.banners = BannerStack(context)
        self._build()
        self.editor.moved.connect(self._refit)
        self.editor.selected.connect(self._show_point)

    @property
    def avatar(self) -> Avatar | None:
        """The avatar as fitted now, None while there is none."""
        return self._avatar

    def start(self, picture: Path) -> None:
        """Enrol this picture."""
        self._forget()
        self._file = picture
        self.title.setText(picture.name)
        self.name.setText(picture.stem)
        self._set_busy(self._texts("enrol.working"))
        self._show_picture(picture)
        self._watch(self._session.enrol(picture))

    def _show_picture(self, picture: Path) -> None:
        """Show the bare picture while it is worked on; enrolment itself says what is wrong."""
        run = self._run + 1

        def read(found: Picture) -> None:
            if run == self._run and self._avatar is None:
                self._picture = found
                self.editor.show_portrait(found.rgb, {})
                self._offer_points()

        self._context.tasks.run(self, lambda: read_picture(picture), read, logger.info)

    def _offer_points(self) -> None:
        """No face was found: let the user put the points where they belong."""
        offered = self._failed and self._picture is not None and self._avatar is None
        self.fit_points.setVisible(offered)
        if offered and self._picture is not None and not self.editor.points:
            height, width = self._picture.rgb.shape[:2]
            self.editor.set_points(start_points(width, height))
            self.doing.setText(self._texts("enrol.by_hand"))
            self._show_view("whole")

    def _show_view(self, key: str) -> None:
        self.view.choose(key)
        self.editor.set_whole(key == "whole")

    def _fit_points(self) -> None:
        assert self._file is not None and self._picture is not None
        zoom = self._picture.zoom
        points = {name: (x / zoom, y / zoom) for name, (x, y) in self.editor.points.items()}
        self.banners.clear_own()
        self._set_busy(self._texts("enrol.refitting"))
        self._watch(self._session.enrol(self._file, points))

    def _watch(self, future: object) -> None:
        self._run += 1
        run = self._run

        def fitted(avatar: Avatar) -> None:
            if run == self._run:
                self._show(avatar)

        def failed(words: str) -> None:
            if run == self._run:
                self._fail(words)

        self._context.tasks.watch(self, future, fitted, failed)  # type: ignore[arg-type]

    def _show(self, avatar: Avatar) -> None:
        first = self._avatar is None
        if self._failed:
            self._show_view("face")
        self._avatar = avatar
        self._failed = False
        self._offer_points()
        self._set_busy("")
        if first:
            self._first = avatar
            self.editor.show_portrait(avatar.image_rgb, avatar.points)
        else:
            self.editor.set_points(avatar.points)
        self._show_verdict(avatar)
        self.undo.setEnabled(avatar is not self._first)
        self._update_keep()
        run = self._run

        def drawn(rgb: object) -> None:
            if run == self._run:
                self.editor.set_overlay(rgb)  # type: ignore[arg-type]

        self._context.tasks.watch(
            self, self._session.fit_preview(avatar), drawn, lambda words: self._say(words)
        )

    def _show_verdict(self, avatar: Avatar) -> None:
        verdict = avatar.verdict
        words = "enrol.verdict.good" if verdict.ok else "enrol.verdict.bad"
        self.verdict.show_state("good" if verdict.ok else "warning", self._texts(words))
        self.reasons.setText("\n\n".join(map(self._context.texts.words, verdict.reasons)))
        self.reasons.setVisible(bool(verdict.reasons))

    def _fail(self, words: str) -> None:
        self._set_busy("")
        if self._avatar is None:
            other = (self._texts("enrol.other"), self.other_wanted.emit)
            self.banners.say("error", words, other)
            self._failed = True
            self._offer_points()
        else:
            self._say(words)
            self.editor.set_points(self._avatar.points)
        self._update_keep()

    def _say(self, words: str) -> None:
        self.banners.say("error", words)

    def _refit(self) -> None:
        if self._avatar is None:
            return
        self.banners.clear_own()
        self._set_busy(self._texts("enrol.refitting"))
        self._watch(self._session.refit(self._avatar, self.editor.moved_points))

    def _undo(self) -> None:
        if self._first is not None:
            self._run += 1
            self.editor.forget_moves()
            self._show(self._first)

    def _keep(self) -> None:
        assert self._avatar is not None
        avatar = replace(self._avatar, name=self.name.text().strip())
        self._set_busy(self._texts("enrol.keeping"))
        self._context.tasks.run(self, lambda: self._library.add(avatar), self._kept, self._fail)

    def _kept(self, path: Path) -> None:
        self._set_busy("")
        self._forget()
        self.kept.emit(path)

    def _leave(self) -> None:
        self._forget()
        self.left.emit()

    def _forget(self) -> None:
        self._run += 1
        self._avatar = self._first = None
        self._file = self._picture = None
        self._failed = False
        self._offer_points()
        self.editor.clear()
        self.banners.clear_own()
        self.consent.setChecked(False)
        self.verdict.show_state("off", self._texts("enrol.verdict.none"))
        self.reasons.hide()
        self.undo.setEnabled(False)
        self._set_busy("")

    def _set_busy(self, words: str) -> None:
        self.progress.setVisible(bool(words))
        self.doing.setText(words or (self._texts("enrol.hint") if self._avatar else ""))
        self._busy = bool(words)
        self.fit_points.setEnabled(not words)
        self._update_keep()

    def _update_keep(self) -> None:
        ready = self._avatar is not None and not self._busy and bool(self.name.text().strip())
        self.keep.setEnabled(ready and self.consent.isChecked())
        if ready and not self.consent.isChecked():
            self.keep.setToolTip(self._texts("enrol.consent.needed"))
        else:
            self.keep.setToolTip("")

    def _show_point(self, name: str) -> None:
        words = self.editor.point_name(name) if name else self._texts("enrol.hint")
        if not self._busy:
            self.doing.setText(words)

    def _build(self) -> None:
        texts = self._texts
        self.title = ElidedLabel("", "title")
        back = button(texts("enrol.back"), "flat")
        back.clicked.connect(self._leave)
        self.view = Segments(
            texts("enrol.view"), {"face": texts("enrol.face"), "whole": texts("enrol.whole")}
        )
        self.view.chosen.connect(self._show_view)
        header = QHBoxLayout()
        header.setSpacing(12)
        header.addWidget(back)
        header.addWidget(self.title, 1)
        header.addWidget(self.view)
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setAccessibleName(texts("enrol.working"))
        self.doing = label("", "small", wrap=True)
        self.doing.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.editor, 1)
        left.addWidget(self.progress)
        left.addWidget(self.doing)
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addLayout(left, 1)
        body.addWidget(self._panel())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(12)
        layout.addLayout(header)
        layout.addWidget(self.banners)
        layout.addLayout(body, 1)

    def _panel(self) -> QWidget:
        texts = self._texts
        verdict = Card(texts("enrol.verdict"))
        self.verdict = StateLine(self._context)
        self.reasons = label("", "", wrap=True)
        verdict.body.addWidget(self.verdict)
        verdict.body.addWidget(self.reasons)
        fit = Card(texts("enrol.fit"))
        fit.body.addWidget(label(texts("enrol.editor.about"), "small", wrap=True))
        overlay = SwitchRow(self._context.theme, texts("enrol.overlay"))
        overlay.switch.setChecked(True)
        overlay.switch.toggled.connect(self.editor.set_show_overlay)
        fit.body.addWidget(overlay)
        self.fit_points = button(texts("enrol.fit_points"), "primary")
        self.fit_points.clicked.connect(self._fit_points)
        self.fit_points.hide()
        fit.body.addWidget(self.fit_points)
        self.undo = button(texts("enrol.undo"))
        self.undo.clicked.connect(self._undo)
        fit.body.addWidget(self.undo)
        keep = Card(texts("enrol.keep.heading"))
        self.name = QLineEdit()
        self.name.setAccessibleName(texts("enrol.name"))
        self.name.setPlaceholderText(texts("enrol.name"))
        self.name.setMaxLength(80)
        self.name.textChanged.connect(self._update_keep)
        self.consent = QCheckBox()
        self.consent.setAccessibleName(texts("enrol.consent"))
        consent_words = label(texts("enrol.consent"), wrap=True)
        consent_words.setBuddy(self.consent)
        consent_words.mouseReleaseEvent = (  # type: ignore[method-assign]
            lambda _event: self.consent.click()
        )
        consent = QHBoxLayout()
        consent.addWidget(self.consent, 0, Qt.AlignmentFlag.AlignTop)
        consent.addWidget(consent_words, 1)
        self.consent.toggled.connect(self._update_keep)
        self.keep = button(texts("enrol.keep"), "primary")
        self.keep.clicked.connect(self._keep)
        keep.body.addWidget(self.name)
        keep.body.addLayout(consent)
        keep.body.addWidget(self.keep)
        self._busy = False
        column = QWidget()
        layout = QVBoxLayout(column)
        layout.setContentsMargins(0, 0, 4, 0)
        layout.setSpacing(12)
        for card in (verdict, fit, keep):
            layout.addWidget(card)
        layout.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFixedWidth(_PANEL_PX)
        scroll.setWidget(column)
        return scroll
