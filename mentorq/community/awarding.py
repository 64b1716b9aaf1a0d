"""Awarding achievements: each once, with the moment that earned it, however often somebody looks; and reading them."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.models import UserRow
from mentorq.accounts.profile import honours
from mentorq.accounts.schemas import Viewer
from mentorq.community import facts
from mentorq.community.catalogue import BY_KEY, CATALOGUE, Achievement, Fact
from mentorq.community.events import AchievementAwarded
from mentorq.community.models import AwardCountRow, AwardRow
from mentorq.core.database import Database, Read, Row, Write
from mentorq.core.events import emit
from mentorq.tickets.models import TicketRow, in_state
from mentorq.tickets.states import PUBLISHED

W = AwardRow.__table__
C = AwardCountRow.__table__
U = UserRow.__table__
T = TicketRow.__table__

PEOPLE_AT_ONCE = 200
Earned = tuple[int, str, Fact]


async def consider(db: Write, user_id: int | None, keys: Collection[str], ticket_id: int | None = None) -> None:
    """Award those of some achievements that somebody has earned by now, and not got yet; the person hears of it.

    Where only one ticket can have made a difference, `ticket_id` says which.
    """
    if user_id is None:
        return
    for person, key, fact in await _award(db, [user_id], keys, ticket_id):
        await emit(db, AchievementAwarded(person, key, fact.ticket_id, fact.at))


async def award_past(database: Database) -> int:
    """Award everybody whatever was earned before anybody looked, and tell nobody; returns how many awards that were.

    A few hundred people in a transaction, while everybody goes on working. Whatever was interrupted begins anew.
    """
    awarded = last = 0
    everybody = sa.select(U.c.id).where(U.c.deleted_at.is_(None)).order_by(U.c.id).limit(PEOPLE_AT_ONCE)
    while True:
        async with database.write() as db:
            user_ids = await db.scalars(everybody.where(U.c.id > last))
            if not user_ids:
                return awarded
            awarded += len(await _award(db, user_ids, BY_KEY, None))
        last = user_ids[-1]


async def _award(db: Write, user_ids: Sequence[int], keys: Collection[str], ticket_id: int | None) -> list[Earned]:
    """Those that are new."""
    missing = await _missing(db, user_ids, keys)
    found = await facts.earned(db, missing, ticket_id) if missing else []
    return await _keep(db, found) if found else []


async def _missing(db: Read, user_ids: Sequence[int], keys: Collection[str]) -> dict[int, set[str]]:
    """What each of these people has not got; who lacks nothing is left out."""
    rows = await db.rows(
        sa.select(W.c.user_id, W.c.achievement).where(W.c.user_id.in_(user_ids), W.c.achievement.in_(keys))
    )
    missing = {user_id: set(keys) for user_id in user_ids}
    for row in rows:
        missing[row["user_id"]].discard(row["achievement"])
    return {user_id: of_one for user_id, of_one in missing.items() if of_one}


async def _keep(db: Write, found: Sequence[Earned]) -> list[Earned]:
    """Those that nobody else has awarded at the same time, to people who do not leave at the same time."""
    people = sa.select(U.c.id).where(U.c.id.in_({user_id for user_id, _, _ in found}), U.c.deleted_at.is_(None))
    present = set(await db.scalars(people.order_by(U.c.id).with_for_update(read=True)))
    new = {(user_id, key): fact for user_id, key, fact in found if user_id in present}
    if not new:
        return []
    rows = [
        {"user_id": user_id, "achievement": key, "ticket_id": fact.ticket_id, "awarded_at": fact.at}
        for (user_id, key), fact in new.items()
    ]
    inserted = db.insert(AwardRow).values(rows).on_conflict_do_nothing(index_elements=["user_id", "achievement"])
    added = await db.rows(inserted.returning(W.c.user_id, W.c.achievement))
    kept = sorted((row["user_id"], row["achievement"]) for row in added)
    await _count(db, Counter(key for _, key in kept))
    return [(user_id, key, new[user_id, key]) for user_id, key in kept]


async def _count(db: Write, more: Counter[str]) -> None:
    """So many more have them; in the order of keys, so that two who count at once never wait in a circle."""
    rows = [{"achievement": key, "awarded_to": number} for key, number in sorted(more.items())]
    if rows:
        statement = db.insert(AwardCountRow).values(rows)
        added = {"awarded_to": C.c.awarded_to + statement.excluded.awarded_to}
        await db.execute(statement.on_conflict_do_update(index_elements=["achievement"], set_=added))


async def take_all_back(db: Write, user_id: int) -> None:
    """Somebody leaves for good."""
    keys = await db.scalars(sa.delete(AwardRow).where(W.c.user_id == user_id).returning(W.c.achievement))
    for key in sorted(keys):
        await db.execute(sa.update(AwardCountRow).where(C.c.achievement == key).values(awarded_to=C.c.awarded_to - 1))


# --- reading


async def overview(db: Read, viewer: Viewer) -> list[dict[str, Any]]:
    """The catalogue, with how many have each, and what the viewer has."""
    counts = {row["achievement"]: row["awarded_to"] for row in await db.rows(sa.select(C))}
    own = {} if viewer.is_anonymous else {row["achievement"]: row for row in await of_person(db, viewer.id)}
    return [
        as_badge(achievement)
        | {
            "awarded_to": counts.get(achievement.key, 0),
            "awarded_at": own[achievement.key]["awarded_at"] if achievement.key in own else None,
            "ticket_id": own[achievement.key]["ticket_id"] if achievement.key in own else None,
        }
        for achievement in CATALOGUE
    ]


async def of_person(db: Read, user_id: int) -> list[Row]:
    """All that somebody has, last earned first: for this person alone."""
    own = sa.select(W.c.achievement, W.c.ticket_id, W.c.awarded_at).where(W.c.user_id == user_id)
    return await db.rows(own.order_by(W.c.awarded_at.desc(), W.c.id.desc()))


async def own(db: Read, viewer: Viewer) -> list[dict[str, Any]]:
    """What the viewer has, last earned first."""
    return [
        as_badge(BY_KEY[row["achievement"]]) | {"awarded_at": row["awarded_at"], "ticket_id": row["ticket_id"]}
        for row in await of_person(db, viewer.id)
        if row["achievement"] in BY_KEY
    ]


@honours
async def shown(db: Read, user_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """What everybody may see of it, last earned first.

    What somebody earned by an anonymous question of the own is not shown, since its time would tell who asked; and of
    tickets, those of which everybody sees whose they are.
    """
    is_own_question = sa.and_(T.c.student_id == W.c.user_id, T.c.is_anonymous)
    is_mine = sa.or_(T.c.assigned_mentor_id == W.c.user_id, T.c.student_id == W.c.user_id)
    rows = await db.rows(
        sa.select(
            W.c.id, W.c.user_id, W.c.achievement, W.c.awarded_at,
            *(
                sa.case((sa.and_(is_mine, in_state(*PUBLISHED)), column)).label(f"ticket_{column.name}")
                for column in (T.c.id, T.c.title)
            ),
        )
        .select_from(W.outerjoin(T, T.c.id == W.c.ticket_id))
        .where(W.c.user_id.in_(user_ids), sa.or_(T.c.id.is_(None), ~is_own_question))
    )  # fmt: skip
    found: dict[int, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: (row["awarded_at"], row["id"]), reverse=True):
        if achievement := BY_KEY.get(row["achievement"]):
            told = {name: row[name] for name in ("awarded_at", "ticket_id", "ticket_title")}
            found.setdefault(row["user_id"], []).append(as_badge(achievement) | told)
    return found


def as_badge(achievement: Achievement) -> dict[str, Any]:
    """What an achievement says of itself."""
    return {name: getattr(achievement, name) for name in ("key", "name", "description", "icon", "role", "tier")}
