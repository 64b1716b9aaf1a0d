"""What one was told, as pages show it."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from mentorq.accounts.models import UserRow
from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.notifications.models import NotificationRow
from mentorq.settings import Settings
from mentorq.web.notifications import LINES, NEWEST
from tests.support.booking import at, wish
from tests.support.life import make_admin, statements_of, ticket_in
from tests.support.patience import PATIENCE_SECONDS
from tests.support.people import PASSWORD, Join, Person, join, join_quietly
from tests.support.processes import Server
from tests.support.streams import stream
from tests.support.visits import Visit, visiting

pytestmark = pytest.mark.anyio

PATH = "/app/notifications"
PART = {"HX-Request": "true"}


def lines_of(page: str) -> list[int]:
    """The ids of the notifications that a page lists, in its order."""
    return [int(number) for number in re.findall(r'<li id="told-(\d+)"', page)]


def unread_of(page: str) -> list[int]:
    """Those that are marked as unread."""
    return [int(number) for number in re.findall(r'<li id="told-(\d+)" class=mine', page)]


def words_of(page: str) -> str:
    """A page without its tags."""
    return re.sub(r"<[^>]+>", "", page)


async def inbox_of(person: Person) -> list[dict[str, Any]]:
    """What the API says."""
    items: list[dict[str, Any]] = (await person.expect(200, "GET", "/notifications?limit=100"))["items"]
    return items


async def part(visit: Visit, path: str) -> str:
    """What a script of ours gets."""
    answer = await visit.get(path, headers=PART)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.fixture
def student(client: httpx2.AsyncClient) -> Join:
    """Students who are told of everything but what they achieve."""
    return partial(join_quietly, client, "student")


@pytest.fixture
async def told(student: Join, mentor: Join, worker: Worker) -> tuple[Person, Person, dict[str, Any]]:
    """A student who was told three things, the mentor who did them, and the ticket."""
    ana, ben = await student(), await mentor(skills=["python"])
    ticket = await ticket_in("assigned", ana, ben, title="Why is <b>my</b> list None?")
    await ben.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "Which version?"})
    await worker.drain()
    await ben.expect(200, "POST", f"/tickets/{ticket['id']}/resolve", {"solution": "So."})
    await worker.drain()
    return ana, ben, ticket


Told = tuple[Person, Person, dict[str, Any]]


async def test_what_one_was_told_is_listed_newest_first(app: FastAPI, told: Told) -> None:
    ana, ben, _ticket = told
    solution, message, accepted = await inbox_of(ana)
    async with visiting(app, ana) as visit:
        page = await visit.page(PATH)
        assert lines_of(page) == unread_of(page) == [solution["id"], message["id"], accepted["id"]]
        assert f"<bdi>{ben.username}</bdi> posted a solution" in page
        assert f"<bdi>{ben.username}</bdi> wrote to you" in page
        assert "Why is &lt;b&gt;my&lt;/b&gt; list None?" in page
        assert ">Today</h2>" in page
        assert f'href="{PATH}/{solution["id"]}#solution">Read it' in page
        assert f'href="{PATH}/{message["id"]}#answer">Answer' in page
        assert f'aria-label="Mark “{ben.username} wrote to you” read"' in page
        assert 'aria-label="Notifications, 3 unread"' in page
        assert "kept for 90 days" in page
        assert "style=" not in page
        other = await visit.page("/app")
        assert "unread" not in re.findall(r'<a class="btn quiet icon bell"[^>]+>', other)[0].split("data-text")[0]
        assert ">Go to notifications<" in other


async def test_titles_are_in_the_language_of_the_page(app: FastAPI, told: Told) -> None:
    ana, ben, _ = told
    async with visiting(app, ana) as visit:
        visit.client.cookies.set("language", "es")
        page = await visit.page(PATH)
    assert f"<bdi>{ben.username}</bdi> publicó una solución" in page
    assert ">Hoy</h2>" in page


async def test_days_are_those_of_the_readers_zone(app: FastAPI, told: Told, database: Database) -> None:
    ana, _, _ = told
    moments = [datetime.now(UTC) - timedelta(days=days) for days in (0, 1, 40)]
    async with database.write() as db:
        await db.execute(sa.update(UserRow).where(UserRow.id == ana.id).values(time_zone="Pacific/Kiritimati"))
        for told_one, moment in zip(await inbox_of(ana), moments, strict=True):
            await db.execute(
                sa.update(NotificationRow).where(NotificationRow.id == told_one["id"]).values(created_at=moment)
            )
    async with visiting(app, ana) as visit:
        page = await visit.page(PATH)
    days = re.findall(r'<h2 id="day-([\d-]+)" class="small muted">([^<]+)</h2>', page)
    there = [(moment + timedelta(hours=14)).date().isoformat() for moment in moments]
    assert [day for day, _ in days] == there
    assert [name for _, name in days][:2] == ["Today", "Yesterday"]
    assert days[2][1] not in ("Today", "Yesterday")


async def test_filters(app: FastAPI, told: Told, worker: Worker) -> None:
    ana, ben, ticket = told
    await ana.expect(200, "POST", f"/tickets/{ticket['id']}/close")
    await ana.expect(201, "POST", f"/tickets/{ticket['id']}/review", {"rating": 5})
    await worker.drain()
    by_type = {each["type"]: each["id"] for each in await inbox_of(ana)}
    await ana.expect(200, "POST", f"/notifications/{by_type['message_posted']}/read")
    async with visiting(app, ana) as visit:
        everything = lines_of(await visit.page(PATH))
        assert set(everything) == set(by_type.values())
        unread = await visit.page(f"{PATH}?unread=true")
        assert lines_of(unread) == [each for each in everything if each != by_type["message_posted"]]
        assert lines_of(await part(visit, f"{PATH}?unread=true")) == lines_of(unread)
        assert lines_of(await visit.page(f"{PATH}?kind=messages")) == [by_type["message_posted"]]
        assert by_type["message_posted"] not in lines_of(await visit.page(f"{PATH}?kind=tickets"))
        nothing = await visit.page(f"{PATH}?kind=messages&unread=true")
        assert "Nothing of this kind" in nothing
        assert f'href="{PATH}?unread=true"' in nothing
        assert '<option value="reviews"' not in nothing
        for bad in ("?kind=x", "?unread=perhaps", "?cursor=x", "?day=x"):
            assert (await visit.get(PATH + bad)).status_code in (404, 422), bad
    async with visiting(app, ben) as visit:
        reviews = await visit.page(f"{PATH}?kind=reviews")
        assert len(lines_of(reviews)) == 1
        assert "gave you 5 stars" in words_of(reviews)
        assert '<option value="reviews" selected>' in reviews


async def test_who_was_told_nothing_is_told_what_to_do(
    app: FastAPI, student: Join, mentor: Join, database: Database
) -> None:
    nexts = {
        "/app/ask": await student(),
        "/app/queue": await mentor(),
        "/app/tickets": await make_admin(database, student),
    }
    for href, person in nexts.items():
        async with visiting(app, person) as visit:
            page = await visit.page(PATH)
            empty = page.split('<div class="card empty">')[1].split("</div>")[0]
            assert "Nothing yet" in empty
            assert f'href="{href}"' in empty
            assert "Mark all read" not in page.split("<footer")[0]
            assert "You have read everything" in await visit.page(f"{PATH}?unread=true")
            assert "Nothing yet." in await part(visit, f"{PATH}/newest")


async def many(database: Database, person: Person, ticket_id: int, count: int) -> None:
    """As if much had happened, on two days: what there was before is of the first."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    async with database.write() as db:
        own = NotificationRow.user_id == person.id
        await db.execute(sa.update(NotificationRow).where(own).values(created_at=yesterday))
        last = await db.scalar(sa.select(sa.func.max(NotificationRow.seq)).where(own))
        for n in range(count):
            values = {
                "user_id": person.id, "seq": last + 1 + n, "kind": "ticket_accepted", "key": f"test {n}",
                "ticket_id": ticket_id, "data": {}, "times": 1, "in_app": True,
                "created_at": yesterday if n < count // 4 else datetime.now(UTC),
            }  # fmt: skip
            await db.execute(sa.insert(NotificationRow).values(values))


async def test_show_more_skips_and_repeats_nothing(app: FastAPI, told: Told, database: Database) -> None:
    ana, _, ticket = told
    await many(database, ana, ticket["id"], LINES + LINES // 2)
    whole = [each["id"] for each in await inbox_of(ana)]
    async with visiting(app, ana) as visit:
        page = await visit.page(PATH)
        address = re.findall(r'href="([^"]+cursor=[^"]+)"', page)[0].replace("&amp;", "&")
        rest = await visit.page(address)
        assert lines_of(page) + lines_of(rest) == whole
        assert "Back to the newest" in rest
        more = await part(visit, address)
        assert lines_of(more) == lines_of(rest)
        today = re.findall(r'id="day-([\d-]+)"', page)[-1]
        assert f'<hx-partial hx-target="#on-{today}" hx-swap="beforeend">' in more
        assert f'id="day-{today}"' not in more, "a day has one heading"
        assert '<hx-partial hx-target="#days" hx-swap="beforeend">' in more
        assert more.count("data-focus") == 1
        assert "<h1" not in more


async def test_a_line_leads_to_its_ticket_and_is_read_by_it(app: FastAPI, told: Told) -> None:
    ana, ben, ticket = told
    newest = (await inbox_of(ana))[0]["id"]
    async with visiting(app, ana) as visit:
        for _ in range(2):
            answer = await visit.get(f"{PATH}/{newest}")
            assert (answer.status_code, answer.headers["location"]) == (303, f"/app/tickets/{ticket['id']}")
        assert newest not in unread_of(await visit.page(PATH))
        assert len(unread_of(await visit.page(PATH))) == 2
    async with visiting(app, ben) as visit:
        assert (await visit.get(f"{PATH}/{newest}")).status_code == 404
        assert (await visit.send(f"{PATH}/{newest}/read")).status_code == 404
        for bad in ("0", "x", "999999"):
            assert (await visit.get(f"{PATH}/{bad}")).status_code == 404


async def test_a_ticket_that_is_not_mine_any_longer(
    app: FastAPI, student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, ben, eve = await student(), await mentor(skills=["python"]), await mentor(skills=["python"])
    ticket = await ana.ask()
    await worker.drain()
    told = (await inbox_of(ben))[0]["id"]
    await ben.expect(200, "POST", f"/notifications/{told}/read")
    await eve.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
    async with visiting(app, ben) as visit:
        answer = await visit.get(f"{PATH}/{told}")
        assert (answer.status_code, answer.headers["location"]) == (303, PATH)
        page = await visit.page(PATH)
        assert page.count("This ticket is not yours to see any longer.") == 2


async def test_one_is_marked_as_read(app: FastAPI, told: Told) -> None:
    ana, _, _ = told
    first, second, _ = await inbox_of(ana)
    async with visiting(app, ana) as visit:
        await visit.goes_to(f"{PATH}?unread=true", f"{PATH}/{first['id']}/read", {"next": f"{PATH}?unread=true"})
        await visit.goes_to(PATH, f"{PATH}/{first['id']}/read", {"next": "https://example.org"})
        answer = await visit.send(f"{PATH}/{second['id']}/read", headers=PART)
        assert lines_of(answer.text) == [second["id"]]
        assert "class=mine" not in answer.text
        assert "data-focus" in answer.text
        assert 'id="say"' in answer.text
        assert len(unread_of(await visit.page(PATH))) == 1


async def test_all_are_marked_as_read(app: FastAPI, told: Told, worker: Worker) -> None:
    ana, ben, ticket = told
    async with visiting(app, ana) as visit:
        answer = await visit.send(f"{PATH}/read-all", {"kind": "messages", "unread": ""}, headers=PART)
        assert "3 notifications marked as read" in answer.text
        assert len(lines_of(answer.text)) == 1
        assert unread_of(answer.text) == []
        assert (await visit.get(f"{PATH}/count")).json() == {"unread": 0}
        await ana.expect(200, "POST", f"/tickets/{ticket['id']}/reopen", {"reason": "No."})
        await ben.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "Again?"})
        await worker.drain()
        assert (await visit.get(f"{PATH}/count")).json() == {"unread": 1}
        below = await visit.send(f"{PATH}/read-all", {"from": "newest"}, headers=PART)
        assert "1 notification marked as read" in below.text
        assert 'data-unread="0"' in below.text
        await visit.goes_to(f"{PATH}?kind=tickets", f"{PATH}/read-all", {"next": f"{PATH}?kind=tickets"})
        assert "All are marked as read." in await visit.page(PATH)
        odd = await visit.send(f"{PATH}/read-all", {"kind": "x", "unread": "x"}, headers=PART)
        assert odd.status_code == 200


async def test_the_bell_shows_the_newest(app: FastAPI, told: Told, database: Database) -> None:
    ana, _, ticket = told
    await many(database, ana, ticket["id"], 6)
    async with visiting(app, ana) as visit:
        newest = await part(visit, f"{PATH}/newest")
        assert newest.count("<li id=") == NEWEST
        assert 'data-unread="9"' in newest
        alone = await visit.get(f"{PATH}/newest")
        assert (alone.status_code, alone.headers["location"]) == (303, PATH)


async def test_a_ticket_that_is_looked_at_is_read(app: FastAPI, told: Told, student: Join) -> None:
    ana, _ben, ticket = told
    async with visiting(app, ana) as visit:
        assert f'data-about="tickets/{ticket["id"]}"' in await visit.page(f"/app/tickets/{ticket['id']}")
        answer = await visit.send(f"{PATH}/about/tickets/{ticket['id']}", headers=PART)
        assert (answer.status_code, answer.text) == (204, "")
        assert (await visit.get(f"{PATH}/count")).json() == {"unread": 0}
        await visit.goes_to(PATH, f"{PATH}/about/tickets/{ticket['id']}")
    async with visiting(app) as visit:
        assert "data-about" not in await visit.page(f"/app/tickets/{ticket['id']}")


async def test_a_session_that_is_looked_at_is_read(app: FastAPI, told: Told, worker: Worker) -> None:
    ana, ben, _ = told
    await ana.expect(200, "POST", "/notifications/read-all")
    first, second = [await wish(ana, ben, at(days=days)) for days in (2, 3)]
    for each in (first, second):
        await ben.expect(200, "POST", f"/sessions/{each['id']}/accept")
    await worker.drain()
    async with visiting(app, ana) as visit:
        for path in (f"/app/sessions/{first['id']}", f"/app/sessions/{first['id']}/room"):
            assert f'data-about="sessions/{first["id"]}"' in await visit.page(path)
        assert (await visit.get(f"{PATH}/count")).json() == {"unread": 2}
        answer = await visit.send(f"{PATH}/about/sessions/{first['id']}", headers=PART)
        assert answer.status_code == 204
        assert (await visit.get(f"{PATH}/count")).json() == {"unread": 1}
        assert (await visit.send(f"{PATH}/about/people/{first['id']}", headers=PART)).status_code == 404


async def test_only_who_is_signed_in_is_told_anything(app: FastAPI) -> None:
    async with visiting(app) as visit:
        for path in (PATH, f"{PATH}/1", f"{PATH}/newest"):
            answer = await visit.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/signin?next={path}")
        for path in ("read-all", "1/read", "about/tickets/1"):
            assert (await visit.send(f"{PATH}/{path}")).headers["location"] == "/signin?next=/app"
        assert (await visit.get(f"{PATH}/stream")).status_code == 204
        asked = await visit.get(f"{PATH}/count", headers=PART)
        assert asked.headers["hx-redirect"].startswith("/signin")
        assert "data-bell" not in await visit.page("/")
        assert "data-me" not in await visit.page("/")


async def test_other_sites_mark_nothing(app: FastAPI, told: Told) -> None:
    ana, _, ticket = told
    first = (await inbox_of(ana))[0]["id"]
    async with visiting(app, ana) as visit:
        for path in ("read-all", f"{first}/read", f"about/tickets/{ticket['id']}"):
            answer = await visit.send(f"{PATH}/{path}", headers={"Origin": "https://example.org"})
            assert answer.status_code == 403, path
        assert (await visit.get(f"{PATH}/count")).json() == {"unread": 3}


async def test_a_page_takes_as_many_statements_for_many_lines_as_for_few(
    app: FastAPI, told: Told, database: Database
) -> None:
    ana, _, ticket = told
    async with visiting(app, ana) as visit:
        sent = []
        for count in (0, LINES):
            await many(database, ana, ticket["id"], count)
            await visit.page(PATH)
            with statements_of("GET", PATH) as counts:
                await visit.page(PATH)
            sent.append(counts[0])
    assert sent[0] == sent[1] <= 4


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    """A server of our own, with its worker."""
    with Server(settings.model_copy(update={"embedded_worker": True})) as server:
        yield server


@pytest.fixture
async def live(server: Server) -> AsyncIterator[tuple[Person, Person, dict[str, Any], httpx2.AsyncClient]]:
    """A student with a ticket, its mentor, and a browser of the student's that speaks Spanish."""
    async with httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS) as client:
        ana, ben = await join_quietly(client, "student"), await join(client, "mentor")
        ticket = await ticket_in("assigned", ana, ben)
        async with httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS) as browser:
            fields = {"username": ana.username, "password": PASSWORD}
            answer = await browser.post("/signin", data=fields, headers={"Origin": server.url})
            assert answer.status_code == 303
            browser.cookies.set("language", "es")
            yield ana, ben, ticket, browser


async def test_the_stream_speaks_the_language_of_the_page_and_goes_on_where_it_was(
    live: tuple[Person, Person, dict[str, Any], httpx2.AsyncClient],
) -> None:
    _ana, ben, ticket, browser = live
    async with stream(browser, f"{PATH}/stream?after=0", {}) as events:
        first = await anext(events)
        assert first.data["title"] == f"{ben.username} se ocupa de tu pregunta"
    await ben.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "Hello"})
    for options in ({"url": f"{PATH}/stream?after={first.id}"}, {"url": f"{PATH}/stream?after=0", "after": first.id}):
        async with stream(browser, options["url"], {}, options.get("after")) as events:  # type: ignore[arg-type]
            second = await anext(events)
            assert second.data["title"] == f"{ben.username} te ha escrito"
            assert second.data["unread"] == 2
    async with stream(browser, f"{PATH}/stream", {}) as events:
        assert (await anext(events)).data == {"unread": 2}
        signed_out = await browser.post("/signout", headers={"Origin": str(browser.base_url).rstrip("/")})
        assert signed_out.status_code == 303
        assert [event async for event in events] == []
    assert (await browser.get(f"{PATH}/stream")).status_code == 204


async def test_what_is_told_of_a_session_leads_somewhere(
    app: FastAPI, student: Join, mentor: Join, worker: Worker
) -> None:
    ana, ben = await student(), await mentor()
    await wish(ana, ben, at(days=2))
    await worker.drain()
    (line,) = (await ben.get("/notifications")).json()["items"]
    async with visiting(app, ben) as visit:
        answer = await visit.get(f"{PATH}/{line['id']}")
    assert (answer.status_code, answer.headers["location"]) == (303, line["link"])
    assert "said" not in answer.cookies
