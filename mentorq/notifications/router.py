"""/notifications: what somebody was told, live and later."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from mentorq.accounts import profile
from mentorq.accounts.access import CurrentViewer, token_of
from mentorq.core import web_push
from mentorq.core.clock import now
from mentorq.core.database import Row
from mentorq.core.errors import problems
from mentorq.core.event_stream import encode
from mentorq.core.http import Read, Route, Write, json_response
from mentorq.core.inputs import LARGEST_ID, Cursor, Limit, RowId
from mentorq.core.outgoing import AddressRefused
from mentorq.core.pagination import BadCursor, Keyset, Page, keyset, link_next, list_name
from mentorq.core.security import read_access_token
from mentorq.core.web_push import Subscription, WrongSubscription
from mentorq.notifications import browsers, inbox, preferences
from mentorq.notifications.errors import NotificationNotFound, TooManyStreams
from mentorq.notifications.kinds import Kind
from mentorq.notifications.schemas import (
    EXAMPLE_NOTIFICATION,
    MarkedRead,
    Notification,
    Preferences,
    PreferencesChange,
    PushEnd,
    PushKey,
    PushSubscription,
    UnreadCount,
    as_notification,
)
from mentorq.notifications.stream import Follower

router = APIRouter(prefix="/notifications", tags=["notifications"], route_class=Route)

EXAMPLE_EVENT = encode("notification", 31, orjson.dumps(EXAMPLE_NOTIFICATION | {"unread": 1})).decode()
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, each with an id.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE_EVENT}},
    }
}


async def _place(request: Request, db: Read, viewer: CurrentViewer, limit: Limit = 20, cursor: Cursor = None) -> Keyset:
    return keyset(db.settings, list_name(request, viewer.id), cursor, limit)


Place = Annotated[Keyset, Depends(_place)]


def _page(rows: list[Row], next_cursor: str | None) -> dict[str, Any]:
    return {"items": [as_notification(row) for row in rows], "next_cursor": next_cursor}


@router.get("", response_model=Page[Notification], responses=problems(BadCursor), summary="What I was told")
async def listing(
    request: Request,
    viewer: CurrentViewer,
    db: Read,
    place: Place,
    unread: Annotated[bool, Query(description="Only what I have not read.")] = False,
    type: Annotated[list[Kind], Query(max_length=15, description="Repeatable.")] = [],  # noqa: B006
) -> Response:
    """Newest first. What repeats is one line, and what needs nobody any longer is gone. Kept for 90 days once read."""
    rows, next_cursor = await inbox.page(db, viewer, place, unread=unread, kinds=type)
    response = json_response(_page(rows, next_cursor))
    link_next(request, response, next_cursor)
    return response


@router.get("/unread-count", response_model=UnreadCount, summary="How many I have not read")
async def unread_count(viewer: CurrentViewer, db: Read) -> Response:
    """Exact: counted, not kept by hand."""
    return json_response({"unread": await inbox.unread(db, viewer)})


@router.post("/read-all", summary="Mark all as read")
async def read_all(viewer: CurrentViewer, db: Write) -> MarkedRead:
    """What comes in while this is done stays unread."""
    return MarkedRead(read=await inbox.read_all(db, viewer))


@router.post("/{notification_id}/read", responses=problems(NotificationNotFound), summary="Mark one as read")
async def read(notification_id: RowId, viewer: CurrentViewer, db: Write) -> Notification:
    """Again changes nothing."""
    return Notification(**as_notification(await inbox.read(db, viewer, notification_id)))


@router.get("/preferences", summary="How I want to be told")
async def own_preferences(viewer: CurrentViewer, db: Read) -> Preferences:
    """For each type: in the app, by e-mail (`off`, `immediate`, `daily`: in the digest of the morning), by push."""
    return Preferences(**await preferences.of(db, viewer.id), time_zone=viewer.time_zone)


@router.put("/preferences", summary="Change how I want to be told")
async def change_preferences(
    body: PreferencesChange,
    viewer: CurrentViewer,
    db: Write,
) -> Preferences:
    """What is left out stays as it is."""
    changes: dict[str, Any] = body.model_dump(exclude_unset=True)
    zone = changes.pop("time_zone", None) or viewer.time_zone
    if zone != viewer.time_zone:
        await profile.change(db, viewer, {"time_zone": zone}, None)
    return Preferences(**await preferences.change(db, viewer, changes), time_zone=zone)


@router.get("/push-key", summary="What a browser needs to show what I am told")
async def push_key(viewer: CurrentViewer, db: Write, reads: Read) -> PushKey:
    """The installation's own key (VAPID), made when it is first asked for."""
    return PushKey(public_key=await web_push.public_key(db, reads))


@router.post(
    "/push-subscriptions",
    status_code=204,
    responses=problems(WrongSubscription, AddressRefused),
    summary="Show what I am told in this browser",
)
async def subscribe(body: PushSubscription, viewer: CurrentViewer, db: Write) -> None:
    """The same browser again replaces what it said before."""
    await browsers.subscribe(db, viewer, Subscription(body.endpoint, body.keys.p256dh, body.keys.auth))


@router.delete("/push-subscriptions", status_code=204, summary="Show nothing in this browser any longer")
async def unsubscribe(body: PushEnd, viewer: CurrentViewer, db: Write) -> None:
    """One that is not known is no error."""
    await browsers.unsubscribe(db, viewer, body.endpoint)


LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", max_length=30, description="The `id` of the last event that arrived.")
]
After = Annotated[
    int | None, Query(ge=0, le=LARGEST_ID, description="The same, for clients that cannot set the header.")
]


@router.get(
    "/stream",
    response_class=Response,
    responses=STREAMED | problems(TooManyStreams),
    summary="What I am told, as it comes",
)
async def stream(
    request: Request,
    viewer: CurrentViewer,
    token: Annotated[str, Depends(token_of)],
    last_event_id: LastEventId = None,
    after: After = None,
) -> Response:
    """`notification`: a Notification, with the number of `unread` ones. `unread`: that number, after something was read
    or is needed no longer. Ids count up; a stream that goes on after one (`Last-Event-ID`) leaves nothing out. It ends
    with the sign-in, and when the access token expires: come back with a fresh one.
    """
    follower: Follower = request.app.state.follower
    claims = read_access_token(request.app.state.settings, token)
    return await follower.open(viewer, last_seen(last_event_id, after), expires=claims[2] if claims else now())


def last_seen(last_event_id: str | None, after: int | None) -> int | None:
    """Where a stream goes on; what is no number of ours is as good as nothing."""
    given = (last_event_id or "").strip()
    return int(given) if given.isascii() and given.isdigit() and int(given) <= LARGEST_ID else after
