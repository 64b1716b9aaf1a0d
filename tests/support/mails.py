"""What was mailed: read from the queue, as the mail provider would get it."""

import re
from typing import Any

import sqlalchemy as sa

from mentorq.core import mail
from mentorq.core.clock import now
from mentorq.core.database import Base, Database
from mentorq.core.jobs import Worker

JOBS, MAILS = Base.metadata.tables["jobs"], Base.metadata.tables["mails"]
DELIVER = "core.mail.deliver"
LETTER = mail.Letter("Your ticket was answered", ["Ben wrote to you."], ("Read it", "https://mentorq.example.org/a"))


async def mailed_tokens(database: Database, address: str, page: str) -> list[str]:
    """The tokens in the links to `page` that wait to be mailed to `address`, oldest first."""
    async with database.read() as db:
        kept = await db.scalars(
            sa.select(MAILS.c.content)
            .where(MAILS.c.recipient == address, MAILS.c.state == "waiting")
            .order_by(MAILS.c.id)
        )
    links = [content["letter"]["action"][1] for content in kept]
    return [match[1] for link in links if (match := re.search(rf"/{page}\?token=(\S+)", link))]


async def decide_whom_to_mail(worker: Worker) -> None:
    """Run the jobs that decide about mails, but not those that send them."""
    async with worker.database.write() as db:
        moment = now().replace(year=2999)
        await db.execute(sa.update(JOBS).where(JOBS.c.task == DELIVER).values(run_at=moment))
    while claimed := await worker.claim(1):
        if claimed[0]["task"] == DELIVER:
            async with worker.database.write() as db:
                await db.execute(sa.update(JOBS).where(JOBS.c.id == claimed[0]["id"]).values(run_at=moment))
        else:
            await worker._do(claimed[0])


async def queue(database: Database, to: str = "ana@example.org", letter: mail.Letter = LETTER, **how: Any) -> int:
    """Queue a mail in a transaction of its own."""
    async with database.write() as db:
        return await mail.send(db, to, letter, **how)


async def mail_of(database: Database, mail_id: int) -> dict[str, Any]:
    """A row of `mails`."""
    async with database.read() as db:
        row = await db.row(sa.select(MAILS).where(MAILS.c.id == mail_id))
    assert row is not None
    return row


async def state_of(database: Database, mail_id: int) -> str:
    """What became of a mail."""
    return str((await mail_of(database, mail_id))["state"])


async def make_due(database: Database) -> None:
    """As if every wait and every lease were over."""
    async with database.write() as db:
        await db.execute(sa.update(JOBS).where(JOBS.c.task == DELIVER).values(run_at=now()))


async def jobs_left(database: Database) -> list[dict[str, Any]]:
    """The jobs that would send mails."""
    async with database.read() as db:
        return await db.rows(sa.select(JOBS).where(JOBS.c.task == DELIVER).order_by(JOBS.c.id))
