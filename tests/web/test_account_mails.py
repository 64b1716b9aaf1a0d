"""Mails about one's account speak the language of the page that asked for them."""

from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from mentorq.core.jobs import Worker
from mentorq.settings import Settings
from tests.support.databases import settings_for
from tests.support.people import PASSWORD
from tests.support.smtp import SmtpServer
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio


@pytest.fixture
async def server() -> AsyncIterator[SmtpServer]:
    """A mail server."""
    async with SmtpServer() as server:
        yield server


@pytest.fixture
def settings(database_url: str, tmp_path: Path, server: SmtpServer) -> Settings:
    """Settings of an installation that sends mail."""
    return settings_for(database_url, tmp_path, mail_url=server.url, public_url="http://mentorq.example.org")


def text_of(message: EmailMessage) -> str:
    """What a mail says."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize(
    ("language", "subjects", "sign_off"),
    [
        ("en", ["Confirm your e-mail address", "Set a new password", "Confirm your e-mail address"], "Sent by MentorQ"),
        ("es", ["Confirma tu dirección de correo", "Elige una contraseña nueva"] * 2, "Enviado por MentorQ"),
    ],
)
async def test_who_signs_up_and_forgets_is_written_to(
    language: str, subjects: list[str], sign_off: str, app: FastAPI, worker: Worker, server: SmtpServer
) -> None:
    account = {"username": "ana", "email": "ana@example.org", "password": PASSWORD, "role": "student"}
    async with visiting(app) as visit:
        visit.client.cookies.set("language", language)
        assert (await visit.send("/signup", account)).status_code == 303
        await worker.drain()
        assert (await visit.send("/forgot", {"email": "ana@example.org"})).status_code == 200
        await worker.drain()
        assert (await visit.send("/app/settings/verification")).status_code == 303
        await worker.drain()
        mails = server.received
        assert [mail["Subject"] for mail in mails] == subjects[:3]
        assert [mail["To"] for mail in mails] == ["ana@example.org"] * 3
        assert [mail["From"] for mail in mails] == ["MentorQ <no-reply@mentorq.example.org>"] * 3
        assert all(f"{sign_off} " in text_of(mail) for mail in mails)
        for mail, page in zip(mails, ("verify", "reset", "verify"), strict=True):
            link = text_of(mail).split(f"http://mentorq.example.org/{page}?")[1].split()[0]
            assert (await visit.page(f"/{page}?{link}")).count(link.removeprefix("token=")) >= 1


async def test_who_asks_by_the_api_is_written_to_in_english(
    client: httpx2.AsyncClient, worker: Worker, server: SmtpServer
) -> None:
    account = {"username": "ana", "email": "ana@example.org", "password": PASSWORD, "role": "student"}
    assert (await client.post("/auth/signup", json=account)).status_code == 201
    await worker.drain()
    assert [mail["Subject"] for mail in server.received] == ["Confirm your e-mail address"]
