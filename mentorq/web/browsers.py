"""Browsers that show notifications while no page is open: their service worker, and turning it on and off."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from mentorq.core import web_push
from mentorq.core.errors import InvalidInput
from mentorq.core.http import Read, Write
from mentorq.notifications import browsers
from mentorq.notifications.schemas import PushEnd, PushKeys, PushSubscription
from mentorq.web import assets
from mentorq.web.pages import Form, PageRoute
from mentorq.web.signins import Visitor

router = APIRouter(route_class=PageRoute)


@router.get("/sw.js")
async def service_worker(request: Request) -> Response:
    """At the root, because a worker is for what lies below its own address. Looked for anew each time."""
    return Response(assets.content("app/sw.js"), headers={"Cache-Control": "no-cache"}, media_type="text/javascript")


@router.get("/app/browsers/key")
async def key(request: Request, viewer: Visitor, db: Write, reads: Read) -> Response:
    """What a browser needs to subscribe; made when it is first asked for."""
    return Response(await web_push.public_key(db, reads), media_type="text/plain")


@router.post("/app/browsers")
async def subscribe(request: Request, viewer: Visitor, db: Write) -> Response:
    """Show the viewer's notifications in this browser."""
    form = await Form.read(request)
    try:
        body = PushSubscription(endpoint=form["endpoint"], keys=PushKeys(p256dh=form["p256dh"], auth=form["auth"]))
    except ValidationError:
        raise InvalidInput from None
    await browsers.subscribe(db, viewer, web_push.Subscription(body.endpoint, body.keys.p256dh, body.keys.auth))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/app/browsers/end")
async def unsubscribe(request: Request, viewer: Visitor, db: Write) -> Response:
    """Show nothing in this browser any longer."""
    form = await Form.read(request)
    try:
        body = PushEnd(endpoint=form["endpoint"])
    except ValidationError:
        raise InvalidInput from None
    await browsers.unsubscribe(db, viewer, body.endpoint)
    return Response(status_code=HTTPStatus.NO_CONTENT)
