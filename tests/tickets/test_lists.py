"""Lists: who gets which tickets, in which order, with how many statements."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.tags.models import TagRow
from mentorq.tickets.models import TicketRow, TicketTagRow
from tests.support.life import STATES, everything, make_admin, statements_of, ticket_in
from tests.support.people import Join, Person

pytestmark = pytest.mark.anyio


async def ids(person: Person, path: str, limit: int = 100) -> list[int]:
    """The ids of a list's items."""
    return [item["id"] for item in await everything(person, path, limit)]


async def pile_up(database: Database, student: Person, number: int, tags: tuple[str, ...] = ("python",)) -> None:
    """Many open tickets of one student, all of the same instant: only their ids order them."""
    moment = now() - timedelta(hours=1)
    async with database.write() as db:
        await db.execute(
            db.insert(TagRow).values([{"name": t, "tickets": 0, "mentors": 0} for t in tags]).on_conflict_do_nothing()
        )
        tag_ids = await db.scalars(sa.select(TagRow.id).where(TagRow.name.in_(tags)))
        values: dict[str, Any] = {
            "description": "Because.", "tags": list(tags), "student_id": student.id, "created_at": moment,
            "updated_at": moment,
        }  # fmt: skip
        rows = [values | {"title": f"Question {n}"} for n in range(number)]
        ticket_ids = await db.scalars(sa.insert(TicketRow).returning(TicketRow.id), rows)
        links = [
            {"ticket_id": i, "tag_id": t, "is_open": True, "created_at": moment} for i in ticket_ids for t in tag_ids
        ]
        await db.execute(sa.insert(TicketTagRow), links)


async def test_students_see_their_own_and_mentors_what_waits(student: Join, mentor: Join, database: Database) -> None:
    ana, eve, ben = await student(), await student(), await mentor()
    mine = {state: (await ticket_in(state, ana, ben))["id"] for state in STATES}
    hers = {state: (await ticket_in(state, eve, ben))["id"] for state in STATES}
    assert await ids(ana, "/tickets") == await ids(ana, "/tickets/me") == [*mine.values()][::-1]
    for state in STATES:
        assert (
            await ids(ana, f"/tickets?status={state}") == await ids(ana, f"/tickets/me?status={state}") == [mine[state]]
        )
    assert await ids(ana, "/tickets?status=open&status=closed") == [mine["closed"], mine["open"]]
    assert await ids(ben, "/tickets") == [hers["open"], mine["open"]]
    assert await ids(ben, "/tickets?sort=oldest") == [mine["open"], hers["open"]]
    assert await ids(ben, "/tickets?status=assigned") == []
    solved = [hers["closed"], hers["resolved"], mine["closed"], mine["resolved"]]
    assert await ids(ben, "/tickets/me?status=resolved&status=closed") == solved
    assert await ids(ben, "/tickets/me?status=assigned") == [hers["assigned"], mine["assigned"]]
    admin = await make_admin(database, student)
    assert await ids(admin, "/tickets") == [*hers.values()][::-1] + [*mine.values()][::-1]
    for person in (ana, ben):
        assert (await person.get("/tickets?status=lost")).status_code == 422
        assert (await person.get("/tickets?sort=best")).status_code == 422
    assert (await ana.client.get("/tickets")).status_code == 401


async def test_tags_filter_by_any_or_all_in_every_spelling(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor(skills=["sql"])
    python = (await ana.ask(tags=["python"]))["id"]
    both = (await ana.ask(tags=["python", "sql"]))["id"]
    sql = (await ana.ask(tags=["sql"]))["id"]
    odd = (await ana.ask(tags=["c++", "c#", ".net", "node.js"]))["id"]
    none = (await ana.ask(tags=[]))["id"]
    for person in (ana, ben):
        assert await ids(person, "/tickets?tag=PY") == [both, python]
        assert await ids(person, "/tickets?tag=python&tag=sql") == [sql, both, python]
        assert await ids(person, "/tickets?tag=python&tag=sql&tags=any") == [sql, both, python]
        assert await ids(person, "/tickets?tag=python&tag=sql&tags=all") == [both]
        assert await ids(person, "/tickets?tag=python&tag=python&tags=all") == [both, python]
        assert await ids(person, "/tickets?tag=python&tag=unknown&tags=all") == []
        assert await ids(person, "/tickets?tag=unknown") == []
        assert await ids(person, "/tickets?tag=python&tag=sql&sort=oldest", 1) == [python, both, sql]
        for name in ("c%2B%2B", "c%23", ".net", "node.js", "Node_JS"):
            assert await ids(person, f"/tickets?tag={name}") == [odd], name
        assert (await person.get("/tickets?tag=!!!")).status_code == 422
    assert await ids(ben, "/tickets?matching=true") == [sql, both]
    assert await ids(ben, "/tickets?matching=true&tag=python") == [both]
    assert await ids(ben, "/tickets?matching=true&tag=node.js") == []
    assert {item["id"] for item in await everything(ben, "/tickets?matching=true&sort=match", 1)} == {sql, both}
    assert await ids(ben, "/tickets") == [none, odd, sql, both, python]
    nobody = await mentor()
    assert await ids(nobody, "/tickets?matching=true") == await ids(nobody, "/tickets?matching=true&sort=match") == []


async def test_words_are_found_as_they_are(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    percent = (await ana.ask("100% of CPU", description="one_two"))["id"]
    plain = (await ana.ask("100 of them", description="oneXtwo back\\slash"))["id"]
    for person in (ana, ben):
        assert await ids(person, "/tickets?q=100%25") == [percent]
        assert await ids(person, "/tickets?q=one_two") == [percent]
        assert await ids(person, "/tickets?q=%5C") == [plain]
        assert await ids(person, "/tickets?q=OF+100") == [plain, percent]
        assert await ids(person, "/tickets?q=of+CPU") == [percent]
        assert await ids(person, "/tickets?q=%25") == [percent]
        assert await ids(person, "/tickets?q=++") == [plain, percent]
        assert await ids(person, "/tickets?q=' OR 1=1 --") == []
        assert (await person.get(f"/tickets?q={'x' * 201}")).status_code == 422


@pytest.mark.parametrize(
    "query", ["", "?sort=oldest", "?tag=python", "?tag=python&tag=sql", "?tag=python&tag=sql&tags=all"]
)
async def test_pages_skip_and_repeat_nothing(student: Join, mentor: Join, database: Database, query: str) -> None:
    ana, ben = await student(), await mentor()
    await pile_up(database, ana, 23, ("python", "sql"))
    for person in (ana, ben):
        whole = await ids(person, f"/tickets{query}")
        assert len(whole) == len(set(whole)) == 23
        assert whole == sorted(whole, reverse="oldest" not in query)
        for limit in (1, 7, 23):
            assert await ids(person, f"/tickets{query}", limit) == whole
    first = await ben.expect(200, "GET", f"/tickets{query}{'&' if query else '?'}limit=10")
    await ana.ask(tags=["python", "sql"])
    cursor = first["next_cursor"]
    seen = [item["id"] for item in first["items"]]
    rest = await ben.expect(200, "GET", f"/tickets{query}{'&' if query else '?'}limit=100&cursor={cursor}")
    expected = [ticket_id for ticket_id in await ids(ben, f"/tickets{query}") if ticket_id not in seen]
    if "oldest" not in query:
        expected = expected[1:]  # the new one came before the first page
    assert [item["id"] for item in rest["items"]] == expected


async def test_the_best_match_comes_first_and_pages_keep_their_order(
    student: Join, mentor: Join, database: Database, worker: Worker
) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    await pile_up(database, ana, 12, ("sql",))
    fits = await ana.ask(tags=["python"])
    await worker.drain()
    whole = await everything(ben, "/tickets?sort=match")
    assert whole[0]["id"] == fits["id"]
    assert set(whole[0]["match"]) == {"score", "matched_tags", "reasons"}
    assert whole[0]["match"]["matched_tags"] == ["python"]
    assert all(isinstance(reason, str) and reason for reason in whole[0]["match"]["reasons"])
    scores = [item["match"]["score"] for item in whole]
    assert all(0 <= score <= 1 for score in scores)
    assert scores == sorted(scores, reverse=True)
    for limit in (1, 5):
        assert [item["id"] for item in await everything(ben, "/tickets?sort=match", limit)] == [i["id"] for i in whole]
    plain = await ben.expect(200, "GET", "/tickets")
    assert {item["match"] for item in plain["items"]} == {None}


async def test_a_list_takes_as_many_statements_for_a_hundred_rows_as_for_one(
    student: Join, mentor: Join, database: Database
) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    await pile_up(database, ana, 1)
    queries = {
        "": 1, "?tag=python": 1, "?tag=python&tag=sql&tags=all": 1, "?q=question": 1, "?sort=oldest": 1,
        "?matching=true": 2, "?sort=match": 12,
    }  # fmt: skip
    sent: list[dict[tuple[int, str], float]] = []
    for _ in range(2):
        counted: dict[tuple[int, str], float] = {}
        for person in (ana, ben):
            await person.get("/auth/me")
            for query in queries:
                if person is ana and ("match" in query):
                    continue
                with statements_of("GET", "/tickets") as counts:
                    answer = await person.get(f"/tickets{query}{'&' if query else '?'}limit=100")
                assert answer.status_code == 200
                counted[person.id, query] = counts[0]
            with statements_of("GET", "/tickets/me") as counts:
                await person.get("/tickets/me?limit=100")
            assert counts[0] == 1
        sent.append(counted)
        await pile_up(database, ana, 120)
    assert sent[0] == sent[1]
    for (_, query), number in sent[0].items():
        assert number <= queries[query], query


async def test_one_ticket_takes_one_statement(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("resolved", ana, ben)
    for person in (ana, ben):
        await person.get("/auth/me")
        with statements_of("GET", "/tickets/{ticket_id}") as counts:
            await person.get(f"/tickets/{ticket['id']}")
        assert counts == [1]
