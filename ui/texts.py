"""Every sentence the window shows, by key, in each language it speaks."""

import json
from collections.abc import Mapping
from pathlib import Path

from core.errors import RealTalkError
from core.messages import Message

_FOLDER = Path(__file__).parent / "i18n"

LANGUAGES: Mapping[str, str] = {"en": "English", "de": "Deutsch", "zh": "中文"}
"""Language codes and their own names."""
FALLBACK = "en"


class Texts:
    """The catalogue of one language; call it with a key to get the sentence.

    Args:
        language: One of `LANGUAGES`; anything else, such as "system" or "fr", gives English.
    """

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else FALLBACK
        self._catalogue = read_catalogue(self.language)
        self._messages = read_messages(self.language)

    def __call__(self, key: str, **values: object) -> str:
        """The sentence for a key, with `{name}` filled from `values`.

        Raises:
            KeyError: No catalogue has the key; a mistake in the program, found by a test.
        """
        text = self._catalogue[key]
        return text.format(**values) if values else text

    def words(self, text: str) -> str:
        """A sentence of the session in this language; in English where it has no translation."""
        if not isinstance(text, Message):
            return text
        template = self._messages.get(text.template)
        if template is None:
            template = text.template
        filled = {
            name: self.words(value) if isinstance(value, str) else value
            for name, value in text.values.items()
        }
        return template.format(**filled)

    def describe(self, error: BaseException) -> str:
        """Words for an error: its own, or that something unexpected happened."""
        if isinstance(error, RealTalkError):
            return self.words(error.message)
        return self("error.unexpected", error=error)

    def has(self, key: str) -> bool:
        """Whether the catalogue has this key (for texts named by data, such as settings)."""
        return key in self._catalogue


def read_catalogue(language: str) -> dict[str, str]:
    """All sentences of one language by key."""
    content = (_FOLDER / f"{language}.json").read_text(encoding="utf-8")
    catalogue: dict[str, str] = json.loads(content)
    return catalogue


def read_messages(language: str) -> dict[str, str]:
    """Translations of the session's English sentences, by template; none for English."""
    path = _FOLDER / f"messages.{language}.json"
    if not path.exists():
        return {}
    messages: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return messages


def language_for(choice: str, locale_name: str) -> str:
    """The language to speak.

    Args:
        choice: The setting: a language code or "system".
        locale_name: The system's locale, such as "de_AT" or "zh-Hans-CN".
    """
    if choice in LANGUAGES:
        return choice
    code = locale_name.replace("-", "_").split("_")[0].lower()
    return code if code in LANGUAGES else FALLBACK
