"""Fixtures of the tests of mail."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mentorq.settings import Settings
from tests.support.databases import settings_for
from tests.support.smtp import SmtpServer


@pytest.fixture
async def server() -> AsyncIterator[SmtpServer]:
    """A mail server."""
    async with SmtpServer() as server:
        yield server


@pytest.fixture
def settings(database_url: str, tmp_path: Path, server: SmtpServer) -> Settings:
    """Settings of an installation that sends mail to it."""
    return settings_for(database_url, tmp_path, mail_url=server.url, mail_from="MentorQ <desk@mentorq.example.org>")
