"""Handing a mail over to a mail server."""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager

import aiosmtplib
from aiosmtplib.protocol import PERIOD_REGEX, normalize_message_line_endings

from mentorq.core.mail.message import Mail
from mentorq.core.mail.outcomes import Doubtful, Postponed, Progress, Refused
from mentorq.mail_settings import MailProvider

STEP_SECONDS = 30.0
ANSWER_SECONDS = 120.0
"""After the mail itself a server may think long (RFC 5321, 4.5.3.2.6 asks for more patience still)."""
QUIT_SECONDS = 2.0
START_TLS = {"offered": None, "required": True, "off": False}
OUR_SETTINGS = {521, 530, 535, 538}
"""The wrong server, no name and password, or no TLS: no mail is to blame, so all wait until that is mended."""
ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
LOST = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError)


class SmtpServer:
    """A mail server, one connection for each mail."""

    def __init__(self, provider: MailProvider) -> None:
        self.provider = provider

    async def hand_over(self, mail: Mail, progress: Progress) -> None:
        """Send the mail. Until its first byte is written, whatever goes wrong is tried again, or refused for good."""
        content = mail.as_bytes()
        client = self._client()
        try:
            await self._connect(client)
            await self._address(client, mail)
            await self._send(client, content, progress)
        finally:
            await _leave(client)

    def _client(self) -> aiosmtplib.SMTP:
        known = self.provider
        return aiosmtplib.SMTP(
            hostname=known.host,
            port=known.port,
            username=known.username or None,
            password=known.secret or None,
            use_tls=known.kind == "smtps",
            start_tls=False if known.kind == "smtps" else START_TLS[known.tls],
            timeout=STEP_SECONDS,
        )

    async def _connect(self, client: aiosmtplib.SMTP) -> None:
        """What fails here is about the server or our settings, not about this mail: it waits until that is mended."""
        try:
            await client.connect()
        except aiosmtplib.SMTPResponseException as error:
            step = "signing in" if isinstance(error, aiosmtplib.SMTPAuthenticationError) else "connecting"
            raise Postponed(f"{_code(error.code, error.message)} while {step}") from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise Postponed(f"no connection: {type(error).__name__}") from None

    async def _address(self, client: aiosmtplib.SMTP, mail: Mail) -> None:
        options, encoding = [], "ascii"
        if mail.needs_utf8:
            if not client.supports_extension("smtputf8"):
                raise Refused("the mail server takes no addresses beyond ASCII (SMTPUTF8)")
            options, encoding = ["SMTPUTF8"], "utf-8"
        with _judged("MAIL"):
            await client.mail(mail.sender.address, options=options, encoding=encoding)
        with _judged("RCPT"):
            await client.rcpt(mail.recipient, encoding=encoding)

    async def _send(self, client: aiosmtplib.SMTP, content: bytes, progress: Progress) -> None:
        with _judged("DATA"):
            answer = await client.execute_command(b"DATA")
            if answer.code != 354:
                raise aiosmtplib.SMTPDataError(answer.code, answer.message)
        protocol = client.protocol
        if protocol is None:
            raise Postponed("connection lost at DATA")
        progress.has_left = True
        try:
            protocol.write(PERIOD_REGEX.sub(b"..", normalize_message_line_endings(content)) + b".\r\n")
            answer = await protocol.read_response(timeout=ANSWER_SECONDS)
        except LOST as error:
            raise Doubtful(f"no answer after the mail: {type(error).__name__}") from None
        except aiosmtplib.SMTPResponseException as error:
            raise Doubtful(f"an answer after the mail that is none: {error.code}") from None
        if answer.code // 100 != 2:
            raise _verdict(answer.code, answer.message, "the mail")


@contextmanager
def _judged(step: str) -> Iterator[None]:
    """What a step before the mail itself means if it fails."""
    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        raise _verdict(error.code, error.message, step) from None
    except LOST as error:
        raise Postponed(f"connection lost at {step}: {type(error).__name__}") from None


def _verdict(code: int, message: str, step: str) -> Refused | Postponed:
    reason = f"{_code(code, message)} at {step}"
    return Refused(reason) if code // 100 == 5 and code not in OUR_SETTINGS else Postponed(reason)


def _code(code: int, message: str) -> str:
    """The numbers of an answer; its words often quote the address."""
    enhanced = ENHANCED.match(message)
    return f"{code} {enhanced[0]}" if enhanced else str(code)


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say goodbye; whether that works changes nothing."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError, asyncio.TimeoutError):
        if client.is_connected:
            await client.quit(timeout=QUIT_SECONDS)
    client.close()
