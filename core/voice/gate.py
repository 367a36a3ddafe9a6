"""The voice gate: decides from the network's own opinion whether the mouth may move."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """When the gate opens and closes.

    Attributes:
        sure_at: Chance of speech that opens it soon, [0, 1]; noise that sets in is taken for
            speech at first, but hardly ever for certain.
        sure_frames: Frames in a row that must reach `sure_at` to open it.
        open_at: Chance of speech that opens it later, below `sure_at`.
        confirm_frames: Frames in a row that must reach `open_at` to open it.
        keep_above: Chance of speech that keeps it open, below `open_at`.
        hold_frames: Frames it stays open after the last speech.
        attack_frames: Frames from closed to open; the lookahead hides them.
        release_frames: Frames from open to closed.
    """

    sure_at: float = 0.9
    sure_frames: int = 2
    open_at: float = 0.7
    confirm_frames: int = 4
    keep_above: float = 0.3
    hold_frames: int = 6
    attack_frames: int = 2
    release_frames: int = 4


class VoiceGate:
    """Hysteresis, hold and soft edges over the chance of speech, one frame at a time."""

    def __init__(self, settings: GateSettings | None = None) -> None:
        self._settings = settings or GateSettings()
        self._quiet_frames = self._settings.hold_frames
        self._likely_frames = self._sure_frames = 0
        self._opening = 0.0

    def step(self, speech: float) -> tuple[float, bool]:
        """Judge the next frame.

        Args:
            speech: Chance that the frame is speech, [0, 1].

        Returns:
            How far movements pass, [0, 1], exactly 0 at rest; and whether the gate is open.
        """
        s = self._settings
        is_open = self._quiet_frames < s.hold_frames
        self._likely_frames = self._likely_frames + 1 if speech >= s.open_at else 0
        self._sure_frames = self._sure_frames + 1 if speech >= s.sure_at else 0
        opens = self._likely_frames >= s.confirm_frames or self._sure_frames >= s.sure_frames
        if opens or (is_open and speech >= s.keep_above):
            self._quiet_frames = 0
        else:
            self._quiet_frames = min(self._quiet_frames + 1, s.hold_frames)
        is_open = self._quiet_frames < s.hold_frames
        if is_open:
            self._opening = min(1.0, self._opening + 1 / s.attack_frames)
        else:
            self._opening = max(0.0, self._opening - 1 / s.release_frames)
        return self._opening, is_open
