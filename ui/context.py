"""What every part of the window is given: words, colours, settings and background work."""

from dataclasses import dataclass

from ui.settings import Settings
from ui.tasks import Tasks
from ui.texts import Texts
from ui.theme import Theme


@dataclass(frozen=True)
class Context:
    """Handed down by the composition instead of global state.

    Attributes:
        texts: The words of the chosen language.
        theme: Colours and icons.
        settings: The user's choices; written back when they change.
        tasks: Background work.
    """

    texts: Texts
    theme: Theme
    settings: Settings
    tasks: Tasks
