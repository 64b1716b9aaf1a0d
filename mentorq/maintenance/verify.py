"""Whether everything that is kept twice agrees."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from mentorq.core.database import Database, Read
from mentorq.maintenance import articles, standings, truth
from mentorq.maintenance.truth import Difference


class Snapshot(Read):
    """Reads that all see the database at one moment, however much is written meanwhile."""

    async def _open(self) -> AsyncConnection:
        source = self.database.readers
        if self.dialect == "postgresql":
            source = self.database.engine.execution_options(isolation_level="REPEATABLE READ")
        return await self._connect(source)


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[Read]:
    """One `Snapshot`."""
    session = Snapshot(database)
    try:
        yield session
    finally:
        await session.close()


async def differences(database: Database) -> AsyncIterator[Difference]:
    """Everything that is not what it must be."""
    async with snapshot(database) as db:
        async for batch in everything(db):
            for difference in batch:
                yield difference


async def everything(db: Read) -> AsyncIterator[list[Difference]]:
    """All comparisons, a batch at a time, in the order in which they must be repaired."""
    async for batch in truth.tickets(db):
        yield batch
    yield await truth.tag_counts(db)
    yield await truth.reviews(db)
    async for batch in truth.mentors(db):
        yield batch
    yield [*await truth.achievements(db), *await truth.latest_activities(db)]
    async for batch in articles.articles(db):
        yield batch
    yield await articles.frequencies(db)
    async for batch in standings.facts(db):
        yield batch
    async for batch in standings.standings(db):
        yield batch
