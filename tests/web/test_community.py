"""Pages of the community: following, the feed, achievements, and thanks on a profile."""

import re
from typing import Any

import pytest
from fastapi import FastAPI

from mentorq.core.jobs import Worker
from tests.support.life import ticket_in
from tests.support.people import Join, Person, solve
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio
PART = {"HX-Request": "true"}


def pressed(page: str, mentor: Person) -> bool:
    """Whether the button says that one follows a mentor."""
    found = re.search(rf'id="follows-{mentor.id}" aria-pressed="(\w+)"', page)
    assert found, page
    return found[1] == "true"


async def reviewed(student: Person, mentor: Person, **fields: Any) -> int:
    """A closed ticket with a review of it; returns its id."""
    ticket = await ticket_in("closed", student, mentor, **fields)
    await student.expect(201, "POST", f"/tickets/{ticket['id']}/review", {"rating": 5, "comment": "Patient & kind."})
    found: int = ticket["id"]
    return found


async def test_following_works_with_and_without_scripts(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor("ben")
    async with visiting(app) as visit:
        await visit.goes_to("/signin?next=/people/ben", "/people/ben/follow", {"on": "1"})
    async with visiting(app, ana) as visit:
        assert not pressed(await visit.page("/people/ben"), ben)
        await visit.goes_to("/people?sort=newest", "/people/ben/follow", {"on": "1", "next": "/people?sort=newest"})
        page = await visit.page("/people/ben")
        assert pressed(page, ben)
        assert "1 person follows" in page
        assert pressed(await visit.page("/people"), ben)
        part = await visit.send("/people/ben/follow", {"on": "", "from": "profile"}, headers=PART)
        assert not pressed(part.text, ben)
        assert "follows</span>" not in part.text
        assert (await visit.send("/people/nobody/follow", {"on": "1"})).status_code == 404
        await visit.goes_to("/people/ben", "/people/ben/follow", {"on": "1", "next": "https://evil.example"})
    async with visiting(app, ben) as visit:
        assert "/people/ben/follow" not in await visit.page("/people/ben")
        assert "/people/ben/follow" not in await visit.page("/people")
        assert (await visit.send("/people/ben/follow", {"on": "1"})).status_code == 422


async def test_the_feed_begins_empty_and_says_how_to_go_on(
    app: FastAPI, student: Join, mentor: Join, worker: Worker
) -> None:
    ana, eve, ben = await student(), await student(), await mentor("ben")
    async with visiting(app) as visit:
        assert (await visit.get("/app/feed")).headers["location"].startswith("/signin")
    async with visiting(app, ana) as visit:
        assert "You follow nobody yet" in await visit.page("/app/feed")
        await ana.expect(204, "PUT", f"/mentors/{ben.id}/follow")
        assert "All quiet" in await visit.page("/app/feed")
        await solve(eve, ben, title="Lists & <lambdas>", is_anonymous=True)
        await ben.expect(200, "PUT", "/mentors/me/schedule", {
            "time_zone": "UTC", "weekly": [{"weekday": day, "start": "00:00", "end": "24:00"} for day in range(7)],
        })  # fmt: skip
        await worker.drain()
        page = await visit.page("/app/feed")
        assert "Lists &amp; &lt;lambdas&gt;" in page
        assert "has new times for sessions" in page
        assert eve.username not in page
        assert "Lists &amp; &lt;lambdas&gt;" in await visit.page("/app")


async def test_a_long_feed_goes_on(app: FastAPI, student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor("ben")
    await ana.expect(204, "PUT", f"/mentors/{ben.id}/follow")
    for number in range(22):
        await solve(ana, ben, title=f"Question {number}.")
    await worker.drain()
    async with visiting(app, ana) as visit:
        first = await visit.page("/app/feed")
        more = re.search(r'href="(/app/feed\?cursor=[^"]+)"', first)
        assert more
        second = await visit.page(more[1])
    shown = re.findall(r"<bdi>Question (\d+)\.</bdi>", first + second)
    assert shown == [str(number) for number in range(21, -1, -1)]


async def test_the_catalogue_is_public_and_says_what_is_mine(
    app: FastAPI, student: Join, mentor: Join, worker: Worker
) -> None:
    ana, ben = await student(), await mentor("ben")
    ticket_id = await reviewed(ana, ben, title="Why is my list None?")
    await worker.drain()
    async with visiting(app) as visit:
        page = await visit.page("/awards")
        assert "Second wind" in page
        assert "1 person has it" in page
        assert "yours since" not in page
        assert "medal todo" not in page
        profile = await visit.page("/people/ben")
        assert "First steps together" in profile
        assert "Why is my list None?" in profile
    async with visiting(app, ana) as visit:
        page = await visit.page("/awards")
        assert "yours since" in page
        assert f'href="/app/tickets/{ticket_id}"' in page
        assert "medal todo" in page
        assert "First question" in await visit.page("/app")
        spanish = await visit.get("/awards", headers={"Accept-Language": "es"})
        assert spanish.status_code == 200
    async with visiting(app, ben) as visit:
        assert "First light" in await visit.page("/app")
        assert "First light" in await visit.page("/people")


async def test_thanks_are_shown_by_both(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student("ana"), await mentor("ben")
    ticket = await ticket_in("closed", ana, ben)
    path = f"/app/tickets/{ticket['id']}"
    async with visiting(app, ana) as of_ana, visiting(app, ben) as of_ben, visiting(app) as visitor:
        assert 'name="may_be_shown"' in await of_ana.page(path)
        await of_ana.send(f"{path}/review", {"rating": "5", "comment": "Patient & kind."})
        assert "may not show it" in await of_ana.page(path)
        assert "has not allowed to show it" in await of_ben.page("/people/ben")
        await of_ana.goes_to(path, f"{path}/review/consent", {"on": "1"})
        assert "may show it on the profile" in await of_ana.page(path)
        page = await of_ben.page("/people/ben")
        act = re.search(r'action="(/app/reviews/\d+/testimonial)"', page)
        assert act
        assert "<blockquote" not in await visitor.page("/people/ben")
        assert act[1] not in await visitor.page("/people/ben")
        await of_ben.send(act[1], {"on": "1"})
        shown = await visitor.page("/people/ben")
        assert re.search(r"<blockquote[^>]*>Patient &amp; kind\.</blockquote>", shown)
        assert "<bdi>ana</bdi>" in shown
        await of_ben.send(act[1], {"on": ""})
        assert "<blockquote" not in await visitor.page("/people/ben")
        await of_ben.send(act[1], {"on": "1"})
        await of_ana.send(f"{path}/review/consent", {"on": ""})
        assert "<blockquote" not in await visitor.page("/people/ben")
        assert (await of_ben.send(act[1], {"on": "1"})).status_code == 409
        assert (await of_ana.send(act[1], {"on": "1"})).status_code == 403


async def test_an_anonymous_asker_is_not_named_on_a_profile(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student("secretive"), await mentor("ben")
    ticket = await ticket_in("closed", ana, ben, is_anonymous=True)
    async with visiting(app, ana) as of_ana, visiting(app, ben) as of_ben:
        page = await of_ana.page(f"/app/tickets/{ticket['id']}")
        assert "without my name" in page
        review = {"rating": "5", "comment": "Patient.", "may_be_shown": "on"}
        await of_ana.send(f"/app/tickets/{ticket['id']}/review", review)
        act = re.search(r'action="(/app/reviews/\d+/testimonial)"', await of_ben.page("/people/ben"))
        assert act
        await of_ben.send(act[1], {"on": "1"})
        page = await of_ana.page("/people/ben")
        thanks = page[page.index('id="thanks"') : page.index('id="reviews"')]
        assert "Patient." in thanks
        assert "secretive" not in thanks
