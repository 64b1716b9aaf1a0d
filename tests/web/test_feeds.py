"""What programs read: the feed, the sitemap, robots.txt."""

from xml.etree import ElementTree as Xml

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from mentorq.settings import Settings
from mentorq.tickets.models import TicketRow
from mentorq.web import feeds
from tests.support.people import Join, Person, solve
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

ATOM, SITEMAP = "{http://www.w3.org/2005/Atom}", "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.fixture
async def two(student: Join, mentor: Join) -> tuple[Person, Person]:
    """Somebody who asks and somebody who answers."""
    return await student(), await mentor()


async def test_the_feed_has_the_newest_answers(
    app: FastAPI, two: tuple[Person, Person], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "NEWEST", 2)
    ana, ben = two
    for title, tag in (("First", "go"), ("Second <b>&", "python"), ("Third", "python")):
        last = await solve(ana, ben, title=title, tags=[tag], is_anonymous=title == "Third")
    async with visiting(app) as visit:
        answer = await visit.get("/solved.atom")
        assert answer.headers["content-type"] == "application/atom+xml"
        assert answer.headers["cache-control"] == "public, max-age=300"
        feed = Xml.fromstring(answer.text)
        entries = feed.findall(f"{ATOM}entry")
        assert [entry.findtext(f"{ATOM}title") for entry in entries] == ["Third", "Second <b>&"]
        link = entries[0].find(f"{ATOM}link")
        assert link is not None
        assert link.get("href") == f"{settings.public_url}/solved/{last['id']}-third"
        assert entries[0].findtext(f"{ATOM}id") == f"{settings.public_url}/solved/{last['id']}"
        assert entries[0].findtext(f"{ATOM}author/{ATOM}name") == ben.username
        assert entries[0].findtext(f"{ATOM}summary") == "Use sorted(x)."
        assert ana.username not in answer.text
        of_go = Xml.fromstring((await visit.get("/solved.atom?tag=Go")).text)
        assert [e.findtext(f"{ATOM}title") for e in of_go.findall(f"{ATOM}entry")] == ["First"]
        again = await visit.get("/solved.atom", headers={"If-None-Match": f'"x", {answer.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert (await visit.get("/solved.atom?tag=%20!")).status_code == 404
        empty = Xml.fromstring((await visit.get("/solved.atom?tag=rust")).text)
        assert empty.findall(f"{ATOM}entry") == []


async def test_whatever_is_in_a_title_the_feed_is_xml(app: FastAPI, two: tuple[Person, Person]) -> None:
    ticket = await solve(*two)
    nasty = "]]> \x0b\x1f &lt; \ufffe \u2028 🐍"
    async with app.state.database.write() as db:
        await db.execute(sa.update(TicketRow).where(TicketRow.id == ticket["id"]).values(title=nasty))
    async with visiting(app) as visit:
        feed = Xml.fromstring((await visit.get("/solved.atom")).text)
        title = feed.findtext(f"{ATOM}entry/{ATOM}title")
        assert title is not None
        assert title.replace("\ufffd", "") == "]]>  &lt;  \u2028 🐍"
        Xml.fromstring((await visit.get("/sitemap/0.xml")).text)


async def test_the_sitemap_leads_to_every_article(
    app: FastAPI, two: tuple[Person, Person], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "IN_PART", 3)
    ana, ben = two
    paths = set()
    for n in range(5):
        ticket = await solve(ana, ben, title=f"Número {n}")
        paths.add(f"{settings.public_url}/solved/{ticket['id']}-numero-{n}")
        await ana.ask("Not solved")
    async with visiting(app) as visit:
        index = Xml.fromstring((await visit.get("/sitemap.xml")).text)
        parts = [part.text or "" for part in index.iter(f"{SITEMAP}loc")]
        assert len(parts) == 4
        found: list[str] = []
        for part in parts:
            document = await visit.get(part.removeprefix(settings.public_url))
            urls = [loc.text or "" for loc in Xml.fromstring(document.text).iter(f"{SITEMAP}loc")]
            assert len(urls) <= 3 + len(feeds.PAGES)
            found += urls
        assert set(found) == paths | {settings.public_url + path for path in feeds.PAGES}
        assert len(found) == len(set(found))
        for nothing in ("/sitemap/x.xml", "/sitemap/01.xml", "/sitemap/0", "/sitemap/999999.xml"):
            assert (await visit.get(nothing)).status_code == 404
        assert (await visit.get("/sitemap/99999.xml")).status_code == 200
        packed = await visit.client.get("/sitemap/0.xml", headers={"Accept-Encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"


async def test_robots_learn_where_that_is(app: FastAPI, settings: Settings) -> None:
    async with visiting(app) as visit:
        answer = await visit.get("/robots.txt")
    assert answer.headers["content-type"].startswith("text/plain")
    assert f"Sitemap: {settings.public_url}/sitemap.xml" in answer.text
    assert "Disallow: /app\n" in answer.text
