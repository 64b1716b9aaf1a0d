"""What the index keeps of articles, worked out of their texts: pure, so that other processes can do it for many."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from mentorq.knowledge.analysis import FIELDS, LENGTHS, analyse, as_json, as_terms, as_text, as_tsvector, findable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BITS_OF_ID = 24

Row = Mapping[str, Any]


def number_of(ticket_id: int, published_at: datetime) -> int:
    """An article's place in the order of publication: the second, and of one second by the ticket's id.

    It stays below 2**56: read from the newest, FTS5 loses some of the rows of common words where numbers, or what lies
    between two, take more than that (seen in SQLite 3.40).
    """
    return (published_at - EPOCH) // timedelta(seconds=1) << BITS_OF_ID | ticket_id % (1 << BITS_OF_ID)


class Entry(NamedTuple):
    """An article in the index; `terms` is JSON, `words` is what this database's index reads."""

    ticket_id: int
    number: int
    mentor_id: int
    tags: list[str]
    terms: str
    words: str


@dataclass
class Change:
    """How many articles more, or less, there are of each term, and how many words more or less in each field."""

    articles: int = 0
    terms: Counter[str] = field(default_factory=Counter)
    lengths: list[int] = field(default_factory=lambda: [0] * len(FIELDS))

    def add(self, terms: Iterable[str], lengths: Sequence[int], sign: int = 1) -> None:
        """One article more, or, with a `sign` of -1, less."""
        self.articles += sign
        self.terms.update(terms) if sign > 0 else self.terms.subtract(terms)
        self.lengths = [known + sign * more for known, more in zip(self.lengths, lengths, strict=True)]


def entries(texts: Iterable[Row], before: Iterable[Row], dialect: str) -> tuple[list[Entry], Change]:
    """What these articles become, and how that changes the frequencies, `before` being what was indexed of them."""
    change = Change()
    known = {row["ticket_id"]: row for row in before}
    made = [_entry(text, known.pop(text["id"], None), change, dialect) for text in texts]
    for row in known.values():
        _take_out(row, change)
    return made, change


def _entry(text: Row, before: Row | None, change: Change, dialect: str) -> Entry:
    found = analyse(text["title"], text["description"], text["solution"], text["tags"])
    mentor_id, tags, terms = text["assigned_mentor_id"], sorted(text["tags"]), as_json(found.terms)
    by = findable(found.terms, tags, mentor_id)
    if before is None or (before["mentor_id"], before["tags"], before["terms"]) != (mentor_id, tags, terms):
        change.add(by, found.terms[LENGTHS])
        if before is not None:
            _take_out(before, change)
    others = sorted(by.difference(found.row))
    words = as_tsvector(found.row, others) if dialect == "postgresql" else as_text(found.row, others)
    number = number_of(text["id"], text["resolved_at"])
    return Entry(text["id"], number, mentor_id, tags, terms, words)


def _take_out(row: Row, change: Change) -> None:
    terms = as_terms(row["terms"])
    change.add(findable(terms, row["tags"], row["mentor_id"]), terms[LENGTHS], -1)
