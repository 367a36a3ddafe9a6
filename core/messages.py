"""Sentences for the user that can still be translated where they are shown."""

from collections.abc import Mapping


class Message(str):
    """An English sentence that remembers its template and what was filled in.

    It is an ordinary text everywhere; a window translates it by looking its template up in a
    catalogue and filling in the same values, themselves translated where they are messages.

    Args:
        template: The sentence with a `{name}` for each value.
        values: What to fill in.
    """

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, **values: object) -> "Message":
        """Fill in the values."""
        said = {name: _message_of(value) for name, value in values.items()}
        made = super().__new__(cls, template.format(**said))
        made.template, made.values = template, said
        return made

    def __reduce__(self) -> tuple[object, ...]:
        """Copies and pickles keep the template."""
        return _remake, (self.template, dict(self.values))


def _message_of(value: object) -> object:
    """Of an error made for the user its message, everything else as it is."""
    return getattr(value, "message", value) if isinstance(value, Exception) else value


def _remake(template: str, values: Mapping[str, object]) -> Message:
    return Message(template, **values)
