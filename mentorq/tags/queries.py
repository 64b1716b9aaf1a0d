"""Every statement about tags."""

from collections.abc import Collection, Sequence
from typing import Any, Literal

import sqlalchemy as sa

from mentorq.core.database import Read, Row, Write
from mentorq.core.pagination import Keyset
from mentorq.tags.models import TagRow

LAST_CODE_POINT = "\U0010ffff"

Counter = Literal["tickets", "mentors"]


async def add_missing(db: Write, names: Sequence[str]) -> None:
    """Of any number of first uses of a name at once, one makes the tag. Sorted, so that no two wait for each other."""
    rows = [{"name": name, "tickets": 0, "mentors": 0} for name in sorted(names)]
    await db.execute(db.insert(TagRow).values(rows).on_conflict_do_nothing(index_elements=["name"]))


async def ids_by_name(db: Read, names: Collection[str]) -> dict[str, int]:
    """The ids of those names that exist."""
    rows = await db.rows(sa.select(TagRow.name, TagRow.id).where(TagRow.name.in_(names)))
    return {row["name"]: row["id"] for row in rows}


async def adjust(db: Write, counter: Counter, up: Collection[int], down: Collection[int]) -> None:
    """Count up and down. Several rows are locked in order of id first: two transactions never wait for each other.

    In a statement of its own, because an UPDATE would look at the rows as they were before it waited for them; and
    not FOR UPDATE, because who has just tagged something shares the tags' keys, and two of them would be stuck.
    """
    tag_ids = [*up, *down]
    if len(tag_ids) > 1 and db.dialect == "postgresql":
        in_order = sa.select(TagRow.id).where(TagRow.id.in_(tag_ids)).order_by(TagRow.id)
        await db.execute(in_order.with_for_update(key_share=True))
    column = TagRow.__table__.c[counter]
    counted = sa.case((TagRow.id.in_(up), column + 1), else_=column - 1)
    await db.execute(sa.update(TagRow).where(TagRow.id.in_(tag_ids)).values({counter: counted}))


async def several(db: Read, tag_ids: Collection[int]) -> list[Row]:
    """Tags by id, ordered by name."""
    columns = (TagRow.id, TagRow.name, TagRow.tickets, TagRow.mentors)
    return await db.rows(sa.select(*columns).where(TagRow.id.in_(tag_ids)).order_by(TagRow.name))


async def page(db: Read, prefix: str, sort: Literal["popular", "name"], keyset: Keyset) -> list[Row]:
    """Tags whose name begins with `prefix`."""
    statement = sa.select(TagRow.id, TagRow.name, TagRow.tickets, TagRow.mentors).limit(keyset.limit + 1)
    if prefix:
        statement = statement.where(TagRow.name >= prefix, TagRow.name < prefix + LAST_CODE_POINT)
    if sort == "name":
        order: list[Any] = [TagRow.name]
        if keyset.after:
            statement = statement.where(TagRow.name > keyset.after[0])
    else:
        order = [TagRow.tickets.desc(), TagRow.name]
        if keyset.after:
            tickets, name = keyset.after
            same_count = sa.and_(TagRow.tickets == tickets, TagRow.name > name)
            statement = statement.where(TagRow.tickets <= tickets, sa.or_(TagRow.tickets < tickets, same_count))
    return await db.rows(statement.order_by(*order))
