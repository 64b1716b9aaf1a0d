"""One typo for each word: what else was meant where nothing matches exactly.

All words that are one edit away (a letter left out, added, changed, or two swapped: Damerau, "A technique for computer
detection and correction of spelling errors", CACM 1964) are made and looked up; that needs no index of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from string import ascii_lowercase

from mentorq.core.database import Read
from mentorq.knowledge import queries
from mentorq.knowledge.query import Clause, Query
from mentorq.knowledge.tokens import PART, token

FEWEST_LETTERS, MOST_LETTERS = 3, 30
MOST_READINGS = 4
LEAST_LIKELY = 10
"""How many times as many articles may have the commonest reading as one that is taken for meant, too."""
MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Corrected:
    """A query with other readings of some of its words."""

    query: Query
    readings: dict[str, list[str]]


async def corrections(db: Read, query: Query, known: Mapping[str, int]) -> Iterator[Corrected]:
    """How a query that matches nothing may have been meant: first only words that no article has are read anew.

    `known` says in how many articles the query's words are.
    """
    words = [clause for clause in query.words if _may_be_typo(clause)][:MOST_WORDS]
    edits = {clause: _edited(clause.written) for clause in words}
    found = await queries.frequencies(db, {way for tokens in edits.values() for t in tokens for way in (t, PART + t)})
    readings = {clause: _best(tokens, found) for clause, tokens in edits.items()}
    unknown = [clause for clause in words if not any(known.get(row[0]) for row in clause.options)]
    tries = [[clause for clause in part if readings[clause]] for part in (unknown, words)]
    return (_with(query, part, readings) for part in tries if part)


def _may_be_typo(clause: Clause) -> bool:
    long_enough = FEWEST_LETTERS <= len(clause.written) <= MOST_LETTERS
    return clause.kind == "word" and long_enough and clause.written.isascii() and clause.written.isalnum()


def _edited(word: str) -> dict[str, str]:
    """What is in the index for each word that is one edit away, and that word."""
    found: dict[str, str] = {}
    for edited in _edits(word.lower()):
        found.setdefault(token(edited), edited)
    found.pop(token(word), None)
    return found


def _edits(word: str) -> Iterator[str]:
    halves = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    for left, right in halves:
        if len(right) > 1:
            yield left + right[1] + right[0] + right[2:]
        if right:
            yield left + right[1:]
        for letter in ascii_lowercase:
            if right:
                yield left + letter + right[1:]
            yield left + letter + right


def _best(tokens: Mapping[str, str], found: Mapping[str, int]) -> list[tuple[str, str]]:
    """The readings that most articles have, as they are in the index and as they are written."""
    articles = {t: found.get(t, 0) + found.get(PART + t, 0) for t in tokens}
    best = sorted((t for t in tokens if articles[t]), key=lambda t: (-articles[t], t))
    likely = [t for t in best if articles[t] * LEAST_LIKELY >= articles[best[0]]]
    return [(t, tokens[t]) for t in likely[:MOST_READINGS]]


def _with(query: Query, read: Iterable[Clause], readings: Mapping[Clause, list[tuple[str, str]]]) -> Corrected:
    """The query with all readings of some words beside these words themselves."""
    anew = {
        clause: replace(
            clause,
            options=(*clause.options, *((way,) for token_, _ in readings[clause] for way in (token_, PART + token_))),
        )
        for clause in read
    }
    clauses = tuple(anew.get(clause, clause) for clause in query.clauses)
    return Corrected(Query(clauses), {clause.written: [word for _, word in readings[clause]] for clause in anew})
