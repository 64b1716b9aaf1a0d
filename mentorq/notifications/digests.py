"""The daily digest: in the reader's own morning, what is unread and was not mailed at once; nothing new, no mail."""

from datetime import datetime, timedelta
from typing import Any

from mentorq.accounts.models import Role
from mentorq.accounts.schemas import Viewer
from mentorq.community import service as community
from mentorq.core import mail
from mentorq.core.clock import now
from mentorq.core.database import Row, Write
from mentorq.core.jobs import task
from mentorq.mentors import suggestions
from mentorq.notifications import letters, queries
from mentorq.notifications.delivery import may_be_mailed
from mentorq.notifications.hours import next_morning
from mentorq.notifications.kinds import USUAL, Email, Kind
from mentorq.notifications.models import UNSCHEDULED
from mentorq.tickets import service as tickets

EVERY = timedelta(minutes=5)
A_DAY = timedelta(days=1)
AT_ONCE = 100
LINES = 12


@task("notifications.digests", every=EVERY)
async def send_digests(db: Write, _: dict[str, Any]) -> datetime | None:
    """Mail those whose morning has come."""
    due = await queries.digests_due(db, AT_ONCE)
    for reader in due:
        morning, told = next_morning(now(), reader["time_zone"]), reader["digest_seq"]
        if reader["digest_due_at"] != UNSCHEDULED:
            told = reader["last_seq"]
            if _may_get_it(reader):
                await _send(db, reader)
        await queries.schedule_digest(db, reader["user_id"], morning, told)
    return now() if len(due) == AT_ONCE else None


def _may_get_it(reader: Row) -> bool:
    is_here = reader["deleted_at"] is None and reader["disabled_at"] is None
    return is_here and may_be_mailed(reader)


async def _send(db: Write, reader: Row) -> None:
    user_id = reader["user_id"]
    own = await queries.preferences(db, user_id)
    daily = [kind for kind, usual in USUAL.items() if own.get(kind, usual).email == Email.DAILY]
    told = await queries.since_digest(db, user_id, reader["digest_seq"], daily, LINES)
    waiting = await _waiting(db, reader) if Kind.TICKET_MATCHING in daily else 0
    followed = await _followed(db, reader) if Kind.FOLLOWED_MENTOR_ACTIVITY in daily else []
    if told or waiting or followed:
        await mail.send(
            db,
            reader["email"],
            letters.digest(db.settings, told, waiting, reader["language"], followed),
            unsubscribe_url=letters.unsubscribe_url(db.settings, user_id, letters.DIGEST),
        )


async def _waiting(db: Write, reader: Row) -> int:
    """How many tickets came up since yesterday, suit this mentor and wait, also those of which nobody told."""
    if reader["role"] != Role.MENTOR or not await suggestions.is_free(db, reader["user_id"]):
        return 0
    return await tickets.count_new(db, _as_viewer(reader), now() - A_DAY)


async def _followed(db: Write, reader: Row) -> list[dict[str, Any]]:
    """What mentors did whom somebody follows, in the day up to this morning: from the feed."""
    morning = reader["digest_due_at"]
    return await community.lately(db, _as_viewer(reader), morning - A_DAY, morning, LINES)


def _as_viewer(reader: Row) -> Viewer:
    return Viewer(reader["user_id"], reader["role"], reader["username"], 0, reader["time_zone"])
