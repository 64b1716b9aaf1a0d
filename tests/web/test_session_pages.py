"""Pages of live sessions: asking and answering, what is to come and was, hours, calendars."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import httpx2
import pytest
import time_machine
from fastapi import FastAPI

from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.settings import Settings
from mentorq.web import moments
from mentorq.web.live_sessions import PAST
from mentorq.web.pages import Form
from tests.support.booking import ALWAYS, at, book, moment, stored, tick, wish
from tests.support.life import make_admin, statements_of, ticket_in
from tests.support.people import Join, Person
from tests.support.visits import Visit, visiting

pytestmark = pytest.mark.anyio

PART = {"HX-Request": "true"}
MINE = "/app/sessions"
HOURS = "/app/settings/schedule"
LIMITS = {"time_zone": "UTC", "notice": "0", "pause": "0", "most": ""}


def text_of(page: str) -> str:
    """What is to be read on a page."""
    main = page.split('<main id="main"')[1].split('<footer class="foot"', maxsplit=1)[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def section(page: str, anchor: str) -> str:
    """A section, by the id of its heading; nothing where there is none."""
    found = re.search(rf'<section[^>]*aria-labelledby="{anchor}".*?</section>', page, re.DOTALL)
    return found[0] if found else ""


def listed(part: str) -> list[int]:
    """Which sessions a part of a page leads to, in its order."""
    return [int(found) for found in re.findall(r'<h3 class="wraps"><a href="/app/sessions/(\d+)"', part)]


def slots_of(page: str) -> list[str]:
    """What can be chosen."""
    return re.findall(r'name="when" value="(\d{4}-[^"]+Z)"', page)


def local(when: str, zone: str = "UTC") -> str:
    """A time of the API as the field of a form has it, in a zone."""
    return moment(when).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


def dated(day: datetime) -> str:
    """A day as pages have it; with its year where that is another one."""
    year = "" if day.year == datetime.now(UTC).year else f", {day.year}"
    return f"{day:%a, %b} {day.day}{year}"


async def only(person: Person) -> dict[str, object]:
    """Somebody's one session, as the API has it."""
    items: list[dict[str, object]] = (await person.expect(200, "GET", "/sessions"))["items"]
    assert len(items) == 1
    return items[0]


class TestLists:
    async def test_each_is_where_it_belongs(self, app: FastAPI, student: Join, mentor: Join, worker: Worker) -> None:
        ana, ben = await student("ana"), await mentor("ben")
        asked, offered = await wish(ana, ben, at(days=2), topic="Loops"), await wish(ana, ben, at(days=3))
        await ben.expect(200, "POST", f"/sessions/{offered['id']}/offer", {"starts_at": at(days=4)})
        booked = await book(ana, ben, at(days=1), topic="<b>Sets</b>")
        refused = await wish(ana, ben, at(days=5))
        await ben.expect(200, "POST", f"/sessions/{refused['id']}/decline", {"reason": "Away"})
        async with visiting(app, ben) as visit:
            page = await visit.page(MINE)
            assert listed(section(page, "for-me")) == [asked["id"]]
            assert listed(section(page, "coming")) == [booked["id"]]
            assert listed(section(page, "for-other")) == [offered["id"]]
            assert listed(section(page, "past")) == [refused["id"]]
            assert "<b>Sets" not in page
            mine = section(page, "for-me")
            assert f'action="{MINE}/{asked["id"]}/accept"' in mine
            assert f'href="{MINE}/{asked["id"]}/offer"' in mine
            assert f'href="{MINE}/{asked["id"]}/decline"' in mine
            assert 'data-awaiting="1"' in page
        async with visiting(app, ana) as visit:
            page = await visit.page(MINE)
            assert listed(section(page, "for-me")) == [offered["id"]]
            assert listed(section(page, "for-other")) == [asked["id"]]
            assert f'href="{MINE}/{offered["id"]}/cancel"' in section(page, "for-me")
            home = await visit.page("/app")
            assert listed(section(home, "sessions")) == [offered["id"], booked["id"]]
        async with visiting(app, ben) as visit:
            assert listed(section(await visit.page("/app"), "sessions")) == [asked["id"], booked["id"]]

    async def test_who_has_none_is_told_what_to_do(
        self, app: FastAPI, student: Join, mentor: Join, database: Database
    ) -> None:
        async with visiting(app, await student()) as visit:
            page = await visit.page(MINE)
            assert 'href="/people?available=true"' in section(page, "coming")
            assert section(await visit.page("/app"), "sessions") == ""
        async with visiting(app, await mentor()) as visit:
            assert f'href="{HOURS}"' in section(await visit.page(MINE), "coming")
        async with visiting(app, await make_admin(database, student)) as visit:
            page = await visit.page(MINE)
            assert "Nothing is booked" in page
            assert f'<a href="{MINE}"' not in page, "admins hold none"
        async with visiting(app) as visit:
            assert (await visit.get(MINE)).headers["location"] == f"/signin?next={MINE}"

    async def test_times_are_in_the_readers_zone(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben = await student("ana"), await mentor("ben")
        await ana.expect(200, "PATCH", "/users/me", {"time_zone": "Asia/Tokyo"})
        day = (datetime.now(UTC) + timedelta(days=3)).replace(hour=22, minute=30, second=0, microsecond=0)
        await book(ana, ben, day.isoformat(), duration_minutes=30)
        following = day + timedelta(days=1)
        async with visiting(app, ana) as visit:
            page = text_of(await visit.page(MINE)).replace("\u202f", " ")
            assert "Times are in your zone, Asia/Tokyo" in page
            assert f"{dated(following)}, 7:30 AM to 8:00 AM" in page
            assert f"{day:%a, %b} {day.day}, 10:30 PM for ben" in page
        async with visiting(app, ben) as visit:
            page = text_of(await visit.page(MINE)).replace("\u202f", " ")
            assert f"{dated(day)}, 10:30 PM to 11:00 PM" in page
            assert f"{following:%a, %b} {following.day}, 7:30 AM for ana" in page

    async def test_what_was_comes_page_by_page(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben = await student(), await mentor()
        ids = []
        for number in range(PAST + 3):
            asked = await wish(ana, ben, at(days=1, hours=number))
            await ben.expect(200, "POST", f"/sessions/{asked['id']}/decline")
            ids.append(asked["id"])
        async with visiting(app, ana) as visit:
            page = await visit.page(MINE)
            first = listed(section(page, "past"))
            found = re.search(r'href="(/app/sessions\?cursor=[^"]+)"', page)
            assert found
            second = await visit.page(unescape(found[1]))
            assert first + listed(section(second, "past")) == ids[::-1]
            assert "Back to the newest" in second
            part = (await visit.get(unescape(found[1]), headers=PART)).text
            assert listed(part) == ids[:3][::-1]
            assert part.count("data-focus") == 1
            assert "<main" not in part
            await visit.page(f"{MINE}?cursor=x", 422)

    async def test_a_list_costs_the_same_whatever_it_shows(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben = await student(), await mentor()
        seen = []
        async with visiting(app, ben) as visit:
            for number in range(2):
                await visit.page(f"{MINE}/calendar")
                with statements_of("GET", MINE) as sent:
                    await visit.page(MINE)
                seen += sent
                for days in range(1, 4):
                    await book(ana, ben, at(days=days, hours=number))
                    await wish(ana, ben, at(days=days, hours=number + 2))
        assert seen == [2, 2]

    async def test_scripts_ask_how_many_await_one(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben = await student(), await mentor()
        asked = await wish(ana, ben, at(days=2))
        await wish(ana, ben, at(days=3))
        async with visiting(app, ben) as visit:
            assert 'data-awaiting=""' in await visit.page("/app/settings"), "this page does not know"
            assert (await visit.get(f"{MINE}/awaiting")).json() == {"awaiting": 2}
            await ben.expect(200, "POST", f"/sessions/{asked['id']}/offer", {"starts_at": at(days=4)})
            assert (await visit.get(f"{MINE}/awaiting")).json() == {"awaiting": 1}
        async with visiting(app, ana) as visit:
            assert (await visit.get(f"{MINE}/awaiting")).json() == {"awaiting": 1}


class TestAnswering:
    async def test_accepting_books_it(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben = await student("ana"), await mentor("ben")
        asked = await wish(ana, ben, at(days=2), topic="Loops")
        path = f"{MINE}/{asked['id']}"
        async with visiting(app, ben) as visit:
            assert "ana asks you for this time" in text_of(await visit.page(path))
            await visit.goes_to(path, f"{path}/accept")
            page = await visit.page(path)
            assert "Booked for both of you." in page
            assert f'href="{path}/calendar.ics"' in page
            assert f'href="{path}/room"' in page, "one may prepare something"
            again = await visit.send(f"{path}/accept")
            assert again.status_code == 409
            assert "no longer waits for an answer" in again.text
        assert (await only(ana))["status"] == "accepted"

    async def test_who_is_asked_for_now_leads_into_the_room(
        self, app: FastAPI, student: Join, mentor: Join, worker: Worker
    ) -> None:
        ana, ben = await student("ana"), await mentor("ben")
        asked = await wish(ana, ben)
        path = f"{MINE}/{asked['id']}"
        async with visiting(app, ana) as visit:
            waiting = await visit.page(path)
            assert "You have asked" in waiting
            seen = re.search(r"news\?seen=([^\"]+)", waiting)
            assert seen
            assert (await visit.get(f"{path}/news?seen={seen[1]}", headers=PART)).status_code == 204
            async with visiting(app, ben) as other:
                assert "Now, for 15 min" in await other.page(MINE)
                await other.goes_to(path, f"{path}/accept")
                assert f'href="{path}/room"' in section(await other.page(MINE), "coming")
            answer = await visit.get(f"{path}/news?seen={seen[1]}", headers=PART)
            assert answer.status_code == 200
            assert f'href="{path}/room"' in answer.text
            assert 'hx-swap-oob="innerHTML"' in answer.text, "it is said aloud"
            await tick(worker)
            assert "Going on" in await visit.page(path)
            assert (await visit.get(f"{path}/news")).headers["location"] == path

    async def test_declining_says_why(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben = await student("ana"), await mentor("ben")
        path = f"{MINE}/{(await wish(ana, ben, at(days=2)))['id']}"
        async with visiting(app, ben) as visit:
            assert "Decline this session?" in await visit.page(f"{path}/decline")
            answer = await visit.send(f"{path}/decline", {"reason": "x" * 1_001})
            assert answer.status_code == 422
            assert "At most 1000 characters" in answer.text
            assert "x" * 1_001 in answer.text, "nothing is lost"
            await visit.goes_to(path, f"{path}/decline", {"reason": "I am <away>."})
        async with visiting(app, ana) as visit:
            page = await visit.page(path)
            assert "I am &lt;away&gt;." in page
            assert 'href="/app/people/ben/book"' in page, "and what to do next"
            await visit.page(f"{path}/decline", 403)
            assert (await visit.send(f"{path}/decline")).status_code == 403

    async def test_another_time_is_offered(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben, eve = await student("ana"), await mentor("ben"), await student()
        await ben.expect(200, "PATCH", "/users/me", {"time_zone": "America/New_York"})
        asked = await wish(ana, ben, at(days=2), duration_minutes=20)
        path = f"{MINE}/{asked['id']}"
        taken, wanted = at(days=5), at(days=3)
        await book(eve, ben, taken)
        async with visiting(app, ben) as visit:
            page = await visit.page(f"{path}/offer")
            assert f'value="{local(asked["starts_at"], "America/New_York")}"' in page
            assert '"minutes" value="20" checked' in page
            for at_, status, says in (
                ("", 422, "Please fill this in."),
                ("soon", 422, "Please choose a day and a time."),
                ("2199-12-31T23:59", 422, "within the next 180 days"),
                (local(at(days=-1), "America/New_York"), 422, "over already"),
                (local(taken, "America/New_York"), 409, "A session is booked at that time already"),
            ):
                answer = await visit.send(f"{path}/offer", {"at": at_, "minutes": "45"})
                assert (answer.status_code, says in answer.text) == (status, True), at_
                assert f'value="{at_}"' in answer.text
                assert '"minutes" value="45" checked' in answer.text
            answer = await visit.send(f"{path}/offer", {"at": local(wanted, "America/New_York"), "minutes": "61"})
            assert answer.status_code == 422
            fields = {"at": local(wanted, "America/New_York"), "minutes": "30"}
            await visit.goes_to(path, f"{path}/offer", fields)
        offered = await only(ana)
        assert (offered["awaits"], offered["starts_at"], offered["duration_minutes"]) == ("student", wanted, 30)
        async with visiting(app, ana) as visit:
            assert "ben offers you this time" in text_of(await visit.page(path))
            await visit.page(f"{path}/offer", 403)
            await visit.goes_to(path, f"{path}/accept")
        async with visiting(app, ben) as visit:
            await visit.page(f"{path}/offer", 409)

    async def test_a_time_that_is_taken_by_now_is_said_on_the_page(
        self, app: FastAPI, student: Join, mentor: Join
    ) -> None:
        ana, eve, ben = await student(), await student(), await mentor()
        when = at(days=2)
        first, second = await wish(ana, ben, when), await wish(eve, ben, when)
        async with visiting(app, ben) as visit:
            await visit.goes_to(f"{MINE}/{first['id']}", f"{MINE}/{first['id']}/accept")
            answer = await visit.send(f"{MINE}/{second['id']}/accept")
            assert answer.status_code == 409
            assert "A session is booked at that time already" in answer.text
            assert f'href="{MINE}/{second["id"]}/offer"' in answer.text

    async def test_either_cancels_with_a_reason(
        self, app: FastAPI, student: Join, mentor: Join, database: Database
    ) -> None:
        ana, ben = await student("ana"), await mentor("ben")
        booked = await book(ana, ben, at(days=2))
        path = f"{MINE}/{booked['id']}"
        async with visiting(app, ana) as visit:
            page = await visit.page(path)
            assert f'href="{path}/cancel" data-dialog="cancel"' in page
            assert '<dialog id="cancel"' in page
            assert "This cannot be undone" in await visit.page(f"{path}/cancel")
            await visit.goes_to(path, f"{path}/cancel", {"reason": ""})
            assert "It was cancelled." in await visit.page(path)
            assert (await visit.send(f"{path}/cancel")).status_code == 409
            await visit.page(f"{path}/cancel", 409)
        assert (await stored(database, booked["id"]))["reason"] is None

    async def test_either_ends_it(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben = await student(), await mentor()
        path = f"{MINE}/{(await book(ana, ben))['id']}"
        async with visiting(app, ben) as visit:
            page = await visit.page(path)
            assert '<dialog id="end"' in page
            assert '<dialog id="cancel"' not in page
            assert "cannot be opened again" in await visit.page(f"{path}/end")
            await visit.goes_to(path, f"{path}/end")
            assert "It is over." in await visit.page(path)
            assert (await visit.send(f"{path}/end")).status_code == 409

    async def test_nobody_else_sees_it(self, app: FastAPI, student: Join, mentor: Join, database: Database) -> None:
        ana, ben = await student(), await mentor()
        path = f"{MINE}/{(await wish(ana, ben, at(days=2)))['id']}"
        for stranger in (await student(), await mentor(), await make_admin(database, student)):
            async with visiting(app, stranger) as visit:
                for page in ("", "/cancel", "/end", "/calendar.ics"):
                    await visit.page(f"{path}{page}", 404)
                for act in ("accept", "cancel", "end"):
                    assert (await visit.send(f"{path}/{act}")).status_code == 404
        async with visiting(app, ana) as visit:
            for bad in ("0", "x", "9" * 30):
                await visit.page(f"{MINE}/{bad}", 404)

    async def test_the_ticket_is_shown_to_who_may_see_it(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben, kim = await student(), await mentor(), await mentor()
        ticket = await ana.ask("Why is my list None?")
        path = f"{MINE}/{(await wish(ana, ben, at(days=2), ticket_id=ticket['id'], topic='Lists'))['id']}"
        async with visiting(app, ben) as visit:
            assert f'href="/app/tickets/{ticket["id"]}"' in await visit.page(path)
            await kim.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
            assert "Why is my list None?" not in await visit.page(path)
        async with visiting(app, ana) as visit:
            assert f'href="/app/tickets/{ticket["id"]}"' in await visit.page(path)


class TestAsking:
    async def test_a_slot_is_asked_for(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben = await student("ana"), await mentor("ben")
        await ana.expect(200, "PATCH", "/users/me", {"time_zone": "Asia/Kathmandu"})
        await ben.expect(200, "PUT", "/mentors/me/schedule", {"time_zone": "UTC", "weekly": ALWAYS})
        ticket = await ana.ask("Why is my list None?")
        path = "/app/people/ben/book"
        async with visiting(app, ana) as visit:
            assert f'href="{path}?when=now"' in await visit.page("/people/ben")
            page = await visit.page(f"{path}?ticket_id={ticket['id']}&minutes=45&topic=Lists")
            assert f'value="{ticket["id"]}" selected' in page
            assert '"minutes" value="45" checked' in page
            assert 'value="Lists"' in page
            slots = slots_of(page)
            first_days = {moment(slot).astimezone(ZoneInfo("Asia/Kathmandu")).date() for slot in slots}
            assert len(first_days) in (6, 7), "a few minutes before midnight nothing is left of today"
            later = re.search(r'name="to" value="([^"]+)"[^>]*>\s*Later days', page)
            assert later
            following = await visit.page(f"{path}?ticket_id={ticket['id']}&minutes=45&topic=Lists&to={later[1]}")
            assert 'value="Lists"' in following
            assert min(slots_of(following)) > max(slots)
            assert "Earlier days" in following
            chosen = slots_of(following)[3]
            answer = await visit.send(
                path, {"when": chosen, "minutes": "45", "topic": "", "ticket_id": str(ticket["id"])}
            )
            asked = await only(ana)
            assert answer.headers["location"] == f"{MINE}/{asked['id']}"
            assert asked["starts_at"] == chosen
            assert asked["duration_minutes"] == 45
            assert asked["ticket_id"] == ticket["id"]
            assert asked["topic"] == "Why is my list None?", "the ticket's title stands for a topic"

    async def test_whatever_speaks_against_it_nothing_is_lost(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, eve, ben = await student("ana"), await student(), await mentor("ben")
        await ben.expect(200, "PUT", "/mentors/me/schedule", {"time_zone": "UTC", "weekly": ALWAYS})
        mine = await ana.ask("My own")
        foreign = await eve.ask("Not mine")
        path = "/app/people/ben/book"
        async with visiting(app, ana) as visit:
            free = slots_of(await visit.page(f"{path}?minutes=30"))
            await book(eve, ben, free[9], duration_minutes=30)
            good = {"when": free[20], "minutes": "30", "topic": "Sets & lists", "ticket_id": str(mine["id"])}
            for change, status, says in (
                ({"when": free[9]}, 409, "A session is booked at that time already"),
                ({"when": at(days=-1)}, 422, "over already"),
                ({"when": ""}, 422, "Choose a time."),
                ({"when": "2026-02-30T00:00:00Z"}, 422, "Choose a time."),
                ({"when": at(days=200)}, 422, "within the next 180 days"),
                ({"ticket_id": str(foreign["id"])}, 422, "Choose one of your tickets, or none."),
                ({"minutes": "7"}, 422, ""),
                ({"topic": "x" * 201}, 422, "At most 200 characters"),
            ):
                answer = await visit.send(path, good | change)
                assert (answer.status_code, says in answer.text) == (status, True), change
                assert 'role="alert"' in answer.text
                if "topic" not in change:
                    assert "Sets &amp; lists" in answer.text
                if "ticket_id" not in change:
                    assert f'value="{mine["id"]}" selected' in answer.text
            await ben.expect(200, "PUT", "/mentors/me/availability", {"is_available": False})
            answer = await visit.send(path, good | {"when": "now"})
            assert answer.status_code == 409
            assert "The mentor is not available then" in answer.text
            assert 'value="now"' not in answer.text
        assert (await ana.expect(200, "GET", "/sessions"))["items"] == []

    async def test_who_has_no_hours_is_asked_for_any_time(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, _ben = await student("ana"), await mentor("ben")
        await ana.expect(200, "PATCH", "/users/me", {"time_zone": "America/Sao_Paulo"})
        path = "/app/people/ben/book"
        async with visiting(app, ana) as visit:
            page = await visit.page(path)
            assert slots_of(page) == []
            assert 'type="datetime-local"' in page
            answer = await visit.send(path, {"at": "", "when": "other"})
            assert (answer.status_code, "Please fill this in." in answer.text) == (422, True)
            wanted = at(days=3)
            await visit.send(path, {"at": local(wanted, "America/Sao_Paulo"), "minutes": "15", "topic": "Loops"})
        assert (await only(ana))["starts_at"] == wanted

    async def test_now_is_offered_while_the_mentor_is_free(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, eve, ben = await student("ana"), await student(), await mentor("ben")
        path = "/app/people/ben/book"
        async with visiting(app, ana) as visit:
            assert re.search(r'name="when" value="now" checked', await visit.page(f"{path}?when=now"))
            await ben.expect(200, "PUT", "/mentors/me/availability", {"is_available": False})
            assert 'value="now"' not in await visit.page(path)
            assert f'href="{path}"' in await visit.page("/people/ben")
            await ben.expect(200, "PUT", "/mentors/me/availability", {"is_available": True})
            await book(eve, ben)
            assert 'value="now"' not in await visit.page(f"{path}?when=now")

    async def test_the_next_free_time_is_shown_where_a_week_is_full(
        self, app: FastAPI, student: Join, mentor: Join
    ) -> None:
        ana, ben = await student("ana"), await mentor("ben")
        there = (datetime.now(UTC) + timedelta(days=20)).date()
        hours = {"time_zone": "UTC", "weekly": []}
        only_then = [{"date": there.isoformat(), "hours": [{"start": "09:00", "end": "10:00"}]}]
        await ben.expect(200, "PUT", "/mentors/me/schedule", hours | {"exceptions": only_then})
        path = "/app/people/ben/book"
        async with visiting(app, ana) as visit:
            page = await visit.page(path)
            assert "Nothing is free on these days" in page
            shown = await visit.page(f"{path}?to={there}")
            assert slots_of(shown)[0] == f"{there}T09:00:00Z"
            await ben.expect(200, "PUT", "/mentors/me/schedule", hours)
            assert "Ask another mentor" in await visit.page(path)
            for odd in ("to=x", "to=9999-12-31", "to=0001-01-01", "minutes=x", "when=x", "ticket_id=x", "at=x"):
                await visit.page(f"{path}?{odd}")

    async def test_only_students_ask(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben = await student(), await mentor("ben")
        async with visiting(app, ben) as visit:
            await visit.page("/app/people/ben/book", 403)
            assert "/app/people/ben/book" not in await visit.page("/people/ben")
            assert f'href="{HOURS}"' in await visit.page("/people/ben")
        async with visiting(app) as visit:
            assert "/app/people/ben/book" in await visit.page("/people/ben")
            answer = await visit.get("/app/people/ben/book?when=now")
            assert parse_qs(urlsplit(answer.headers["location"]).query) == {"next": ["/app/people/ben/book?when=now"]}
        async with visiting(app, ana) as visit:
            await visit.page("/app/people/nobody/book", 404)
            assert (await visit.send("/app/people/nobody/book", {"when": "now"})).status_code == 404


class TestLimits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """With limits."""
        return settings.model_copy(update={"rate_limits": True})

    async def test_too_many_wishes_wait(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, _ben = await student(), await mentor("ben")
        async with visiting(app, ana) as visit:
            for _ in range(30):
                answer = await visit.send("/app/people/ben/book", {"when": "other", "at": local(at(days=2))})
                assert answer.status_code == 303
            answer = await visit.send(
                "/app/people/ben/book", {"when": "other", "at": local(at(days=2)), "topic": "Still here"}
            )
        assert answer.status_code == 429
        assert "Still here" in answer.text


class TestTickets:
    async def test_who_is_free_now_is_suggested(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, eve = await student("ana"), await student()
        ben, kim = await mentor("ben", skills=["python", "lists"]), await mentor("kim", skills=["python"])
        ticket = await ana.ask(tags=["python", "lists"])
        path = f"/app/tickets/{ticket['id']}"
        async with visiting(app, ana) as visit:
            assert "ben is free now" in text_of(await visit.page(f"{path}?posted=1"))
            booked = await book(eve, ben)
            assert "kim is free now" in text_of(await visit.page(path))
            await kim.expect(200, "PUT", "/mentors/me/availability", {"is_available": False})
            assert "is free now" not in await visit.page(path)
            await eve.expect(200, "POST", f"/sessions/{booked['id']}/end")
            page = await visit.page(path)
            assert "ben is free now" in text_of(page)
            form = {"when": "now", "minutes": "15", "ticket_id": str(ticket["id"])}
            answer = await visit.send("/app/people/ben/book", form)
            asked = await only(ana)
            assert answer.headers["location"] == f"{MINE}/{asked['id']}"
            assert (asked["is_now"], asked["ticket_id"]) == (True, ticket["id"])
            await ben.expect(200, "POST", f"/sessions/{asked['id']}/accept")
            assert "is free now" not in await visit.page(path), "one cannot talk with two at once"
        async with visiting(app, kim) as visit:
            assert "is free now" not in await visit.page(path)

    async def test_who_has_a_ticket_can_be_asked_about_it(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben = await student(), await mentor("ben")
        ticket = await ticket_in("assigned", ana, ben, is_anonymous=True)
        link = f'href="/app/people/ben/book?ticket_id={ticket["id"]}"'
        async with visiting(app, ana) as visit:
            assert link in await visit.page(f"/app/tickets/{ticket['id']}")
            page = await visit.page(f"/app/people/ben/book?ticket_id={ticket['id']}")
            assert "learns that it is yours" in page
        async with visiting(app, ben) as visit:
            assert link not in await visit.page(f"/app/tickets/{ticket['id']}")


class TestHours:
    async def test_rows_come_and_go_and_are_saved(self, app: FastAPI, mentor: Join) -> None:
        ben = await mentor()
        async with visiting(app, ben) as visit:
            page = await visit.page(HOURS)
            assert "You have set none" in page
            assert 'name="d0.0.start"' not in page
            fields = LIMITS | {"time_zone": "Europe/Lisbon"}
            page = (await visit.send(HOURS, fields | {"add": "d0"})).text
            assert re.search(r'name="d0.0.start" value=""[^>]* data-focus', page)
            fields |= {"d0.0.start": "09:00", "d0.0.end": "12:00"}
            page = (await visit.send(HOURS, fields | {"add": "d0"})).text
            assert 'name="d0.0.start" value="09:00"' in page
            assert 'name="d0.1.start" value=""' in page
            fields |= {"d0.1.start": "22:00", "d0.1.end": "00:00", "d3.7.start": "", "d3.7.end": ""}
            page = (await visit.send(HOURS, fields | {"remove": "d0.0"})).text
            assert 'name="d0.0.start"' not in page
            assert 'name="d0.1.start" value="22:00"' in page
            day = (datetime.now(UTC).date() + timedelta(days=9)).isoformat()
            fields |= {
                "x.0.date": day, "x.0.start": "", "x.0.end": "",
                "notice": "60", "pause": "5", "most": "4",
            }  # fmt: skip
            await visit.goes_to(HOURS, HOURS, fields)
            assert "Your hours are saved." in await visit.page(HOURS)
        saved = await ben.expect(200, "GET", "/mentors/me/schedule")
        assert saved == {
            "is_set": True,
            "time_zone": "Europe/Lisbon",
            "weekly": [
                {"weekday": 0, "start": "09:00", "end": "12:00"},
                {"weekday": 0, "start": "22:00", "end": "24:00"},
            ],
            "exceptions": [{"date": day, "hours": []}],
            "minimum_notice_minutes": 60,
            "buffer_minutes": 5,
            "daily_maximum": 4,
        }

    async def test_what_is_shown_can_be_saved_as_it_is(self, app: FastAPI, mentor: Join) -> None:
        ben = await mentor()
        day = (datetime.now(UTC).date() + timedelta(days=9)).isoformat()
        mornings = [{"start": "09:00", "end": "10:00"}, {"start": "11:00", "end": "24:00"}]
        hours = {
            "time_zone": "Asia/Tokyo",
            "weekly": [{"weekday": day, "start": "09:00", "end": "24:00"} for day in (6, 0)],
            "exceptions": [{"date": "2020-01-01", "hours": []}, {"date": day, "hours": mornings}],
            "minimum_notice_minutes": 77,
            "buffer_minutes": 7,
            "daily_maximum": None,
        }
        await ben.expect(200, "PUT", "/mentors/me/schedule", hours)
        async with visiting(app, ben) as visit:
            page = await visit.page(HOURS)
            form = page.split('id="schedule"')[1].split("</form>")[0]
            inputs = re.findall(r'<input [^>]*name="([^"]+)" (?:min="[^"]*" max="[^"]*" )?value="([^"]*)"', form)
            fields = dict(inputs) | dict(
                re.findall(r'<select [^>]*name="([^"]+)".*?<option(?: value="([^"]*)")? selected', form, re.DOTALL)
            )
            assert fields["notice"] == "77"
            await visit.goes_to(HOURS, HOURS, fields)
        saved = await ben.expect(200, "GET", "/mentors/me/schedule")
        expected = hours | {"is_set": True, "exceptions": [{"date": day, "hours": mornings}]}
        assert saved | {"weekly": []} == expected | {"weekly": []}, "but for days that are over"
        assert sorted(each["weekday"] for each in saved["weekly"]) == [0, 6]

    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"d0.0.start": "09:00", "d0.0.end": ""}, "Please write a time, as in 22:00."),
            ({"d0.0.start": "9", "d0.0.end": "10:00"}, "Please write a time, as in 22:00."),
            ({"d0.0.start": "12:00", "d0.0.end": "09:00"}, "They must end after they begin"),
            ({"d0.0.start": "12:00", "d0.0.end": "12:00"}, "They must end after they begin"),
            ({"x.0.date": "", "x.0.start": "12:00", "x.0.end": "13:00"}, "Please fill this in."),
            ({"x.0.date": "31.12.", "x.0.start": "12:00", "x.0.end": "13:00"}, 'role="alert"'),
            ({}, "Fill in some hours"),
            ({"d0.0.start": "09:00", "d0.0.end": "10:00", "time_zone": "Mars"}, "not the name of a time zone"),
            ({"d0.0.start": "09:00", "d0.0.end": "10:00", "most": "0"}, 'href="#most"'),
            ({"d0.0.start": "09:00", "d0.0.end": "10:00", "notice": "x"}, 'href="#notice"'),
        ],
        ids=["no-end", "no-time", "backwards", "empty", "no-day", "odd-day", "nothing", "zone", "most", "notice"],
    )
    async def test_what_is_wrong_is_said_and_nothing_is_lost(
        self, app: FastAPI, mentor: Join, fields: dict[str, str], says: str
    ) -> None:
        ben = await mentor()
        async with visiting(app, ben) as visit:
            answer = await visit.send(HOURS, LIMITS | fields | {"d5.0.start": "", "d5.0.end": ""})
            assert (answer.status_code, says in answer.text) == (422, True)
            for name, value in fields.items():
                if value and name[0] in "dx":
                    assert f'name="{name}" value="{value}"' in answer.text or f'value="{value}"' in answer.text
        assert not (await ben.expect(200, "GET", "/mentors/me/schedule"))["is_set"]

    async def test_what_would_be_free_is_shown_beside_it(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben = await student(), await mentor()
        there = datetime.now(UTC).date() + timedelta(days=3)
        await book(ana, ben, f"{there}T10:00:00Z", duration_minutes=30)
        fields = LIMITS | {f"d{there.weekday()}.0.start": "09:00", f"d{there.weekday()}.0.end": "12:00"}
        async with visiting(app, ben) as visit:
            page = (await visit.send(HOURS, fields | {"act": "preview"})).text
            preview = text_of(page).split("Next free times")[1].replace("\u202f", " ")
            assert "9:00 AM to 10:00 AM 10:30 AM to 12:00 PM" in preview
            assert "You have set none" in page, "it is only a look"
            fields[f"d{there.weekday()}.0.end"] = "08:00"
            answer = await visit.send(HOURS, fields | {"act": "preview"})
            assert answer.status_code == 200
            assert "Mend what is marked" in answer.text

    async def test_they_are_dropped(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ben = await mentor()
        await ben.expect(200, "PUT", "/mentors/me/schedule", {"time_zone": "UTC", "weekly": ALWAYS})
        async with visiting(app, ben) as visit:
            assert f'href="{HOURS}"' in await visit.page("/app/settings")
            assert "What is booked stays booked" in await visit.page(f"{HOURS}/drop")
            await visit.goes_to(HOURS, f"{HOURS}/drop")
            assert "You have set none" in await visit.page(HOURS)
        async with visiting(app, await student()) as visit:
            await visit.page(HOURS, 403)
            assert (await visit.send(HOURS, LIMITS)).status_code == 403
            assert f'href="{HOURS}"' not in await visit.page("/app/settings")


class TestCalendar:
    async def test_the_address_is_made_shown_once_and_dropped(
        self, app: FastAPI, student: Join, mentor: Join, client: httpx2.AsyncClient
    ) -> None:
        ana, ben = await student(), await mentor("ben")
        booked = await book(ana, ben, at(days=2), topic="Loops")
        addresses = []
        async with visiting(app, ana) as visit:
            assert "You have none yet" in await visit.page(f"{MINE}/calendar")
            for _ in range(2):
                made = (await visit.send(f"{MINE}/calendar")).text
                found = re.search(r'id="address" value="([^"]+)"', made)
                assert found
                addresses.append(found[1])
                assert "Whoever knows the address" in made
            assert addresses[1] not in await visit.page(f"{MINE}/calendar")
            old, new = [await client.get(urlsplit(each).path) for each in addresses]
            assert (old.status_code, new.status_code) == (404, 200)
            unfolded = new.text.replace("\r\n ", "")
            assert f"/app/sessions/{booked['id']}" in unfolded
            await visit.goes_to(f"{MINE}/calendar", f"{MINE}/calendar/drop")
            assert (await client.get(urlsplit(addresses[1]).path)).status_code == 404

    async def test_one_session_is_a_file(self, app: FastAPI, student: Join, mentor: Join) -> None:
        ana, ben = await student(), await mentor()
        booked = await book(ana, ben, at(days=2))
        async with visiting(app, ana) as visit:
            answer = await visit.get(f"{MINE}/{booked['id']}/calendar.ics")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        assert answer.text.startswith("BEGIN:VCALENDAR")


def test_a_time_that_no_clock_shows_is_refused() -> None:
    with time_machine.travel(datetime(2027, 3, 20, 12, tzinfo=UTC)):
        for written, zone, expected in (
            ("2027-03-28T01:30", "Europe/Lisbon", None),
            ("2027-03-28T02:00", "Europe/Lisbon", datetime(2027, 3, 28, 1, tzinfo=UTC)),
            ("2027-04-04T02:30", "Australia/Sydney", datetime(2027, 4, 3, 15, 30, tzinfo=UTC)),
            ("2027-04-04T02:30+02:00", "Australia/Sydney", None),
            ("2027-03-20T12:01", "UTC", datetime(2027, 3, 20, 12, 1, tzinfo=UTC)),
            ("2027-03-20T11:59", "UTC", None),
        ):
            form = Form({"at": written})
            assert moments.read(form, "at", zone) == expected, written
            assert bool(form.error("at")) == (expected is None)
        assert "clocks are put forward" in _said_of("2027-03-28T01:30", "Europe/Lisbon")


def _said_of(written: str, zone: str) -> str:
    form = Form({"at": written})
    moments.read(form, "at", zone)
    return form.error("at")


async def test_pages_speak_spanish(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor("ben")
    path = f"{MINE}/{(await wish(ana, ben, at(days=2)))['id']}"

    async def spanish(visit: Visit, page: str) -> str:
        return await (await _in_spanish(visit)).page(page)

    async with visiting(app, ben) as visit:
        assert "Espera tu respuesta" in await spanish(visit, MINE)
        assert "Rechazar" in await spanish(visit, path)
        assert "Lunes" in await spanish(visit, HOURS)
    async with visiting(app, ana) as visit:
        assert "Hablar con" in await spanish(visit, "/app/people/ben/book")


async def _in_spanish(visit: Visit) -> Visit:
    visit.client.cookies.set("language", "es")
    return visit
