"""What search asks of the database. A statement depends on its shape only, so it is built and compiled once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY

from mentorq.accounts.models import UserRow
from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Base, Read, Row
from mentorq.core.pagination import Keyset, beyond
from mentorq.knowledge.analysis import FIELDS
from mentorq.knowledge.index import WORDS
from mentorq.knowledge.models import (
    ArticleBookmarkRow,
    ArticleCheckRow,
    ArticleIndexRow,
    ArticleRow,
    ArticleUpvoteRow,
    DeflectionRow,
    KnowledgeTermRow,
    KnowledgeTotalsRow,
)
from mentorq.knowledge.query import Query, as_match, as_tsquery
from mentorq.knowledge.tokens import TAG
from mentorq.tickets.models import in_state
from mentorq.tickets.policy import VIEWER_ID, visible_to_role
from mentorq.tickets.queries import TICKETS, T
from mentorq.tickets.states import PUBLISHED

A = ArticleRow.__table__
I = ArticleIndexRow.__table__  # noqa: E741
K = KnowledgeTermRow.__table__

Order = Literal["newest", "upvotes"]
Statement = sa.Select[*tuple[Any, ...]]

KEYS: dict[Order, tuple[sa.ColumnElement[Any], ...]] = {
    "newest": (I.c.number,),
    "upvotes": (A.c.upvotes, A.c.ticket_id),
}


# --- frequencies


@dataclass(frozen=True, slots=True)
class Totals:
    """How many articles there are, and how many words each field of one has in the mean."""

    articles: int
    mean_lengths: tuple[float, ...]


async def totals(db: Read) -> Totals:
    """The size of the knowledge base."""
    rows = await db.fetch(TOTALS)
    articles = rows[0]["articles"] if rows else 0
    return Totals(articles, tuple(rows[0][field] / articles if articles else 0.0 for field in FIELDS))


TOTALS: Statement = sa.select(KnowledgeTotalsRow.__table__)


async def frequencies(db: Read, terms: Collection[str]) -> dict[str, int]:
    """In how many articles each of these terms is; those that are in none are left out.

    They come as one row: for the thousands of words of `similar`, rows would cost more than finding them.
    """
    if not terms:
        return {}
    rows = await db.fetch(_frequencies(db.dialect), terms=_listed(db, sorted(terms)))
    found: dict[str, int] = orjson.loads(rows[0]["found"] or "{}")
    return found


@lru_cache
def _frequencies(dialect: str) -> Statement:
    as_object = sa.func.json_object_agg if dialect == "postgresql" else sa.func.json_group_object
    found = sa.cast(as_object(K.c.term, K.c.articles), sa.Text).label("found")
    return sa.select(found).where(_among(dialect, K.c.term, "terms", sa.Text()), K.c.articles > 0)


def _among(
    dialect: str, column: sa.ColumnElement[Any], name: str, kind: sa.types.TypeEngine[Any]
) -> sa.ColumnElement[bool]:
    """Whether a column is in a list that is one parameter: a statement for lists of any length."""
    if dialect == "postgresql":
        return column == sa.any_(sa.bindparam(name, type_=ARRAY(kind)))
    listed = sa.func.json_each(sa.bindparam(name, type_=sa.Text)).table_valued(sa.column("value", kind))
    return column.in_(sa.select(listed.c.value))


def _listed(db: Read, values: Sequence[Any]) -> object:
    return list(values) if db.dialect == "postgresql" else orjson.dumps(values).decode()


async def commonest_tags(db: Read, limit: int) -> list[tuple[str, int]]:
    """The tags that most articles have, and how many have each."""
    of_tags = sa.select(K.c.term, K.c.articles).where(K.c.term > TAG, K.c.term < chr(ord(TAG) + 1), K.c.articles > 0)
    rows = await db.rows(of_tags.order_by(K.c.articles.desc(), K.c.term).limit(limit))
    return [(row["term"].removeprefix(TAG), row["articles"]) for row in rows]


async def mentor_ids(db: Read, names: Collection[str]) -> dict[str, int]:
    """The ids of those people of some names that exist."""
    u = UserRow.__table__
    rows = await db.rows(sa.select(u.c.username, u.c.id).where(u.c.username.in_(names), u.c.deleted_at.is_(None)))
    return {row["username"]: row["id"] for row in rows}


# --- which articles


WALKED_AT_MOST = 8_000
LONGEST_SECONDS = 2.0
"""How long the database may search."""


@dataclass(frozen=True)
class _Shape:
    dialect: str
    order: Order
    has_query: bool
    continues: bool
    limit: int


def place(row: Row, order: Order) -> tuple[int, ...]:
    """Where an article stands in an order."""
    return (row["number"],) if order == "newest" else (row["upvotes"], row["ticket_id"])


async def found(
    db: Read,
    query: Query,
    order: Order,
    limit: int,
    after: Sequence[int] = (),
    *,
    within_seconds: float = LONGEST_SECONDS,
) -> list[Row]:
    """The first articles in an order that a query finds, by the index of words: `ticket_id`, `tags`, `place`.

    SQLite's index gives the newest first, and stops; otherwise all that match are put in order.

    Raises:
        TookTooLong: it did not end in time.
    """
    statement = _found(_shape(db, query, order, limit, after))
    return await db.fetch_within(within_seconds, statement, **_values(db, query, after))


async def walked(db: Read, query: Query, order: Order, limit: int, after: Sequence[int] = ()) -> list[Row]:
    """The same, for what very many articles have: one after the other in their order, each held against the query.

    Fewer than there are, if there are not enough among the first `WALKED_AT_MOST`.

    Raises:
        TookTooLong: it did not end in time.
    """
    statement = _walked(_shape(db, query, order, limit, after))
    return await db.fetch_within(LONGEST_SECONDS, statement, **_values(db, query, after))


def _shape(db: Read, query: Query, order: Order, limit: int, after: Sequence[int]) -> _Shape:
    return _Shape(db.dialect, order, bool(query.clauses), bool(after), limit)


def _values(db: Read, query: Query, after: Sequence[int]) -> dict[str, object]:
    values: dict[str, object] = {f"after_{number}": value for number, value in enumerate(after)}
    if query.clauses:
        values["query"] = as_tsquery(query) if db.dialect == "postgresql" else as_match(query)
    return values


@lru_cache(maxsize=256)
def _found(shape: _Shape) -> Statement:
    statement = _columns(shape)
    if not shape.has_query:
        return _first(statement, shape, KEYS[shape.order])
    if shape.dialect == "sqlite":
        statement = statement.join(WORDS, WORDS.c.rowid == I.c.number).where(_matches())
        return _first(statement, shape, (WORDS.c.rowid,) if shape.order == "newest" else KEYS[shape.order])
    # A fence: whatever PostgreSQL believes of words that it does not know yet, it must not walk.
    matches = statement.where(_holds(I.c.words)).offset(sa.literal_column("0")).subquery("matches")
    return _first(sa.select(matches), shape, [matches.c[key.name] for key in KEYS[shape.order]])


@lru_cache(maxsize=256)
def _walked(shape: _Shape) -> Statement:
    statement = _columns(shape).add_columns(I.c.words) if shape.dialect == "postgresql" else _columns(shape)
    first = _first(statement, replace(shape, limit=WALKED_AT_MOST), KEYS[shape.order]).subquery("walked")
    columns = [column for column in first.c if column.name != "words"]
    if shape.dialect == "sqlite":
        here = sa.select(sa.literal(1)).select_from(WORDS).where(_matches(), WORDS.c.rowid == first.c.number)
        holds: sa.ColumnElement[bool] = here.correlate(first).exists()
    else:
        holds = _holds(first.c.words)
    return sa.select(*columns).where(holds).limit(sa.literal_column(str(shape.limit)))


def _columns(shape: _Shape) -> Statement:
    columns = (I.c.ticket_id, I.c.tags, I.c.number)
    if shape.order == "newest":
        return sa.select(*columns)
    return sa.select(*columns, A.c.upvotes).join(A, A.c.ticket_id == I.c.ticket_id)


def _first(statement: Statement, shape: _Shape, keys: Sequence[Any]) -> Statement:
    """The first rows in their order, after the place where the page before ended."""
    if shape.continues:
        after = [sa.bindparam(f"after_{number}", type_=sa.BigInteger) for number in range(len(keys))]
        statement = statement.where(sa.tuple_(*keys) < sa.tuple_(*after) if len(keys) > 1 else keys[0] < after[0])
    limit: sa.ColumnElement[int] = sa.literal_column(str(shape.limit))  # not a parameter: PostgreSQL plans by it
    return statement.order_by(*(key.desc() for key in keys)).limit(limit)


def _holds(words: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return words.op("@@", is_comparison=True)(sa.cast(sa.bindparam("query", type_=sa.Text), TSQUERY))


def _matches(query: str = "query") -> sa.ColumnElement[bool]:
    table: sa.ColumnElement[Any] = sa.literal_column("article_words")
    return table.op("MATCH", is_comparison=True)(sa.bindparam(query, type_=sa.Text))


MILLI = 1_000


async def having_most(db: Read, weights: Mapping[str, float], limit: int) -> list[int]:
    """The articles whose words among these weigh most together: of equals, the later ones.

    Weights are summed as whole numbers, so that both databases come to the same.
    """
    if not weights:
        return []
    whole = {word: round(MILLI * weight) for word, weight in weights.items()}
    if db.dialect == "postgresql":
        values: dict[str, object] = {
            "queries": [f"'{word}'" for word in whole], "weights": list(whole.values()), "limit": limit,
        }  # fmt: skip
        rows = await db.fetch_within(LONGEST_SECONDS, HAVING_MOST, **values)
    else:
        values = {"limit": limit}
        for number, (word, weight) in enumerate(whole.items()):
            values |= {f"query_{number}": f'"{word}"', f"weight_{number}": weight}
        rows = await db.fetch_within(LONGEST_SECONDS, _having_most(len(whole)), **values)
    return [row["ticket_id"] for row in rows]


def _most(postings: sa.FromClause, article: sa.ColumnElement[int], *columns: sa.ColumnElement[int]) -> Statement:
    total = sa.func.sum(postings.c.weight)
    grouped = sa.select(article, *columns).group_by(article, *columns)
    return grouped.order_by(total.desc(), article.desc()).limit(sa.bindparam("limit", type_=sa.BigInteger))


def _given() -> sa.FromClause:
    """The words looked for and their weights, as rows of two parameters."""
    queries, weights = (
        sa.bindparam(n, type_=ARRAY(t)) for n, t in (("queries", sa.Text()), ("weights", sa.BigInteger()))
    )
    given = sa.func.unnest(queries, weights).table_valued("query", "weight", name="given")
    return given.render_derived()


def _having_most_there() -> Statement:
    given = _given()
    columns = (I.c.number, I.c.ticket_id)
    here = sa.select(*columns).where(I.c.words.op("@@", is_comparison=True)(sa.cast(given.c.query, TSQUERY)))
    matches = here.offset(sa.literal_column("0")).lateral("matches")
    joined = sa.select(*matches.c, given.c.weight).select_from(given.join(matches, sa.true()))
    postings = joined.subquery("postings")
    return _most(postings, postings.c.number, postings.c.ticket_id)


HAVING_MOST = _having_most_there()


@lru_cache
def _having_most(words: int) -> Statement:
    parts = [
        sa.select(
            WORDS.c.rowid.label("number"), sa.bindparam(f"weight_{number}", type_=sa.BigInteger).label("weight")
        ).where(_matches(f"query_{number}"))
        for number in range(words)
    ]
    postings = sa.union_all(*parts).subquery("postings")
    most = _most(postings, postings.c.number).subquery("most")
    return sa.select(I.c.ticket_id).join(most, most.c.number == I.c.number)


# --- what is ranked, and what is shown


async def terms(db: Read, ticket_ids: Collection[int]) -> dict[int, str]:
    """The terms of these articles, as they are kept."""
    if not ticket_ids:
        return {}
    rows = await db.fetch(_terms(db.dialect), ids=_listed(db, sorted(ticket_ids)))
    return {row["ticket_id"]: row["terms"] for row in rows}


@lru_cache
def _terms(dialect: str) -> Statement:
    return sa.select(I.c.ticket_id, I.c.terms).where(_among(dialect, I.c.ticket_id, "ids", sa.BigInteger()))


async def tags(db: Read, ticket_ids: Collection[int]) -> dict[int, list[str]]:
    """The tags of these articles."""
    if not ticket_ids:
        return {}
    rows = await db.fetch(_tags(db.dialect), ids=_listed(db, sorted(ticket_ids)))
    return {row["ticket_id"]: row["tags"] for row in rows}


@lru_cache
def _tags(dialect: str) -> Statement:
    return sa.select(I.c.ticket_id, I.c.tags).where(_among(dialect, I.c.ticket_id, "ids", sa.BigInteger()))


async def texts(db: Read, ticket_ids: Collection[int]) -> dict[int, Row]:
    """Title, description and solution of these articles."""
    if not ticket_ids:
        return {}
    rows = await db.fetch(_texts(db.dialect), ids=_listed(db, sorted(ticket_ids)))
    return {row["id"]: row for row in rows}


@lru_cache
def _texts(dialect: str) -> Statement:
    columns = (T.c.id, T.c.title, T.c.description, T.c.solution)
    return sa.select(*columns).where(_among(dialect, T.c.id, "ids", sa.BigInteger()))


async def articles(db: Read, viewer: Viewer, ticket_ids: Iterable[int]) -> list[Row]:
    """Those of some articles that `viewer` may see, in the order of `ticket_ids`: what `schemas.as_article` needs."""
    wanted = list(ticket_ids)
    if not wanted:
        return []
    rows = await db.fetch(_articles(db.dialect, viewer.role), ids=_listed(db, wanted), viewer_id=viewer.id)
    found = {row["id"]: row for row in rows}
    return [found[ticket_id] for ticket_id in wanted if ticket_id in found]


@lru_cache
def _articles(dialect: str, role: str) -> Statement:
    u, b, c = (table.__table__ for table in (ArticleUpvoteRow, ArticleBookmarkRow, ArticleCheckRow))

    def mine(table: Any) -> Any:
        return sa.and_(table.c.ticket_id == T.c.id, table.c.user_id == VIEWER_ID)

    return (
        TICKETS.add_columns(
            A.c.upvotes,
            A.c.deflected,
            A.c.works,
            A.c.fails,
            sa.select(sa.literal(1)).where(mine(u)).exists().label("has_upvoted"),
            sa.select(sa.literal(1)).where(mine(b)).exists().label("has_bookmarked"),
            sa.select(c.c.works).where(mine(c)).scalar_subquery().label("my_check"),
        )
        .join(A, A.c.ticket_id == T.c.id)
        .where(_among(dialect, T.c.id, "ids", sa.BigInteger()), in_state(*PUBLISHED), visible_to_role(role))
    )


async def bookmarked(db: Read, viewer: Viewer, keyset: Keyset) -> list[Row]:
    """The viewer's bookmarks whose articles are public, last bookmarked first."""
    b = ArticleBookmarkRow.__table__
    mine = sa.select(b.c.ticket_id, b.c.created_at).join(A, A.c.ticket_id == b.c.ticket_id)
    mine = mine.where(b.c.user_id == viewer.id)
    columns = (b.c.created_at, b.c.ticket_id)
    if keyset.after:
        mine = mine.where(beyond(columns, keyset.after, descending=True))
    return await db.rows(mine.order_by(*(column.desc() for column in columns)).limit(keyset.limit + 1))


async def deflections(db: Read, since: datetime, limit: int) -> tuple[int, int, list[int]]:
    """How many questions articles have spared, in all and since a time, and which spared most since then."""
    d = DeflectionRow.__table__
    lately = sa.select(d.c.ticket_id).where(d.c.created_at >= since).subquery()
    most = (
        sa.select(lately.c.ticket_id)
        .group_by(lately.c.ticket_id)
        .order_by(sa.func.count().desc(), sa.desc("ticket_id"))
    )
    everything: int = await db.scalar(sa.select(sa.func.count()).select_from(d))
    recently: int = await db.scalar(sa.select(sa.func.count()).select_from(lately))
    return everything, recently, await db.scalars(most.limit(limit))


# --- what there is, for those who want to read all of it


async def last_id(db: Read) -> int:
    """The largest id of an article; 0 where there is none."""
    return await db.scalar(sa.select(sa.func.max(A.c.ticket_id))) or 0


async def listed(db: Read, first_id: int, last_id: int) -> list[Row]:
    """Id, title and last change of the articles with ids from one to another."""
    published = sa.select(T.c.id, T.c.title, T.c.updated_at).join(A, A.c.ticket_id == T.c.id)
    within = A.c.ticket_id.between(first_id, last_id)
    return await db.rows(published.where(within, in_state(*PUBLISHED)).order_by(A.c.ticket_id))


# --- export of one person's own


async def kept_by(db: Read, user_id: int) -> dict[str, list[Row]]:
    """What somebody upvoted, bookmarked, checked, and found an answer in."""
    tables: dict[str, type[Base]] = {
        "upvotes": ArticleUpvoteRow, "bookmarks": ArticleBookmarkRow, "checks": ArticleCheckRow,
        "answers_found": DeflectionRow,
    }  # fmt: skip
    return {
        name: await db.rows(
            sa.select(*(c for c in table.__table__.c if c.name != "user_id"))
            .where(table.__table__.c.user_id == user_id)
            .order_by(table.__table__.c.ticket_id)
        )
        for name, table in tables.items()
    }
