"""The web app: pages on the same services as the API, signed in by cookie."""

from fastapi import APIRouter

from mentorq.web import (
    absence,
    accounts,
    articles,
    asking,
    booking,
    browsers,
    community,
    feeds,
    landing,
    leaderboard,
    live_sessions,
    notifications,
    people,
    progress,
    queue,
    room,
    schedule,
    searching,
    settings_pages,
    spared,
    statistics,
    tickets,
    transcripts,
    unsubscribing,
)
from mentorq.web.pages import error_page

router = APIRouter(include_in_schema=False)
for module in (
    absence,
    accounts,
    landing,
    asking,
    spared,
    tickets,
    queue,
    room,
    transcripts,
    people,
    leaderboard,
    statistics,
    progress,
    community,
    live_sessions,
    booking,
    searching,
    articles,
    feeds,
    schedule,
    settings_pages,
    notifications,
    browsers,
    unsubscribing,
):
    router.include_router(module.router)

__all__ = ["error_page", "router"]
