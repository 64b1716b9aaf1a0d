"""What programs read of the knowledge base: a feed of the newest answers, and where everything is."""

import gzip
import hashlib
import re
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as Xml

from fastapi import APIRouter, Query, Request, Response

from mentorq.accounts.schemas import ANONYMOUS
from mentorq.core import markdown
from mentorq.core.errors import NotFound
from mentorq.core.http import Read, Route
from mentorq.core.pagination import keyset
from mentorq.knowledge import service
from mentorq.knowledge.limits import count_search
from mentorq.knowledge.search import Wanted, search
from mentorq.web.lists import tags_in

router = APIRouter(route_class=Route)

NEWEST = 30
SUMMARY = 500
IN_PART = 10_000
MOST_PARTS = 50_000  # sitemaps.org's limit of an index
PAGES = ("/", "/solved", "/people", "/leaderboard")
MINUTES, HOURS = 300, 3600
NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may contain, not even escaped."""

ATOM = "http://www.w3.org/2005/Atom"
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"

ROBOTS = """User-agent: *
Disallow: /app
Disallow: /reset
Disallow: /verify

Sitemap: {public_url}/sitemap.xml
"""


@router.get("/robots.txt")
async def robots(request: Request) -> Response:
    """Articles may be found by search engines; what is for one person may not."""
    public_url = request.app.state.settings.public_url
    return _answer(request, ROBOTS.format(public_url=public_url).encode(), "text/plain; charset=utf-8", HOURS)


@router.get("/solved.atom")
async def feed(request: Request, db: Read, tag: list[str] = Query([])) -> Response:
    """The newest answers, all of them or those with a tag, as an Atom feed (RFC 4287)."""
    await count_search(request, ANONYMOUS)
    tags = tags_in(tag)
    if any(tag) and not tags:
        raise NotFound
    place = keyset(db.settings, "feed", None, NEWEST)
    found = await search(db, ANONYMOUS, Wanted(tags=tuple(tags), sort="newest"), place)
    return _answer(request, _feed(found.items, tags, db.settings.public_url), "application/atom+xml", MINUTES)


def _feed(articles: list[dict[str, Any]], tags: list[str], home: str) -> bytes:
    root = Xml.Element("feed", xmlns=ATOM)
    query = "".join(f"{'&' if number else '?'}tag={quote(tag, safe='')}" for number, tag in enumerate(tags))
    updated = max((article["updated_at"] for article in articles), default=None)
    _text(root, "title", f"MentorQ: solved, {', '.join(tags)}" if tags else "MentorQ: solved")
    _text(root, "id", f"{home}/solved{query}")
    _text(root, "updated", updated.isoformat() if updated else "1970-01-01T00:00:00+00:00")
    Xml.SubElement(root, "link", rel="self", type="application/atom+xml", href=f"{home}/solved.atom{query}")
    Xml.SubElement(root, "link", rel="alternate", type="text/html", href=f"{home}/solved{query}")
    for article in articles:
        _add_entry(root, article, home)
    return _bytes(root)


def _add_entry(root: Xml.Element, article: dict[str, Any], home: str) -> None:
    entry = Xml.SubElement(root, "entry")
    _text(entry, "title", article["title"])
    _text(entry, "id", f"{home}/solved/{article['id']}")  # stays, whatever the title becomes
    _text(entry, "published", article["resolved_at"].isoformat())
    _text(entry, "updated", article["updated_at"].isoformat())
    Xml.SubElement(entry, "link", rel="alternate", type="text/html", href=home + quote(article["url"]))
    if article["mentor"]:
        _text(Xml.SubElement(entry, "author"), "name", article["mentor"]["username"])
    for tag in article["tags"]:
        Xml.SubElement(entry, "category", term=tag)
    _text(entry, "summary", markdown.plain(article["solution"], SUMMARY))


@router.get("/sitemap.xml")
async def sitemap(request: Request, db: Read) -> Response:
    """Where the parts of the sitemap are: each has the articles of a range of ids."""
    await count_search(request, ANONYMOUS)
    parts = min(MOST_PARTS, 1 + (await service.last_id(db)) // IN_PART)
    home = db.settings.public_url
    root = Xml.Element("sitemapindex", xmlns=SITEMAP)
    for part in range(parts):
        _text(Xml.SubElement(root, "sitemap"), "loc", f"{home}/sitemap/{part}.xml")
    return _answer(request, _bytes(root), "application/xml", HOURS)


@router.get("/sitemap/{name}")
async def sitemap_part(request: Request, db: Read, name: str) -> Response:
    """The articles of a range of ids; the first part has our other pages, too.

    Raises:
        NotFound: there is no such part.
    """
    await count_search(request, ANONYMOUS)
    found = re.fullmatch(r"(0|[1-9][0-9]{0,4})\.xml", name)
    if found is None:
        raise NotFound
    part, home = int(found[1]), db.settings.public_url
    articles = await service.addresses(db, part * IN_PART, (part + 1) * IN_PART - 1)
    root = Xml.Element("urlset", xmlns=SITEMAP)
    for path in PAGES if part == 0 else ():
        _text(Xml.SubElement(root, "url"), "loc", home + path)
    for path, updated_at in articles:
        url = Xml.SubElement(root, "url")
        _text(url, "loc", home + quote(path))
        _text(url, "lastmod", updated_at.isoformat())
    return _answer(request, _bytes(root), "application/xml", HOURS)


def _text(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, name).text = NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _bytes(root: Xml.Element) -> bytes:
    document: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _answer(request: Request, body: bytes, media_type: str, seconds: int) -> Response:
    """The same for everyone, kept for a while, and only sent if it has changed."""
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"Cache-Control": f"public, max-age={seconds}", "ETag": etag, "Vary": "Accept-Encoding"}
    if etag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = gzip.compress(body, 5, mtime=0), "gzip"
    return Response(body, headers=headers, media_type=media_type)


def _tags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",")]
