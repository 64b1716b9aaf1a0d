"""What somebody types into the search box, as an expression that both databases can evaluate.

    how to install django            all of these words must be there, in any form; "how" and "to" need not
    "connection refused"             these words, one after the other, just as they are written
    -windows  -"visual studio"       not with these
    tag:python  -tag:flask           with this tag, or without it
    mentor:ana                       solved by her
    asyncio.gather  c++  TypeError   words of code, whole; `error` finds TypeError, too

Parsing is total: whatever is typed means something, and nothing is a mistake.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mentorq.knowledge import tokens
from mentorq.knowledge.tokens import GAP, IN_TITLE, MENTOR, PART, TAG
from mentorq.tags.names import InvalidTagName, normalise

LONGEST_QUERY = 500
MOST_CLAUSES = 48

_CLAUSE = re.compile(
    r"""(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<field>tag|mentor):(?P<name>[^\s"]+)|(?P<word>[^\s"]+))"""
)


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that must be there, or, `excluded`, must not.

    `options` are ways to have it, any of which will do; each is a row of index words, one after the other.
    """

    kind: Literal["word", "phrase", "tag", "mentor"]
    written: str
    options: tuple[tuple[str, ...], ...]
    excluded: bool = False
    is_stop: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: all of its clauses."""

    clauses: tuple[Clause, ...]

    @property
    def wanted(self) -> tuple[Clause, ...]:
        """What must be there. Words that nearly every text has are looked for only if there are no others."""
        positive = [clause for clause in self.clauses if not clause.excluded]
        telling = [clause for clause in positive if not clause.is_stop]
        return tuple(telling or positive)

    @property
    def unwanted(self) -> tuple[Clause, ...]:
        """What must not be there, but phrases: what the index knows of them is more than what is meant."""
        return tuple(clause for clause in self.clauses if clause.excluded and clause.kind != "phrase")

    @property
    def words(self) -> tuple[Clause, ...]:
        """What is looked for in the text: by this, articles can be more or less relevant."""
        return tuple(clause for clause in self.wanted if clause.kind in ("word", "phrase"))

    @property
    def exact(self) -> tuple[Clause, ...]:
        """Phrases, which the index finds in any form of their words: they are held against the text."""
        return tuple(clause for clause in self.clauses if clause.kind == "phrase")

    @property
    def has_rows(self) -> bool:
        """Whether words must stand one after the other."""
        return any(len(row) > 1 for clause in self.wanted for row in clause.options if not row[0].startswith(IN_TITLE))

    def in_titles(self) -> "Query | None":
        """The same, with all words in the title; None where no words are looked for."""
        return Query(tuple(each for clause in self.clauses for each in _in_title(clause))) if self.words else None

    def having(self, tags: Sequence[str], *, every: bool) -> "Query":
        """The same, and with all of `tags` (normalised), or with any of them."""
        each = [Clause("tag", tag, ((TAG + tag,),)) for tag in tags]
        if not every and len(each) > 1:
            each = [Clause("tag", " ".join(tags), tuple(clause.options[0] for clause in each))]
        return Query((*self.clauses, *each))


NOWHERE = ((PART,),)
"""Options that no article has: no word is only a sign."""


def parse(text: str) -> Query:
    """Read what was typed; names of mentors are still to be found (`mentors`)."""
    folded = " ".join(text.split())
    clauses = [clause for found in _CLAUSE.finditer(folded) for clause in _clauses(found)]
    return Query(tuple(dict.fromkeys(clauses[:MOST_CLAUSES])))


def mentors(query: Query) -> list[str]:
    """The names of mentors that a query asks for."""
    return [clause.written for clause in query.clauses if clause.kind == "mentor"]


def with_mentors(query: Query, ids: dict[str, int]) -> Query:
    """The query with the mentors' ids in it; a mentor who is not known has solved nothing."""
    return Query(
        tuple(
            replace(clause, options=((f"{MENTOR}{ids[clause.written]}",),))
            if clause.kind == "mentor" and clause.written in ids
            else clause
            for clause in query.clauses
        )
    )


def of_mentor(mentor_id: int) -> Query:
    """Whatever a mentor has solved."""
    return Query((Clause("mentor", "", ((f"{MENTOR}{mentor_id}",),)),))


def _clauses(found: re.Match[str]) -> Iterator[Clause]:
    excluded = bool(found["minus"])
    if found["phrase"] is not None:
        pieces = tuple(piece for word in tokens.words(found["phrase"]) for piece in word.pieces)
        if pieces:
            yield Clause("phrase", found["phrase"].strip(), (pieces,), excluded)
    elif found["field"] == "tag":
        yield Clause("tag", found["name"], _tag(found["name"]), excluded)
    elif found["field"] == "mentor":
        yield Clause("mentor", found["name"].lower(), NOWHERE, excluded)
    else:
        words = list(tokens.words(found["word"]))
        if words:
            is_stop = all(word.is_stop for word in words) and not excluded
            yield Clause("word", found["word"], _options(words), excluded, is_stop)


def _tag(name: str) -> tuple[tuple[str, ...], ...]:
    try:
        return ((TAG + normalise(name),),)
    except InvalidTagName:
        return NOWHERE


def _options(words: Sequence[tokens.Word]) -> tuple[tuple[str, ...], ...]:
    """What is written without a space stands together: `list.sort()`. A single word may also be part of another one."""
    row = tuple(piece for word in words for piece in word.pieces)
    alone = row[0] if len(row) == 1 else words[0].joined if len(words) == 1 else ""
    ways = [(alone,), (PART + alone,)] if alone else []
    return tuple(dict.fromkeys([row, *ways]))


def _in_title(clause: Clause) -> Iterator[Clause]:
    """A phrase stays what it is, with its words in the title beside it."""
    if clause.kind not in ("word", "phrase") or clause.excluded:
        yield clause
        return
    rows = [[piece.removeprefix(PART) for piece in option] for option in clause.options]
    if clause.kind == "phrase":
        yield clause
        rows = [telling for row in rows if (telling := [piece for piece in row if piece not in tokens.IGNORED])]
    if rows:
        titled = {tuple(IN_TITLE + piece for piece in row) for row in rows}
        yield replace(clause, kind="word", options=tuple(sorted(titled)))


# --- as each database wants it


def as_tsquery(query: Query) -> str:
    """The text of PostgreSQL's `tsquery`."""
    wanted = [_any([_tsphrase(option) for option in clause.options], " | ") for clause in query.wanted]
    unwanted = ["!" + _any([_tsphrase(option) for option in clause.options], " | ") for clause in query.unwanted]
    return " & ".join([*wanted, *unwanted]) or f"'{GAP}'"


def as_match(query: Query) -> str:
    """The text of SQLite's `MATCH` (FTS5)."""
    wanted = [_any([_fts_phrase(option) for option in clause.options], " OR ") for clause in query.wanted]
    unwanted = [" NOT " + _any([_fts_phrase(o) for o in clause.options], " OR ") for clause in query.unwanted]
    return (" AND ".join(wanted) or f'"{GAP}"') + "".join(unwanted)


def _any(options: Sequence[str], word: str) -> str:
    return f"({word.join(options)})"


def _tsphrase(option: Sequence[str]) -> str:
    quoted = [f"'{piece}'" for piece in option]
    if any(piece.startswith(IN_TITLE) for piece in option):
        return f"({' & '.join(quoted)})"
    return f"({' <-> '.join(quoted)})"


def _fts_phrase(option: Sequence[str]) -> str:
    if any(piece.startswith(IN_TITLE) for piece in option):
        return "(" + " AND ".join(f'"{piece}"' for piece in option) + ")"
    return '"' + " ".join(option) + '"'
