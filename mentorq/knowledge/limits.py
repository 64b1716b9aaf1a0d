"""How often somebody may search, by the API and on pages together: it costs more than other reads."""

from fastapi import Request

from mentorq.accounts.access import caller
from mentorq.accounts.schemas import Viewer

LIMIT, LIMIT_OF_VISITORS = "300/minute", "60/minute"


async def count_search(request: Request, viewer: Viewer) -> None:
    """Count one search.

    Raises:
        TooManyRequests: there were too many.
    """
    rate = LIMIT_OF_VISITORS if viewer.is_anonymous else LIMIT
    await request.app.state.limiter.hit("search", rate, caller(request, viewer))
