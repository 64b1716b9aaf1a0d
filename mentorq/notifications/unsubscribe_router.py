"""/unsubscribe: ends mails by the address that each of them carries, without signing in (RFC 8058)."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import RedirectResponse

from mentorq.core.errors import problems
from mentorq.core.http import Route, Write
from mentorq.core.inputs import LARGEST_ID
from mentorq.notifications import letters, preferences
from mentorq.notifications.errors import BadUnsubscribeLink

router = APIRouter(tags=["notifications"], route_class=Route)

UserId = Annotated[int, Query(ge=1, le=LARGEST_ID)]
What = Annotated[str, Query(max_length=30, description="A type of notifications, or `digest`.")]
Proof = Annotated[str, Query(max_length=64, description="That we made the address.")]


@router.post(
    "/unsubscribe",
    status_code=204,
    response_class=Response,
    responses=problems(BadUnsubscribeLink),
    summary="Get no more mails of a kind",
)
async def end_mails(request: Request, db: Write, user: UserId, of: What, proof: Proof) -> Response:
    """One click in a mail program does this; again changes nothing. Browsers are shown what is so now."""
    letters.require_proof(db.settings, user, of, proof)
    await preferences.unsubscribe(db, user, of)
    if "text/html" in request.headers.get("accept", ""):
        query = urlencode({"user": user, "of": of, "proof": proof, "done": 1})
        return RedirectResponse(f"/unsubscribe?{query}", HTTPStatus.SEE_OTHER)
    return Response(status_code=HTTPStatus.NO_CONTENT)
