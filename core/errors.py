"""Errors that reach the user: each says what happened, to which thing, and what to do next."""

from core.messages import Message


class RealTalkError(Exception):
    """Base of all errors whose message is meant for the user.

    Args:
        template: The sentence in English, with a `{name}` for each value.
        values: What to fill in.

    Attributes:
        message: The sentence, which can be translated.
    """

    def __init__(self, template: str, **values: object) -> None:
        if isinstance(template, Message) or not values:
            self.message = template if isinstance(template, Message) else _plain(template)
        else:
            self.message = Message(template, **values)
        super().__init__(self.message)


def _plain(text: str) -> Message:
    """A sentence without values, in which braces are braces."""
    return Message(text.replace("{", "{{").replace("}", "}}"))


class DeviceError(RealTalkError):
    """A microphone, speaker or camera could not be used."""


class ModelError(RealTalkError):
    """A network could not be loaded or run."""


class WeightsError(RealTalkError):
    """A weights file is missing or is not the one the manifest names."""


class PortraitError(RealTalkError):
    """A picture cannot be enrolled, or an avatar file cannot be read."""


class ConfigError(RealTalkError):
    """A setting or preset is invalid."""


class MediaError(RealTalkError):
    """A sound or video file cannot be read or written."""
