"""Asking, and one's own tickets, as people see them."""

import re
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from mentorq.accounts.models import UserRow
from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.settings import Settings
from tests.support.life import STATES, later, make_admin, statements_of, ticket_in
from tests.support.people import Join, Person, solve
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

PART = {"HX-Request": "true"}
QUESTION = {
    "title": "Why is my list None?",
    "description": "I call `x = x.sort()`.\n\n```python\nx = x.sort()\n```",
    "tags": "Python, lists",
}
NASTY = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def titles(page: str) -> list[str]:
    """The tickets that a page lists, in its order."""
    return [unescape(title) for title in re.findall(r'<h3 dir="auto"><a [^>]*>([^<]*)</a></h3>', page)]


def section(page: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its kind."""
    return page.split(f">{heading}</h2>", 1)[1].split("<h2", 1)[0]


def next_of(page: str) -> str:
    """The address behind "Show more"."""
    found = re.search(r'href="([^"]+cursor=[^"]+)"', page)
    assert found
    return unescape(found[1])


async def say(person: Person, ticket_id: int, body: str) -> None:
    """Write a message."""
    await person.expect(201, "POST", f"/tickets/{ticket_id}/messages", {"body": body})


# --- asking


async def test_a_question_is_posted(app: FastAPI, student: Join) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        page = await visit.page("/app/ask")
        for name in ("Ask a question", "Post ticket", "Discard draft", "Preview", "What gets quick answers"):
            assert name in page
        for name in ("title", "tags", "description", "is_anonymous"):
            assert f'name="{name}"' in page
        assert 'data-draft="ask"' in page
        answer = await visit.send("/app/ask", QUESTION)
        found = re.fullmatch(r"/app/tickets/(\d+)\?posted=1", answer.headers["location"])
        assert (answer.status_code, found is not None) == (303, True)
        assert "said=asked" in answer.headers["set-cookie"]
    assert found
    ticket = await ana.expect(200, "GET", f"/tickets/{found[1]}")
    assert (ticket["title"], ticket["description"]) == (QUESTION["title"], QUESTION["description"])
    assert ticket["tags"] == ["python", "lists"]
    assert (ticket["status"], ticket["is_anonymous"]) == ("open", False)


async def test_a_question_without_a_name(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    async with visiting(app, ana) as visit:
        await visit.send("/app/ask", QUESTION | {"is_anonymous": "on"})
    listed = (await ben.expect(200, "GET", "/tickets"))["items"][0]
    assert (listed["is_anonymous"], listed["student"]) == (True, None)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"title": "  "}, "Please fill this in."),
        ({"description": ""}, "Please fill this in."),
        ({"title": "x" * 201}, "At most 200 characters, please."),
        ({"description": "x" * 20_001}, "At most 20000 characters, please."),
        ({"tags": "a,b,c,d,e,f,g,h,i,j,k"}, "At most 10, please."),
        ({"tags": "py thon!, sql"}, "A tag has letters, digits"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_lost(
    app: FastAPI, student: Join, change: dict[str, str], sentence: str
) -> None:
    ana = await student()
    given = QUESTION | {"is_anonymous": "on"} | change
    async with visiting(app, ana) as visit:
        answer = await visit.send("/app/ask", given)
    page = unescape(answer.text)
    assert answer.status_code == 422
    assert sentence in page
    assert f'value="{given["title"]}"' in page
    assert f">\n{given['description']}</textarea>" in page
    assert f'value="{given["tags"]}"' in page
    assert 'name="is_anonymous" checked' in page
    assert 'aria-invalid="true"' in page
    assert (await ana.expect(200, "GET", "/tickets"))["items"] == []


async def test_who_may_not_ask(app: FastAPI, mentor: Join) -> None:
    ben = await mentor()
    async with visiting(app) as visit:
        assert (await visit.get("/app/ask")).headers["location"] == "/signin?next=/app/ask"
        assert (await visit.send("/app/ask", QUESTION)).headers["location"] == "/signin?next=/app"
        assert (await visit.send("/app/preview", QUESTION)).headers["location"] == "/signin?next=/app"
    async with visiting(app, ben) as visit:
        await visit.page("/app/ask", 403)
        assert (await visit.send("/app/ask", QUESTION)).status_code == 403
        foreign = await visit.send("/app/preview", QUESTION, headers={"Origin": "http://elsewhere"})
        assert foreign.status_code == 403
    assert (await ben.expect(200, "GET", "/tickets"))["items"] == []


# --- previews


async def test_a_preview_without_scripts_is_the_same_page(app: FastAPI, student: Join) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        answer = await visit.send("/app/ask", {**QUESTION, "title": "", "preview": "1"})
    assert answer.status_code == 200
    assert "<code>x = x.sort()</code>" in answer.text
    assert '<figure class="code">' in answer.text
    assert 'role="alert"' not in answer.text
    assert f'value="{QUESTION["tags"]}"' in answer.text
    assert (await ana.expect(200, "GET", "/tickets"))["items"] == []


async def test_a_preview_is_a_part_of_a_page(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    async with visiting(app, ana) as visit:
        part = await visit.send("/app/preview", {"description": f"**a** {NASTY}"}, headers=PART)
        assert "<strong>a</strong>" in part.text
        assert "<html" not in part.text
        assert "<script" not in part.text
        assert "<img" not in part.text
        empty = await visit.send("/app/preview", {"description": " \n"}, headers=PART)
        assert "Nothing to preview yet." in empty.text
        long = await visit.send("/app/preview", {"description": "x" * 40_001}, headers=PART)
        assert "Too long: at most 40,000 characters." in long.text
        assert len(long.text) < 1000
    async with visiting(app, ben) as visit:
        part = await visit.send("/app/preview", {"kind": "solution", "body": "*b*"}, headers=PART)
        assert "<em>b</em>" in part.text


class TestLimits:
    """What the API limits, pages limit alike."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """With limits."""
        return settings.model_copy(update={"rate_limits": True})

    async def test_what_was_written_is_not_lost_when_there_were_too_many(self, app: FastAPI, student: Join) -> None:
        ana = await student()
        for _ in range(20):
            await ana.ask()
        async with visiting(app, ana) as visit:
            answer = await visit.send("/app/ask", QUESTION)
        assert answer.status_code == 429
        assert "I call `x = x.sort()`." in answer.text
        assert 'role="alert"' in answer.text

    async def test_sixty_previews_a_minute(self, app: FastAPI, student: Join) -> None:
        ana = await student()
        async with visiting(app, ana) as visit:
            answers = [await visit.send("/app/preview", {"description": "a"}, headers=PART) for _ in range(61)]
        assert [answer.status_code for answer in answers] == [200] * 60 + [429]
        assert answers[-1].headers["hx-retarget"] == ".toasts"


# --- the wait


async def test_the_wait_for_a_ticket_that_is_not_posted_yet(
    app: FastAPI, student: Join, mentor: Join, database: Database
) -> None:
    ana, eve, ben = await student(), await student(), await mentor(skills=["python"])
    await eve.ask(tags=["python"])
    await eve.ask(tags=["sql"])
    async with visiting(app, ana) as visit:

        async def wait(tags: str) -> str:
            answer = await visit.get("/app/ask/wait", params={"tags": tags}, headers=PART)
            assert (answer.status_code, "<html" in answer.text) == (200, False)
            return unescape(answer.text)

        assert "Add technologies" in await wait("")
        assert "Add technologies" in await wait("!!")
        part = await wait("PY, !!, unheard-of")
        assert "1 ticket with these technologies is ahead of you." in part
        assert "1 mentor who knows them was here today." in part
        assert "too few such tickets lately" in part
        assert "No mentor who knows these is here now." in await wait("unheard-of")
        assert "No mentor who knows these is here now." in await wait("sql")
        assert "1 ticket with these technologies" in await wait("sql," * 400 + "python")
        for minutes in (10, 20, 30, 40, 50):
            taken = await ticket_in("closed", eve, ben, tags=["python"])
            async with database.write() as db:
                values = {"id": taken["id"], "at": now() + timedelta(minutes=minutes)}
                at = sa.bindparam("at", type_=UserRow.__table__.c.created_at.type)
                await db.execute(
                    sa.text("UPDATE tickets SET first_assigned_at = :at WHERE id = :id").bindparams(at), values
                )
        assert "Probably 15 min to 45 min." in (await wait("python")).replace("\xa0", " ")
        assert "1 ticket with these technologies is ahead of you." in await visit.page("/app/ask?tags=python")
    assert len((await ana.expect(200, "GET", "/tickets"))["items"]) == 0


# --- editing and deleting


async def test_an_open_question_is_edited(app: FastAPI, student: Join) -> None:
    ana = await student()
    ticket = await ana.ask(title='Less < "more"', tags=["python", "sql"])
    path = f"/app/tickets/{ticket['id']}/edit"
    async with visiting(app, ana) as visit:
        page = await visit.page(path)
        assert 'value="Less &lt; &#34;more&#34;"' in page
        assert 'value="python, sql"' in page
        version = re.search(r'name="version" value="(\d+)"', page)
        assert version
        fields = QUESTION | {"version": version[1]}
        seen = await visit.send(path, fields | {"preview": "1"})
        assert (seen.status_code, '<figure class="code">' in seen.text) == (200, True)
        await visit.goes_to(f"/app/tickets/{ticket['id']}", path, fields)
        edited = await ana.expect(200, "GET", f"/tickets/{ticket['id']}")
        assert (edited["title"], edited["tags"]) == (QUESTION["title"], ["python", "lists"])
        late = await visit.send(path, fields | {"title": "Later"})
        assert late.status_code == 412
        assert 'value="Later"' in late.text
        again = re.search(r'name="version" value="(\d+)"', late.text)
        assert again
        await visit.goes_to(f"/app/tickets/{ticket['id']}", path, fields | {"title": "Later", "version": again[1]})
        wrong = await visit.send(path, fields | {"title": ""})
        assert (wrong.status_code, "Please fill this in." in wrong.text) == (422, True)
    assert (await ana.expect(200, "GET", f"/tickets/{ticket['id']}"))["title"] == "Later"


async def test_an_open_question_is_deleted(app: FastAPI, student: Join) -> None:
    ana = await student()
    ticket = await ana.ask()
    async with visiting(app, ana) as visit:
        await visit.goes_to("/app/tickets", f"/app/tickets/{ticket['id']}/delete")
        page = await visit.page("/app/tickets")
        assert "The ticket is withdrawn." in page
        assert (await visit.send(f"/app/tickets/{ticket['id']}/delete")).status_code == 404
    await ana.expect(404, "GET", f"/tickets/{ticket['id']}")


async def test_who_may_not_change_a_ticket(app: FastAPI, student: Join, mentor: Join, database: Database) -> None:
    ana, eve, ben = await student(), await student(), await mentor()
    admin = await make_admin(database, student)
    waiting, taken = await ana.ask(), await ticket_in("assigned", ana, ben)
    for person, ticket, status in (
        (eve, waiting, 404),
        (ben, waiting, 403),
        (admin, waiting, 403),
        (ana, taken, 409),
        (ana, {"id": 10**6}, 404),
    ):
        async with visiting(app, person) as visit:
            path = f"/app/tickets/{ticket['id']}"
            await visit.page(f"{path}/edit", status)
            assert (await visit.send(f"{path}/edit", QUESTION)).status_code == status
            assert (await visit.send(f"{path}/delete")).status_code == status
    assert (await ana.expect(200, "GET", f"/tickets/{waiting['id']}"))["title"] == waiting["title"]


# --- home and lists


async def test_everybody_begins_with_a_first_question(app: FastAPI, student: Join) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        for path in ("/app", "/app/tickets", "/app/tickets?status=closed"):
            page = await visit.page(path)
            assert "Your first question" in page
            assert "Needs you" not in page


async def test_what_needs_a_student(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    await solve(ana, ben, title="Solved")
    closed = await solve(ana, ben, title="Closed", close=True)
    asked = await ticket_in("assigned", ana, ben, title="Asked")
    answered = await ticket_in("assigned", ana, ben, title="Answered")
    await ana.ask(title="Open")
    await say(ana, asked["id"], "Here it is")
    await say(ben, asked["id"], f"Which **version**? {NASTY}")
    await say(ben, answered["id"], "Which version?")
    await say(ana, answered["id"], "3.11")
    async with visiting(app, ana) as visit:
        page = await visit.page("/app")
        needs = unescape(section(page, "Needs you"))
        assert titles(needs) == ["Solved", "Asked", "Closed"]
        assert "posted a solution" in needs
        assert "wrote: “Which version?" in needs
        assert f"<bdi>{ben.username}</bdi>" in needs
        assert "<script>alert" not in page
        mine = section(page, "Your tickets")
        assert titles(mine) == ["Open", "Answered", "Asked", "Solved"]
        counts = re.findall(r'>([A-Z][a-z ]+) <span class="count">(\d+)</span>', mine)
        assert counts == [("Active", "4"), ("Open", "1"), ("With a mentor", "2"), ("Solved", "1"), ("Closed", "1")]
        await ana.expect(201, "POST", f"/tickets/{closed['id']}/review", {"rating": 5, "comment": ""})
        assert titles(section(await visit.page("/app"), "Needs you")) == ["Solved", "Asked"]


async def test_nobody_is_asked_for_a_review_for_ever(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    await solve(ana, ben, close=True)
    async with later(timedelta(days=31), ana), visiting(app, ana) as visit:
        page = await visit.page("/app")
    assert "Needs you" not in page
    assert "Nothing is open" in page


async def test_home_of_a_mentor(app: FastAPI, student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben, eve = await student(), await mentor(), await mentor()
    async with visiting(app, ben) as visit:
        assert "You have no ticket in hand" in await visit.page("/app")
    done = await solve(ana, ben, close=True, title="Done")
    await ana.expect(201, "POST", f"/tickets/{done['id']}/review", {"rating": 4, "comment": ""})
    await worker.drain()
    taken = await ticket_in("assigned", ana, ben, title=NASTY, is_anonymous=True)
    await ticket_in("assigned", ana, eve, title="Another's")
    await say(ana, taken["id"], "Are you there?")
    async with visiting(app, ben) as visit:
        page = await visit.page("/app")
        assert titles(page) == [NASTY]
        assert "<script>alert" not in page
        assert "“Are you there?”" in unescape(page)
        assert "yours until" in page
        assert re.search(r"<dt>ticket solved</dt><dd>1</dd>", page)
        assert re.search(r"<dt>rating from 1 review</dt><dd>4\.0</dd>", page)
        assert 'href="/app/queue"' in page


async def test_lists_by_state(app: FastAPI, student: Join, mentor: Join, database: Database) -> None:
    ana, ben, eve = await student(), await mentor(), await student()
    for state in STATES:
        await ticket_in(state, ana, ben, title=state)
    await eve.ask(title="another")
    async with visiting(app, ana) as visit:
        assert titles(await visit.page("/app/tickets")) == ["resolved", "assigned", "open"]
        for state in STATES:
            assert titles(await visit.page(f"/app/tickets?status={state}")) == [state]
        await visit.page("/app/tickets?status=lost", 404)
        part = await visit.get("/app/tickets?status=open", headers=PART)
        assert (titles(part.text), "<html" in part.text) == (["open"], False)
    async with visiting(app, ben) as visit:
        assert titles(await visit.page("/app/tickets")) == ["assigned"]
        assert titles(await visit.page("/app/tickets?status=resolved")) == ["resolved"]
        assert "No ticket here" in await visit.page("/app/tickets?status=open")
    admin = await make_admin(database, student)
    async with visiting(app, admin) as visit:
        assert (await visit.get("/app")).headers["location"] == "/app/tickets"
        assert titles(await visit.page("/app/tickets")) == ["another", "closed", "resolved", "assigned", "open"]
        assert titles(await visit.page("/app/tickets?status=open")) == ["another", "open"]
    async with visiting(app) as visit:
        for path in ("/app", "/app/tickets"):
            assert (await visit.get(path)).headers["location"] == f"/signin?next={path}"


async def test_a_long_list_goes_on(app: FastAPI, student: Join) -> None:
    ana, eve = await student(), await student()
    for number in range(25):
        await ana.ask(title=f"Question {number}")
    async with visiting(app, ana) as visit:
        first = await visit.page("/app/tickets?status=open")
        more = next_of(first)
        second = await visit.page(more)
        assert titles(first) + titles(second) == [f"Question {number}" for number in reversed(range(25))]
        assert "Show more" not in second
        part = await visit.get(more, headers=PART)
        assert titles(part.text) == titles(second)
        assert part.text.count("data-focus") == 1
        assert "<ul" not in part.text
        await visit.page(more.replace("status=open", "status=closed"), 422)
    async with visiting(app, eve) as visit:
        await visit.page(more, 422)


async def test_a_page_costs_the_same_whatever_it_shows(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor(skills=["python"])

    async def costs() -> list[float]:
        found: list[float] = []
        for person, path in ((ana, "/app"), (ben, "/app"), (ana, "/app/tickets"), (ana, "/app/ask")):
            async with visiting(app, person) as visit:
                await visit.page("/app/tickets?status=closed")
                with statements_of("GET", path) as sent:
                    await visit.page(f"{path}?tags=python" if path == "/app/ask" else path)
                found += sent
        return found

    seen = []
    for _ in range(2):
        for state in STATES:
            ticket = await ticket_in(state, ana, ben)
            if state == "assigned":
                await say(ben, ticket["id"], "Which version?")
        seen.append(await costs())
    assert seen == [[10, 10, 2, 5]] * 2
