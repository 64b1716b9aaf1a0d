"""`mentorq import`, `mentorq demo` and `mentorq openapi`."""

import gzip
import json
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.demo import loading
from mentorq.demo.loading import NamesTaken, Size, load
from mentorq.maintenance.imports import Outcome, Watcher, import_file
from mentorq.maintenance.lines import Refused, UnreadableFile
from mentorq.maintenance.verify import differences
from mentorq.migrations import drift
from mentorq.settings import Settings
from tests.cli.conftest import Run, bare_environment
from tests.support.patience import PATIENCE_SECONDS
from tests.support.people import Join
from tests.support.processes import PROGRAM

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)
PASSWORD = "a-long-Passphrase-7"


def line(number: int, **fields: Any) -> dict[str, Any]:
    """A line of an import that may be imported."""
    asked = NOW - timedelta(days=200 - number, hours=5)
    usual = {
        "id": f"x{number}",
        "title": f"How do I sort list number {number}?",
        "description": f"I call `x.sort()` and it is None, for the {number}th time.\n\n```python\nx = x.sort()\n```",
        "tags": ["Python", "lists"],
        "solution": "It sorts in place; use `sorted(x)`.",
        "student": f"Asker {number % 3}",
        "mentor": f"Expert {number % 2}",
        "created_at": asked.isoformat(),
        "resolved_at": (asked + timedelta(hours=number + 1)).isoformat(),
    }
    return usual | fields


def write(path: Path, lines: list[Any]) -> Path:
    """A file of lines; what is not a dictionary is written as it is."""
    text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


async def bring_in(database: Database, path: Path, refused: list[Refused] | None = None) -> Outcome:
    return await import_file(database, path, Watcher(refused=(refused if refused is not None else []).append))


async def _count(database: Database, table: str) -> int:
    async with database.read() as db:
        found: int = await db.scalar(sa.text(f"SELECT count(*) FROM {table}"))
    return found


async def _agrees(database: Database) -> list[str]:
    return [str(difference) async for difference in differences(database)]


async def test_what_was_imported_is_what_solving_would_have_left(
    database: Database, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    outcome = await bring_in(database, write(tmp_path / "t.jsonl.gz", [line(n) for n in range(40)]))
    assert (outcome.imported, outcome.refused, outcome.learnt) == (40, 0, 40)
    assert await _agrees(database) == []
    async with database.read() as db:
        newest = await db.scalar(sa.text("SELECT max(id) FROM tickets"))
    ticket = (await client.get(f"/tickets/{newest}")).json()
    assert ticket["status"] == "closed"
    assert ticket["tags"] == ["python", "lists"]
    assert ticket["student"]["username"] == "asker-0"
    assert ticket["mentor"]["username"] == "expert-1"
    assert (await client.get("/tags?q=python")).json()["items"][0]["tickets"] == 40
    experts = (await client.get("/mentors")).json()["items"]
    assert {mentor["username"]: mentor["tickets_resolved"] for mentor in experts} == {"expert-0": 20, "expert-1": 20}
    assert experts[0]["median_response_seconds"] > 3600


async def test_matching_knows_the_same_as_after_solving_one_by_one(
    database: Database, client: httpx2.AsyncClient, worker: Worker, student: Join, mentor: Join, tmp_path: Path
) -> None:
    """The bulk way and the way of a single ticket weigh alike."""
    asker, expert = await student(), await mentor()
    titles = ["How do I sort a list?", "Why does asyncio.gather hang?", "How do I sort a dict by value?"]
    for title in titles:
        ticket = await asker.ask(title, description="It is about sorting, mostly.", tags=["python"])
        await expert.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
        await expert.expect(200, "POST", f"/tickets/{ticket['id']}/resolve", {"solution": "So."})
        await worker.drain()
    one_by_one = await _weights(database)
    async with database.write() as db:
        for table in ("mentor_terms", "term_frequencies", "matching_totals"):
            await db.execute(sa.text(f"DELETE FROM {table}"))
        await db.execute(sa.text("UPDATE solved_tickets SET terms = NULL"))
    from mentorq.maintenance.learning import learn_unread

    assert await learn_unread(database, lambda _: None) == len(titles)
    in_bulk = await _weights(database)
    assert in_bulk.keys() == one_by_one.keys()
    assert in_bulk == pytest.approx(one_by_one)


async def _weights(database: Database) -> dict[str, float]:
    async with database.read() as db:
        terms = await db.rows(sa.text("SELECT term, total FROM mentor_terms"))
        counts = await db.rows(sa.text("SELECT term, tickets FROM term_frequencies"))
        totals = await db.rows(sa.text("SELECT tickets FROM matching_totals"))
    return (
        {row["term"]: row["total"] for row in terms}
        | {f"count of {row['term']}": row["tickets"] for row in counts}
        | {"all": totals[0]["tickets"]}
    )


async def test_the_same_file_again_adds_nothing(database: Database, tmp_path: Path) -> None:
    lines = [line(number) for number in range(30)]
    half = write(tmp_path / "half.jsonl", lines[:13])
    assert (await bring_in(database, half)).imported == 13
    whole = write(tmp_path / "whole.jsonl.gz", [*lines, lines[0]])
    outcome = await bring_in(database, whole)
    assert (outcome.imported, outcome.known) == (17, 14)
    assert (await bring_in(database, whole)).imported == 0
    assert await _count(database, "tickets") == 30
    assert await _agrees(database) == []


async def test_what_was_cut_short_goes_on_where_it_was(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mentorq.maintenance.imports.LINES_AT_ONCE", 10)
    monkeypatch.setattr("mentorq.maintenance.learning.READ_AT_ONCE", 7)
    path = write(tmp_path / "t.jsonl", [line(number) for number in range(35)])

    def stop_after(limit: int) -> Any:
        def stop(count: int) -> None:
            if count >= limit:
                raise KeyboardInterrupt

        return stop

    with pytest.raises(KeyboardInterrupt):
        await import_file(database, path, Watcher(read=stop_after(1)))
    assert await _count(database, "tickets") == 10
    with pytest.raises(KeyboardInterrupt):
        await import_file(database, path, Watcher(learnt=stop_after(1)))
    assert await _count(database, "tickets") == 35
    assert (await bring_in(database, path)).learnt == 28
    assert await _agrees(database) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": "x" * 201}, "title"),
        ({"title": ""}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"description": "x" * 20_001}, "description"),
        ({"solution": "x" * 40_001}, "solution"),
        ({"solution": "a\x00b"}, "solution"),
        ({"mentor": "Asker 1", "student": "Asker 1"}, "two people"),
        ({"created_at": "2024-01-01T10:00:00"}, "created_at"),
        ({"resolved_at": "2019-01-01T10:00:00Z"}, "resolved_at"),
        ({"resolved_at": "2999-01-01T10:00:00Z"}, "future"),
        ({"tags": "python"}, "tags"),
    ],
)
async def test_a_line_over_the_limits_is_named_and_the_rest_goes_on(
    fields: dict[str, Any], said: str, database: Database, tmp_path: Path
) -> None:
    refused: list[Refused] = []
    path = write(tmp_path / "t.jsonl", [line(0), "", line(1, **fields), line(2), "{not json", "[1]"])
    assert (await bring_in(database, path, refused)).imported == 2
    assert [one.number for one in refused] == [3, 5, 6]
    assert said in refused[0].reason
    assert await _agrees(database) == []


async def test_tags_that_are_none_are_dropped_and_counted(database: Database, tmp_path: Path) -> None:
    many = [f"tag{number}" for number in range(12)]
    path = write(
        tmp_path / "t.jsonl",
        [line(0, tags=["js", "JavaScript", "", "<b>", "x" * 50]), line(1, tags=many), line(2, tags=[])],
    )
    assert (await bring_in(database, path)).dropped_tags == 3 + 2
    async with database.read() as db:
        tags = [row["tags"] for row in await db.rows(sa.text("SELECT tags FROM tickets ORDER BY id"))]
    assert '["javascript"]' in (json.dumps(tags[0]), tags[0])
    assert await _agrees(database) == []


async def test_names_become_accounts_of_their_own(
    database: Database, client: httpx2.AsyncClient, student: Join, tmp_path: Path
) -> None:
    """Neither somebody who is here already, nor one account for two names that are written alike."""
    here = await student("ana")
    names = ["Ana", "ana", "ANA!", "王芳", "x", "-", "a" * 150]
    path = write(tmp_path / "t.jsonl", [line(n, student=name, mentor="Ben") for n, name in enumerate(names)])
    assert (await bring_in(database, path)).imported == len(names)
    async with database.read() as db:
        rows = await db.rows(sa.text("SELECT username, email, password_hash FROM users"))
    assert len(rows) == len(names) + 2
    assert all(row["password_hash"] is None for row in rows if row["email"] != here.email)
    assert (await here.get("/tickets/me")).json()["items"] == []


async def test_who_asked_first_and_answers_later_is_a_mentor(
    database: Database, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    await bring_in(database, write(tmp_path / "a.jsonl", [line(0, student="Mia", mentor="Ben")]))
    await bring_in(database, write(tmp_path / "b.jsonl", [line(1, student="Ben", mentor="Mia")]))
    assert {m["username"] for m in (await client.get("/mentors")).json()["items"]} == {"mia", "ben"}
    assert await _agrees(database) == []


async def test_a_file_that_cannot_be_read_is_a_sentence(database: Database, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="missing"):
        await bring_in(database, tmp_path / "missing.jsonl")
    damaged = tmp_path / "damaged.jsonl.gz"
    damaged.write_bytes(gzip.compress(json.dumps(line(0)).encode() * 500)[:-40])
    with pytest.raises(UnreadableFile):
        await bring_in(database, damaged)


def test_the_command_says_what_came_of_a_file(mentorq: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [line(0), line(1, title="")])
    answer = mentorq("import", str(path))
    assert answer.returncode == 1
    assert answer.stdout.startswith("1 tickets imported, 0 were here already, 1 lines refused, 0 tags left out.")
    assert "line 2 refused: title" in answer.stderr
    assert mentorq("import", str(tmp_path / "none.jsonl")).returncode == 2


async def _rows(database: Database, table: str) -> list[tuple[Any, ...]]:
    async with database.read() as db:
        return [tuple(row.values()) for row in await db.rows(sa.text(f"SELECT * FROM {table} ORDER BY 1, 2"))]


async def test_a_demonstration_has_every_state_and_agrees(database: Database) -> None:
    await load(database, Size(40, 15, 240), 1, PASSWORD, lambda _: None)
    assert await _agrees(database) == []
    async with database.read() as db:
        states = Counter(await db.scalars(sa.text("SELECT status FROM tickets")))
        ratings = Counter(await db.scalars(sa.text("SELECT rating FROM reviews")))
        times = await db.rows(sa.text("SELECT min(created_at) AS first, max(updated_at) AS last FROM tickets"))
    assert states.total() == 240
    assert all(states[state] >= 5 for state in ("open", "assigned", "resolved", "closed"))
    assert ratings[5] > ratings[4] > ratings[3]
    assert str(times[0]["last"]) <= str(datetime.now(UTC))
    for table in ("ticket_messages", "ticket_passes", "solution_drafts", "reviews", "asked_terms"):
        assert await _count(database, table) > 0, table


async def test_the_two_known_people_find_something_in_their_lists(
    database: Database, client: httpx2.AsyncClient
) -> None:
    await load(database, Size(10, 5, 60), 1, PASSWORD, lambda _: None)
    for name in ("ana", "ben"):
        tokens = (await client.post("/auth/signin", data={"username": name, "password": PASSWORD})).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        own = (await client.get("/tickets/me?limit=100", headers=headers)).json()["items"]
        assert {"assigned", "resolved", "closed"} <= {ticket["status"] for ticket in own}
        queue = (await client.get("/tickets?sort=match" if name == "ben" else "/tickets", headers=headers)).json()
        assert queue["items"]
        if name == "ana":
            waiting = next(ticket for ticket in own if ticket["status"] == "open")
            suggested = (await client.get(f"/tickets/{waiting['id']}/mentors", headers=headers)).json()["items"]
            assert suggested[0]["match"]["score"] > 0.1


async def test_the_same_seed_makes_the_same_community(settings: Settings, tmp_path: Path) -> None:
    from mentorq.migrations import upgrade
    from tests.support.databases import settings_for

    communities = []
    for number, seed in enumerate((5, 5, 6)):
        home = tmp_path / str(number)
        home.mkdir()
        database = Database(settings_for(f"sqlite:///{home / 'm.db'}", home))
        await upgrade(database)
        await load(database, Size(8, 4, 60), seed, PASSWORD, lambda _: None, at=NOW)
        async with database.read() as db:
            people = await db.rows(sa.text("SELECT username, bio, role, created_at FROM users ORDER BY id"))
        tickets = [await _rows(database, table) for table in ("tickets", "ticket_events", "ticket_messages", "reviews")]
        communities.append((people, tickets))
        await database.stop()
    assert communities[0] == communities[1]
    assert communities[0] != communities[2]


async def test_a_large_demonstration_agrees_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LARGE", 200)
    monkeypatch.setattr(loading, "TICKETS_AT_ONCE", 150)
    await load(database, Size(30, 10, 1_000), 3, PASSWORD, lambda _: None)
    assert await _agrees(database) == []
    assert await _count(database, "tickets") == 1_000
    assert await drift(database) == []  # what was indexed afterwards is indexed as before
    with pytest.raises(NamesTaken):
        await load(database, Size(1, 1, 0), 3, PASSWORD, lambda _: None)


@pytest.mark.parametrize("size", [Size(1, 1, 0), Size(1, 1, 1), Size(1, 1, 25), Size(2, 1, 9), Size(200, 1, 50)])
async def test_the_smallest_communities_agree(size: Size, database: Database) -> None:
    await load(database, size, 11, PASSWORD, lambda _: None)
    assert await _agrees(database) == []
    assert await _count(database, "tickets") == size.tickets
    assert await _count(database, "users") == size.students + size.mentors


def test_the_demonstration_loads_once(mentorq: Run) -> None:
    few = ("--students", "3", "--mentors", "2", "--tickets", "12", "--password", PASSWORD)
    first = mentorq("demo", "--if-empty", *few)
    assert first.returncode == 0, first.stderr
    assert f"ana or the mentor ben; the password is {PASSWORD}" in first.stdout
    assert PASSWORD in mentorq("demo", "--if-empty", "--students", "3", "--password", "another-Passphrase-8").stdout
    again = mentorq("demo", *few)
    assert again.returncode == 1
    assert "a demonstration needs an empty database" in again.stderr


def test_the_contract_needs_no_settings_and_touches_nothing(tmp_path: Path) -> None:
    answer = subprocess.run(
        [PROGRAM, "openapi"], env=bare_environment() | {"DATABASE_URL": "nonsense", "SECRET_KEY": ""}, cwd=tmp_path,
        capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    document = json.loads(answer.stdout)
    assert document["openapi"].startswith("3.1")
    assert "/tickets" in document["paths"]
    assert list(document) == sorted(document)
    assert answer.stdout.startswith('{\n  "components"')
    assert list(tmp_path.iterdir()) == []


def test_help_is_there_without_the_application(tmp_path: Path) -> None:
    code = "import sys, mentorq.cli; sys.exit('fastapi' in sys.modules or 'sqlalchemy' in sys.modules)"
    assert subprocess.run([PROGRAM.with_name("python"), "-c", code], cwd=tmp_path, check=False).returncode == 0
    shown = subprocess.run([PROGRAM, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert all(command in shown for command in ("serve", "worker", "db", "user", "import", "demo", "openapi"))
