"""The strip at the bottom: what runs, how fast, how late, how well in step."""

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QHBoxLayout

from core.session import Latency, Mode, SessionState
from ui.context import Context
from ui.widgets.basics import ElidedLabel, label, set_role, signed
from ui.widgets.device_chooser import StateDot

EARLY_LIMIT_MS = 15.0
LATE_LIMIT_MS = -45.0
"""Sound earlier than +15 ms or later than -45 ms against the picture is out of step."""


class StatusBar(QFrame):
    """Mode, frames per second, latency, sync offset, drops and engine."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._texts = context.texts
        self.setProperty("role", "strip")
        self.setFixedHeight(36)
        self._dot = StateDot(context)
        self.mode = label("", "value")
        self.fps = label("", "value")
        self.latency = label("", "value")
        self.sync = label("", "value")
        self.drops = label("", "value")
        self.engine = ElidedLabel("", "value")
        names = ("mode", "fps", "latency", "sync", "drops", "engine")
        for name in names:
            getattr(self, name).setAccessibleName(self._texts(f"status.{name}.name"))
            getattr(self, name).setToolTip(self._texts(f"status.{name}.about"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 16, 0)
        layout.setSpacing(7)
        layout.addWidget(self._dot)
        layout.addWidget(self.mode)
        for widget in (self.fps, self.latency, self.sync, self.drops):
            widget.setContentsMargins(16, 0, 0, 0)
            layout.addWidget(widget)
        layout.addSpacing(16)
        layout.addWidget(self.engine, 1)

    def show_session(self, state: SessionState) -> None:
        """Follow a snapshot."""
        texts = self._texts
        self.mode.setText(texts(f"status.mode.{state.mode.value}"))
        colours = {Mode.OFF: "border_strong", Mode.PREVIEW: "success", Mode.LIVE: "live"}
        self._dot.set_colour(colours[state.mode])
        running = state.mode is not Mode.OFF
        self.fps.setText(texts("status.fps", fps=f"{state.fps:.0f}"))
        self.latency.setText(texts("status.latency", ms=f"{state.latency.total_p95_ms:.0f}"))
        self.latency.setToolTip(latency_words(texts, state.latency))
        offset_ms = state.sync_offset_ms or 0.0
        in_step = LATE_LIMIT_MS <= offset_ms <= EARLY_LIMIT_MS
        set_role(self.sync, "value" if in_step else "alarm")  # bold, so before its width is asked
        self.sync.setText(texts("status.sync", ms=signed(offset_ms)))
        self.drops.setText(texts("status.drops", count=state.dropped_frames))
        self.fps.setVisible(running)
        self.latency.setVisible(running and state.latency.total_p95_ms > 0)
        self.sync.setVisible(state.sync_offset_ms is not None)
        self.drops.setVisible(running)
        self.engine.setText(state.engine)


def latency_words(texts: Callable[..., str], latency: Latency) -> str:
    """The way of sound to picture, stage by stage."""
    return texts(
        "status.latency.parts",
        capture=round(latency.capture_ms),
        lookahead=round(latency.lookahead_ms),
        expression=round(latency.expression_ms),
        render=round(latency.render_ms),
        output=round(latency.output_ms),
        p50=round(latency.total_p50_ms),
        p95=round(latency.total_p95_ms),
        p99=round(latency.total_p99_ms),
    )
