"""`mentorq db`: whatever is kept twice is compared, and repaired."""

import asyncio

import pytest
import sqlalchemy as sa

from mentorq.core.database import Database
from mentorq.demo.loading import Size, load
from mentorq.maintenance.rebuild import rebuild
from mentorq.maintenance.verify import differences
from mentorq.migrations import newest
from mentorq.settings import Settings
from tests.cli.conftest import Run

pytestmark = pytest.mark.anyio

DAMAGES = {
    "a state that no event led to": "UPDATE tickets SET status = 'resolved' WHERE status = 'closed'",
    "a ticket back in the queue that is taken":
        "UPDATE tickets SET status = 'open', assigned_mentor_id = NULL WHERE status = 'assigned'",
    "a ticket in the queue that looks taken":
        "UPDATE tickets SET status = 'assigned', assigned_mentor_id = (SELECT min(id) FROM users WHERE role = 'mentor')"
        " WHERE status = 'open'",
    "a wrong number of messages": "UPDATE tickets SET messages = messages + 1 WHERE id % 7 = 0",
    "tags on the row that are not there": "UPDATE tickets SET tags = '[\"nonsense\"]' WHERE id % 5 = 0",
    "a queue with solved tickets in it": "UPDATE ticket_tags SET is_open = true",
    "counters of tags": "UPDATE tags SET tickets = tickets + 3, mentors = 0",
    "numbers of mentors": "UPDATE mentor_stats SET tickets_resolved = 99, tickets_active = 7, rating_sum = 1, rating_rank = 5",  # noqa: E501
    "a mentor without numbers": "DELETE FROM mentor_stats WHERE mentor_id % 2 = 0",
    "records of nothing": "UPDATE mentor_tag_records SET solved = solved + 1, rating_count = 0",
    "solved tickets that matching forgot": "DELETE FROM solved_tickets WHERE ticket_id % 3 = 0",
    "a solution that is not the latest": "UPDATE tickets SET solution = 'old' WHERE solution IS NOT NULL",
    "articles that are missing": "DELETE FROM articles WHERE ticket_id % 2 = 0",
    "counters of articles": "UPDATE articles SET upvotes = upvotes + 3, fails = 9, deflected = 1",
    "an index of other texts": "UPDATE article_index SET terms = '{}'",
    "an index of other people": "UPDATE article_index SET mentor_id = 1, tags = '[]'",
    "frequencies of words": "UPDATE knowledge_terms SET articles = articles + 1",
    "words that nobody counted": "DELETE FROM knowledge_terms",
    "a knowledge base of another size": "UPDATE knowledge_totals SET articles = 1, prose = 1",
    "answers that took another time": "UPDATE mentor_facts SET value = value + 1 WHERE kind = 'responded'",
    "solutions that nobody noted": "DELETE FROM mentor_facts WHERE kind = 'solved' AND ticket_id % 2 = 0",
    "reviews of another time": "UPDATE mentor_facts SET at = '2020-01-01 00:00:00.000000' WHERE kind = 'rated'",
    "standings that nobody earned": "UPDATE standings SET solved = solved + 2, helped = 0, stars = 9",
    "standings that are missing": "DELETE FROM standings WHERE period <> 'all'",
    "followers that nobody is": "UPDATE mentor_stats SET followers = followers + 2",
    "a newest activity that is none": "UPDATE latest_activities SET activity_id = activity_id - 1",
    "mentors who did nothing": "DELETE FROM latest_activities",
    "achievements that nobody has": "UPDATE award_counts SET awarded_to = awarded_to + 1",
    "achievements that nobody counted": "DELETE FROM award_counts",
    "a review of somebody else": "UPDATE reviews SET mentor_id = student_id",
}  # fmt: skip


@pytest.fixture
async def sound(settings: Settings) -> Database:
    """A database with a small community, in which everything agrees."""
    database = Database(settings)
    await load(database, Size(12, 6, 90), 7, "a-long-Passphrase-7", lambda _: None)
    return database


async def _found(database: Database) -> list[str]:
    return [str(difference) async for difference in differences(database)]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_every_damage_is_found_and_repaired(damage: str, sound: Database) -> None:
    assert await _found(sound) == []
    async with sound.write() as db:
        assert (await db.execute(sa.text(DAMAGES[damage]))).rowcount > 0
    found = await _found(sound)
    told: list[str] = []
    assert found
    repaired = await rebuild(sound, lambda difference: told.append(str(difference)))
    assert repaired == len(told) > 0  # fewer than were found: what followed from another is right once that is
    assert set(told) <= set(found)
    assert await _found(sound) == []
    await sound.stop()


async def test_rebuilding_what_matching_knows_is_repeatable(sound: Database) -> None:
    async def knowledge() -> list[list[tuple[object, ...]]]:
        async with sound.read() as db:
            return [
                [tuple(row.values()) for row in await db.rows(sa.text(f"SELECT * FROM {table} ORDER BY {order}"))]
                for table, order in (
                    ("mentor_tag_records", "mentor_id, tag_id"), ("term_frequencies", "term"),
                    ("matching_totals", "id"), ("asked_terms", "ticket_id"), ("solved_tickets", "ticket_id"),
                )
            ]  # fmt: skip

    await rebuild(sound, lambda _: None)
    first = await knowledge()
    await rebuild(sound, lambda _: None)
    assert await knowledge() == first
    await sound.stop()


async def test_records_of_tags_are_the_same_after_a_rebuild(sound: Database) -> None:
    async def totals() -> dict[tuple[int, int], float]:
        async with sound.read() as db:
            rows = await db.rows(sa.text("SELECT mentor_id, tag_id, total FROM mentor_tag_records"))
        return {(row["mentor_id"], row["tag_id"]): row["total"] for row in rows}

    before = await totals()
    await rebuild(sound, lambda _: None)
    assert await totals() == pytest.approx(before)
    await sound.stop()


def test_the_commands_say_what_they_found(settings: Settings, mentorq: Run) -> None:
    assert newest() in mentorq("db", "upgrade").stdout
    assert mentorq("demo", "--tickets", "30", "--students", "3", "--mentors", "2").returncode == 0
    fine = mentorq("db", "verify")
    assert (fine.returncode, fine.stdout) == (0, "Everything agrees.\n")

    async def damage() -> None:
        database = Database(settings)
        async with database.write() as db:
            await db.execute(sa.text("UPDATE tickets SET messages = 77 WHERE id = (SELECT min(id) FROM tickets)"))
        await database.stop()

    asyncio.run(damage())
    wrong = mentorq("db", "verify")
    assert wrong.returncode == 1
    assert "messages is 77, must be" in wrong.stdout
    assert mentorq("db", "rebuild").returncode == 0
    assert mentorq("db", "verify").returncode == 0


def test_several_things_are_rebuilt_at_once(mentorq: Run) -> None:
    assert mentorq("demo", "--tickets", "30", "--students", "3", "--mentors", "2").returncode == 0
    done = mentorq("db", "rebuild", "--search", "--statistics", "--achievements")
    assert done.returncode == 0, done.stderr
    for what in ("articles indexed anew", "facts counted anew", "0 achievements awarded that were earned before"):
        assert what in done.stdout
