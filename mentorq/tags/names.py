"""How a tag is written: one spelling for each technology, whatever people type."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from unicodedata import category, name, normalize

MAX_LENGTH = 35

# Unicode's Default_Ignorable_Code_Point: nobody sees these, so two names must not differ by them.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Phones and word processors put typographic dashes, and the musical sharp sign, where a keyboard has - and #.
_TYPOGRAPHY = str.maketrans({**dict.fromkeys("‐‒–—―−", "-"), "♯": "#"})
# All white space but the control characters that Python counts as such; those are refused below.
_GAPS = re.compile(r"(?:[^\S\x0b-\x0c\x1c-\x1f\x85]|[_-])+")
_PUNCTUATION = frozenset("+#.-")
# Combining marks are parts of letters in many scripts (Hindi, Thai, Vietnamese typed with accents).
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd"})
_MARKS = frozenset({"Mn", "Mc"})


class InvalidTagName(ValueError):
    """The text cannot be a tag; the message says why in a sentence for people."""


def normalise(raw: str) -> str:
    """Return the one name of the tag that `raw` means: `" #JS "` → `"javascript"`. Idempotent.

    Raises:
        InvalidTagName: it is empty, too long, or has characters that a tag cannot have.
    """
    spelling = _spelling(raw)
    _check(spelling)
    return aliases().get(spelling, spelling)


@cache
def aliases() -> Mapping[str, str]:
    """Return every known spelling with the canonical name it stands for, from `aliases.toml`."""
    return MappingProxyType({alias: canonical for canonical, known in technologies().items() for alias in known})


@cache
def technologies() -> Mapping[str, tuple[str, ...]]:
    """Return the canonical names in `aliases.toml`, each with its other spellings."""
    text = resources.files(__package__).joinpath("aliases.toml").read_text(encoding="utf-8")
    areas: dict[str, dict[str, list[str]]] = tomllib.loads(text)
    return MappingProxyType({canonical: tuple(known) for area in areas.values() for canonical, known in area.items()})


def _spelling(raw: str) -> str:
    """Fold case and look-alikes, and write every gap as one dash."""
    gapless = _GAPS.sub("-", _fold(raw))
    return gapless.lstrip("#-").rstrip("-")


def _fold(text: str) -> str:
    # One pass is not always enough: folding and removing can bring characters together that then compose.
    while True:
        visible = _INVISIBLE.sub("", normalize("NFKC", text))
        folded = normalize("NFKC", visible.casefold().translate(_TYPOGRAPHY))
        if folded == text:
            return folded
        text = folded


def _check(spelling: str) -> None:
    if not spelling:
        raise InvalidTagName("A tag needs at least one letter or digit.")
    if len(spelling) > MAX_LENGTH:
        raise InvalidTagName(f"A tag has at most {MAX_LENGTH} characters; this one has {len(spelling)}.")
    for character in spelling:
        if not _is_allowed(character):
            raise InvalidTagName(
                f"A tag has letters, digits, and + # . - only; {_described(character)} is none of them."
            )
    if not any(category(character) in _LETTERS for character in spelling):
        raise InvalidTagName("A tag needs at least one letter or digit.")


def _is_allowed(character: str) -> bool:
    return character in _PUNCTUATION or category(character) in _LETTERS | _MARKS


def _described(character: str) -> str:
    if character.isprintable():
        return f"“{character}”"
    return name(character, f"the character U+{ord(character):04X}")
