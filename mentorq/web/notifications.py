"""What one was told: the page with all of it, the bell's newest few, and as it comes. Reading marks as read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup
from pydantic import BaseModel

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Row
from mentorq.core.http import Read, Write, json_response
from mentorq.core.inputs import Cursor, RowId
from mentorq.core.languages import Tongue
from mentorq.core.pagination import keyset
from mentorq.notifications import inbox, wording
from mentorq.notifications.kinds import Kind
from mentorq.notifications.router import After, LastEventId, last_seen
from mentorq.notifications.stream import Follower
from mentorq.web import locale
from mentorq.web.locale import gettext as _
from mentorq.web.pages import Form, PageRoute, is_part, redirect, render
from mentorq.web.signins import MaybeVisitor, Visitor, own_path

router = APIRouter(route_class=PageRoute, prefix="/app/notifications")

PATH = "/app/notifications"
LINES = 30
NEWEST = 5
GROUPS: dict[str, tuple[Kind, ...]] = {
    "": (),
    "tickets": (
        Kind.TICKET_ACCEPTED, Kind.TICKET_MATCHING, Kind.TICKET_RELEASED,
        Kind.SOLUTION_POSTED, Kind.TICKET_REOPENED, Kind.TICKET_CLOSED,
    ),
    "messages": (Kind.MESSAGE_POSTED,),
    "sessions": (
        Kind.SESSION_REQUESTED, Kind.SESSION_ACCEPTED, Kind.SESSION_DECLINED,
        Kind.SESSION_CANCELLED, Kind.SESSION_REMINDER,
    ),
    "reviews": (Kind.REVIEW_RECEIVED,),
    "community": (Kind.FOLLOWED_MENTOR_ACTIVITY, Kind.ACHIEVEMENT_AWARDED),
}  # fmt: skip
ICONS = {
    Kind.TICKET_MATCHING: "inbox",
    Kind.TICKET_RELEASED: "undo-2",
    Kind.TICKET_CLOSED: "st-closed",
    Kind.TICKET_REOPENED: "refresh-cw",
    Kind.REVIEW_RECEIVED: "star",
    Kind.ACHIEVEMENT_AWARDED: "award",
}
"""Of what nobody with a name did; what is left is by a student who asked anonymously."""


class Look(BaseModel):
    """At which of them: what the address says."""

    unread: bool = False
    kind: Literal["", "tickets", "messages", "sessions", "reviews", "community"] = ""
    cursor: Cursor = None
    day: date | None = None
    """The last one that is on the page already, for "Show more"."""

    def address(self, **changes: Any) -> str:
        """Where the list is with another filter, from its beginning."""
        chosen = {"unread": "true" if self.unread else "", "kind": self.kind} | changes
        query = urlencode({name: value for name, value in chosen.items() if value})
        return f"{PATH}?{query}" if query else PATH


@dataclass(frozen=True)
class Line:
    """A notification as a page shows it."""

    id: int
    kind: Kind
    title: Markup
    about: str
    actor: tuple[str, int, str | None] | None
    icon: str
    is_unread: bool
    created_at: datetime

    @property
    def words(self) -> str:
        """The title without marks, for labels."""
        return self.title.striptags()


@dataclass(frozen=True)
class Day:
    """What somebody was told on one day of the reader's."""

    date: date
    name: str
    lines: list[Line]
    is_today: bool


class _Marked(Tongue):
    """Says things as HTML, so that what is filled in is escaped, and a name may carry its own marks."""

    def gettext(self, text: str) -> str:
        return Markup(Tongue.gettext(self, text))  # noqa: S704 - ours

    def ngettext(self, one: str, several: str, n: int) -> str:
        return Markup(Tongue.ngettext(self, one, several, n))  # noqa: S704 - ours


def _line(told: Row) -> Line:
    kind = Kind(told["kind"])
    username = told["actor_username"]
    actor = username or "", told["actor_id"], told["actor_avatar"]
    named = told | {"actor_username": Markup("<bdi>{}</bdi>").format(username) if username else None}
    is_own_clock = kind == Kind.TICKET_RELEASED and told["data"]["expired"]
    return Line(
        id=told["id"],
        kind=kind,
        title=Markup(wording.title(named, _Marked(locale.language.get()))),  # noqa: S704 - marked by the tongue
        about=wording.body(told, locale.tongue()),
        actor=None if told["actor_id"] is None or is_own_clock else actor,
        icon=ICONS.get(kind, "user"),
        is_unread=told["read_at"] is None,
        created_at=told["created_at"],
    )


def _days(rows: Sequence[Row]) -> list[Day]:
    """Newest first; each with its own day, also where two around midnight were written the other way round."""
    today, days = locale.date_of(now()), dict[date, Day]()
    for row in rows:
        its = locale.date_of(row["created_at"])
        day = days.setdefault(its, Day(its, locale.day_name(row["created_at"]), [], its == today))
        day.lines.append(_line(row))
    return list(days.values())


def kinds_for(viewer: Viewer) -> dict[str, str]:
    """The groups that somebody may filter by, with their names: nobody reviews students."""
    names = {
        "": _("Every kind"),
        "tickets": _("Tickets"),
        "messages": _("Messages"),
        "sessions": _("Sessions"),
        "reviews": _("Reviews"),
        "community": _("Community"),
    }
    return {key: name for key, name in names.items() if key != "reviews" or not viewer.is_student}


@router.get("")
async def page(request: Request, viewer: Visitor, db: Read, look: Annotated[Look, Query()]) -> Response:
    """Newest first, by the days of the reader's zone."""
    return await _list(request, viewer, db, look)


async def _list(request: Request, viewer: Viewer, db: Read, look: Look, **said: object) -> Response:
    place = keyset(db.settings, f"{look.address()} {viewer.id}", look.cursor, LINES)
    rows, next_cursor = await inbox.page(db, viewer, place, unread=look.unread, kinds=GROUPS[look.kind])
    days = _days(rows)
    more = look.address(cursor=next_cursor, day=days[-1].date.isoformat()) if next_cursor else ""
    context = {"look": look, "days": days, "more": more, "is_part": is_part(request)}
    if context["is_part"] and look.cursor:
        return render(request, "parts/inbox_more.html", **context)
    template = "parts/inbox.html" if context["is_part"] else "notifications.html"
    context |= {"kinds": kinds_for(viewer), "unread": await inbox.unread(db, viewer)}
    return render(request, template, **context, **said)


@router.get("/newest")
async def newest(request: Request, viewer: Visitor, db: Read) -> Response:
    """What the bell shows when it is opened."""
    if not is_part(request):
        return redirect(request, PATH)
    return await _newest(request, viewer, db)


async def _newest(request: Request, viewer: Viewer, db: Read, **said: object) -> Response:
    rows, _more = await inbox.page(db, viewer, keyset(db.settings, "newest", None, NEWEST))
    count = await inbox.unread(db, viewer)
    return render(request, "parts/newest.html", lines=[_line(row) for row in rows], count=count, **said)


@router.get("/count")
async def count(request: Request, viewer: Visitor, db: Read) -> Response:
    """How many are unread, for scripts whose stream is cut off."""
    return json_response({"unread": await inbox.unread(db, viewer)})


@router.get("/stream")
async def stream(
    request: Request, viewer: MaybeVisitor, last_event_id: LastEventId = None, after: After = None
) -> Response:
    """As they come, in the page's language; no content where nobody is signed in: browsers then ask no more.

    Raises:
        TooManyStreams: this person has 20 already.
    """
    if viewer.is_anonymous:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    follower: Follower = request.app.state.follower
    return await follower.open(viewer, last_seen(last_event_id, after), locale.tongue())


@router.post("/read-all")
async def read_all(request: Request, viewer: Visitor, db: Write) -> Response:
    """Mark all as read: on the page with all of them, or below the bell."""
    form = await Form.read(request)
    read = await inbox.read_all(db, viewer)
    if not is_part(request):
        return redirect(request, own_path(form["next"], PATH), "all_read")
    if form["from"] == "newest":
        return await _newest(request, viewer, db, read=read)
    return await _list(request, viewer, db, _look_of(form.values), read=read)


def _look_of(values: Mapping[str, str]) -> Look:
    kind = values.get("kind", "")
    return Look.model_validate({"unread": values.get("unread") == "true", "kind": kind if kind in GROUPS else ""})


@router.post("/about/{kind}/{row_id}")
async def read_about(
    request: Request, kind: Literal["tickets", "sessions"], row_id: RowId, viewer: Visitor, db: Write
) -> Response:
    """A ticket or a session was looked at: what was told of it is read."""
    read_about_it = inbox.read_about_ticket if kind == "tickets" else inbox.read_about_session
    await read_about_it(db, viewer, row_id)
    return Response(status_code=HTTPStatus.NO_CONTENT) if is_part(request) else redirect(request, PATH)


@router.post("/{notification_id}/read")
async def read(request: Request, notification_id: RowId, viewer: Visitor, db: Write) -> Response:
    """Mark one as read.

    Raises:
        NotificationNotFound: it is not the viewer's, or there is none.
    """
    form = await Form.read(request)
    told = await inbox.read(db, viewer, notification_id)
    if not is_part(request):
        return redirect(request, own_path(form["next"], PATH))
    is_today = locale.date_of(told["created_at"]) == locale.date_of(now())
    return render(request, "parts/told_read.html", line=_line(told), is_today=is_today)


@router.get("/{notification_id}")
async def follow(request: Request, notification_id: RowId, viewer: Visitor, db: Write) -> Response:
    """Go where a notification leads, which marks it as read: so that it works without scripts, and from a mail.

    Raises:
        NotificationNotFound: it is not the viewer's, or there is none.
    """
    told = await inbox.read(db, viewer, notification_id)
    if told["ticket_id"] is not None and told["ticket_title"] is None:
        return redirect(request, PATH, "not_yours")
    return redirect(request, wording.link(told))
