"""Who asks: the dependencies that routers name in their signatures."""

import time
from collections import OrderedDict
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from mentorq.accounts import queries, signins
from mentorq.accounts.errors import WrongRole
from mentorq.accounts.models import Role
from mentorq.accounts.schemas import ANONYMOUS, Device, Viewer
from mentorq.core.bus import GAP, Bus
from mentorq.core.clock import now
from mentorq.core.database import Database, Row
from mentorq.core.errors import NotSignedIn, Unavailable
from mentorq.core.http import Read
from mentorq.core.security import read_access_token

VIEWER_FIELDS = tuple(field.name for field in fields(Viewer))
CACHE_SECONDS = 5.0
CACHE_SIZE = 10_000
SEEN_EVERY = timedelta(minutes=5)
GENERAL_LIMIT = "600/minute"

token_of = OAuth2PasswordBearer(
    tokenUrl="auth/signin", refreshUrl="auth/refresh", auto_error=False, description="Username or e-mail, and password."
)


class SignInCache:
    """What this process knows about tokens: for 5 seconds, and not a moment longer than the bus says."""

    def __init__(self, bus: Bus) -> None:
        self._known: OrderedDict[str, tuple[Viewer, datetime, float]] = OrderedDict()
        bus.listen(signins.CHANNEL, self._forget)

    def get(self, token: str) -> Viewer | None:
        """The viewer, if known and fresh."""
        found = self._known.get(token)
        if found is None:
            return None
        viewer, expires, learnt = found
        if time.monotonic() - learnt > CACHE_SECONDS or now() > expires:
            del self._known[token]
            return None
        return viewer

    def put(self, token: str, viewer: Viewer, expires: datetime) -> None:
        """Remember a viewer."""
        self._known[token] = viewer, expires, time.monotonic()
        if len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)

    def _forget(self, message: str) -> None:
        if message == GAP:
            self._known.clear()
            return
        for token in [token for token, (viewer, _, _) in self._known.items() if message in signins.names_of(viewer)]:
            del self._known[token]


async def viewer_of(request: HTTPConnection, db: Read, token: str) -> Viewer | None:
    """The person behind an access token; None where it is not valid, or no longer."""
    cache: SignInCache = request.app.state.sign_ins
    viewer = cache.get(token)
    if viewer is not None:
        return viewer
    claims = read_access_token(db.settings, token)
    if claims is None:
        return None
    user_id, sign_in_id, expires = claims
    row = await queries.viewer_of_sign_in(db, user_id, sign_in_id)
    if row is None:
        return None
    if now() - row["last_seen_at"] > SEEN_EVERY:
        await _note_presence(db.database, user_id, sign_in_id)
    viewer = as_viewer(row)
    cache.put(token, viewer, expires)
    return viewer


def as_viewer(row: Row) -> Viewer:
    """Viewer out of a row of `queries.viewer_of_sign_in`."""
    return Viewer(**{name: row[name] for name in VIEWER_FIELDS})


async def _note_presence(database: Database, user_id: int, sign_in_id: int) -> None:
    try:
        async with database.write() as db:
            await queries.touch(db, user_id, sign_in_id)
    except Unavailable:
        return  # somebody was here; that this is not noted down is no reason to refuse what they came for


async def maybe_viewer(request: Request, db: Read, token: Annotated[str | None, Depends(token_of)]) -> Viewer:
    """Who asks, or `ANONYMOUS`; a token that is not valid is refused even where none is needed."""
    viewer = ANONYMOUS
    if token is not None:
        known = await viewer_of(request, db, token)
        if known is None:
            raise NotSignedIn("This access token is not valid, or no longer. Refresh it, or sign in again.")
        viewer = known
    request.scope["viewer_id"] = viewer.id
    await request.app.state.limiter.hit("all", GENERAL_LIMIT, caller(request, viewer))
    return viewer


MaybeViewer = Annotated[Viewer, Depends(maybe_viewer)]


async def current_viewer(viewer: MaybeViewer) -> Viewer:
    """Somebody who is signed in."""
    if viewer.is_anonymous:
        raise NotSignedIn
    return viewer


CurrentViewer = Annotated[Viewer, Depends(current_viewer)]


async def _mentor(viewer: CurrentViewer) -> Viewer:
    if not viewer.is_mentor:
        raise WrongRole(Role.MENTOR)
    return viewer


async def _student(viewer: CurrentViewer) -> Viewer:
    if not viewer.is_student:
        raise WrongRole(Role.STUDENT)
    return viewer


CurrentMentor = Annotated[Viewer, Depends(_mentor)]
CurrentStudent = Annotated[Viewer, Depends(_student)]


async def _device(request: Request) -> Device:
    address = request.client.host if request.client else ""
    return Device(request.headers.get("user-agent", "")[:300], address[:64])


CurrentDevice = Annotated[Device, Depends(_device)]


def caller(request: Request, viewer: Viewer) -> str:
    """Whose requests are counted together: a person's, or those of an address."""
    if not viewer.is_anonymous:
        return f"user {viewer.id}"
    return f"address {request.client.host if request.client else ''}"


def limited_by_address(name: str, rate: str) -> Any:
    """The limit of a route that nobody need be signed in for: a stale token is no reason to refuse it."""

    async def count(request: Request) -> None:
        await request.app.state.limiter.hit(name, rate, caller(request, ANONYMOUS))

    return Depends(count)


def limited(name: str, rate: str) -> Any:
    """A route's own limit, for each person or, where nobody is signed in, address."""

    async def count(request: Request, viewer: MaybeViewer) -> None:
        await request.app.state.limiter.hit(name, rate, caller(request, viewer))

    return Depends(count)
