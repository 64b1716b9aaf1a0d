"""Who looks at a page: the API's tokens in cookies that no script can read, renewed without a word."""

from typing import Annotated

from fastapi import Depends, Request, Response

from mentorq.accounts import queries, signins
from mentorq.accounts.access import GENERAL_LIMIT, CurrentDevice, as_viewer, caller, viewer_of
from mentorq.accounts.errors import BadRefreshToken, ReusedRefreshToken, WrongRole
from mentorq.accounts.models import Role
from mentorq.accounts.schemas import ANONYMOUS, Device, Tokens, Viewer
from mentorq.core.database import Database
from mentorq.core.errors import Forbidden, NotSignedIn
from mentorq.core.http import Read
from mentorq.core.security import cookie_name
from mentorq.settings import Settings
from mentorq.web import locale

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
LONGEST_RETURN = 2000


class ForeignForm(Forbidden):
    """A form that was not sent from one of our own pages."""

    code = "foreign_form"
    detail = "This came from another site. Open the page here and send the form again."


def require_own_form(request: Request) -> None:
    """Refuse what another site sends in somebody's name.

    Browsers say where a request comes from: by Sec-Fetch-Site over https, by Origin everywhere.

    Raises:
        ForeignForm: it changes something and does not come from one of our own pages.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    origin, host = request.headers.get("origin"), request.headers.get("host")
    is_own = site == "same-origin" if site is not None else origin in (f"http://{host}", f"https://{host}")
    if not is_own:
        raise ForeignForm


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """Give the browser something to keep that scripts cannot read; no seconds: take it back."""
    settings: Settings = request.app.state.settings
    response.set_cookie(
        cookie_name(settings, name),
        value,
        max_age=seconds,
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="lax",
    )


def get_cookie(request: Request, name: str) -> str:
    """What the browser kept, or nothing."""
    return request.cookies.get(cookie_name(request.app.state.settings, name), "")


def keep(request: Request, tokens: Tokens | None) -> None:
    """Let the answer carry tokens, or, with None, take them away."""
    request.scope["tokens"] = tokens


def write_cookies(request: Request, response: Response) -> None:
    """Write what `keep` was told into the answer."""
    if "tokens" not in request.scope:
        return
    tokens: Tokens | None = request.scope["tokens"]
    days = request.app.state.settings.refresh_token_expire_days
    set_cookie(request, response, "access", tokens.access_token if tokens else "", tokens.expires_in if tokens else 0)
    set_cookie(request, response, "refresh", tokens.refresh_token if tokens else "", days * 86400 if tokens else 0)


async def maybe_visitor(request: Request, db: Read, device: CurrentDevice) -> Viewer:
    """Who looks; `ANONYMOUS` where nobody is signed in, or no longer."""
    viewer = await _signed_in(request, db, device) or ANONYMOUS
    request.scope["viewer"], request.scope["viewer_id"] = viewer, viewer.id
    locale.zone.set(viewer.time_zone)
    await request.app.state.limiter.hit("all", GENERAL_LIMIT, caller(request, viewer))
    return viewer


async def _signed_in(request: Request, db: Read, device: Device) -> Viewer | None:
    access, refresh = get_cookie(request, "access"), get_cookie(request, "refresh")
    viewer = await viewer_of(request, db, access) if access else None
    if viewer is not None or not refresh:
        return viewer
    await db.close()  # renewing writes: on SQLite, what is read afterwards has to see it
    tokens = await _renewed(db.database, refresh, device)
    if tokens is not None:
        keep(request, tokens)
        return await viewer_of(request, db, tokens.access_token)
    holder = await signins.just_refreshed(db, refresh, device)
    if holder is not None:
        row = await queries.viewer_of_sign_in(db, *holder)
        return as_viewer(row) if row else None
    keep(request, None)
    return None


async def _renewed(database: Database, token: str, device: Device) -> Tokens | None:
    """A new pair in a transaction of its own: the page may fail, and the token is spent all the same."""
    try:
        async with database.write() as db:
            try:
                return await signins.refresh(db, token, device)
            except ReusedRefreshToken:
                return None  # and the sign-in ends by this
    except BadRefreshToken:
        return None  # nothing is spent: else it would look as if another tab had just renewed it


MaybeVisitor = Annotated[Viewer, Depends(maybe_visitor)]


async def visitor(viewer: MaybeVisitor) -> Viewer:
    """Somebody who is signed in; others are sent to the sign-in page."""
    if viewer.is_anonymous:
        raise NotSignedIn
    return viewer


Visitor = Annotated[Viewer, Depends(visitor)]


async def _mentor(viewer: Visitor) -> Viewer:
    if not viewer.is_mentor:
        raise WrongRole(Role.MENTOR)
    return viewer


async def _student(viewer: Visitor) -> Viewer:
    if not viewer.is_student:
        raise WrongRole(Role.STUDENT)
    return viewer


VisitingMentor = Annotated[Viewer, Depends(_mentor)]
VisitingStudent = Annotated[Viewer, Depends(_student)]


def own_path(given: str, otherwise: str = "/app") -> str:
    """A path of this site to return to; never another host."""
    is_path = given.startswith("/") and not given.replace("\\", "/").startswith("//")  # browsers read \ as /
    return given if is_path and given.isprintable() and len(given) <= LONGEST_RETURN else otherwise
