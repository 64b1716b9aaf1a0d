"""SendGrid and Mailgun as a fake on loopback: what they are sent, and every way in which they fail."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime

import pytest

from mentorq.core.mail import http_providers
from mentorq.core.mail.delivery import provider_for
from mentorq.core.mail.message import Mail
from mentorq.core.mail.outcomes import Doubtful, Postponed, Progress, Refused
from mentorq.mail_settings import Sender, provider_of
from tests.support.mail_providers import MailProvider
from tests.support.patience import PATIENCE_SECONDS
from tests.support.servers import free_port

pytestmark = pytest.mark.anyio

MAIL = Mail(
    1,
    Sender("MentorQ", "desk@mentorq.example.org"),
    "ana@example.org",
    "¿Qué?",
    "Hello Ana",
    "<p>Hello Ana</p>",
    {"Date": "Sat, 31 Jan 2026 09:30:00 +0000", "Message-ID": "<a@b>", "References": "<c@d>"},
)
SENDGRID, MAILGUN = "sendgrid://SG.key-1_x@default", "mailgun://key-2@mg.example.org"


@pytest.fixture
async def api() -> AsyncIterator[MailProvider]:
    """A provider's API."""
    async with MailProvider() as server:
        yield server


async def hand_over(url: str, api: MailProvider) -> None:
    """Send a mail."""
    await provider_for(provider_of(f"{url}?endpoint={api.url}")).hand_over(MAIL, Progress())


async def error_of(url: str, api: MailProvider) -> Exception:
    """How sending a mail ends that is not taken."""
    with pytest.raises((Refused, Postponed, Doubtful)) as ended:
        await hand_over(url, api)
    return ended.value


async def test_sendgrid_gets_parts_and_tracks_nobody(api: MailProvider) -> None:
    await hand_over(SENDGRID, api)
    [asked] = api.asked
    assert (asked.method, asked.path, asked.headers["authorization"]) == ("POST", "/v3/mail/send", "Bearer SG.key-1_x")
    body = json.loads(asked.body)
    assert body["personalizations"] == [
        {"to": [{"email": "ana@example.org"}], "headers": {"Message-ID": "<a@b>", "References": "<c@d>"}}
    ]
    assert (body["from"], body["subject"]) == ({"email": "desk@mentorq.example.org", "name": "MentorQ"}, "¿Qué?")
    assert [(part["type"], part["value"]) for part in body["content"]] == [
        ("text/plain", "Hello Ana"),
        ("text/html", "<p>Hello Ana</p>"),
    ]
    assert not any(setting["enable"] for setting in body["tracking_settings"].values())


async def test_mailgun_gets_the_mail_as_we_write_it(api: MailProvider) -> None:
    api.status = 200
    await hand_over(MAILGUN, api)
    [asked] = api.asked
    assert asked.path == "/v3/mg.example.org/messages.mime"
    assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")) == b"api:key-2"
    head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
    form = message_from_bytes(head + asked.body, policy=policy.default)
    assert isinstance(form, EmailMessage)
    fields = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
    assert fields["to"].get_content().strip() == "ana@example.org"
    assert fields["o:tracking"].get_content().strip() == "no"
    message = fields["message"].get_content()
    assert (message["Subject"], message["Message-ID"]) == ("¿Qué?", "<a@b>")


@pytest.mark.parametrize("url", [SENDGRID, MAILGUN])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, None), (202, None), (400, Refused), (406, Refused), (413, Refused), (422, Refused),
        (408, Postponed), (429, Postponed), (503, Postponed),
        (401, Postponed), (403, Postponed), (404, Postponed), (301, Postponed), (307, Postponed),
        (500, Postponed), (502, Postponed), (504, Postponed), (599, Postponed),
    ],
)  # fmt: skip
async def test_what_a_status_says_about_the_mail(
    status: int, kind: type[Exception] | None, url: str, api: MailProvider
) -> None:
    api.status = status
    if status in (301, 307):
        api.headers["Location"] = f"{api.url}/elsewhere"
    if kind is None:
        await hand_over(url, api)
    else:
        error = await error_of(url, api)
        assert type(error) is kind
        assert str(error).startswith(f"HTTP {status}")
    assert len(api.asked) == 1, "no redirect is followed, nothing is tried twice"


@pytest.mark.parametrize(
    ("name", "value", "low", "high"),
    [
        ("Retry-After", "120", 120, 120),
        ("Retry-After", "0", 0, 0),
        ("Retry-After", "{date}", 3400, 3601),
        ("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("X-RateLimit-Reset", "{seconds}", 3400, 3601),
    ],
)
async def test_the_provider_says_when_to_come_back(
    name: str, value: str, low: int, high: int, api: MailProvider
) -> None:
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    said = value.format(date=format_datetime(in_an_hour, usegmt=True), seconds=int(in_an_hour.timestamp()))
    api.status, api.headers = 429, {name: said}
    error = await error_of(SENDGRID, api)
    assert isinstance(error, Postponed)
    assert error.after is not None
    assert low <= error.after.total_seconds() <= high


@pytest.mark.parametrize("value", ["soon", "-5", "1.5", "Wed, 99 Oct"])
async def test_a_time_that_is_none_is_not_waited_for(value: str, api: MailProvider) -> None:
    api.status, api.headers = 503, {"Retry-After": value}
    error = await error_of(SENDGRID, api)
    assert isinstance(error, Postponed)
    assert error.after is None


@pytest.mark.parametrize("fails", ["hangs up", "hangs up unread", "talks nonsense", "hangs up within the answer"])
async def test_a_request_without_an_answer_is_in_doubt(fails: str, api: MailProvider) -> None:
    api.fails = fails
    assert isinstance(await error_of(SENDGRID, api), Doubtful)


async def test_a_provider_that_is_silent_is_in_doubt(api: MailProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    api.fails = "is silent"
    monkeypatch.setattr(http_providers, "ANSWER_SECONDS", 0.2)
    assert str(await error_of(SENDGRID, api)) == "no answer to the request: ReadTimeout"
    monkeypatch.setattr(http_providers, "ANSWER_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(http_providers, "TOTAL_SECONDS", 2.0)
    assert str(await error_of(SENDGRID, api)) == "no answer to the request: TimeoutError"


@pytest.mark.parametrize("url", [SENDGRID, MAILGUN])
async def test_a_provider_that_is_not_there_has_nothing(url: str) -> None:
    progress, known = Progress(), provider_of(f"{url}?endpoint=http://127.0.0.1:{free_port()}")
    with pytest.raises(Postponed, match="no connection: ConnectError"):
        await provider_for(known).hand_over(MAIL, progress)
    assert not progress.has_left
