"""What people write never runs: hundreds of vectors through every field, looked at in a real browser."""

import re
from asyncio import gather
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from pydantic import TypeAdapter, ValidationError

from mentorq.accounts.models import Role
from mentorq.accounts.queries import change_user
from mentorq.accounts.registration import sign_up
from mentorq.accounts.schemas import Email, Link, Username
from mentorq.core.database import Database
from mentorq.core.inputs import Line, Text
from mentorq.tags.schemas import TagName
from tests.core.test_markdown import ALLOWED
from tests.support.applications import made
from tests.support.browser import Observed, observe
from tests.support.community import signed_in
from tests.support.databases import settings_for
from tests.support.patience import until
from tests.support.people import PASSWORD, Person, join
from tests.support.processes import Server
from tests.support.vectors import VECTORS, unescaped

pytestmark = pytest.mark.anyio

VECTOR_TEXTS = [unescaped(line) for line in VECTORS]
PACKAGE = Path(__file__).parents[2] / "mentorq"
WRITERS = [*(PACKAGE / "web" / "templates").rglob("*.html"), PACKAGE / "core" / "charts.py"]
OURS = {name for file in WRITERS for name in re.findall(r"<([a-z]\w*)", file.read_text())}
TABS = 3

LOOK = """
([names]) => {
  const wrong = [];
  const address = /^(https?:|mailto:|\\/|\\?|#)/i;
  for (const element of document.querySelectorAll("*")) {
    const name = element.localName;
    if (!names.includes(name)) wrong.push(`<${name}>`);
    const isData = name === "script" && element.type === "application/ld+json" && JSON.parse(element.textContent);
    if (name === "script" && !isData && !(element.nonce && element.getAttribute("src")?.startsWith("/static/app/")))
      wrong.push(element.outerHTML);
    for (const { name: key, value } of element.attributes) {
      if (/^(on|style$|srcdoc$|ping$|hx-on)/i.test(key)) wrong.push(`${name} ${key}=${value}`);
      if (/^(xlink:)?(href|src|action|formaction|data|poster|background|srcset)$/i.test(key) && !address.test(value))
        wrong.push(`${name} ${key}=${value}`);
    }
  }
  return wrong;
}
"""
TRAP = """
for (const name of ["alert", "confirm", "prompt", "print", "open"]) {
  window[name] = (...given) => console.error("EXECUTED", name, String(given));
}
"""


def accepted(kind: Any, texts: Iterable[str]) -> list[str]:
    """Those texts that the application takes for a field of this kind."""
    adapter, found = TypeAdapter(kind), []
    for text in texts:
        try:
            found.append(adapter.validate_python(text))
        except ValidationError:
            continue
    return found


def packed(texts: Iterable[str], longest: int, between: str = "\n\n") -> list[str]:
    """The texts in few fields: as many in each as fit."""
    packs: list[str] = []
    for text in texts:
        if packs and len(packs[-1]) + len(between) + len(text) <= longest:
            packs[-1] += between + text
        else:
            packs.append(text)
    return packs


def several(items: Sequence[str], number: int) -> Iterator[list[str]]:
    """A list in parts."""
    return (list(items[start : start + number]) for start in range(0, len(items), number))


@dataclass
class Written:
    """What was stored, and who may look."""

    student: Person
    mentor: Person
    url: str = ""
    open: list[int] = field(default_factory=list)
    in_hand: int = 0
    closed: list[int] = field(default_factory=list)
    people: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
async def written(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[Written]:
    """A community whose every text is a vector."""
    home = tmp_path_factory.mktemp("vectors")
    settings = settings_for(f"sqlite:///{home / 'mentorq.db'}", home)
    app = made(settings)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client,
    ):
        found = Written(await join(client, "student", "ana"), await join(client, "mentor", "ben"))
        await write_tickets(found)
        await write_people(found, app.state.database)
    with Server(settings) as server:
        found.url = server.url
        yield found


async def write_tickets(found: Written) -> None:
    """Titles on open tickets; all else on tickets that have been through everything."""
    texts = accepted(Text, VECTOR_TEXTS)
    for title in packed(accepted(Line, VECTOR_TEXTS), 200, " "):
        found.open.append((await found.student.ask(title, description=packed(texts, 20_000)[0]))["id"])
    reasons, comments = packed(texts, 1000, " "), packed(texts, 2000)
    bodies = packed(texts, 800)
    for number, reason in enumerate(reasons):
        parts = [bodies[(number + shift) % len(bodies)] for shift in (0, 1, 2, 3)]
        ticket_id, comment = found.open.pop(), comments[number % len(comments)]
        await live(found.student, found.mentor, ticket_id, parts, reason, comment)
        found.closed.append(ticket_id)
    found.in_hand = found.open.pop()
    await found.mentor.expect(200, "POST", f"/tickets/{found.in_hand}/accept")
    await found.mentor.expect(204, "PUT", f"/tickets/{found.in_hand}/draft", {"body": "\n\n".join(texts)})


async def live(
    student: Person, mentor: Person, ticket_id: int, parts: Sequence[str], reason: str, comment: str
) -> None:
    """A ticket's whole life, with a text at each turn."""
    path = f"/tickets/{ticket_id}"
    await mentor.expect(200, "POST", f"{path}/accept")
    await mentor.expect(200, "POST", f"{path}/release", {"reason": reason})
    await mentor.expect(200, "POST", f"{path}/accept")
    await mentor.expect(201, "POST", f"{path}/messages", {"body": parts[0]})
    await student.expect(201, "POST", f"{path}/messages", {"body": parts[1]})
    await mentor.expect(200, "POST", f"{path}/resolve", {"solution": parts[2]})
    await student.expect(200, "POST", f"{path}/reopen", {"reason": reason})
    await mentor.expect(200, "POST", f"{path}/resolve", {"solution": parts[3]})
    await student.expect(200, "POST", f"{path}/close")
    await student.expect(201, "POST", f"{path}/review", {"rating": 5, "comment": comment})


async def write_people(found: Written, database: Database) -> None:
    """Mentors with headlines, stories and links, in one transaction: a hundred sign-ups by themselves take long."""
    headlines = packed(accepted(Line, VECTOR_TEXTS), 120, " ")
    stories = packed(accepted(Text, VECTOR_TEXTS), 2000, "\n")
    addresses = (f"https://a.example/{text}" for text in packed(accepted(Line, VECTOR_TEXTS), 150, " "))
    links = list(several(accepted(Link, addresses), 8))
    assert len(links) <= len(headlines)
    async with database.write() as db:
        for number, headline in enumerate(headlines):
            name = f"mentor-{number}"
            user = await sign_up(db, name, f"{name}@example.org", PASSWORD, Role.MENTOR)
            profile: dict[str, Any] = {"headline": headline, "bio": stories[number % len(stories)]}
            if number < len(links):
                profile["links"] = links[number]
                found.people.append(name)
            await change_user(db, user.id, profile, None)
    for person in (found.student, found.mentor):
        await person.expect(200, "PATCH", "/users/me", {"headline": headlines[0], "bio": stories[0]})


class Watch:
    """Opens pages and notes what should not have happened."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.wrong: dict[str, list[str]] = {}

    async def open(self) -> tuple[Page, Observed]:
        """A page in which whatever runs is heard."""
        page = await self.context.new_page()
        observed = observe(page)
        page.on("dialog", lambda dialog: observed.errors.append(f"EXECUTED dialog {dialog.message}"))
        return page, observed

    async def look(self, page: Page, observed: Observed, name: str) -> None:
        """Note what is wrong with the page as it is now."""
        found = await page.evaluate(LOOK, [sorted({*OURS, *ALLOWED, "html", "head", "body", "bdi", "mark"})])
        heard = [error for error in observed.errors if "Failed to load resource" not in error]
        if found or heard or observed.foreign:
            self.wrong[name] = [*found, *heard, *observed.foreign]
        observed.errors.clear()
        observed.foreign.clear()

    async def visit(self, paths: Sequence[str]) -> None:
        """Look at many pages, a few at a time."""

        async def some(mine: Sequence[str]) -> None:
            page, observed = await self.open()
            for path in mine:
                await page.goto(path)
                await self.look(page, observed, path)
            await page.close()

        await gather(*(some(paths[start::TABS]) for start in range(TABS)))


def test_names_are_refused() -> None:
    """Where only plain names may stand, no vector is one."""
    assert accepted(TagName, VECTOR_TEXTS) == []
    assert accepted(Username, VECTOR_TEXTS) == []
    assert accepted(Link, VECTOR_TEXTS) == []
    assert accepted(Email, (f"{text}@example.org" for text in VECTOR_TEXTS)) == []
    assert len(accepted(Text, VECTOR_TEXTS)) > 300


async def test_what_would_run_is_noticed(browser: Browser) -> None:
    """On a page that lets everything through, the watch finds it."""
    context = await browser.new_context()
    await context.add_init_script(TRAP)
    watch = Watch(context)
    page, observed = await watch.open()
    await page.goto("about:blank")
    await page.set_content("<p><img src=x: onerror=alert(1)><a href=javascript:alert(1)>x</a><iframe></iframe>")
    await until(lambda: any("EXECUTED" in error for error in observed.errors))
    await watch.look(page, observed, "open")
    await context.close()
    found = watch.wrong["open"]
    assert {"<img>", "img onerror=alert(1)", "a href=javascript:alert(1)", "<iframe>"} <= set(found)
    assert any(fault.startswith("EXECUTED alert 1") for fault in found)


async def test_nothing_that_is_stored_runs(browser: Browser, written: Written) -> None:
    closed = [f"/app/tickets/{ticket_id}" for ticket_id in written.closed]
    rows = len(written.open) // 20 + 1
    visits = {
        "visitor": ["/", *closed[:2], "/people", *(f"/people/{name}" for name in written.people), "/people/ben"],
        "ana": ["/app", "/app/tickets", "/app/tickets?status=closed", *closed, "/app/settings"],
        "ben": ["/app", "/app/tickets", f"/app/tickets/{written.in_hand}", *closed[::4], "/app/settings", "/people"],
    }
    visits["visitor"] += [f"/solved/{ticket_id}" for ticket_id in written.closed]
    visits["visitor"] += ["/solved?q=script+alert", "/solved?tag=python", f"/solved/{written.closed[0]}/versions"]
    visits["ana"] += [f"/app/tickets/{written.open[0]}", f"/app/tickets/{written.open[0]}/edit"]
    visits["ben"] += [f"/app/tickets/{written.open[0]}", "/app/queue?tab=all", *(f"{closed[0]}/solution",)]
    wrong: dict[str, list[str]] = {}
    for who, paths in visits.items():
        context = await signed_in(browser, written.url, who)
        await context.add_init_script(TRAP)
        watch = Watch(context)
        await watch.visit(paths)
        more = {"visitor": "/people", "ana": "/app/tickets", "ben": "/app/queue?tab=all"}[who]
        await unfold(watch, more, rows)
        await unfold(watch, "/solved", rows)
        wrong |= {f"{who} {path}": faults for path, faults in watch.wrong.items()}
        await context.close()
    assert wrong == {}


async def unfold(watch: Watch, path: str, times: int) -> None:
    """A list with all its rows, as scripts add them."""
    page, observed = await watch.open()
    await page.goto(path)
    for _ in range(times):
        more = page.get_by_role("link", name="Show more")
        if not await more.count():
            break
        rows = page.locator("ol.list > li, ul.list > li")
        before = await rows.count()
        await more.click()
        await expect(rows.nth(before)).to_be_attached()
    await watch.look(page, observed, f"{path}, unfolded")
    await page.close()


async def test_nothing_that_is_sent_back_runs(browser: Browser, written: Written) -> None:
    """Forms that return with errors, addresses, previews, drafts, and what scripts say of a row."""
    whole = "\n\n".join(accepted(Text, VECTOR_TEXTS))
    context = await signed_in(browser, written.url, "ana")
    await context.add_init_script(TRAP)
    watch = Watch(context)
    page, observed = await watch.open()
    for path, names in {
        "/signup": ("username", "email", "role"),
        "/signin": ("username", "next"),
        "/forgot": ("email",),
        "/reset": ("token",),
        "/app/ask": ("title", "tags", "description"),
        "/app/settings": ("headline", "bio", "links", "skills", "time_zone"),
        f"/app/tickets/{written.closed[0]}/messages": ("body", "kind"),
        f"/app/tickets/{written.closed[0]}/review": ("comment", "rating"),
        "/language": ("language", "next"),
    }.items():
        await page.goto("/app")
        async with page.expect_navigation():
            await page.evaluate(SEND, [path, dict.fromkeys(names, whole)])
        await watch.look(page, observed, f"{path}, sent")
    short = quote(whole[:6000])
    for path in (
        f"/nowhere/{quote(whole[:2000], safe='')}",
        f"/people?q={short}&tag={short}",
        f"/signin?next={short}",
        f"/solved?q={short}&tag={short}",
        f"/solved?q={quote(whole[:480])}",
        f"/solved?q={quote(whole[480:900])}",
        f"/app/ask?title={quote(whole[:480])}&tags={short}",
    ):
        await page.goto(path)
        await watch.look(page, observed, path[:20])
    await page.goto("/app/ask")
    for text in (whole[:6000], whole[6000:]):
        async with page.expect_response("**/app/preview"):
            await page.locator("#text").fill(text)
        async with page.expect_response("**/app/ask/similar"):  # a moment after the draft is kept
            await page.locator("#title").fill(" ".join(text.split())[:200])
        await page.wait_for_timeout(100)
        await watch.look(page, observed, "preview")
    await page.goto("/app/ask")
    await expect(page.locator("#text")).not_to_have_value("")
    await watch.look(page, observed, "draft")
    await context.close()
    await pass_some(browser, written, watch.wrong)
    assert watch.wrong == {}


SEND = """
([path, fields]) => {
  const form = Object.assign(document.createElement("form"), { method: "post", action: path });
  for (const [name, value] of Object.entries(fields))
    form.append(Object.assign(document.createElement("textarea"), { name, value }));
  document.body.append(form);
  HTMLFormElement.prototype.submit.call(form);
}
"""


async def pass_some(browser: Browser, written: Written, wrong: dict[str, list[str]]) -> None:
    """The toast of each passed ticket names it, and the next one is loaded beside the list."""
    context = await signed_in(browser, written.url, "ben", viewport={"width": 1400, "height": 900})
    await context.add_init_script(TRAP)
    watch = Watch(context)
    page, observed = await watch.open()
    await page.goto("/app/queue?tab=all")
    for _ in range(10):
        await page.keyboard.press("p")
        await expect(page.locator(".toast")).to_be_visible()
        await watch.look(page, observed, "passed")
    await context.close()
    wrong |= watch.wrong
