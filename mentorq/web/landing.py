"""The front door: what a visitor sees, and what programs ask for at the root."""

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from mentorq.core.http import Read
from mentorq.tickets import community
from mentorq.web import assets
from mentorq.web.pages import PageRoute, home_of, redirect, render
from mentorq.web.signins import MaybeVisitor

router = APIRouter(route_class=PageRoute)
for_programs = APIRouter()

SHOWN = 4
DAY = {"Cache-Control": "public, max-age=86400"}


@router.get("/")
async def landing_page(request: Request, viewer: MaybeVisitor, db: Read) -> Response:
    """What this is and how it goes on; who is signed in begins at home."""
    if not viewer.is_anonymous:
        return redirect(request, home_of(viewer))
    return render(
        request,
        "landing.html",
        figures=await community.figures(db),
        most=community.COUNTED_AT_MOST,
        solved=await community.newly_solved(db, viewer, SHOWN),
    )


@for_programs.get("/favicon.ico")
async def favicon() -> Response:
    """Where browsers look that have not read a page."""
    return RedirectResponse(assets.address("app/mark.svg"), 307, DAY)


router.include_router(for_programs)
