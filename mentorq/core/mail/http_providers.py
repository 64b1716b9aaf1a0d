"""Handing a mail over to SendGrid or Mailgun, by HTTP.

Neither has an idempotency key for sending mail, so a request that got no answer is never sent again.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from mentorq.core.clock import now
from mentorq.core.mail.message import Mail
from mentorq.core.mail.outcomes import Doubtful, Postponed, Progress, Refused
from mentorq.mail_settings import MailProvider

CONNECT_SECONDS, ANSWER_SECONDS, TOTAL_SECONDS = 10.0, 60.0, 90.0
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
NOT_NOW = {408, 425, 429}
"""Beside all of 500 and more, which both providers tell us to send again."""
OUR_SETTINGS = {401, 403, 404, 407, 451}
"""Key, account or domain are wrong: no mail is to blame, so all wait until that is mended."""


class HttpProvider(ABC):
    """A provider with an API over HTTP, one request for each mail."""

    def __init__(self, provider: MailProvider) -> None:
        self.provider = provider

    @abstractmethod
    def request(self, mail: Mail) -> tuple[str, dict[str, Any]]:
        """The path, and what httpx is to send there."""

    async def hand_over(self, mail: Mail, progress: Progress) -> None:
        """Post the mail."""
        path, what = self.request(mail)
        timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        try:
            async with (
                asyncio.timeout(TOTAL_SECONDS),
                httpx2.AsyncClient(timeout=timeout, trust_env=not _is_here(self.provider.endpoint)) as client,
            ):
                progress.has_left = True
                answer = await client.post(f"{self.provider.endpoint}{path}", **what)
        except NOT_SENT as error:
            progress.has_left = False
            raise Postponed(f"no connection: {type(error).__name__}") from None
        except (httpx2.HTTPError, TimeoutError, OSError) as error:
            raise Doubtful(f"no answer to the request: {type(error).__name__}") from None
        _judge(answer.status_code, answer.headers)


def _is_here(endpoint: str) -> bool:
    """On loopback no proxy of the environment is asked."""
    return endpoint.startswith("http://")


def _judge(status: int, headers: Mapping[str, str]) -> None:
    if 200 <= status < 300:
        return
    if status in NOT_NOW or status >= 500:
        raise Postponed(f"HTTP {status}", _retry_after(headers))
    if status in OUR_SETTINGS or 300 <= status < 400:
        raise Postponed(f"HTTP {status}: check MAIL_URL")
    raise Refused(f"HTTP {status}")


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Retry-After as seconds or as a date (RFC 9110, 10.2.3), or SendGrid's own header with a Unix time."""
    given, reset = headers.get("retry-after", "").strip(), headers.get("x-ratelimit-reset", "").strip()
    if given.isdecimal():
        return timedelta(seconds=int(given[:9]))
    if given:
        try:
            moment = parsedate_to_datetime(given)
        except ValueError:
            return None
        return max(timedelta(), moment.replace(tzinfo=moment.tzinfo or UTC) - now())
    if reset.isdecimal():
        return max(timedelta(), timedelta(seconds=int(reset[:12]) - now().timestamp()))
    return None


class SendGrid(HttpProvider):
    """https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send."""

    def request(self, mail: Mail) -> tuple[str, dict[str, Any]]:
        """A mail in parts; nobody is tracked."""
        sender = {"email": mail.sender.address} | ({"name": mail.sender.name} if mail.sender.name else {})
        headers = {name: value for name, value in mail.headers.items() if name != "Date"}
        body = {
            "personalizations": [{"to": [{"email": mail.recipient}], "headers": headers}],
            "from": sender,
            "subject": mail.subject,
            "content": [{"type": "text/plain", "value": mail.text}, {"type": "text/html", "value": mail.html}],
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
                "subscription_tracking": {"enable": False},
            },
        }
        return "/v3/mail/send", {"json": body, "headers": {"Authorization": f"Bearer {self.provider.secret}"}}


class Mailgun(HttpProvider):
    """https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages."""

    def request(self, mail: Mail) -> tuple[str, dict[str, Any]]:
        """The whole mail as we write it; nobody is tracked."""
        return f"/v3/{self.provider.host}/messages.mime", {
            "auth": ("api", self.provider.secret),
            "data": {"to": mail.recipient, "o:tracking": "no"},
            "files": {"message": ("mail.eml", mail.as_bytes(), "message/rfc822")},
        }
