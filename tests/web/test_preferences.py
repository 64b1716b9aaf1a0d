"""How one wants to be told, in the settings."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from fastapi import FastAPI

from mentorq.core.database import Database
from tests.support.life import make_admin
from tests.support.mails import mailed_tokens
from tests.support.people import Join, Person
from tests.support.visits import Visit, visiting

pytestmark = pytest.mark.anyio

PATH = "/app/settings/notifications"
SAVED = "/app/settings#notify"


async def chosen(person: Person) -> dict[str, Any]:
    """What the API says."""
    answer: dict[str, Any] = await person.expect(200, "GET", "/notifications/preferences")
    return answer


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send of the form as it is."""
    form = page.split('id="notify"')[1].split("</form>", maxsplit=1)[0]
    fields = dict.fromkeys(re.findall(r'<input type="checkbox" id="[^"]+" name="([^"]+)"[^>]* checked>', form), "on")
    fields |= dict(re.findall(r'<input class="input auto" type="time" id="[^"]+" name="([^"]+)" value="([^"]*)"', form))
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', form):
        selected = re.findall(r'<option value="([^"]*)" selected>', options)
        assert len(selected) == 1, name
        fields[name] = selected[0]
    return fields


async def form_of(visit: Visit) -> dict[str, str]:
    """The form as it is shown now."""
    return fields_of(await visit.page("/app/settings"))


async def test_each_role_is_asked_for_what_may_happen_to_it(
    app: FastAPI, student: Join, mentor: Join, database: Database
) -> None:
    async with visiting(app, await student()) as visit:
        page = await visit.page("/app/settings")
        assert "a mentor takes my ticket" in page
        assert "a mentor offers me another time" in page
        assert "someone reviews me" not in page
        assert "ticket_matching" not in page
    async with visiting(app, await mentor()) as visit:
        page = await visit.page("/app/settings")
        assert "a new ticket matches what I know" in page
        assert "a student asks me for a session" in page
        assert "a mentor takes my ticket" not in page
    async with visiting(app, await make_admin(database, student)) as visit:
        page = await visit.page("/app/settings")
        assert "a mentor takes my ticket" in page
        assert "someone reviews me" in page
        assert page.count('name="session_reminder.in_app"') == 1, "it happens to both alike"
        assert page.count('name="achievement_awarded.in_app"') == 1, "it happens to both alike"


async def test_what_is_shown_can_be_saved_as_it_is(app: FastAPI, mentor: Join) -> None:
    ben = await mentor()
    before = await chosen(ben)
    async with visiting(app, ben) as visit:
        fields = await form_of(visit)
        assert fields["ticket_matching.email"] == "daily"
        assert fields["ticket_matching.push"] == "on"
        assert "ticket_closed.push" not in fields
        await visit.goes_to(SAVED, PATH, fields)
        assert "Saved: that is how we tell you." in await visit.page("/app/settings")
    assert await chosen(ben) == before


async def test_channels_and_quiet_hours_are_saved(app: FastAPI, student: Join) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        fields = await form_of(visit)
        del fields["message_posted.in_app"], fields["ticket_accepted.push"]
        fields |= {"message_posted.email": "off", "quiet_from": "22:00", "quiet_until": "07:30"}
        fields |= {"solution_posted.email": "sometimes"}  # no browser sends this
        await visit.goes_to(SAVED, PATH, fields)
        saved = await chosen(ana)
        assert saved["message_posted"] == {"in_app": False, "email": "off", "push": True}
        assert saved["ticket_accepted"] == {"in_app": True, "email": "immediate", "push": False}
        assert saved["solution_posted"] == {"in_app": True, "email": "immediate", "push": True}
        assert saved["review_received"] == {"in_app": True, "email": "immediate", "push": True}
        assert saved["quiet_hours"] == {"start": "22:00", "end": "07:30"}
        again = await form_of(visit)
        assert again == fields | {"solution_posted.email": "immediate"}
        await visit.goes_to(SAVED, PATH, again | {"quiet_from": "", "quiet_until": ""})
        assert (await chosen(ana))["quiet_hours"] is None


@pytest.mark.parametrize(
    ("start", "end", "sentence", "field"),
    [
        ("22:00", "", "Please fill in both, or neither.", "quiet-until"),
        ("", "07:00", "Please fill in both, or neither.", "quiet-from"),
        ("22:00", "22:00", "Quiet hours must end at another time than they begin.", "quiet-until"),
        ("25:00", "07:00", "Please write a time, as in 22:00.", "quiet-from"),
    ],
)
async def test_quiet_hours_that_make_no_sense(
    app: FastAPI, student: Join, start: str, end: str, sentence: str, field: str
) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        fields = await form_of(visit) | {"quiet_from": start, "quiet_until": end, "message_posted.email": "daily"}
        answer = await visit.send(PATH, fields)
        assert answer.status_code == 422
        assert sentence in answer.text
        assert f'href="#{field}"' in answer.text
        assert fields_of(answer.text) == fields, "nothing that was chosen is lost"
        reloaded = await visit.get(PATH)
        assert reloaded.headers["location"] == SAVED
    assert (await chosen(ana))["message_posted"]["email"] == "immediate"


async def test_a_pause_says_until_when(app: FastAPI, student: Join) -> None:
    ana = await student()
    await ana.expect(200, "PATCH", "/users/me", {"time_zone": "America/New_York"})
    with time_machine.travel(datetime(2026, 3, 10, 3, 30, tzinfo=UTC), tick=True):  # the evening before, there
        async with visiting(app, ana) as visit:
            fields = await form_of(visit)
            assert fields["pause"] == ""
            await visit.goes_to(SAVED, PATH, fields | {"pause": "morning"})
            page = await visit.page("/app/settings")
            assert "Paused until Mar 10, 8:00" in page
            assert fields_of(page)["pause"] == "stay"
            await visit.goes_to(SAVED, PATH, fields_of(page) | {"quiet_from": "22:00", "quiet_until": "23:00"})
            assert "Paused until Mar 10, 8:00" in await visit.page("/app/settings")
            await visit.goes_to(SAVED, PATH, fields | {"pause": "week"})
            assert "Paused until Mar 16, 11:30" in await visit.page("/app/settings")
            await visit.goes_to(SAVED, PATH, fields | {"pause": "forever"})
            assert "Paused until you switch it on again" in await visit.page("/app/settings")
            await visit.goes_to(SAVED, PATH, fields | {"pause": ""})
            assert "Paused until" not in await visit.page("/app/settings")
    await ana.expect(200, "PUT", "/notifications/preferences", {"paused_until": "2026-03-10T04:00:00Z"})
    async with visiting(app, ana) as visit:
        assert (await form_of(visit))["pause"] == "", "a pause that is over is none"


async def test_who_has_not_confirmed_the_address_is_told_that_no_mail_goes_there(
    app: FastAPI, student: Join, database: Database
) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        assert "no mail goes there" in await visit.page("/app/settings")
        token = (await mailed_tokens(database, ana.email, "verify"))[-1]
        await visit.client.post("/auth/email/verify", json={"token": token})
        assert "no mail goes there" not in await visit.page("/app/settings")


async def test_nobody_else_changes_it(app: FastAPI, student: Join) -> None:
    async with visiting(app) as visit:
        assert (await visit.send(PATH)).headers["location"] == "/signin?next=/app"
    async with visiting(app, await student()) as visit:
        assert (await visit.send(PATH, headers={"Origin": "https://example.org"})).status_code == 403
