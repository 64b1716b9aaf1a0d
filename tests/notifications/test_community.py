"""What people are told of those whom they follow, and of what they earn: quietly, unless they ask for more."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.notifications import digests
from mentorq.notifications.models import InboxRow
from tests.notifications.test_delivery import confirm, letters_to
from tests.support.life import ticket_in
from tests.support.people import Join, Person, solve

pytestmark = pytest.mark.anyio
PREFERENCES = "/notifications/preferences"
IN_APP = {"followed_mentor_activity": {"in_app": True, "email": "off", "push": False}}


async def told(worker: Worker, person: Person, kind: str) -> list[dict[str, Any]]:
    """What somebody is told of one kind once all jobs are done, newest first."""
    await worker.drain()
    items: list[dict[str, Any]] = (await person.expect(200, "GET", f"/notifications?type={kind}"))["items"]
    return items


async def follow(fan: Person, mentor: Person) -> None:
    """Follow a mentor."""
    await fan.expect(204, "PUT", f"/mentors/{mentor.id}/follow")


async def test_who_earns_something_hears_of_it_once(student: Join, mentor: Join, worker: Worker) -> None:
    ana = await student()
    await ana.expect(200, "PUT", PREFERENCES, {"achievement_awarded": {"in_app": True}})
    for _ in range(2):
        await ana.ask()
    (line,) = await told(worker, ana, "achievement_awarded")
    assert line["title"] == "You earned “First question”"
    assert line["body"] == "You asked your first question. That is often the hardest one."
    assert line["link"] == "/awards#first_question"
    assert line["data"]["achievement"] == "first_question"


async def test_following_is_quiet_unless_one_says_otherwise(student: Join, mentor: Join, worker: Worker) -> None:
    ana, eve, ben = await student(), await student(), await mentor("ben")
    usual = (await ana.expect(200, "GET", PREFERENCES))["followed_mentor_activity"]
    assert usual == {"in_app": False, "email": "daily", "push": False}
    await eve.expect(200, "PUT", PREFERENCES, IN_APP)
    for fan in (ana, eve):
        await follow(fan, ben)
    ticket = await solve(ana, ben, title="Why is my list None?")
    assert await told(worker, ana, "followed_mentor_activity") == []
    (line,) = await told(worker, eve, "followed_mentor_activity")
    assert (line["title"], line["body"]) == ("ben solved a ticket", "Why is my list None?")
    assert line["link"] == f"/app/tickets/{ticket['id']}"
    await ana.expect(200, "POST", f"/tickets/{ticket['id']}/reopen", {"reason": "It fails."})
    assert await told(worker, eve, "followed_mentor_activity") == [], "it is true no longer"


async def test_what_a_mentor_earned_is_told_with_its_name(student: Join, mentor: Join, worker: Worker) -> None:
    ana, eve, ben = await student(), await student(), await mentor("ben")
    await eve.expect(200, "PUT", PREFERENCES, IN_APP)
    await follow(eve, ben)
    ticket = await ticket_in("closed", ana, ben)
    await ana.expect(201, "POST", f"/tickets/{ticket['id']}/review", {"rating": 5})
    lines = await told(worker, eve, "followed_mentor_activity")
    found = {(line["title"], line["body"], line["link"]) for line in lines if line["data"]["deed"] == "achievement"}
    assert found == {
        ("ben earned an achievement", "First light", "/people/ben"),
        ("ben earned an achievement", "First steps together", "/people/ben"),
    }


async def test_the_morning_has_what_followed_mentors_did(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, eve, ben = await student(), await student(), await mentor("ben")
    await confirm(database, eve)
    await follow(eve, ben)
    await solve(ana, ben, title="Why is my list None?")
    await worker.drain()
    async with database.write() as db:
        await digests.send_digests(db, {})  # finds out when the morning is
    async with database.read() as reads:
        due = await reads.scalar(sa.select(InboxRow.digest_due_at).where(InboxRow.user_id == eve.id))
    for days in (0, 1):
        with time_machine.travel(due + timedelta(days=days, minutes=1)):
            async with database.write() as db:
                await digests.send_digests(db, {})
            mails = await letters_to(worker, eve)
    (mail,) = mails
    assert mail["letter"]["paragraphs"] == ["ben solved a ticket: Why is my list None?"]
    assert mail["letter"]["action"][1] == f"{database.settings.public_url}/app/feed"
