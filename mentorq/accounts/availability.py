"""Whether somebody is available: one rule, which every statement asks, so that no two places can disagree.

A mentor who is away until a moment is available again from that moment on, whether or not a job has noted it. When
somebody was last seen is noted at most every few minutes, and others are told it only roughly.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from mentorq.core.clock import now
from mentorq.core.database import UTCDateTime

LOOKS_ACTIVE_FOR = timedelta(minutes=10)
"""Twice as long as it may take until it is noted that somebody is here."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROUNDED = (
    (timedelta(hours=1), timedelta(minutes=10)),
    (timedelta(days=1), timedelta(hours=1)),
    (timedelta.max, timedelta(days=1)),
)
"""How exactly others learn how long ago somebody was here, by how long ago that was."""

_AT = sa.bindparam("available_at", callable_=now, type_=UTCDateTime)


def is_available(users: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether one of `users` welcomes tickets now.

    Without IS NULL, which SQLite 3.40 answers wrongly where an UPDATE returns it.
    """
    return sa.and_(users.c.is_available, sa.func.coalesce(users.c.away_until <= _AT, sa.true()))


def away_until(users: sa.FromClause) -> sa.ColumnElement[datetime | None]:
    """Until when one of `users` is away; null: for who knows how long, or not at all."""
    return sa.case((users.c.away_until > _AT, users.c.away_until))


def as_seen(users: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    """All columns of `users`, with availability as it is now in place of what is stored."""
    rules: dict[str, sa.ColumnElement[Any]] = {"is_available": is_available(users), "away_until": away_until(users)}
    return [rules[column.name].label(column.name) if column.name in rules else column for column in users.c]


def is_active(last_seen_at: datetime) -> bool:
    """Whether somebody is here, as far as one can know."""
    return now() - last_seen_at < LOOKS_ACTIVE_FOR


def roughly(last_seen_at: datetime) -> datetime:
    """About when somebody was here last: the last full ten minutes, hour or day before it.

    Whoever looks again and again learns no more than that, for what is rounded does not move with when they look.
    """
    passed = now() - last_seen_at
    unit = next(unit for within, unit in ROUNDED if passed < within)
    return last_seen_at - (last_seen_at - EPOCH) % unit
