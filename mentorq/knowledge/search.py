"""Search: retrieve, then rank.

The index finds which articles have all that is looked for. A query that few match is answered from all of its matches;
of one that very many match, the newest are looked at, and the newest of those that have it all in their title: what
is read is bounded, however large the knowledge base. Python then ranks them by what the index keeps of each, so that
both databases give the same.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Read, Row, TookTooLong
from mentorq.core.pagination import Keyset
from mentorq.knowledge import highlights, queries, ranking, typos
from mentorq.knowledge.analysis import as_some_terms
from mentorq.knowledge.errors import SearchTookTooLong
from mentorq.knowledge.queries import Order
from mentorq.knowledge.query import Query, mentors, of_mentor, parse, with_mentors
from mentorq.knowledge.ranking import Scorer, Statistics
from mentorq.knowledge.schemas import Sort, as_article

COUNTED = 1_000
"""Up to how many matches are counted and looked through for their tags."""
RANKED = 150
RANKED_BY_TITLE = 100
KEPT = 200
"""How many of the best are listed by relevance; who has not found it among them sorts or narrows down."""
FACETS = 12
VERIFIED_AT_ONCE = 250
MOST_VERIFIED = 5_000
"""In so many articles that have its words a phrase is looked for as it is written; in older ones it is not."""

FEW = 2_000
SHARE_TO_WALK = 0.035
"""What more articles have than this share is found faster by walking through them than by putting all in order."""
RECHECKED = 10_000
"""Of how many articles PostgreSQL may read where words stand, to find a phrase."""
PATIENCE_SECONDS = 0.5


@dataclass(frozen=True)
class Wanted:
    """What a client asks for."""

    text: str = ""
    tags: tuple[str, ...] = ()
    every_tag: bool = False
    sort: Sort = "relevance"


@dataclass(frozen=True)
class Asked:
    """A query as it is understood: as it is written, or, by a later `attempt`, with some words read otherwise."""

    query: Query
    known: Statistics
    attempt: int = 0
    readings: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """One page; the first one also says what all of it is."""

    items: list[dict[str, Any]]
    next_cursor: str | None
    readings: dict[str, list[str]]
    facets: list[tuple[str, int]] | None = None
    counted: int | None = None
    missing: tuple[str, ...] = ()
    """Where nothing was found: those of the words that no article has."""


async def search(db: Read, viewer: Viewer, wanted: Wanted, keyset: Keyset) -> Found:
    """One page of articles.

    Raises:
        SearchTookTooLong: it did not end within `LONGEST_SECONDS`.
    """
    try:
        attempt, *place = keyset.after or (None,)
        missing: tuple[str, ...] = ()
        async for asked in _understood(db, wanted):
            missing = missing or _missing(asked)
            if attempt in (None, asked.attempt):
                found = await _page(db, viewer, wanted.sort, asked, place, keyset)
                if found.items or attempt is not None:
                    return found
    except TookTooLong:
        raise SearchTookTooLong from None
    return Found([], None, {}, [], 0, missing)


async def newest_of(db: Read, viewer: Viewer, mentor_id: int, limit: int) -> list[dict[str, Any]]:
    """The newest of what a mentor has solved; nothing where finding it takes too long."""
    try:
        rows = await queries.found(db, of_mentor(mentor_id), "newest", limit)
    except TookTooLong:
        return []
    return [as_article(row, viewer) for row in await queries.articles(db, viewer, [row["ticket_id"] for row in rows])]


def _missing(asked: Asked) -> tuple[str, ...]:
    return tuple(
        clause.written
        for clause in asked.query.words
        if not clause.is_stop and not ranking.articles_with(clause, asked.known.articles)
    )


async def _understood(db: Read, wanted: Wanted) -> AsyncIterator[Asked]:
    """The query as it is written, then as it may have been meant."""
    query = parse(wanted.text)
    if names := mentors(query):
        query = with_mentors(query, await queries.mentor_ids(db, names))
    query = query.having(wanted.tags, every=wanted.every_tag)
    written = Asked(query, await _statistics(db, query))
    yield written
    for attempt, meant in enumerate(await typos.corrections(db, query, written.known.articles), 1):
        yield Asked(meant.query, await _statistics(db, meant.query), attempt, meant.readings)


async def _statistics(db: Read, query: Query) -> Statistics:
    of_titles = query.in_titles()
    rows = [row for each in (query, of_titles) if each for clause in each.wanted for row in clause.options]
    return Statistics(await queries.totals(db), await queries.frequencies(db, {word for row in rows for word in row}))


async def _page(db: Read, viewer: Viewer, sort: Sort, asked: Asked, place: Sequence[Any], keyset: Keyset) -> Found:
    if sort == "relevance" and asked.query.words:
        return await _by_relevance(db, viewer, asked, place, keyset)
    order: Order = "upvotes" if sort == "upvotes" else "newest"
    is_first = bool(asked.query.clauses) and not place
    some = await _some(db, asked) if is_first else []
    if is_first and order == "newest":
        rows = some[: keyset.limit + 1]
    else:
        rows = await _matches(db, asked, order, keyset.limit + 1, place)
    shown, next_cursor = keyset.cut(rows, lambda row: (asked.attempt, *queries.place(row, order)))
    items = await _shown(db, viewer, asked.query, [row["ticket_id"] for row in shown])
    if place:
        return Found(items, next_cursor, asked.readings)
    if not asked.query.clauses:
        return Found(items, next_cursor, {}, await queries.commonest_tags(db, FACETS), asked.known.totals.articles)
    return Found(items, next_cursor, asked.readings, _facets(some), _count(asked, some))


async def _by_relevance(db: Read, viewer: Viewer, asked: Asked, place: Sequence[int], keyset: Keyset) -> Found:
    """The cursor is the rest of the list: it stays as it was when paging began, whatever is published meanwhile."""
    facets, counted = None, None
    ranked = list(place)
    if not place:
        rows = await _some(db, asked)
        ranked = await _ranked(db, asked, rows)
        facets, counted = _facets(rows), max(_count(asked, rows), len(ranked))
    shown, rest = ranked[: keyset.limit], ranked[keyset.limit :]
    items = await _shown(db, viewer, asked.query, shown)
    next_cursor = keyset.seal(asked.attempt, *rest) if rest else None
    return Found(items, next_cursor, asked.readings, facets, counted)


async def _some(db: Read, asked: Asked) -> list[Row]:
    """The newest of what is found, as many as are counted; of what very many have, as many as are ranked."""
    return await _matches(db, asked, "newest", RANKED if _is_common(asked) else COUNTED)


def _count(asked: Asked, some: Sequence[Row]) -> int:
    return COUNTED if _is_common(asked) and len(some) == RANKED else len(some)


async def _ranked(db: Read, asked: Asked, rows: Sequence[Row]) -> list[int]:
    """The best of what was found, best first; of equals, the newest."""
    candidates = [row["ticket_id"] for row in rows[:RANKED]]
    if (len(rows) >= RANKED or _is_common(asked)) and (titled := asked.query.in_titles()):
        by_title = await _matches(db, Asked(titled, asked.known), "newest", RANKED_BY_TITLE)
        candidates += [row["ticket_id"] for row in by_title]
    kept = await queries.terms(db, set(candidates))
    scorer = Scorer(asked.query.words, asked.known)
    scores = {ticket_id: scorer.score(as_some_terms(terms, scorer.words)) for ticket_id, terms in kept.items()}
    newest_first = dict.fromkeys(candidate for candidate in candidates if candidate in scores)
    return sorted(newest_first, key=lambda ticket_id: -scores[ticket_id])[:KEPT]


async def _matches(db: Read, asked: Asked, order: Order, limit: int, after: Sequence[int] = ()) -> list[Row]:
    """The first articles in an order that a query finds, phrases held against the text."""
    if not asked.query.exact:
        return await _indexed(db, asked, order, limit, after)
    found: list[Row] = []
    for _ in range(MOST_VERIFIED // VERIFIED_AT_ONCE):
        rows = await _indexed(db, asked, order, VERIFIED_AT_ONCE, after)
        texts = await queries.texts(db, [row["ticket_id"] for row in rows])
        found += [row for row in rows if _is_exact(asked.query, texts[row["ticket_id"]])]
        if len(rows) < VERIFIED_AT_ONCE or len(found) >= limit:
            return found[:limit]
        after = queries.place(rows[-1], order)
    return found


async def _indexed(db: Read, asked: Asked, order: Order, limit: int, after: Sequence[int]) -> list[Row]:
    """What the index finds. What is said not to be common and is, or the other way round, is found all the same: later.

    Where neither way ends in time, what was seen counts. So it does of phrases that are not among the first: to find
    them, PostgreSQL would read the places of words in too many articles.
    """
    if db.dialect == "sqlite" and order == "newest":
        return await queries.found(db, asked.query, order, limit, after)
    if not _is_common(asked):
        try:
            seconds = PATIENCE_SECONDS if asked.query.has_rows else queries.LONGEST_SECONDS
            return await queries.found(db, asked.query, order, limit, after, within_seconds=seconds)
        except TookTooLong:
            if not asked.query.has_rows:
                raise
    rows = await queries.walked(db, asked.query, order, limit, after)
    if len(rows) < limit and not asked.query.has_rows:
        try:
            return await queries.found(db, asked.query, order, limit, after, within_seconds=PATIENCE_SECONDS)
        except TookTooLong:
            return rows
    return rows


def _is_common(asked: Asked) -> bool:
    """Whether very many articles must be expected, as if words came independently of each other."""
    everything = asked.known.totals.articles
    expected = float(everything)
    for clause in asked.query.wanted:
        if not clause.is_stop:
            expected *= ranking.share_with(clause, asked.known)
    for clause in asked.query.unwanted:
        expected *= 1 - ranking.share_with(clause, asked.known)
    return expected > (RECHECKED if asked.query.has_rows else max(FEW, SHARE_TO_WALK * everything))


def _is_exact(query: Query, text: Row) -> bool:
    """Whether the phrases of a query are in a text, or not in it, just as they are written."""
    fields = [_plain(text[name]) for name in ("title", "description", "solution")]
    return all(any(_plain(clause.written) in field for field in fields) != clause.excluded for clause in query.exact)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _facets(rows: Sequence[Row]) -> list[tuple[str, int]]:
    counted = Counter(tag for row in rows for tag in row["tags"])
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:FACETS]


async def _shown(db: Read, viewer: Viewer, query: Query, ticket_ids: Sequence[int]) -> list[dict[str, Any]]:
    rows = await queries.articles(db, viewer, ticket_ids)
    return [as_article(row, viewer, _highlight(query, row)) for row in rows]


def _highlight(query: Query, row: Row) -> tuple[str, str] | None:
    if not query.words:
        return None
    return highlights.highlighted(query, row["title"], (row["description"], row["solution"]))
