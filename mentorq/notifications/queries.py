"""Every statement about notifications."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.models import UserRow
from mentorq.community.models import ActivityRow, FollowRow
from mentorq.core.bulk import chunks
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, UTCDateTime, Write
from mentorq.core.pagination import Keyset, beyond
from mentorq.notifications.kinds import USUAL, Channels, Email, Kind
from mentorq.notifications.models import UNSCHEDULED, InboxRow, NotificationRow, PreferenceRow, PushSubscriptionRow
from mentorq.sessions.models import SessionRow
from mentorq.tickets.models import TicketRow
from mentorq.tickets.policy import visible_to_each

A = ActivityRow.__table__
F = FollowRow.__table__
N = NotificationRow.__table__
I = InboxRow.__table__  # noqa: E741
P = PreferenceRow.__table__
U = UserRow.__table__
T = TicketRow.__table__
S = PushSubscriptionRow.__table__
L = SessionRow.__table__
READER, ACTOR = U.alias("reader"), U.alias("actor")

PENDING = sa.and_(N.c.read_at.is_(None), N.c.gone.is_(None))
"""Neither read nor gone, wherever it was told."""

UNREAD = sa.and_(PENDING, N.c.in_app)
SHOWN = sa.and_(N.c.gone.is_(None), N.c.in_app)

WHOLE = (
    sa.select(
        N.c.id, N.c.user_id, N.c.seq, N.c.kind, N.c.thread, N.c.ticket_id, N.c.actor_id, N.c.data, N.c.times,
        N.c.gone, N.c.in_app, N.c.created_at, N.c.read_at, N.c.session_id,
        L.c.topic.label("session_topic"), READER.c.time_zone.label("reader_time_zone"),
        T.c.title.label("ticket_title"), T.c.tags.label("ticket_tags"), ACTOR.c.username.label("actor_username"),
        ACTOR.c.avatar.label("actor_avatar"),
    )
    .select_from(
        N.join(READER, READER.c.id == N.c.user_id)
        .outerjoin(T, sa.and_(T.c.id == N.c.ticket_id, visible_to_each(READER)))
        .outerjoin(L, L.c.id == N.c.session_id)
        .outerjoin(ACTOR, ACTOR.c.id == N.c.actor_id)
    )
)  # fmt: skip
"""A notification with what its words need: of the ticket only if its reader may see it (still)."""


# --- reading


async def page(db: Read, user_id: int, keyset: Keyset, *, unread: bool, kinds: Collection[str]) -> list[Row]:
    """Newest first."""
    statement = WHOLE.where(N.c.user_id == user_id, UNREAD if unread else SHOWN)
    if kinds:
        statement = statement.where(N.c.kind.in_(kinds))
    if keyset.after:
        statement = statement.where(beyond([N.c.seq], keyset.after, descending=True))
    return await db.rows(statement.order_by(N.c.seq.desc()).limit(keyset.limit + 1))


async def one(db: Read, notification_id: int, user_id: int) -> Row | None:
    return await db.row(WHOLE.where(N.c.id == notification_id, N.c.user_id == user_id))


async def count_unread(db: Read, user_id: int) -> int:
    found: int = await db.scalar(sa.select(sa.func.count()).select_from(N).where(N.c.user_id == user_id, UNREAD))
    return found


async def moved(db: Read, user_ids: Collection[int]) -> dict[int, int]:
    """The last number of each inbox."""
    rows = await db.rows(sa.select(I.c.user_id, I.c.last_seq).where(I.c.user_id.in_(user_ids)))
    return {row["user_id"]: row["last_seq"] for row in rows}


async def news(db: Read, after: dict[int, int], limit: int) -> list[Row]:
    """What came into these inboxes after a number, in order; what is moot by now is no news.

    A row for each inbox, with `last_seq` and the number of `unread`, and one for each notification, with the same:
    one statement, so that they are of one moment.
    """
    asked = (
        sa.values(sa.column("user_id", sa.BigInteger), sa.column("after", sa.BigInteger), name="asked")
        .data(list(after.items()))
        .cte()
    )
    unread = (
        sa.select(sa.func.count())
        .select_from(N)
        .where(N.c.user_id == I.c.user_id, UNREAD)
        .correlate(I)
        .scalar_subquery()
    )
    found = WHOLE.subquery()
    statement = (
        sa.select(I.c.user_id.label("inbox_id"), I.c.last_seq, unread.label("unread"), found)
        .select_from(
            asked.join(I, I.c.user_id == asked.c.user_id).outerjoin(
                found,
                sa.and_(
                    found.c.user_id == I.c.user_id,
                    found.c.seq > asked.c.after,
                    found.c.in_app,
                    sa.or_(found.c.gone.is_(None), found.c.gone != "moot"),
                ),
            )
        )
        .order_by(I.c.user_id, found.c.seq)
        .limit(limit)
    )
    return await db.rows(statement)


# --- telling


async def take_seq(db: Write, user_id: int) -> int:
    """The next number of an inbox; until the end of the transaction nobody else gets one."""
    taken: int = await db.scalar(
        db.insert(InboxRow)
        .values(user_id=user_id, last_seq=1)
        .on_conflict_do_update(index_elements=["user_id"], set_={"last_seq": I.c.last_seq + 1})
        .returning(I.c.last_seq)
    )
    return taken


async def take_seqs(db: Write, candidates: sa.Select[Any], today: date, ceiling: int) -> list[tuple[int, int]]:
    """The next number of the inbox of each candidate who has not been offered `ceiling` tickets today.

    In the order of ids, so that two who do this at once never wait for each other in a circle.
    """
    people = candidates.subquery()
    offered = {
        "last_seq": I.c.last_seq + 1,
        "matching_count": sa.case((I.c.matching_on == today, I.c.matching_count + 1), else_=1),
        "matching_on": today,
    }
    is_new_day = sa.or_(I.c.matching_on.is_(None), I.c.matching_on != today)
    result = await db.execute(
        db.insert(InboxRow)
        .from_select(
            ["user_id", "last_seq", "matching_on", "matching_count", "digest_seq", "digest_due_at"],
            sa.select(
                people.c.id,
                sa.literal(1),
                sa.literal(today),
                sa.literal(1),
                sa.literal(0),
                sa.literal(UNSCHEDULED, UTCDateTime),
            )
            .where(sa.true())  # without it, SQLite reads ON CONFLICT as the condition of a join
            .order_by(people.c.id),
        )
        .on_conflict_do_update(
            index_elements=["user_id"], set_=offered, where=sa.or_(is_new_day, I.c.matching_count < ceiling)
        )
        .returning(I.c.user_id, I.c.last_seq)
    )
    return [(row["user_id"], row["last_seq"]) for row in result.mappings()]


async def is_told(db: Read, user_id: int, key: str) -> bool:
    return await db.scalar(sa.select(N.c.id).where(N.c.user_id == user_id, N.c.key == key)) is not None


async def has_read_of(db: Read, user_id: int, session_id: int) -> bool:
    """Whether somebody has read anything about a session."""
    read = sa.select(N.c.id).where(N.c.session_id == session_id, N.c.user_id == user_id, N.c.read_at.is_not(None))
    return await db.scalar(read.limit(1)) is not None


async def replace(db: Write, user_id: int, thread: str) -> int:
    """Take the unread line of a thread away; returns how many times it stood for."""
    times = await db.scalars(
        sa.update(NotificationRow)
        .where(N.c.user_id == user_id, N.c.thread == thread, PENDING)
        .values(gone="replaced")
        .returning(N.c.times)
    )
    return sum(times)


async def add(db: Write, values: dict[str, Any]) -> int:
    added: int = await db.scalar(db.insert(NotificationRow).values(values).returning(N.c.id))
    return added


async def told_of(db: Read, ticket_id: int, kind: Kind, user_ids: Collection[int]) -> dict[int, int]:
    """By which notification each of these people was told something of a ticket."""
    rows = await db.rows(
        sa.select(N.c.user_id, N.c.id).where(N.c.ticket_id == ticket_id, N.c.kind == kind, N.c.user_id.in_(user_ids))
    )
    return {row["user_id"]: row["id"] for row in rows}


def untold(ticket_id: int, kind: Kind) -> sa.ColumnElement[bool]:
    """People (`users`) who were not told of a ticket yet."""
    return ~sa.exists().where(N.c.user_id == U.c.id, N.c.ticket_id == ticket_id, N.c.kind == kind)


# --- taking back, marking as read


async def lock(db: Write, condition: sa.ColumnElement[bool]) -> None:
    """Let nobody else put anything into the inboxes of those who have such notifications.

    Whoever changes notifications has to do so first: those who tell take the inbox before the notification, too. In
    the order of ids, so that two who lock many never wait for each other in a circle.
    """
    people = sa.select(N.c.user_id).where(condition)
    await db.scalars(sa.select(I.c.user_id).where(I.c.user_id.in_(people)).order_by(I.c.user_id).with_for_update())


async def change(db: Write, condition: sa.ColumnElement[bool], **values: Any) -> list[int]:
    """Change notifications whose inboxes are locked; returns whose they are, as often as there are some.

    The inboxes count it, so that whoever follows them looks.
    """
    changed = await db.scalars(sa.update(NotificationRow).where(condition).values(**values).returning(N.c.user_id))
    for some in chunks(sorted(set(changed)), 1000):
        await db.execute(sa.update(InboxRow).where(I.c.user_id.in_(some)).values(last_seq=I.c.last_seq + 1))
    return changed


async def prune(db: Write, before: datetime, limit: int) -> int:
    """Forget what was read, or is gone, since long; returns how much."""
    old = sa.union_all(
        sa.select(N.c.id).where(N.c.read_at < before).limit(limit).subquery().select(),
        sa.select(N.c.id).where(N.c.gone.is_not(None), N.c.created_at < before).limit(limit).subquery().select(),
    )
    return (await db.execute(sa.delete(NotificationRow).where(N.c.id.in_(old)))).rowcount


# --- how somebody wants to hear


def wants(kind: Kind, channel: str) -> sa.ColumnElement[Any]:
    """A channel of somebody, of whom `preferences_of` is joined: the own choice, else the usual one."""
    return sa.func.coalesce(P.c[channel], sa.literal(getattr(USUAL[kind], channel), P.c[channel].type))


def preferences_of(person_id: sa.ColumnElement[int], kind: Kind) -> sa.ColumnElement[bool]:
    """How to join a person's preferences about a kind; outer, since few have any."""
    return sa.and_(P.c.user_id == person_id, P.c.kind == kind)


async def channels(db: Read, user_id: int, kind: Kind) -> Channels | None:
    """Where somebody wants to be told of a kind; None where there is nobody (any longer)."""
    row = await db.row(
        sa.select(P.c.in_app, P.c.email, P.c.push)
        .select_from(U.outerjoin(P, preferences_of(U.c.id, kind)))
        .where(U.c.id == user_id, U.c.deleted_at.is_(None))
    )
    return None if row is None else USUAL[kind] if row["in_app"] is None else _channels(row)


def _channels(row: Row) -> Channels:
    return Channels(row["in_app"], Email(row["email"]), row["push"])


async def preferences(db: Read, user_id: int) -> dict[Kind, Channels]:
    """What somebody wants otherwise than usual."""
    rows = await db.rows(sa.select(P).where(P.c.user_id == user_id))
    return {Kind(row["kind"]): _channels(row) for row in rows}


async def choices_of(db: Read, user_ids: Sequence[int], kind: Kind) -> dict[int, Channels]:
    """Where those of many people want to be told of a kind who want it otherwise than usual."""
    rows: list[Row] = []
    for some in chunks(user_ids, 1000):
        rows += await db.rows(sa.select(P).where(P.c.kind == kind, P.c.user_id.in_(some)))
    return {row["user_id"]: _channels(row) for row in rows}


async def put_preferences(db: Write, user_id: int, chosen: dict[Kind, Channels]) -> None:
    """Keep what is not usual; forget what is."""
    usual = [kind for kind, channels in chosen.items() if channels == USUAL[kind]]
    await db.execute(sa.delete(PreferenceRow).where(P.c.user_id == user_id, P.c.kind.in_(usual)))
    rows = [
        {"user_id": user_id, "kind": kind, "in_app": each.in_app, "email": each.email, "push": each.push}
        for kind, each in chosen.items()
        if kind not in usual
    ]
    if rows:
        insert = db.insert(PreferenceRow).values(rows)
        replaced = {name: insert.excluded[name] for name in ("in_app", "email", "push")}
        await db.execute(insert.on_conflict_do_update(index_elements=["user_id", "kind"], set_=replaced))


async def inbox(db: Read, user_id: int) -> Row | None:
    return await db.row(sa.select(I).where(I.c.user_id == user_id))


async def put_inbox(db: Write, user_id: int, changes: dict[str, Any]) -> None:
    """Change how an inbox is kept; it is made if it is not there."""
    await db.execute(
        db.insert(InboxRow)
        .values(user_id=user_id, **changes)
        .on_conflict_do_update(index_elements=["user_id"], set_=changes)
    )


async def ensure_inbox(db: Write, user_id: int) -> None:
    """Somebody may get digests from now on; not who has left in the meantime."""
    person = sa.select(U.c.id, *(sa.literal(0), sa.literal(0), sa.literal(0), sa.literal(UNSCHEDULED, UTCDateTime)))
    columns = ["user_id", "last_seq", "matching_count", "digest_seq", "digest_due_at"]
    here = person.where(U.c.id == user_id, U.c.deleted_at.is_(None)).with_for_update(read=True)
    await db.execute(db.insert(InboxRow).from_select(columns, here).on_conflict_do_nothing())


# --- whom somebody follows


async def listening_followers(db: Read, mentor_id: int) -> list[int]:
    """Which followers of a mentor want to hear at once, wherever; the others read the feed, or the digest."""
    kind = Kind.FOLLOWED_MENTOR_ACTIVITY
    wanting = sa.or_(P.c.in_app, P.c.push, P.c.email == Email.IMMEDIATE)
    followers = sa.select(F.c.follower_id).join(P, preferences_of(F.c.follower_id, kind))
    return await db.scalars(followers.where(F.c.mentor_id == mentor_id, wanting).order_by(F.c.follower_id))


async def activity(db: Write, activity_id: int) -> Row | None:
    """What a mentor did, if it is true still; it stays there until this transaction ends."""
    shown = sa.select(A).where(A.c.id == activity_id, A.c.hidden_at.is_(None))
    return await db.row(shown.with_for_update(read=True))


# --- outside

READER_FIELDS = (
    READER.c.username, READER.c.email, READER.c.email_verified_at, READER.c.language, READER.c.time_zone,
    READER.c.role, READER.c.disabled_at, I.c.quiet_from, I.c.quiet_until, I.c.paused_until,
)  # fmt: skip


async def to_deliver(db: Read, notification_id: int) -> Row | None:
    """A notification with its reader; None once it was read, or is gone."""
    row = await db.row(
        WHOLE.add_columns(*READER_FIELDS)
        .join(I, I.c.user_id == N.c.user_id)
        .where(N.c.id == notification_id, PENDING, READER.c.deleted_at.is_(None))
    )
    return row if row is None or row["disabled_at"] is None else None


async def subscribers(db: Read, user_ids: Collection[int]) -> set[int]:
    """Which of these have a browser that shows what they are told."""
    return set(await db.scalars(sa.select(S.c.user_id).where(S.c.user_id.in_(user_ids)).distinct()))


async def subscriptions(db: Read, user_id: int) -> list[Row]:
    return await db.rows(sa.select(S).where(S.c.user_id == user_id).order_by(S.c.id))


async def subscription(db: Read, subscription_id: int) -> Row | None:
    return await db.row(sa.select(S).where(S.c.id == subscription_id))


async def subscribe(db: Write, user_id: int, endpoint: str, p256dh: str, auth: str) -> None:
    """A browser belongs to whoever used it last."""
    keys = {"user_id": user_id, "p256dh": p256dh, "auth": auth, "created_at": now()}
    await db.execute(
        db.insert(PushSubscriptionRow)
        .values(endpoint=endpoint, **keys)
        .on_conflict_do_update(index_elements=["endpoint"], set_=keys)
    )


async def unsubscribe(db: Write, endpoint: str, user_id: int | None = None) -> None:
    statement = sa.delete(PushSubscriptionRow).where(S.c.endpoint == endpoint)
    await db.execute(statement if user_id is None else statement.where(S.c.user_id == user_id))


async def digests_due(db: Write, limit: int) -> list[Row]:
    """Whose morning has come."""
    return await db.rows(
        sa.select(I, READER.c.id, *(column for column in READER_FIELDS if column.table is READER), READER.c.deleted_at)
        .join(READER, READER.c.id == I.c.user_id)
        .where(I.c.digest_due_at <= now())
        .order_by(I.c.digest_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=I)
    )


async def since_digest(db: Read, user_id: int, after: int, kinds: Sequence[Kind], limit: int) -> list[Row]:
    """What is unread and was not in a digest before, newest first."""
    statement = WHOLE.where(N.c.user_id == user_id, N.c.seq > after, PENDING, N.c.kind.in_(kinds))
    return await db.rows(statement.order_by(N.c.seq.desc()).limit(limit))


async def schedule_digest(db: Write, user_id: int, due_at: datetime, seq: int) -> None:
    await db.execute(sa.update(InboxRow).where(I.c.user_id == user_id).values(digest_due_at=due_at, digest_seq=seq))


# --- for the export


async def of_person(db: Read, user_id: int) -> list[Row]:
    return await db.rows(
        sa.select(N.c.id, N.c.kind, N.c.ticket_id, N.c.data, N.c.created_at, N.c.read_at)
        .where(N.c.user_id == user_id)
        .order_by(N.c.seq)
    )


async def clear(db: Write, user_id: int) -> None:
    """Nothing of it is left."""
    for table in (NotificationRow, PreferenceRow, PushSubscriptionRow, InboxRow):
        await db.execute(sa.delete(table).where(table.user_id == user_id))
