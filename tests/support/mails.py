"""What was mailed: read from the queue, as the mail provider would get it."""

import re

import sqlalchemy as sa

from mentorq.core.database import Base, Database
from mentorq.core.jobs import Worker

JOBS = Base.metadata.tables["jobs"]


async def mailed_tokens(database: Database, address: str, page: str) -> list[str]:
    """The tokens in the links to `page` that wait to be mailed to `address`, oldest first."""
    async with database.read() as db:
        payloads = await db.scalars(
            sa.select(JOBS.c.payload).where(JOBS.c.task == "core.mail.deliver").order_by(JOBS.c.id)
        )
    texts = [payload["text"] for payload in payloads if payload["to"] == address]
    return [match[1] for text in texts if (match := re.search(rf"/{page}\?token=(\S+)", text))]


async def decide_whom_to_mail(worker: Worker) -> None:
    """Run the jobs that decide about mails, but not those that send them."""
    async with worker.database.write() as db:
        later = sa.text("UPDATE jobs SET run_at = :later WHERE task = 'core.mail.deliver'")
        moment = (await db.scalar(sa.select(sa.func.max(JOBS.c.run_at)))).replace(year=2999)
        await db.execute(later.bindparams(sa.bindparam("later", moment, JOBS.c.run_at.type)))
    while claimed := await worker.claim(1):
        if claimed[0]["task"] == "core.mail.deliver":
            async with worker.database.write() as db:
                await db.execute(sa.update(JOBS).where(JOBS.c.id == claimed[0]["id"]).values(run_at=moment))
        else:
            await worker._do(claimed[0])
