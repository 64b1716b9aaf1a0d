"""/mentors: a mentor's hours, and the slots that are free in them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from mentorq.accounts.access import CurrentMentor, CurrentViewer
from mentorq.accounts.errors import WrongRole
from mentorq.core.errors import InvalidInput, problems
from mentorq.core.http import Read, Route, Write, with_etag
from mentorq.core.inputs import RowId
from mentorq.mentors.errors import MentorNotFound
from mentorq.sessions import schedule
from mentorq.sessions.models import LONGEST_MINUTES, SHORTEST_MINUTES
from mentorq.sessions.schemas import Moment, Schedule, ScheduleChange, Slot, Slots, as_slots

router = APIRouter(tags=["sessions"], route_class=Route)

From = Annotated[Moment | None, Query(alias="from")]
To = Annotated[Moment | None, Query(alias="to")]


@router.get("/mentors/me/schedule", responses=problems(WrongRole), summary="Get my hours")
async def my_schedule(mentor: CurrentMentor, db: Read, response: Response) -> Schedule:
    """When one may be asked for a session. Who has set no hours may be asked for any time."""
    return with_etag(response, await schedule.get(db, mentor))


@router.put("/mentors/me/schedule", responses=problems(WrongRole, InvalidInput), summary="Set my hours")
async def set_schedule(body: ScheduleChange, mentor: CurrentMentor, db: Write, response: Response) -> Schedule:
    """Replace one's hours, on the clocks of one's own zone. What is booked stays booked."""
    return with_etag(response, await schedule.put(db, mentor, body))


@router.delete("/mentors/me/schedule", status_code=204, responses=problems(WrongRole), summary="Have no hours")
async def drop_schedule(mentor: CurrentMentor, db: Write) -> None:
    """Have no hours any longer: one may be asked for any time."""
    await schedule.drop(db, mentor)


@router.get("/mentors/{mentor_id}/slots", responses=problems(MentorNotFound), summary="List free slots")
async def slots(
    mentor_id: RowId,
    viewer: CurrentViewer,
    db: Read,
    begin: From = None,
    end: To = None,
    duration_minutes: Annotated[int, Query(ge=SHORTEST_MINUTES, le=LONGEST_MINUTES)] = SHORTEST_MINUTES,
) -> Slots:
    """What can be booked between two times, oldest first: the next 14 days unless said, at most 62."""
    mentor, free = await schedule.slots(db, mentor_id, begin, end, duration_minutes)
    return Slots(
        items=[Slot(**slot) for slot in as_slots(free)],
        next_cursor=None,
        has_schedule=mentor["weekly"] is not None,
        time_zone=mentor["time_zone"],
    )
