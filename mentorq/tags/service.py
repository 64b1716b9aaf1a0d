"""What other modules may ask of tags."""

from collections.abc import Collection, Sequence
from typing import Literal

from mentorq.core.database import Read, Row, Write
from mentorq.core.pagination import Keyset
from mentorq.tags import queries
from mentorq.tags.queries import Counter


async def ensure(db: Write, names: Sequence[str]) -> dict[str, int]:
    """The ids of `names` (normalised), made where they are new."""
    if not names:
        return {}
    known = await queries.ids_by_name(db, names)
    missing = [name for name in names if name not in known]
    if missing:
        await queries.add_missing(db, missing)
        known |= await queries.ids_by_name(db, missing)
    return known


async def known(db: Read, names: Collection[str]) -> dict[str, int]:
    """The ids of those of `names` that exist."""
    return await queries.ids_by_name(db, names) if names else {}


async def several(db: Read, tag_ids: Collection[int]) -> list[Row]:
    """Tags with their counts, by name."""
    return await queries.several(db, tag_ids) if tag_ids else []


async def recount(db: Write, counter: Counter, *, added: Collection[int] = (), removed: Collection[int] = ()) -> None:
    """Keep a counter right when tags are put on something or taken off it. Call it last: it locks the rows."""
    up, down = set(added), set(removed)
    if up != down:
        await queries.adjust(db, counter, up - down, down - up)


async def page(db: Read, prefix: str, sort: Literal["popular", "name"], keyset: Keyset) -> tuple[list[Row], str | None]:
    """Tags by popularity or name, a page at a time."""
    rows = await queries.page(db, prefix, sort, keyset)
    return keyset.cut(rows, lambda tag: (tag["name"],) if sort == "name" else (tag["tickets"], tag["name"]))
