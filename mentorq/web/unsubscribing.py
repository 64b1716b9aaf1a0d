"""The page behind the link of every mail that can be ended: one button, no sign-in."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from mentorq.core.http import Read
from mentorq.core.inputs import LARGEST_ID
from mentorq.notifications import letters
from mentorq.notifications.kinds import Kind
from mentorq.web.locale import gettext as _
from mentorq.web.pages import PageRoute, render
from mentorq.web.signins import MaybeVisitor

router = APIRouter(route_class=PageRoute)


def _ended() -> dict[str, str]:
    """What mails of a kind were about; all that have no entry are about tickets."""
    return {
        letters.DIGEST: _("No mail in the morning any longer: what is new waits in MentorQ."),
        Kind.TICKET_MATCHING: _("No mail about new tickets any longer: they wait in the queue."),
        Kind.MESSAGE_POSTED: _("No mail about new messages any longer: they wait in MentorQ."),
        Kind.SOLUTION_POSTED: _("No mail about solutions any longer: they wait in MentorQ."),
        Kind.REVIEW_RECEIVED: _("No mail about reviews any longer: they wait in MentorQ."),
    }


@router.get("/unsubscribe")
async def unsubscribe_page(
    request: Request,
    viewer: MaybeVisitor,
    db: Read,
    user: Annotated[int, Query(ge=1, le=LARGEST_ID)],
    of: Annotated[str, Query(max_length=30)],
    proof: Annotated[str, Query(max_length=64)],
    done: bool = False,
) -> Response:
    """A button ends the mails, since programs that look into mail open links as well."""
    letters.require_proof(db.settings, user, of, proof)
    action = f"/unsubscribe?{urlencode({'user': user, 'of': of, 'proof': proof})}"
    what = _ended().get(of, _("No mail about this any longer: it waits in MentorQ."))
    return render(request, "unsubscribe.html", action=action, what=what, done=done)
