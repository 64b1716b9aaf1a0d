"""The room's page and what its buttons do; transcripts, and whether they go with the ticket."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.sessions.room import queries as rooms
from mentorq.sessions.room import seeds
from mentorq.web import assets
from mentorq.web.room import LANGUAGES
from tests.support.booking import at, book, tick, wish
from tests.support.life import later, statements_of
from tests.support.people import Join, Person
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

PART = {"HX-Request": "true"}
EVIL = '<img src=x onerror=alert(1)>"><script>alert(2)</script>'
CODE = "Why is this wrong?\n\n```python\nprint('why')\n```\n"
LIKE_A_SECRET = "password = 'hunter2-hunter2-Hunter2'"
SOURCES = Path(__file__).parents[2] / "frontend" / "app" / "room"


def path_of(session: dict[str, Any], page: str = "room") -> str:
    """Where one of its pages is."""
    return f"/app/sessions/{session['id']}/{page}"


async def now(person: Person, session: dict[str, Any]) -> dict[str, Any]:
    """What the API says of a session."""
    found: dict[str, Any] = await person.expect(200, "GET", f"/sessions/{session['id']}")
    return found


async def said(database: Database, session: dict[str, Any], person: Person, body: str) -> None:
    """A message, as the room stores it."""
    async with database.write() as db:
        await rooms.open_room(db, session["id"])
        assert await rooms.add_message(db, session["id"], person.id, str(uuid4()), body)


async def about_code(asker: Person, helper: Person, **fields: Any) -> dict[str, Any]:
    """A session that goes on, about a ticket with code in it."""
    ticket = await asker.ask(title="A question about code", description=CODE, **fields)
    return await book(asker, helper, ticket_id=ticket["id"])


class TestWhoEnters:
    async def test_its_two_people(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        session = await book(asker, helper, topic="Loops that never end")
        for person, other in ((asker, helper), (helper, asker)):
            async with visiting(app, person) as visit:
                text = await visit.page(path_of(session))
                assert "Loops that never end" in text
                assert f'data-other-name="{other.username}"' in text
                assert f'data-me="{person.id}"' in text

    async def test_nobody_else(self, app: FastAPI, student: Join, mentor: Join) -> None:
        session = await book(await student(), await mentor())
        for other in (await student(), await mentor()):
            async with visiting(app, other) as visit:
                for page in ("room", "room/now", "transcript"):
                    await visit.page(path_of(session, page), 404)
                for act in ("room/end", "room/more", "room/not-now", "transcript/consent"):
                    assert (await visit.send(path_of(session, act), {"agrees": "on"})).status_code == 404

    async def test_visitors_sign_in_first(self, app: FastAPI, student: Join, mentor: Join) -> None:
        session = await book(await student(), await mentor())
        async with visiting(app) as visit:
            for page in ("room", "transcript"):
                answer = await visit.get(path_of(session, page))
                assert answer.headers["location"] == f"/signin?next=/app/sessions/{session['id']}/{page}"
            answer = await visit.get(path_of(session, "room/now"), headers=PART)
            assert answer.headers["hx-redirect"].startswith("/signin")

    async def test_before_it_begins_one_may_prepare(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker = await student()
        session = await book(asker, await mentor(), at(hours=3))
        async with visiting(app, asker) as visit:
            text = await visit.page(path_of(session))
        assert 'data-status="accepted"' in text
        assert re.search(r"data-while-live hidden>[^<]*<button[^>]*data-more", text), "there is nothing to extend yet"

    async def test_a_wish_has_no_room(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker = await student()
        session = await wish(asker, await mentor())
        async with visiting(app, asker) as visit:
            for page in ("room", "transcript"):
                answer = await visit.get(path_of(session, page))
                assert (answer.status_code, answer.headers["location"]) == (303, f"/app/sessions/{session['id']}")

    async def test_what_is_over_leads_to_its_transcript(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker = await student()
        session = await book(asker, await mentor())
        await asker.expect(200, "POST", f"/sessions/{session['id']}/end")
        async with visiting(app, asker) as visit:
            answer = await visit.get(path_of(session))
            assert (answer.status_code, answer.headers["location"]) == (303, path_of(session, "transcript"))


class TestThePage:
    async def test_the_policy_holds_and_nothing_is_inline(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker = await student()
        session = await book(asker, await mentor(), topic=EVIL)
        async with visiting(app, asker) as visit:
            answer = await visit.get(path_of(session))
        policy, text = answer.headers["content-security-policy"], answer.text
        assert "unsafe" not in policy
        assert "connect-src 'self';" in policy
        nonce = re.search(r"script-src 'self' 'nonce-([^']+)'", policy)
        assert nonce is not None
        assert text.count(f'nonce="{nonce[1]}"') == text.count("<script ") == 2
        assert not re.search(r"<script(?! type=\"module\" src=)|<style|<\w[^<>]*\s(style|on\w+)=", text)

    async def test_without_scripts_it_says_so(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker = await student()
        session = await book(asker, await mentor())
        async with visiting(app, asker) as visit:
            text = await visit.page(path_of(session))
        spoken = re.search(r"<noscript>(.*?)</noscript>", text)
        assert spoken is not None
        assert "Live rooms need JavaScript" in spoken[1]
        assert f'href="/app/sessions/{session["id"]}"' in spoken[1]
        assert '<div class="panes" hidden>' in text

    async def test_in_spanish(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker = await student()
        session = await book(asker, await mentor())
        async with visiting(app, asker) as visit:
            visit.client.cookies.set("language", "es")
            text = await visit.page(path_of(session))
            for words in ("Pedir 10 más", "Guardando …", "pendiente de envío", "Buscar", "Reconectando …"):
                assert words in text
            assert "Transcripción con" in await visit.page(path_of(session, "transcript"))

    async def test_a_ticket_that_one_may_not_see_is_not_named(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper, other = await student(), await mentor(), await mentor()
        session = await about_code(asker, helper)
        await other.expect(200, "POST", f"/tickets/{session['ticket_id']}/accept")
        for person, sees in ((asker, True), (helper, False)):
            async with visiting(app, person) as visit:
                for page in ("room", "transcript"):
                    text = await visit.page(path_of(session, page))
                    assert ("A question about code" in text) == sees
                    assert (f"/app/tickets/{session['ticket_id']}" in text) == sees

    def test_the_editor_knows_the_languages_that_it_offers(self) -> None:
        source = (SOURCES / "languages.js").read_text()
        table = source.split("const LANGUAGES = {")[1].split("\n};")[0]
        known = {name.strip('"') for name in re.findall(r'^  ("?[\w+#]+"?): \[', table, re.MULTILINE)}
        assert known == {*LANGUAGES, "text"}

    async def test_parts_of_the_script_are_kept_for_good(self, client: httpx2.AsyncClient) -> None:
        part = next((assets.HOME / "room" / "parts").iterdir())
        answer = await client.get(f"/static/room/parts/{part.name}")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].startswith("text/javascript")
        other = await client.get("/static/room/LICENSES.txt")
        assert other.headers["cache-control"] == "no-cache"
        assert "yjs" in other.text


class TestWhatItsButtonsDo:
    async def test_more_time_is_asked_for_and_agreed_to(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        session = await book(asker, helper)
        async with visiting(app, asker) as hers, visiting(app, helper) as his:
            assert (await hers.send(path_of(session, "room/more"), headers=PART)).status_code == 204
            found = await now(asker, session)
            assert found["extension"] == {"asked_by": asker.id, "minutes": 10}
            assert f"&#34;asked_by&#34;: {asker.id}" in await his.page(path_of(session))
            await his.goes_to(path_of(session), path_of(session, "room/more"))
            found = await now(asker, session)
            assert (found["extension"], found["ends_at"] > session["ends_at"]) == (None, True)

    async def test_not_now(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        session = await book(asker, helper)
        async with visiting(app, asker) as hers, visiting(app, helper) as his:
            await hers.send(path_of(session, "room/more"))
            await his.goes_to(path_of(session), path_of(session, "room/not-now"))
            found = await now(asker, session)
            assert (found["extension"], found["ends_at"]) == (None, session["ends_at"])

    async def test_a_refusal_is_said_in_words(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker = await student()
        session = await book(asker, await mentor(), at(hours=3))
        async with visiting(app, asker) as visit:
            visit.client.cookies.set("language", "es")
            answer = await visit.send(path_of(session, "room/more"), headers=PART)
            assert answer.status_code == 409
            assert 'class="toast"' in answer.text
            assert "This session" not in answer.text

    async def test_end_ends_for_both(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        session = await about_code(asker, helper)
        async with visiting(app, helper) as visit:
            assert (await visit.send(path_of(session, "room/end"), headers=PART)).status_code == 204
        assert (await now(asker, session))["status"] == "ended"
        transcript = await asker.expect(200, "GET", f"/sessions/{session['id']}/transcript")
        assert (transcript["mentor_agrees"], transcript["student_agrees"]) == (False, False)

    async def test_end_may_let_the_transcript_go_with_the_ticket(
        self, app: FastAPI, student: Join, mentor: Join
    ) -> None:
        asker, helper = await student(), await mentor()
        session = await about_code(asker, helper)
        async with visiting(app, helper) as visit:
            await visit.goes_to(path_of(session), path_of(session, "room/end"), {"attach": "on"})
        transcript = await asker.expect(200, "GET", f"/sessions/{session['id']}/transcript")
        assert (transcript["mentor_agrees"], transcript["attached_at"]) == (True, None)

    async def test_what_looks_like_a_secret_does_not_go_with_it_unseen(
        self, app: FastAPI, database: Database, student: Join, mentor: Join
    ) -> None:
        asker, helper = await student(), await mentor()
        session = await about_code(asker, helper)
        await said(database, session, asker, LIKE_A_SECRET)
        async with visiting(app, helper) as visit:
            answer = await visit.send(path_of(session, "room/end"), {"attach": "on"}, headers=PART)
            assert answer.headers["hx-redirect"] == path_of(session, "transcript")
            assert "not attached yet" in await visit.page(path_of(session, "transcript"))
        found = await now(asker, session)
        assert found["status"] == "ended"
        transcript = await asker.expect(200, "GET", f"/sessions/{session['id']}/transcript")
        assert transcript["mentor_agrees"] is False

    async def test_now_says_how_it_stands_and_renews_the_sign_in(
        self, app: FastAPI, worker: Worker, student: Join, mentor: Join
    ) -> None:
        asker = await student()
        session = await book(asker, await mentor())
        await tick(worker)
        async with visiting(app, asker) as visit:
            answer = await visit.get(path_of(session, "room/now"))
            assert answer.json()["status"] == "live"
            assert set(answer.json()) == {"status", "starts_at", "ends_at", "extension", "now"}
            async with later(timedelta(hours=2)):
                answer = await visit.get(path_of(session, "room/now"))
                assert answer.status_code == 200
                assert "access=" in answer.headers["set-cookie"]


class TestTranscripts:
    async def test_messages_and_files(self, app: FastAPI, database: Database, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        session = await about_code(asker, helper)
        async with database.write() as db:
            assert await seeds.plant(db, session["id"])
        await said(database, session, asker, f"Look at `main.py`\nand at {EVIL}")
        await said(database, session, helper, "I see.")
        async with visiting(app, asker) as visit:
            text = await visit.page(path_of(session, "transcript"))
            assert "The session is not over" in text
            await visit.goes_to(path_of(session), path_of(session, "room/end"))
            text = await visit.page(path_of(session, "transcript"))
        assert "<code>main.py</code>" in text
        assert "<figcaption><span>main.py</span>" in text
        assert "data-copy>Copy</button>" in text
        assert '<span class="nb">print</span>' in text
        assert helper.username in text
        assert "<img src=x" not in text
        assert text.index("Look at") < text.index("I see.")

    async def test_few_statements_however_much_was_said(
        self, app: FastAPI, database: Database, student: Join, mentor: Join
    ) -> None:
        asker = await student()
        session = await about_code(asker, await mentor())
        await said(database, session, asker, "word 0")
        async with visiting(app, asker) as visit:
            await visit.page(path_of(session, "transcript"))
            with statements_of("GET", "/app/sessions/{session_id}/transcript") as few:
                await visit.page(path_of(session, "transcript"))
            for number in range(1, 30):
                await said(database, session, asker, f"word {number}")
            with statements_of("GET", "/app/sessions/{session_id}/transcript") as more:
                text = await visit.page(path_of(session, "transcript"))
        assert [f"word {number}<" in text for number in (0, 29)] == [True, True]
        assert few == more
        assert more[0] <= 6

    async def test_it_goes_with_the_ticket_where_both_agree(
        self, app: FastAPI, database: Database, student: Join, mentor: Join
    ) -> None:
        asker, helper = await student(), await mentor()
        session = await about_code(asker, helper)
        await said(database, session, asker, "Now everybody may read this.")
        await asker.expect(200, "POST", f"/sessions/{session['id']}/end")
        page, consent = path_of(session, "transcript"), path_of(session, "transcript/consent")
        async with visiting(app, asker) as hers, visiting(app, helper) as his:
            assert "If you both agree" in await hers.page(page)
            await hers.goes_to(page, consent, {"agrees": "on"})
            assert "You agree to attach it" in await hers.page(page)
            assert "would like to attach it" in await his.page(page)
            ticket = f"/app/tickets/{session['ticket_id']}"
            assert "/transcripts" not in await hers.page(ticket)
            await his.goes_to(page, consent, {"agrees": "on"})
            assert "It is attached" in await his.page(page)
            assert f'href="{ticket}/transcripts"' in await hers.page(ticket)
            async with visiting(app, await mentor()) as visit:  # the ticket is open: mentors may see it
                assert "Now everybody may read this." in await visit.page(f"{ticket}/transcripts")
            async with visiting(app) as visit:
                await visit.page(f"{ticket}/transcripts", 404)
            await his.goes_to(page, consent)
            assert "Now everybody" not in await hers.page(f"{ticket}/transcripts")

    async def test_an_anonymous_asker_has_no_name_there(
        self, app: FastAPI, database: Database, student: Join, mentor: Join
    ) -> None:
        asker, helper = await student(), await mentor()
        session = await about_code(asker, helper, is_anonymous=True)
        await said(database, session, asker, "Who am I?")
        await asker.expect(200, "POST", f"/sessions/{session['id']}/end")
        for person in (asker, helper):
            path = f"/sessions/{session['id']}/transcript/consent"
            await person.expect(200, "PUT", path, {"agrees": True})
        async with visiting(app, await mentor()) as visit:
            text = await visit.page(f"/app/tickets/{session['ticket_id']}/transcripts")
        assert "Who am I?" in text
        assert "Anonymous" in text
        assert asker.username not in text

    async def test_what_looks_like_a_secret_is_shown_first(
        self, app: FastAPI, database: Database, student: Join, mentor: Join
    ) -> None:
        asker = await student()
        session = await about_code(asker, await mentor())
        await said(database, session, asker, f"See:\n{LIKE_A_SECRET}")
        await asker.expect(200, "POST", f"/sessions/{session['id']}/end")
        consent = path_of(session, "transcript/consent")
        async with visiting(app, asker) as visit:
            answer = await visit.send(consent, {"agrees": "on"})
            assert answer.status_code == 422
            assert '<a href="#m1">Line 2 looks like' in answer.text
            assert 'id="m1"' in answer.text
            await visit.goes_to(path_of(session, "transcript"), consent, {"agrees": "on", "allow_secrets": "on"})

    async def test_about_no_ticket_it_stays_with_the_two(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker = await student()
        session = await book(asker, await mentor())
        await asker.expect(200, "POST", f"/sessions/{session['id']}/end")
        async with visiting(app, asker) as visit:
            text = await visit.page(path_of(session, "transcript"))
            assert "about no ticket" in text
            assert "transcript/consent" not in text
            assert "Nothing was said." in text
            answer = await visit.send(path_of(session, "transcript/consent"), {"agrees": "on"})
            assert answer.status_code == 409
