"""The mentor's queue."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from fastapi import FastAPI

from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.web.queue import ROWS
from tests.support.life import later, make_admin, sign_in_again, statements_of, ticket_in
from tests.support.people import Join, solve
from tests.support.visits import Visit, visiting

pytestmark = pytest.mark.anyio

PART = {"HX-Request": "true"}


def rows_of(page: str) -> list[int]:
    """The ids of the tickets that a page lists, in its order."""
    return [int(ticket_id) for ticket_id in re.findall(r'<li data-ticket="(\d+)"', page)]


def tabs_of(page: str) -> dict[str, str]:
    """The tabs with their counts."""
    nav = page.split('<nav class="tabs"')[1].split("</nav>", maxsplit=1)[0]
    return dict(re.findall(r'>([^<>]+) <span class="count">([^<]+)</span>', nav))


def next_of(page: str) -> str:
    """The address behind "Show more"."""
    found = re.search(r'href="([^"]+[?&;]cursor=[^"]+)"', page)
    assert found
    return found[1].replace("&amp;", "&")


async def part(visit: Visit, path: str) -> str:
    """What a script of ours gets."""
    answer = await visit.get(path, headers=PART)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_what_waits_for_a_mentor_is_shown_with_reasons(
    app: FastAPI, student: Join, mentor: Join, worker: Worker
) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    fits = await ana.ask("Why does my loop end?", description="It **stops** early.", tags=["python", "loops"])
    other = await ana.ask("Why is my box blue?", tags=["css"])
    hidden = await ana.ask("Whose bug is it?", tags=["python"], is_anonymous=True)
    await worker.drain()
    async with visiting(app, ben) as visit:
        page = await visit.page("/app/queue")
        assert rows_of(page) == [fits["id"], hidden["id"]] or rows_of(page) == [hidden["id"], fits["id"]]
        assert tabs_of(page) == {"For you": "2", "All open": "3", "Mine": "0", "Passed": "0"}
        row = page.split(f'<li data-ticket="{hidden["id"]}"')[1].split("</li>")[0]
        assert "You know python" in row
        assert 'class="tag hit"' in row
        assert "Anonymous" in row
        assert ana.username not in row
        assert f'action="/app/tickets/{hidden["id"]}/accept" data-accept' in row
        assert (
            f'action="/app/tickets/{hidden["id"]}/pass" data-pass data-undo="/app/tickets/{hidden["id"]}/unpass"' in row
        )
        every = await visit.page("/app/queue?tab=all")
        assert sorted(rows_of(every)) == [fits["id"], other["id"], hidden["id"]]
        assert rows_of(every)[-1] == other["id"]
        peek = await part(visit, f"/app/queue/{fits['id']}/peek")
        assert "<strong>stops</strong>" in peek
        assert "Why you" in peek
        assert ana.username in peek
        assert ana.username not in await part(visit, f"/app/queue/{hidden['id']}/peek")


async def test_reasons_are_told_in_the_language_of_the_page(
    app: FastAPI, student: Join, mentor: Join, worker: Worker
) -> None:
    ana, eve = await student(), await student()
    ben = await mentor(skills=["python", "sql"])
    await solve(ana, ben, tags=["python"], close=True)
    again = await ana.ask("And now?", description="Nothing of the kind.", tags=["python"])
    hidden = await ana.ask("Whose is it?", description="It stops.", tags=["sql"], is_anonymous=True)
    await eve.ask("Mine, too?", description="It stops.", tags=["sql"])
    await worker.drain()
    async with visiting(app, ben) as visit:
        page = await visit.page("/app/queue")
        row = page.split(f'<li data-ticket="{again["id"]}"')[1].split("</li>")[0]
        assert "You helped this student before · You solved 1 ticket tagged python" in row
        assert page.split('<ol class="list queue')[1].split("</ol>")[0].count("You helped this student") == 1
        assert rows_of(page)[0] == again["id"]
        visit.client.cookies.set("language", "es")
        for path in ("/app/queue", "/app/queue?sort=newest", f"/app/queue/{again['id']}/peek"):
            said = await part(visit, path)
            assert "Ya ayudaste a este estudiante" in said
            assert "Resolviste 1 ticket con la etiqueta python" in said
        assert "Ya ayudaste a este estudiante" in await visit.page(f"/app/tickets/{again['id']}")
        assert "Ya ayudaste" not in await visit.page(f"/app/tickets/{hidden['id']}")
    async with visiting(app, ana) as visit:
        visit.client.cookies.set("language", "es")
        assert "Ya te ayudó" in await visit.page(f"/app/tickets/{again['id']}")


async def test_the_first_ticket_is_read_beside_the_list(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    await ana.ask(description="Here is **all** of it.")
    async with visiting(app, ben) as visit:
        page = await visit.page("/app/queue")
        aside = page.split("<aside")[1].split("</aside>")[0]
        assert "<strong>all</strong>" in aside
        assert "Yours for 30 min, then it goes back unless you answered." in aside


async def test_filters_and_orders(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor(skills=["python", "sql"])
    async with later(timedelta(hours=-3), ana):
        old = (await ana.ask(tags=["python"]))["id"]
    async with later(timedelta(hours=-1), ana):
        middle = (await ana.ask(tags=["sql"]))["id"]
    await sign_in_again(ana)
    new = (await ana.ask(tags=["python", "sql"]))["id"]
    foreign = (await ana.ask(tags=["css"]))["id"]
    expected = {
        "?sort=oldest": [old, middle, new],
        "?sort=newest": [new, middle, old],
        "?sort=oldest&tag=PY": [old, new],
        "?sort=oldest&tag=py,+sql": [old, middle, new],
        "?sort=oldest&tag=sql&tag=css": [middle, new],
        "?tab=all&sort=oldest&tag=sql&tag=css": [middle, new, foreign],
        "?sort=oldest&tag=!!!&wait=": [old, middle, new],
        "?sort=oldest&wait=30": [old, middle],
        "?wait=120": [old],
        "?tab=all&wait=30&sort=newest": [middle, old],
        "?tab=all&wait=120&tag=sql&tag=python": [old],
    }
    async with visiting(app, ben) as visit:
        for query, ids in expected.items():
            page = await visit.page(f"/app/queue{query}")
            assert rows_of(page) == ids, query
            assert 'class="match"' in page
            assert rows_of(await part(visit, f"/app/queue{query}")) == ids
        late = (await visit.page("/app/queue?sort=oldest")).split("<li data-ticket")
        assert ['class="wait warn"' in row for row in late[1:]] == [True, True, False]
        nothing = await visit.page("/app/queue?tag=rust")
        assert "No open ticket matches the filter" in nothing
        assert 'value="rust"' in nothing
        for query in ("?tab=x", "?sort=best", "?wait=7", "?cursor=x", f"?cursor={'x' * 1001}"):
            assert (await visit.get(f"/app/queue{query}")).status_code in (404, 422), query


@pytest.mark.parametrize("query", ["", "?tab=all&sort=oldest", "?tab=all&sort=newest&tag=python&wait="])
async def test_show_more_skips_and_repeats_nothing(app: FastAPI, student: Join, mentor: Join, query: str) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    asked = {(await ana.ask(f"Question {n}"))["id"] for n in range(ROWS + 3)}
    async with visiting(app, ben) as visit:
        page = await visit.page(f"/app/queue{query}")
        first = rows_of(page)
        assert len(first) == ROWS
        rest = await visit.page(next_of(page))
        assert rows_of(rest) == rows_of(await part(visit, next_of(page)))
        assert sorted([*first, *rows_of(rest)]) == sorted(asked)
        assert "Show more" not in rest
        assert rest.count(" autofocus") == 1
        assert (await visit.get(next_of(page).replace("/app/queue?", "/app/queue?x=1&"))).status_code == 422


async def test_a_passed_ticket_can_be_taken_back(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben, eve = await student(), await mentor(skills=["python"]), await mentor(skills=["python"])
    ticket = await ana.ask("Not for everyone")
    taken = await ana.ask("Somebody has it")
    for each in (ticket, taken):
        await ben.expect(204, "POST", f"/tickets/{each['id']}/pass")
    await eve.expect(200, "POST", f"/tickets/{taken['id']}/accept")
    async with visiting(app, ben) as visit:
        page = await visit.page("/app/queue")
        assert rows_of(page) == []
        assert "Nobody waits for you" in page
        assert 'href="/app/queue?tab=all"' in page
        passed = await visit.page("/app/queue?tab=passed")
        assert rows_of(passed) == [ticket["id"]]
        assert tabs_of(passed)["Passed"] == "1"
        assert f'action="/app/tickets/{ticket["id"]}/unpass"' in passed
        assert "Take back" in await part(visit, f"/app/queue/{ticket['id']}/peek?passed=true")
        await ben.expect(204, "DELETE", f"/tickets/{ticket['id']}/pass")
        assert "Nothing passed" in await visit.page("/app/queue?tab=passed")
        assert rows_of(await visit.page("/app/queue")) == [ticket["id"]]
    async with visiting(app, eve) as visit:
        assert rows_of(await visit.page("/app/queue?tab=passed")) == []


async def test_what_is_taken_has_its_time(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben, eve = await student(), await mentor(), await mentor()
    ticket = await ticket_in("assigned", ana, ben, title="In my <b>hands</b>")
    await ticket_in("resolved", ana, ben)
    await ticket_in("assigned", ana, eve, title="In other hands")
    async with visiting(app, ben) as visit:
        page = await visit.page("/app/queue?tab=mine")
        assert rows_of(page) == [ticket["id"]]
        assert "In my &lt;b&gt;hands&lt;/b&gt;" in page
        assert "yours until" in page
        assert re.search(r"1 of \d+ places taken", page)
        assert "In other hands" not in page
        assert "All tickets that you took" in page
    async with visiting(app, await mentor()) as visit:
        assert "Nothing in your hands" in await visit.page("/app/queue?tab=mine")
        assert "Nobody waits" in await visit.page("/app/queue?tab=all")


async def test_who_has_no_skills_is_asked_for_them(app: FastAPI, student: Join, mentor: Join) -> None:
    await (await student()).ask()
    async with visiting(app, await mentor()) as visit:
        page = await visit.page("/app/queue")
        assert "What do you know?" in page
        assert 'href="/app/settings#skills"' in page


async def test_new_tickets_announce_themselves(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor(skills=["python", "lists"])
    await ana.ask("Here before")
    async with visiting(app, ben) as visit:
        page = await visit.page("/app/queue")
        found = re.search(r'hx-get="(/app/queue/news\?[^"]+)"', page)
        assert found
        news = found[1]
        assert "banner" not in await part(visit, news)
        await ana.ask(tags=["css"])
        passed = await ana.ask()
        await ben.expect(204, "POST", f"/tickets/{passed['id']}/pass")
        assert "banner" not in await part(visit, news)
        await ana.ask(tags=["python", "lists"])
        one = await part(visit, news)
        assert "1 new ticket matches you." in one
        assert 'href="/app/queue"' in one
        await ana.ask(tags=["lists"])
        assert "2 new tickets match you." in await part(visit, news)
        await visit_leads_to(visit, news, "/app/queue")
        for bad in ("", "?since=yesterday", "?since=2026-01-01T00:00:00"):
            assert (await visit.get(f"/app/queue/news{bad}", headers=PART)).status_code == 404
        some = quote((now() - timedelta(days=1)).isoformat())
        assert "new tickets match" in await part(visit, f"/app/queue/news?since={some}")


async def visit_leads_to(visit: Visit, path: str, location: str) -> None:
    """A part that is opened as a page leads to the page it is part of."""
    answer = await visit.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, location)


async def test_only_what_is_open_can_be_peeked_at(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben, eve = await student(), await mentor(), await mentor()
    ticket, taken = await ana.ask(), await ticket_in("assigned", ana, eve)
    async with visiting(app, ben) as visit:
        await visit_leads_to(visit, f"/app/queue/{ticket['id']}/peek", f"/app/tickets/{ticket['id']}")
        assert (await visit.get(f"/app/queue/{taken['id']}/peek", headers=PART)).status_code == 404
        assert (await visit.get("/app/queue/999999/peek", headers=PART)).status_code == 404
        await eve.expect(200, "POST", f"/tickets/{taken['id']}/resolve", {"solution": "So."})
        assert (await visit.get(f"/app/queue/{taken['id']}/peek", headers=PART)).status_code == 409


async def test_only_mentors_have_a_queue(app: FastAPI, student: Join, database: Database) -> None:
    ana = await student()
    paths = ("/app/queue", "/app/queue/news?since=2026-01-01T00:00:00Z", "/app/queue/1/peek")
    for person in (ana, await make_admin(database, student)):
        async with visiting(app, person) as visit:
            for path in paths:
                assert "not yours to open" in await visit.page(path, 403)
    async with visiting(app) as visit:
        for path in paths:
            assert (await visit.get(path)).headers["location"].startswith("/signin?next=/app/queue")


async def test_what_people_write_is_shown_as_text(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    await ana.ask('<script>alert(1)</script>"onmouseover=x', description="<img src=x onerror=alert(1)>")
    async with visiting(app, ben) as visit:
        for page in (await visit.page("/app/queue"), await visit.page("/app/queue?tag=<script>")):
            assert "<script>alert" not in page
            assert "<img src=x" not in page
            assert "style=" not in page


async def test_a_page_takes_as_many_statements_for_many_rows_as_for_one(
    app: FastAPI, student: Join, mentor: Join
) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    await ana.ask()
    most = {"": 18, "?tab=all&sort=oldest": 14, "?tab=mine": 4, "?tab=passed": 4}
    async with visiting(app, ben) as visit:
        sent = []
        for _ in range(2):
            counted = {}
            for query in most:
                await visit.page("/app/queue?tab=mine")
                with statements_of("GET", "/app/queue") as counts:
                    await visit.page(f"/app/queue{query}")
                counted[query] = counts[0]
            sent.append(counted)
            for n in range(ROWS):
                await ana.ask(f"Question {n}")
        assert sent[0] == sent[1]
        assert {query for query, number in sent[0].items() if number > most[query]} == set(), sent[0]
