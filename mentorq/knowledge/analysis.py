"""An article as the index keeps it: the row of its words, what else it can be found by, and how often it has what."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from mentorq.core.text import code_apart
from mentorq.knowledge import tokens
from mentorq.knowledge.tokens import GAP, IN_TITLE, MENTOR, PART, TAG

FIELDS = ("title", "prose", "solution", "code")
TITLE, PROSE, SOLUTION, CODE = range(len(FIELDS))
LENGTHS = ""
"""Where `terms` keeps how many words each field has; no term is empty."""

Terms = dict[str, list[int]]
"""How often each field has a word or, with `PART` before it, a part; trailing noughts are left out."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a ticket's text becomes."""

    row: tuple[str, ...]
    terms: Terms

    @property
    def lengths(self) -> tuple[int, ...]:
        """How many words each field has."""
        return tuple(self.terms[LENGTHS])


def analyse(title: str, description: str, solution: str, tags: Iterable[str]) -> Analysis:
    """Read an article. The words of its tags count as parts of its title: both say what it is about."""
    prose, code = code_apart(description)
    answer, answer_code = code_apart(solution)
    row: list[str] = []
    terms: Terms = {}
    lengths = [0] * len(FIELDS)
    for field, text in ((TITLE, title), (PROSE, prose), (CODE, code), (SOLUTION, answer), (CODE, answer_code)):
        begin = len(row)
        for word in tokens.words(text):
            row += word.pieces
            for term in word.terms:
                if (counts := terms.get(term)) is None:
                    counts = terms[term] = [0] * len(FIELDS)
                counts[field] += 1
        lengths[field] += len(row) - begin
        row.append(GAP)
    for part in sorted({part for tag in tags for part in _parts(tag)}):
        terms.setdefault(PART + part, [0] * len(FIELDS))[TITLE] += 1
    terms[LENGTHS] = lengths
    return Analysis(tuple(row), terms)


def _parts(tag: str) -> Iterable[str]:
    return (part for word in tokens.words(tag) for part in (*word.pieces, *word.parts))


def findable(terms: Terms, tags: Iterable[str], mentor_id: int) -> set[str]:
    """By what an article can be found, apart from words that nearly every text has: what frequencies are kept of."""
    in_title = {IN_TITLE + term.removeprefix(PART) for term, counts in terms.items() if term and counts[TITLE]}
    return (terms.keys() - {LENGTHS}) | in_title | {TAG + tag for tag in tags} | {f"{MENTOR}{mentor_id}"}


def as_json(terms: Terms) -> str:
    """Terms as they are kept."""
    return orjson.dumps(terms).decode()


def as_terms(kept: str) -> Terms:
    """Terms as they were kept."""
    terms: Terms = orjson.loads(kept)
    terms.setdefault(LENGTHS, [0] * len(FIELDS))
    return terms


def as_some_terms(kept: str, words: Iterable[str]) -> Terms:
    """Of terms as they were kept, lengths and some words: to find these is ten times as fast as to read all of them."""
    some: Terms = {LENGTHS: [0] * len(FIELDS)}
    for word in (LENGTHS, *words):
        key = f'"{word}":['  # as `as_json` writes it: no word has to be escaped
        if (at := kept.find(key)) >= 0:
            begin = at + len(key)
            some[word] = [int(count) for count in kept[begin : kept.index("]", begin)].split(",")]
    return some


def as_text(row: Iterable[str], others: Iterable[str]) -> str:
    """What FTS5 indexes: the row of words, and behind it what has no place in it."""
    return " ".join((*row, *others))


def as_tsvector(row: Iterable[str], others: Iterable[str]) -> str:
    """The text of PostgreSQL's `tsvector`: words with their places, and what has none.

    Nothing has to be escaped: no word has a quote or a backslash in it. PostgreSQL drops places that it cannot hold
    (the 256th of a word, and all beyond 16,383): in a longer text, a phrase may be found elsewhere or not at all.
    """
    places: dict[str, str] = {}
    for place, piece in enumerate(row, 1):
        places[piece] = f"{places[piece]},{place}" if piece in places else f"'{piece}':{place}"
    return " ".join((*places.values(), *(f"'{other}'" for other in others)))
