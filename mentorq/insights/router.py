"""What one has done: a mentor's statistics, leaderboards, a student's dashboard and progress."""

from typing import Any

from fastapi import APIRouter, Request, Response

from mentorq.accounts.access import CurrentMentor, CurrentStudent, MaybeViewer
from mentorq.accounts.errors import WrongRole
from mentorq.core.clock import now
from mentorq.core.errors import problems
from mentorq.core.http import Read, Route
from mentorq.core.inputs import Cursor, Limit
from mentorq.core.pagination import BadCursor, keyset, link_next, list_name
from mentorq.insights import leaderboard as formula
from mentorq.insights import service
from mentorq.insights.schemas import (
    Ago,
    BoardPeriod,
    Dashboard,
    Leaderboard,
    OneTag,
    OwnPeriod,
    Progress,
    Standing,
    Statistics,
)

router = APIRouter(tags=["insights"], route_class=Route)

CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": ",".join(service.COLUMNS)}}}
}


@router.get("/mentors/me/stats", responses=problems(WrongRole), summary="Get my statistics")
async def statistics(mentor: CurrentMentor, db: Read, period: OwnPeriod = "month") -> Statistics:
    """What one solved and how it was rated, how long it took, under which tags and on which days."""
    return Statistics(**await service.statistics(db, mentor, period))


@router.get(
    "/mentors/me/stats.csv",
    responses=problems(WrongRole) | CSV,
    response_class=Response,
    summary="Export my statistics",
)
async def statistics_as_csv(mentor: CurrentMentor, db: Read, period: OwnPeriod = "month") -> Response:
    """Each ticket that one solved in the period, newest first. What would be a formula in a spreadsheet is text."""
    return csv_response(await service.statistics_as_csv(db, mentor, period), period)


def csv_response(text: str, period: str) -> Response:
    """A table as a file."""
    headers = {"Content-Disposition": f'attachment; filename="mentorq-{period}.csv"'}
    return Response(text, headers=headers, media_type="text/csv; charset=utf-8; header=present")


@router.get("/mentors/leaderboard", responses=problems(BadCursor), summary="List the most helpful mentors")
async def leaderboard(
    request: Request,
    response: Response,
    viewer: MaybeViewer,
    db: Read,
    period: BoardPeriod = "month",
    tag: OneTag = None,
    ago: Ago = 0,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Leaderboard:
    """Mentors by whom they helped, and how that was rated. Not those who do not want to be ranked."""
    place = keyset(db.settings, list_name(request, 0), cursor, limit)
    items, next_cursor = await service.leaderboard(db, period, tag, place, ago)
    link_next(request, response, next_cursor)
    since = formula.first_day(period, formula.earlier(period, now().date(), ago))
    return Leaderboard(
        items=[Standing(**item) for item in items],
        next_cursor=next_cursor,
        period=period,
        since=since,
        tag=tag,
        me=await service.own_place(db, viewer, period, tag, ago),
    )


@router.get("/students/me/dashboard", responses=problems(WrongRole), summary="Get my dashboard")
async def dashboard(student: CurrentStudent, db: Read) -> Dashboard:
    """What waits for one, what happened lately, and which live sessions are to come."""
    return Dashboard(**await service.dashboard(db, student))


@router.get("/students/me/progress", responses=problems(WrongRole), summary="Get my progress")
async def progress(student: CurrentStudent, db: Read) -> Progress:
    """What one asked and what was solved, by tag and by week; streak, milestones, and what became of it."""
    return Progress(**await service.learned(db, student))
