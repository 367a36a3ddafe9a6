"""Errors that reach the user: each says what happened, to which thing, and what to do next."""


class RealTalkError(Exception):
    """Base of all errors whose message is meant for the user."""


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
