"""How text becomes what the index holds and what a search looks for: the same on both databases, and for both sides.

A text is a row of *words*: runs of letters and digits (`c++`, `c#` keep their signs), in order, without accents, plain
ones stemmed. `asyncio.gather` is the two words `asyncio`, `gather`, one after the other; a search for it looks for
just that. What a word also stands for is a *part*: `NullPointerException` has the parts `null`, `pointer`,
`exception`, and `Node.js` the part `nodejs`. A part has no place in the row, so phrases are made of words only.

The index holds words as they are, and everything else behind a sign that no word begins with.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import combining, normalize

from mentorq.core.text import STOP_WORDS, stem

PART, IN_TITLE, TAG, MENTOR, GAP = "+", "^", "#", "@", "~"
"""Signs of parts, of words and parts of a title, of tags, of mentors, and the word between two fields, which every
article has."""

LONGEST = 40
MOST_JOINED = 4

# Scripts that are written without spaces: each character is a word, and a run of them is looked for as a phrase.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(r"(?:[^\W_]++[._-](?=[^\W_]))*+[^\W_]++(?:\+\+|[+#](?![^\W_]))?")
_PIECE = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+[+#]*")
_HUMP = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")

# What is left of don't, it's, we've once the apostrophe has cut them.
IGNORED = STOP_WORDS | frozenset("s t d m ve re ll don doesn didn isn wasn won couldn shouldn".split())


@dataclass(frozen=True, slots=True)
class Word:
    """A word as people write it: its pieces in order, its parts, and, where it has few pieces, all of them as one.

    `terms` are what of it is counted.
    """

    pieces: tuple[str, ...]
    parts: tuple[str, ...]
    joined: str
    is_stop: bool
    terms: tuple[str, ...]


def words(text: str) -> Iterator[Word]:
    """The words of a text in order."""
    return map(analysed, _WORD.findall(unaccented(text)))


def words_at(text: str) -> Iterator[tuple[str, int, int]]:
    """What is a word as it is written, and where it begins and ends."""
    return ((found[0], found.start(), found.end()) for found in _WORD.finditer(text))


def unaccented(text: str) -> str:
    """The text without accents and with compatibility forms as plain letters: `Función` and `funcion` are one word."""
    if text.isascii():
        return text
    return "".join(c for c in normalize("NFKD", text) if not combining(c))


@lru_cache(maxsize=200_000)
def analysed(written: str) -> Word:
    """A word, taken apart."""
    pieces = _PIECE.findall(written)
    tokens = tuple(token(piece) for piece in pieces)
    joined = token("".join(pieces)) if 1 < len(pieces) <= MOST_JOINED else ""
    parts = dict.fromkeys([*(part for piece in pieces for part in _humps(piece)), *([joined] if joined else [])])
    is_stop = len(tokens) == 1 and pieces[0].lower() in IGNORED
    others = tuple(part for part in parts if part not in tokens)
    telling = (piece for piece in tokens if piece not in IGNORED)
    return Word(tokens, others, joined, is_stop, (*telling, *(PART + part for part in others)))


def token(piece: str) -> str:
    """What a piece is in the index: lower case, stemmed if it is a plain word, and not longer than needed."""
    lower = piece.lower()
    return (stem(lower) if lower.isascii() and lower.isalpha() else lower)[:LONGEST]


def humps(piece: str) -> tuple[str, ...]:
    """The parts of a compound in order, stemmed: `TypeError` → `type`, `error`; nothing where it is no compound."""
    found = _HUMP.findall(piece) if piece.isascii() else []
    return tuple(token(hump) for hump in found) if len(found) > 1 else ()


def _humps(piece: str) -> Iterable[str]:
    return (hump for hump in humps(piece) if len(hump) > 1 and hump not in IGNORED)
