"""Who is told what when the community announces something.

What a followed mentor does is read from the feed, in the app and in the daily digest: only those who have asked to be
told at once get a notification of it.
"""

from datetime import datetime
from typing import Any

from mentorq.community.events import AchievementAwarded, MentorActed, MentorFollowed
from mentorq.community.models import Deed
from mentorq.core import bulk
from mentorq.core.database import Write
from mentorq.core.events import on
from mentorq.core.jobs import enqueue, task
from mentorq.notifications import queries
from mentorq.notifications.kinds import Kind
from mentorq.notifications.telling import tell

TELL_FOLLOWERS = "notifications.tell_followers"
FOLLOWERS_AT_ONCE = 200


@on(MentorFollowed)
async def have_an_inbox(db: Write, event: MentorFollowed) -> None:
    """Who follows somebody gets the digest of it in the morning, also if nobody has ever told anything else."""
    await queries.ensure_inbox(db, event.follower_id)


@on(AchievementAwarded)
async def tell_of_achievement(db: Write, event: AchievementAwarded) -> None:
    """Who has earned it hears of it."""
    key, data = f"achievement {event.achievement}", {"achievement": event.achievement}
    await tell(db, event.user_id, Kind.ACHIEVEMENT_AWARDED, key, data=data)


@on(MentorActed)
async def tell_followers(db: Write, event: MentorActed) -> None:
    """Some hundred followers in a transaction: each of them locks an inbox."""
    listening = await queries.listening_followers(db, event.mentor_id)
    about = {"activity_id": event.activity_id}
    jobs = [(TELL_FOLLOWERS, about | {"user_ids": ids}) for ids in bulk.chunks(listening, FOLLOWERS_AT_ONCE)]
    if jobs:
        await enqueue(db, jobs)


@task(TELL_FOLLOWERS)
async def tell_some(db: Write, payload: dict[str, Any]) -> datetime | None:
    """Tell them, unless it is true no longer."""
    activity = await queries.activity(db, payload["activity_id"])
    if activity is None:
        return None
    for user_id in payload["user_ids"]:
        await tell(
            db,
            user_id,
            Kind.FOLLOWED_MENTOR_ACTIVITY,
            f"activity {activity['id']}",
            ticket_id=activity["ticket_id"] if activity["kind"] == Deed.RESOLVED else None,
            actor_id=activity["mentor_id"],
            data={"deed": activity["kind"], "achievement": activity["data"].get("achievement")},
        )
    return None
