"""Telling people, and taking back what they need not know any longer: in the transaction of whoever calls.

After the commit those who follow an inbox get a hint; mails and push messages are jobs of the same transaction.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from mentorq.core import bulk
from mentorq.core.clock import now
from mentorq.core.database import Write
from mentorq.core.jobs import enqueue
from mentorq.notifications import queries
from mentorq.notifications.kinds import USUAL, Channels, Email, Kind
from mentorq.notifications.models import NotificationRow
from mentorq.notifications.queries import N, P, U, preferences_of, wants

CHANNEL = "inboxes"
"""Hints on the bus: whose inboxes have changed, as ids with commas between."""

MAIL, PUSH = "notifications.mail", "notifications.push"
IDS_IN_A_HINT = 1000
JOBS_AT_ONCE = 500
COLUMNS = ("user_id", "seq", "kind", "key", "ticket_id", "data", "times", "in_app", "created_at")


async def tell(
    db: Write,
    user_id: int,
    kind: Kind,
    key: str,
    *,
    ticket_id: int | None = None,
    session_id: int | None = None,
    actor_id: int | None = None,
    thread: str | None = None,
    data: Mapping[str, object] | None = None,
) -> None:
    """Tell somebody of a fact, which `key` names: again with the same key, and nothing happens.

    With `thread`, the line that is unread there is replaced by this one, which stands for one more.
    """
    chosen = await queries.channels(db, user_id, kind)
    if chosen is None or chosen.are_silent:
        return
    seq = await queries.take_seq(db, user_id)
    if await queries.is_told(db, user_id, key):
        return
    times = 1 + (await queries.replace(db, user_id, thread) if thread else 0)
    values = {
        "user_id": user_id, "seq": seq, "kind": kind, "key": key, "thread": thread, "ticket_id": ticket_id,
        "session_id": session_id, "actor_id": actor_id, "data": dict(data or {}), "times": times,
        "in_app": chosen.in_app, "created_at": now(),
    }  # fmt: skip
    notification_id = await queries.add(db, values)
    announce(db, [user_id])
    if chosen.email == Email.IMMEDIATE:
        await enqueue(db, [_job(MAIL, notification_id)], run_at=now() + db.settings.mail_delay)
    if chosen.push and await queries.subscribers(db, [user_id]):
        await enqueue(db, [_job(PUSH, notification_id)])


def _job(task: str, notification_id: int) -> tuple[str, dict[str, Any]]:
    return task, {"notification_id": notification_id}


async def offer(db: Write, ticket_id: int, people: sa.Select[Any]) -> int:
    """Tell many people (`people` selects from `users`) of a ticket that waits; returns how many were told.

    Nobody is told twice of a ticket, and nobody of more tickets a day than MATCHING_NOTICES_A_DAY: of the rest, the
    daily digest tells. A fixed number of statements, however many people there are.
    """
    kind = Kind.TICKET_MATCHING
    wanting = sa.or_(wants(kind, "in_app"), wants(kind, "email") != Email.OFF, wants(kind, "push"))
    untold = people.outerjoin(P, preferences_of(U.c.id, kind)).where(wanting, queries.untold(ticket_id, kind))
    taken = await queries.take_seqs(db, untold, now().date(), db.settings.matching_notices_a_day)
    if not taken:
        return 0
    ids = [user_id for user_id, _ in taken]
    own = await queries.choices_of(db, ids, kind)
    usual, moment = USUAL[kind], now()
    await bulk.insert(
        db,
        NotificationRow,
        COLUMNS,
        (
            (user_id, seq, kind, f"{kind} {ticket_id}", ticket_id, "{}", 1, own.get(user_id, usual).in_app, moment)
            for user_id, seq in taken
        ),
    )
    announce(db, ids)
    await _deliver_offers(db, ticket_id, ids, own)
    return len(taken)


async def _deliver_offers(db: Write, ticket_id: int, user_ids: Sequence[int], own: Mapping[int, Channels]) -> None:
    usual = USUAL[Kind.TICKET_MATCHING]
    for some in bulk.chunks(user_ids, JOBS_AT_ONCE):
        chosen = {user_id: own.get(user_id, usual) for user_id in some}
        to_mail = [user_id for user_id, each in chosen.items() if each.email == Email.IMMEDIATE]
        to_push = await queries.subscribers(db, [user_id for user_id, each in chosen.items() if each.push])
        if not (to_mail or to_push):
            continue
        told = await queries.told_of(db, ticket_id, Kind.TICKET_MATCHING, {*to_mail, *to_push})
        await enqueue(db, [_job(MAIL, told[user_id]) for user_id in to_mail], run_at=now() + db.settings.mail_delay)
        await enqueue(db, [_job(PUSH, told[user_id]) for user_id in sorted(to_push)])


async def withdraw(db: Write, ticket_id: int, kinds: Collection[Kind], *, user_id: int | None = None) -> None:
    """What a ticket was told of, and nobody has read, is needed no longer: by anyone, or by `user_id`."""
    condition = sa.and_(N.c.ticket_id == ticket_id, N.c.kind.in_(kinds), queries.PENDING)
    if user_id is not None:
        condition = sa.and_(condition, N.c.user_id == user_id)
    await _change(db, condition, gone="moot")


async def withdraw_session(db: Write, session_id: int, user_ids: Collection[int], *, but: Kind | None = None) -> None:
    """What these people were told of a session, and have not read, is needed no longer; `but` one kind stays."""
    condition = sa.and_(N.c.user_id.in_(user_ids), N.c.session_id == session_id, queries.PENDING)
    if but is not None:
        condition = sa.and_(condition, N.c.kind != but)
    await _change(db, condition, gone="moot")


async def offer_again(db: Write, ticket_id: int, *, but: int) -> None:
    """A ticket is back in the queue: who had not read of it before it was taken may do so now."""
    condition = sa.and_(
        N.c.ticket_id == ticket_id, N.c.kind == Kind.TICKET_MATCHING, N.c.gone == "moot", N.c.user_id != but
    )
    await _change(db, condition, gone=None)


async def mark_read(db: Write, user_id: int, *conditions: sa.ColumnElement[bool]) -> int:
    """Somebody has read what is unread and meets the conditions; returns how many these were."""
    return await _change(db, sa.and_(N.c.user_id == user_id, N.c.read_at.is_(None), *conditions), read_at=now())


async def _change(db: Write, condition: sa.ColumnElement[bool], **values: object) -> int:
    await queries.lock(db, condition)
    changed = await queries.change(db, condition, **values)
    announce(db, changed)
    return len(changed)


def announce(db: Write, user_ids: Iterable[int]) -> None:
    """After the commit, let every process look into these inboxes."""
    ids = sorted(set(user_ids))

    async def hint() -> None:
        for some in bulk.chunks(ids, IDS_IN_A_HINT):
            await db.database.bus.publish(CHANNEL, ",".join(map(str, some)))

    if ids:
        db.after_commit(hint)
