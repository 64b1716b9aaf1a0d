"""A real mail server on loopback, that does as it is told: takes mails, refuses them, is slow, hangs up."""

import asyncio
import contextlib
import ssl
import warnings
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "mentorq", "pass word"


class _Protocol(SMTP):
    """Also misbehaves around DATA."""

    def __init__(self, server: "SmtpServer", **options: Any) -> None:
        super().__init__(server, **options)
        self.plan = server

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 (aiosmtpd's name)
        if self.plan.hangs_up == "at DATA":
            _abort(self)
        elif self.plan.hangs_up == "before the dot":
            await self.push("354 go on")
            await asyncio.sleep(0.05)
            _abort(self)
        elif self.plan.at_data:
            await self.push(self.plan.at_data)
        else:
            await super().smtp_DATA(arg)


def _abort(server: SMTP) -> None:
    """Hang up, as a crash would."""
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()


class SmtpServer:
    """Listens while the block lasts. What it answers can be changed at any time."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, is_smtps: bool = False, asks: bool = False) -> None:
        self.received: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.connections = 0
        self.signed_in: list[str] = []
        self.at_mail = self.at_rcpt = self.at_data = self.after_the_dot = ""
        self.hangs_up = ""
        """`at DATA`, `before the dot`, `after the dot`."""
        self.greets = ""
        self.knows_utf8 = True
        self.hold: asyncio.Event | None = None
        """Before it answers to a mail, it waits for this."""
        self._tls, self._is_smtps, self._asks = tls, is_smtps, asks

    def _protocol(self) -> asyncio.Protocol:
        self.connections += 1
        if self.greets:
            return _Greeter(self.greets)
        options: dict[str, Any] = {"enable_SMTPUTF8": self.knows_utf8, "hostname": "mail.example.org"}
        if self._tls and not self._is_smtps:
            options |= {"tls_context": self._tls, "require_starttls": True}
        if self._asks:
            options |= {"authenticator": self._authenticate, "auth_required": True, "auth_require_tls": False}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
            return _Protocol(self, loop=asyncio.get_running_loop(), **options)

    def _authenticate(self, server: SMTP, session: Session, envelope: Envelope, way: str, given: Any) -> AuthResult:
        fits = isinstance(given, LoginPassword) and given == LoginPassword(USER.encode(), PASSWORD.encode())
        if fits:
            self.signed_in.append(USER)
        return AuthResult(success=fits, handled=fits)

    async def handle_MAIL(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A mail begins."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.at_mail or "250 OK"

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Somebody is to get it."""
        envelope.rcpt_tos.append(address)
        return self.at_rcpt.replace("<>", f"<{address}>") or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """All of it is there."""
        if self.after_the_dot:
            return self.after_the_dot
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.received.append(message_from_bytes(content, policy=policy.default))
        self.envelopes.append(envelope)
        if self.hold is not None:
            await self.hold.wait()
        if self.hangs_up == "after the dot":
            _abort(server)
        return "250 2.0.0 taken"

    async def __aenter__(self) -> Self:
        context = self._tls if self._is_smtps else None
        self._server = await asyncio.get_running_loop().create_server(self._protocol, "127.0.0.1", 0, ssl=context)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._server.wait_closed()

    @property
    def url(self) -> str:
        """Its MAIL_URL."""
        return f"smtp://127.0.0.1:{self.port}"


class _Greeter(asyncio.Protocol):
    """A server that says one line."""

    def __init__(self, line: str) -> None:
        self.line = line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(f"{self.line}\r\n".encode())
        transport.close()
