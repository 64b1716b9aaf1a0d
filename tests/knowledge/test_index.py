"""Indexing many articles at once, and the order in which SQLite's index gives them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa

from mentorq.core import bulk
from mentorq.core.database import Database
from mentorq.demo.loading import Size, load
from mentorq.knowledge import index
from mentorq.knowledge.entries import number_of
from mentorq.maintenance.verify import differences
from mentorq.settings import Settings

pytestmark = pytest.mark.anyio

READ_BACKWARDS_BY_FTS5 = 2**56
SHARES = {"most": 0.9, "many": 0.6, "some": 0.3, "few": 0.1, "fewer": 0.05, "rare": 0.03}
FIFTEEN_YEARS = 15 * 3.15e7
START = datetime.fromtimestamp(1_200_000_000, UTC)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A database with some articles."""
    made = Database(settings)
    await load(made, Size(12, 6, 90), 7, "a-long-Passphrase-7", lambda _: None)
    yield made
    await made.stop()


async def indexed(database: Database) -> list[dict[str, object]]:
    """All that the index holds."""
    async with database.read() as db:
        if not database.is_sqlite:
            return await db.rows(sa.text("SELECT *, xmin::text AS written FROM article_index ORDER BY ticket_id"))
        rows = await db.rows(sa.text("SELECT * FROM article_index ORDER BY ticket_id"))
        return rows + await db.rows(sa.text("SELECT rowid, words FROM article_words ORDER BY rowid"))


@pytest.mark.parametrize("at_once", [7, 1_000])  # with and without processes of their own
async def test_rebuilding_mends_what_is_wrong_and_leaves_the_rest(
    at_once: int, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "AT_ONCE", at_once)
    before = await indexed(database)
    assert sum([count async for count in index.rebuild(database)]) > 14
    assert await indexed(database) == before
    words = (
        "UPDATE article_words SET words = 'nothing'" if database.is_sqlite else "UPDATE article_index SET words = ''"
    )
    async with database.write() as db:
        some = "IN (SELECT number FROM article_index WHERE ticket_id % 3 = 0)"
        await db.execute(sa.text(f"{words} WHERE {'rowid' if database.is_sqlite else 'number'} {some}"))
        await db.execute(sa.text("DELETE FROM article_index WHERE ticket_id % 7 = 0"))
        await db.execute(sa.text("UPDATE article_index SET mentor_id = 0 WHERE ticket_id % 5 = 0"))
    async for _count in index.rebuild(database):
        pass
    after = await indexed(database)
    assert [row | {"written": None} for row in after] == [row | {"written": None} for row in before]


async def test_what_changes_while_it_is_indexed_is_indexed_as_it_is_then(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "AT_ONCE", 7)
    rebuilding = index.rebuild(database)
    await anext(rebuilding)  # the next are read by now
    async with database.write() as db:
        published = await db.scalars(sa.text("SELECT ticket_id FROM articles ORDER BY ticket_id LIMIT 20"))
        for ticket_id in published[7:15]:
            await db.execute(sa.text(f"UPDATE tickets SET title = 'An edited title' WHERE id = {ticket_id}"))
            await index.publish(db, ticket_id)
        await db.execute(sa.text(f"UPDATE tickets SET title = 'Another title' WHERE id = {published[16]}"))
    async for _count in rebuilding:
        pass
    assert [str(one) async for one in differences(database)] == []


async def test_reading_from_the_newest_loses_nothing(database: Database) -> None:
    if not database.is_sqlite:
        return
    random = Random(2)
    texts = []
    for ticket_id in range(1, 13_000):
        number = number_of(ticket_id, START + timedelta(seconds=int(random.random() * FIFTEEN_YEARS)))
        assert number < READ_BACKWARDS_BY_FTS5
        repeated = [
            word for word, share in SHARES.items() if random.random() < share for _ in range(random.randint(1, 12))
        ]
        texts.append({"number": number, "words": " ".join(repeated)})
    async with database.write() as db:
        for part in bulk.chunks(texts, 1_000):
            await db.execute(sa.text("INSERT INTO article_words (rowid, words) VALUES (:number, :words)"), part)
        for word in SHARES:
            found = f"SELECT rowid FROM article_words WHERE article_words MATCH 'most AND {word}' ORDER BY rowid"
            oldest_first, newest_first = [await db.scalars(sa.text(found + order)) for order in ("", " DESC")]
            assert newest_first == oldest_first[::-1], word
