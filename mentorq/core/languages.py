"""The languages that MentorQ speaks, to whomever it speaks: on pages, in mails, in the API.

The catalogues are gettext's, read as text when they are first needed.
"""

import functools
from dataclasses import dataclass
from importlib import resources
from io import BytesIO

from babel import Locale, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LANGUAGES = {"en": "English", "es": "Español"}


@functools.cache
def _catalogue(name: str) -> NullTranslations:
    source = resources.files("mentorq").joinpath("locale", f"{name}.po")
    if not source.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, locale=name))
    compiled.seek(0)
    return Translations(compiled)


@functools.cache
def locale_of(language: str) -> Locale:
    """How a language writes numbers and dates."""
    return Locale.parse(language)


@dataclass(frozen=True, slots=True)
class Tongue:
    """Says things in one language; a text is written in English where it is used, and found by it."""

    language: str

    def gettext(self, text: str) -> str:
        """A text."""
        translated: str = _catalogue(self.language).gettext(text)
        return translated

    def ngettext(self, one: str, several: str, n: int) -> str:
        """A text that depends on a number."""
        translated: str = _catalogue(self.language).ngettext(one, several, n)
        return translated

    def rating(self, value: float) -> str:
        """A rating: always with one decimal, so that ratings stand beside each other well."""
        return numbers.format_decimal(value, "0.0", locale_of(self.language))


ENGLISH = Tongue("en")
