"""/mail: where providers report bounces and complaints."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request

from mentorq.core.errors import NotFound, problems
from mentorq.core.http import Route, Write
from mentorq.core.mail import reports
from mentorq.core.mail.reports import MailgunReport, NotSigned, SendGridEvent, Taken
from mentorq.mail_settings import provider_of
from mentorq.settings import Settings

router = APIRouter(prefix="/mail", tags=["mail"], route_class=Route)

SIGNATURE, TIMESTAMP = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"
EVENTS_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "array", "items": SendGridEvent.model_json_schema(), "title": "SendGridEvents"},
                "example": [{"event": "bounce", "email": "nobody@example.org", "type": "bounce"}],
            }
        },
    }
}


class _Key:
    """The key that a provider's reports are proven with; 404 where this is not the provider, or no key is set."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    async def __call__(self, request: Request) -> str:
        settings: Settings = request.app.state.settings
        if not settings.mail_webhook_key or provider_of(settings.mail_url).kind != self.kind:
            raise NotFound
        return settings.mail_webhook_key


SendGridKey = Annotated[str, Depends(_Key("sendgrid"))]
MailgunKey = Annotated[str, Depends(_Key("mailgun"))]


@router.post(
    "/events/sendgrid",
    responses=problems(NotSigned, NotFound),
    openapi_extra=EVENTS_BODY,
    summary="Take SendGrid's reports",
)
async def sendgrid(
    request: Request,
    key: SendGridKey,
    db: Write,
    signature: Annotated[str, Header(alias=SIGNATURE, max_length=500, description="ECDSA, as base64.")] = "",
    timestamp: Annotated[str, Header(alias=TIMESTAMP, max_length=50, description="When it was signed.")] = "",
) -> Taken:
    """For SendGrid's signed event webhook only: who bounces for good or complains gets no mail any more."""
    body = await request.body()
    reports.require_sendgrid_signature(key, timestamp, signature, body)
    return Taken(suppressed=await reports.take(db, reports.events_of(body)))


@router.post("/events/mailgun", responses=problems(NotSigned, NotFound), summary="Take Mailgun's reports")
async def mailgun(key: MailgunKey, db: Write, report: MailgunReport) -> Taken:
    """For Mailgun's webhooks only: who bounces for good or complains gets no mail any more."""
    await reports.require_mailgun_signature(db, key, report.signature)
    return Taken(suppressed=await reports.take(db, [report.event_data]))
