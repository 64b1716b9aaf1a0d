"""What a real mail server does with a mail, and what is made of it when it does not take one."""

import asyncio
import datetime
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtplib import SMTP, SMTPServerDisconnected
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mentorq.core.mail import smtp
from mentorq.core.mail.message import Mail
from mentorq.core.mail.outcomes import Doubtful, Postponed, Progress, Refused
from mentorq.core.mail.smtp import SmtpServer as Client
from mentorq.mail_settings import Sender, provider_of
from tests.support.servers import free_port
from tests.support.smtp import PASSWORD, USER, SmtpServer

pytestmark = pytest.mark.anyio

ANA = "ana@example.org"


def mail(to: str = ANA, text: str = "Hello Ana.\n.\n..\nfin") -> Mail:
    """A mail."""
    return Mail(
        1, Sender("MentorQ", "desk@mentorq.example.org"), to, "Hello", text, "<p>Hello</p>", {"Message-ID": "<a@b>"}
    )


async def hand_over(url: str, what: Mail | None = None) -> Progress:
    """Send a mail; returns how far it came."""
    progress = Progress()
    await Client(provider_of(url)).hand_over(what or mail(), progress)
    return progress


async def error_of(url: str, what: Mail | None = None) -> tuple[Exception, Progress]:
    """How sending a mail ends that is not taken."""
    progress = Progress()
    with pytest.raises((Refused, Postponed, Doubtful)) as ended:
        await Client(provider_of(url)).hand_over(what or mail(), progress)
    return ended.value, progress


async def test_a_mail_arrives_as_it_was_written(server: SmtpServer) -> None:
    assert (await hand_over(server.url)).has_left
    [message], [envelope] = server.received, server.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("desk@mentorq.example.org", [ANA])
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().split() == ["Hello", "Ana.", ".", "..", "fin"]


@pytest.mark.parametrize(
    ("step", "answer", "kind", "reason"),
    [
        ("at_mail", "550 5.7.1 you may not", Refused, "550 5.7.1 at MAIL"),
        ("at_mail", "451 4.3.0 later", Postponed, "451 4.3.0 at MAIL"),
        ("at_rcpt", "550 5.1.1 <> is unknown", Refused, "550 5.1.1 at RCPT"),
        ("at_rcpt", "553 <> bad", Refused, "553 at RCPT"),
        ("at_rcpt", "450 4.2.0 <> is greylisted", Postponed, "450 4.2.0 at RCPT"),
        ("at_rcpt", "421 4.7.0 too many", Postponed, "421 4.7.0 at RCPT"),
        ("at_data", "554 5.5.1 no", Refused, "554 5.5.1 at DATA"),
        ("at_data", "452 4.3.1 full", Postponed, "452 4.3.1 at DATA"),
        ("after_the_dot", "554 5.7.1 spam for ana@example.org", Refused, "554 5.7.1 at the mail"),
        ("after_the_dot", "451 4.3.0 disk", Postponed, "451 4.3.0 at the mail"),
    ],
)
async def test_a_refusal_says_whether_it_passes_and_names_nobody(
    step: str, answer: str, kind: type[Exception], reason: str, server: SmtpServer
) -> None:
    setattr(server, step, answer)
    error, _ = await error_of(server.url)
    assert (type(error), str(error)) == (kind, reason)
    assert server.received == []


@pytest.mark.parametrize(
    ("when", "kind", "has_left", "arrived"),
    [
        ("at DATA", Postponed, False, 0),
        ("before the dot", Doubtful, True, 0),
        ("after the dot", Doubtful, True, 1),
    ],
)
async def test_a_connection_that_is_lost(
    when: str, kind: type[Exception], has_left: bool, arrived: int, server: SmtpServer
) -> None:
    server.hangs_up = when
    error, progress = await error_of(server.url)
    assert (type(error), progress.has_left, len(server.received)) == (kind, has_left, arrived)


async def test_a_server_that_is_silent_after_the_mail(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "ANSWER_SECONDS", 0.2)
    server.hold = asyncio.Event()
    error, _ = await error_of(server.url)
    server.hold.set()
    assert (type(error), str(error)) == (Doubtful, "no answer after the mail: SMTPReadTimeoutError")
    assert len(server.received) == 1


async def test_a_server_that_is_not_there() -> None:
    error, progress = await error_of(f"smtp://127.0.0.1:{free_port()}")
    assert (type(error), str(error), progress.has_left) == (Postponed, "no connection: SMTPConnectError", False)


async def test_a_server_that_never_greets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "STEP_SECONDS", 0.2)
    silent = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    error, _ = await error_of(f"smtp://127.0.0.1:{silent.sockets[0].getsockname()[1]}")
    silent.close()
    assert isinstance(error, Postponed)


@pytest.mark.parametrize("line", ["554 no service here", "421 too busy", "what?", "250-"])
async def test_a_greeting_that_sends_us_away_is_no_reason_to_give_a_mail_up(line: str, server: SmtpServer) -> None:
    server.greets = line
    error, _ = await error_of(server.url)
    assert isinstance(error, Postponed)


async def test_goodbye_is_not_worth_a_mail(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any, **__: Any) -> None:
        raise SMTPServerDisconnected("gone")

    monkeypatch.setattr(SMTP, "quit", fails)
    await hand_over(server.url)
    assert len(server.received) == 1


async def test_addresses_beyond_ascii_need_a_server_that_knows_them(server: SmtpServer) -> None:
    await hand_over(server.url, mail("ñandú@example.org"))
    assert server.envelopes[0].rcpt_tos == ["ñandú@example.org"]
    assert str(server.received[0]["To"]) == "ñandú@example.org"
    server.knows_utf8 = False
    error, _ = await error_of(server.url, mail("ñandú@example.org"))
    assert isinstance(error, Refused)
    assert "SMTPUTF8" in str(error)


async def test_it_signs_in_where_a_password_is_given() -> None:
    async with SmtpServer(asks=True) as server:
        right = f"smtp://{USER}:{quote(PASSWORD)}@127.0.0.1:{server.port}"
        await hand_over(right)
        assert (server.signed_in, len(server.received)) == ([USER], 1)
        for wrong in (right.replace(USER, "eve"), server.url):
            error, progress = await error_of(wrong)
            assert not progress.has_left
            assert isinstance(error, Postponed)
            assert str(error) in ("535 5.7.8 while signing in", "530 5.7.0 at MAIL")
        assert len(server.received) == 1


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's TLS whose certificate for 127.0.0.1 is trusted here."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    today = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    public = tmp_path / "cert.pem"
    public.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = tmp_path / "key.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, private)
    return context


async def test_tls_is_used_when_it_is_offered(certificate: ssl.SSLContext) -> None:
    async with SmtpServer(tls=certificate) as server:
        await hand_over(server.url)
        error, _ = await error_of(f"{server.url}?tls=off")
        assert (type(error), str(error)) == (Postponed, "530 at MAIL"), "the server insists on it"
        assert len(server.received) == 1


async def test_smtps_is_tls_from_the_first_byte(certificate: ssl.SSLContext) -> None:
    async with SmtpServer(tls=certificate, is_smtps=True) as server:
        await hand_over(server.url.replace("smtp:", "smtps:"))
        assert len(server.received) == 1


async def test_required_tls_that_is_not_offered_keeps_the_mail_here(server: SmtpServer) -> None:
    error, progress = await error_of(f"{server.url}?tls=required")
    assert (type(error), progress.has_left, server.received) == (Postponed, False, [])


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(
    certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    async with SmtpServer(tls=certificate) as server:
        error, progress = await error_of(server.url)
        assert (type(error), progress.has_left, server.received) == (Postponed, False, [])
