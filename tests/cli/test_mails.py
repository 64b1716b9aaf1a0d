"""`mentorq mail`, and `mentorq worker` with a mail server: killed in the worst moment, it sends nothing twice."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.core.mail.models import SuppressionReason
from mentorq.core.mail.suppressions import suppress
from tests.cli.conftest import Run
from tests.support.commands import Running, serving
from tests.support.databases import settings_for
from tests.support.mails import make_due, queue, state_of
from tests.support.patience import PATIENCE_SECONDS, until
from tests.support.processes import environment
from tests.support.servers import free_port
from tests.support.smtp import SmtpServer

pytestmark = pytest.mark.anyio

ANA = "ana@example.org"


async def run(mentorq: Run, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, beside this loop."""
    return await asyncio.to_thread(mentorq, *arguments)


async def test_what_was_not_sent_is_listed_and_sent_again_on_demand(
    database: Database, worker: Worker, mentorq: Run
) -> None:
    assert "There are none." in (await run(mentorq, "mail", "list")).stdout
    bad, good = await queue(database, "no address"), await queue(database)
    await worker.drain()
    listed = await run(mentorq, "mail", "list")
    assert listed.returncode == 0, listed.stderr
    [line] = listed.stdout.splitlines()
    assert line.split()[:2] == [str(bad), "failed"]
    assert line.endswith("no address that mail can be sent to")
    sent = await run(mentorq, "mail", "list", "--state", "sent")
    assert sent.stdout.split()[:2] == [str(good), "sent"]
    retried = await run(mentorq, "mail", "retry", str(bad), str(good), "999")
    assert (retried.returncode, retried.stdout) == (1, f"Queued again: {bad}.\n")
    assert retried.stderr == f"No failed or unknown mail whose text is still there: {good}, 999.\n"
    waiting = await run(mentorq, "mail", "list", "--state", "waiting")
    assert f"{bad}  waiting" in waiting.stdout
    assert "next: " in waiting.stdout


async def test_a_suppressed_address_is_allowed_again(database: Database, mentorq: Run) -> None:
    async with database.write() as db:
        await suppress(db, ANA, SuppressionReason.BOUNCE)
    assert (await run(mentorq, "mail", "allow", ANA)).stdout == "Mail is sent to it again.\n"
    assert (await run(mentorq, "mail", "allow", ANA)).stdout == "It was not suppressed.\n"


def test_a_wrong_mail_url_stops_the_start(mentorq: Run) -> None:
    answer = mentorq("serve", "--port", str(free_port()), MAIL_URL="smtp://ana:secret@host:none")
    assert (answer.returncode, answer.stderr) == (2, "MAIL_URL has a host or port that is none\n")


async def test_a_worker_that_is_killed_after_the_server_took_the_mail_does_not_send_it_twice(
    database: Database, tmp_path: Path
) -> None:
    async with SmtpServer() as server:
        server.hold = asyncio.Event()
        settings = settings_for(database.settings.database_url, tmp_path, mail_url=server.url)
        mail_id = await queue(database)
        process = _worker(environment(settings), tmp_path)
        await until(lambda: bool(server.received))
        process.kill()
        process.wait(PATIENCE_SECONDS)
        assert await state_of(database, mail_id) == "sending"
        server.hold.set()
        await make_due(database)  # its lease has run out
        process = _worker(environment(settings), tmp_path)

        async def has_ended() -> bool:
            return await state_of(database, mail_id) != "sending"

        try:
            await until(has_ended)
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)
        assert (await state_of(database, mail_id), len(server.received)) == ("unknown", 1)


def _worker(environment: dict[str, str], home: Path) -> Running:
    return serving(["worker"], environment, home, home / "worker.log")
