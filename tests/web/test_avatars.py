"""The picture in the settings, and on every page that shows people."""

import re
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from tests.support.life import ticket_in
from tests.support.people import Join
from tests.support.pictures import BLUE, plain
from tests.support.visits import Visit, visiting

pytestmark = pytest.mark.anyio

PICTURE = re.compile(r'<img class="avatar[^"]*" src="([^"]+)" width="(\d+)" height="(\d+)" alt="" loading="lazy"')


async def choose(visit: Visit, content: bytes, path: str = "/app/settings/avatar") -> httpx2.Response:
    """Send the form with a file."""
    return await visit.send(path, files={"file": ("me.png", content, "image/png")})


def shown(page: str) -> set[str]:
    """Whose pictures a page shows, without their sizes."""
    return {address.rpartition("/")[0] for address, _, _ in PICTURE.findall(page)}


async def test_a_picture_is_chosen_shown_and_removed_without_scripts(app: FastAPI, student: Join) -> None:
    ana = await student("ana")
    async with visiting(app, ana) as visit:
        page = await visit.page("/app/settings")
        assert 'enctype="multipart/form-data"' in page
        assert "/app/settings/avatar/remove" not in page
        answer = await choose(visit, plain())
        assert (answer.status_code, answer.headers["location"]) == (303, "/app/settings#avatar")
        page = await visit.page("/app/settings")
        assert "Your picture is saved." in page
        address = (await ana.expect(200, "GET", "/auth/me"))["avatar"]
        assert shown(page) == {address.rpartition("/")[0]}, "in the menu, too, from the next page on"
        assert len(PICTURE.findall(page)) == 2
        for path, width, height in PICTURE.findall(page):
            assert (await visit.get(path)).headers["Content-Type"] == "image/webp"
            assert width == height
        await visit.goes_to("/app/settings#avatar", "/app/settings/avatar/remove")
        page = await visit.page("/app/settings")
        assert "Your picture is gone." in page
        assert shown(page) == set()
        answer = await visit.get("/app/settings/avatar")
        assert answer.headers["location"] == "/app/settings#avatar"


async def test_what_is_wrong_is_said_at_the_field(app: FastAPI, student: Join, tmp_path: Path) -> None:
    ana = await student()
    wrong = {
        422: (b"", "Please choose a picture."),
        415: (b"<svg/>", "This cannot be read as a picture."),
        413: (plain() + b"\0" * (5 << 20), "A picture may have up to 2 MiB"),
        503: (plain(), "Pictures cannot be kept right now."),
    }
    (tmp_path / "files").write_text("in the way")
    async with visiting(app, ana) as visit:
        for status, (content, sentence) in wrong.items():
            answer = await choose(visit, content)
            assert answer.status_code == status
            assert answer.text.count(sentence) == 2, "on top, with a link, and beside the field"
            assert 'href="#picture"' in answer.text
            assert 'aria-describedby="picture-error picture-hint"' in answer.text
        answer = await choose(visit, b"\0" * (17 << 20))
        assert answer.status_code == 413
        assert "<h1" in answer.text
        answer = await visit.send("/app/settings/avatar", {"file": "text"})
        assert answer.status_code == 422
    assert (await ana.expect(200, "GET", "/auth/me"))["avatar"] is None


async def test_only_who_is_signed_in_and_only_from_our_own_form(app: FastAPI, student: Join) -> None:
    ana = await student()
    async with visiting(app) as visit:
        answer = await choose(visit, plain())
        assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=/app")
    async with visiting(app, ana) as visit:
        for path in ("/app/settings/avatar", "/app/settings/avatar/remove"):
            answer = await visit.client.post(
                path, files={"file": ("me.png", plain())}, headers={"Origin": "http://evil"}
            )
            assert answer.status_code == 403
    assert (await ana.expect(200, "GET", "/auth/me"))["avatar"] is None


async def test_people_are_shown_by_their_pictures(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben, mia = await student("ana"), await mentor("ben", skills=["python"]), await mentor("mia")
    hers, his = [
        (await person.request("PUT", "/users/me/avatar", files={"file": ("x", plain(colour=colour))})).json()["avatar"]
        for person, colour in ((ana, BLUE), (ben, (0, 99, 0)))
    ]
    ana_is, ben_is = hers.rpartition("/")[0], his.rpartition("/")[0]
    ticket = await ticket_in("resolved", ana, ben)
    await ben.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "Any news?"})
    anonymous = await ticket_in("resolved", ana, ben, is_anonymous=True)
    async with visiting(app, ana) as visit:
        for path in ("/people", "/people/ben", f"/app/tickets/{ticket['id']}", "/app/people/ben/book"):
            assert shown(await visit.page(path)) == {ana_is, ben_is}, path
        assert shown(await visit.page("/people/ana")) == {ana_is}
    async with visiting(app, ben) as visit:
        assert shown(await visit.page(f"/app/tickets/{ticket['id']}")) == {ana_is, ben_is}
    async with visiting(app, mia) as visit:
        assert shown(await visit.page(f"/app/tickets/{anonymous['id']}")) == {ben_is}, "a picture would tell who asked"
    async with visiting(app) as visit:
        assert shown(await visit.page("/people")) == {ben_is}


async def test_a_profile_says_pronouns_local_time_and_what_is_learnt(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student("ana", skills=["sql", "go"]), await mentor("ben", skills=["python"])
    about = {
        "pronouns": "they/them <b>", "time_zone": "Asia/Tokyo", "bio": "I like **clocks**.",
        "links": ["https://me.example.org/home"], "headline": "Curious",
    }  # fmt: skip
    for person in (ana, ben):
        await person.expect(200, "PATCH", "/users/me", about)
    async with visiting(app) as visit:
        for path in ("/people/ana", "/people/ben"):
            page = await visit.page(path)
            assert "they/them &lt;b&gt;" in page
            assert re.search(r'title="Asia/Tokyo">.*?local time', page)
            assert "<strong>clocks</strong>" in page
            assert '<a href="https://me.example.org/home" rel="me nofollow noopener">' in page
        page = await visit.page("/people/ana")
        assert "/people?tag=sql" in page
        assert 'content="noindex"' in page
        assert (await visit.get("/people/nobody")).status_code == 404
    async with visiting(app, ana) as visit:
        await visit.goes_to("/app/settings#profile", "/app/settings/profile", {"pronouns": "she/her"})
        assert 'value="she/her"' in await visit.page("/app/settings")
        answer = await visit.send("/app/settings/profile", {"pronouns": "x" * 41})
        assert answer.text.count("At most 40 characters, please.") == 2
    assert (await ana.expect(200, "GET", "/auth/me"))["pronouns"] == "she/her"
