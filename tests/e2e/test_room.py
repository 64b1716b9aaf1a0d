"""Two people in one room: what each says and writes is there for the other, once, whatever becomes of the line."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.e2e.test_every_page import faults_of
from tests.support.booking import book
from tests.support.browser import Observed, observe
from tests.support.databases import settings_for
from tests.support.people import PASSWORD, Person, join
from tests.support.processes import Server
from tests.support.wires import Wire, wire_to

pytestmark = pytest.mark.anyio

SECONDS = 60
MILLISECONDS = SECONDS * 1000
CODE = "Why?\n\n```python\nprint('why')\n```\n"
PASTE = """text => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  document.querySelector(".cm-content").dispatchEvent(event);
}"""
CUT_OFF = re.compile("WebSocket connection to|Failed to load resource: net::")

expect.set_options(timeout=MILLISECONDS)


@dataclass
class Side:
    """One of the two, in the room, and the wire that leads there."""

    person: Person
    page: Page
    wire: Wire
    observed: Observed

    @property
    def editor(self) -> Locator:
        return self.page.locator(".cm-content")

    async def says(self, body: str) -> None:
        """Send a message."""
        await self.page.get_by_label("Message", exact=True).fill(body)
        await self.page.keyboard.press("Enter")

    async def heard(self, *, waiting: bool = False) -> list[str]:
        """What stands in the chat."""
        bubbles = self.page.locator(".bubble.wait" if waiting else ".bubble:not(.wait)")
        texts: list[str] = await bubbles.evaluate_all("all => all.map(each => each.childNodes[1].textContent)")
        return texts

    async def writes(self, where: str, text: str) -> None:
        """Type into the editor, at its beginning or end."""
        await self.editor.click()
        await self.page.keyboard.press(where)
        await self.page.keyboard.type(text)

    async def code(self) -> str:
        """The lines of the file that is open, as far as they are on the screen."""
        lines: list[str] = await self.page.locator(".cm-line").evaluate_all(
            "all => all.map(line => { const copy = line.cloneNode(true); "
            "copy.querySelectorAll('.caret').forEach(caret => caret.remove()); return copy.textContent; })"
        )
        return "\n".join(lines)

    async def is_saved(self) -> None:
        """Wait until all that was written is on the server."""
        await expect(self.page.locator("[data-state=saved]")).to_be_visible()

    def wrong(self) -> list[str]:
        """What the page did wrong; that a line breaks is not its fault."""
        return [error for error in self.observed.errors if not CUT_OFF.search(error)] + self.observed.foreign


@dataclass
class Room:
    """A room with two people in it."""

    session: dict[str, Any]
    ana: Side
    ben: Side

    async def same_chat(self, *bodies: str) -> None:
        """Wait until both have heard exactly this."""
        await until(lambda: self._have_heard(list(bodies)), f"both have heard {bodies}")

    async def _have_heard(self, bodies: list[str]) -> bool:
        return await self.ana.heard() == bodies == await self.ben.heard()

    async def same_code(self, *parts: str) -> str:
        """Wait until both see the same text, with all of these parts in it."""
        await until(lambda: self._see(parts), f"both see {parts}")
        return await self.ana.code()

    async def _see(self, parts: tuple[str, ...]) -> bool:
        first = await self.ana.code()
        return first == await self.ben.code() and all(part in first for part in parts)

    async def stored(self, is_so: Callable[[str], bool]) -> None:
        """Wait until the server has such a text in the first file."""

        async def has() -> bool:
            found = await self.ana.person.expect(200, "GET", f"/sessions/{self.session['id']}/transcript")
            return is_so(found["files"][0]["text"])

        await until(has, "the server has it")


async def until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for something that no locator can say."""
    deadline = asyncio.get_running_loop().time() + SECONDS
    while not await is_so():
        assert asyncio.get_running_loop().time() < deadline, f"It was not to be that {what}."
        await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
def room_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that does its jobs at once."""
    home = tmp_path_factory.mktemp("rooms")
    with Server(settings_for(f"sqlite:///{home / 'mentorq.db'}", Path(home), embedded_worker=True)) as server:
        yield server


async def enter(browser: Browser, url: str, person: Person, session_id: int, **options: Any) -> tuple[Page, Observed]:
    """Sign in and go into a room."""
    context: BrowserContext = await browser.new_context(base_url=url, **options)
    page = await context.new_page()
    await page.goto(f"/signin?next=/app/sessions/{session_id}/room")
    await page.get_by_label("Username or e-mail").fill(person.username)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    observed = observe(page)
    await page.locator("main").get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/room")
    await expect(page.locator("[data-state=saved]")).to_be_visible()
    await expect(page.get_by_role("tab")).not_to_have_count(0)
    return page, observed


@pytest.fixture
async def room(browser: Browser, room_server: Server) -> AsyncIterator[Room]:
    """Two people in a room, each by a wire of their own."""
    async with (
        httpx2.AsyncClient(base_url=room_server.url, timeout=SECONDS) as client,
        wire_to(room_server.port) as (ana_wire, ana_url),
        wire_to(room_server.port) as (ben_wire, ben_url),
    ):
        name = token_hex(4)
        ana, ben = await join(client, "student", f"ana-{name}"), await join(client, "mentor", f"ben-{name}")
        ticket = await ana.ask(title="Why does it print why?", description=CODE)
        session = await book(ana, ben, ticket_id=ticket["id"])
        sides = [
            Side(person, page, wire, observed)
            for person, wire, (page, observed) in (
                (ana, ana_wire, await enter(browser, ana_url, ana, session["id"])),
                (ben, ben_wire, await enter(browser, ben_url, ben, session["id"], color_scheme="dark")),
            )
        ]
        yield Room(session, *sides)
        for side in sides:
            await side.page.context.close()


class TestTogether:
    async def test_they_talk(self, room: Room) -> None:
        ana, ben = room.ana, room.ben
        await ana.says("Look at `print`, see https://example.org/a.")
        await room.same_chat("Look at ")
        link = ben.page.get_by_role("link", name="https://example.org/a", exact=True)
        await expect(link).to_have_attribute("rel", "nofollow ugc noopener noreferrer")
        await expect(ben.page.locator(".bubble code")).to_have_text("print")
        await ben.says("<b>I see</b>")
        await ana.says("Good")
        await expect(ben.page.locator(".bubble")).to_have_count(3)
        await expect(ben.page.locator(".bubble.me")).to_contain_text("<b>I see</b>")
        assert ana.wrong() == ben.wrong() == []

    async def test_one_sees_that_the_other_writes_and_where(self, room: Room) -> None:
        ana, ben = room.ana, room.ben
        await ana.page.get_by_label("Message", exact=True).press_sequentially("Wait")
        await expect(ben.page.locator(".chat form .hint")).to_contain_text(f"{ana.person.username} is writing")
        await ana.page.get_by_label("Message", exact=True).fill("")
        await expect(ben.page.locator(".chat form .hint")).to_have_text("")
        await expect(ben.page.locator("[data-where]")).to_have_text("in main.py")
        await ana.page.get_by_role("button", name="New file").click()
        await ana.page.get_by_label("Name, with its ending").fill("notes.md")
        await ana.page.keyboard.press("Enter")
        await expect(ben.page.locator("[data-where]")).to_have_text("in notes.md")
        await ana.writes("Control+End", "hello")
        await ben.page.locator("[data-where]").click()
        await expect(ben.page.get_by_role("tab", selected=True)).to_have_text("notes.md")
        await expect(ben.page.locator(".caret b")).to_have_text(ana.person.username)

    async def test_they_write_in_the_same_file(self, room: Room) -> None:
        ana, ben = room.ana, room.ben
        await asyncio.gather(ana.writes("Control+Home", "# from ana\n"), ben.writes("Control+End", "\n# from ben 😀"))
        await room.same_code("# from ana", "print('why')", "# from ben 😀")
        await ana.page.keyboard.press("Control+z")  # one's own, never the other's
        await until(lambda: _lacks(ben, "# from ana"), "undone")
        await room.same_code("# from ben 😀")
        for side in (ana, ben):
            await side.is_saved()
            assert side.wrong() == []

    async def test_files_come_and_go(self, room: Room) -> None:
        ana, ben = room.ana.page, room.ben.page
        await ana.get_by_role("button", name="Rename main.py").click()
        await ana.get_by_label("Name, with its ending").fill("app.ts")
        await ana.keyboard.press("Enter")
        await expect(ben.get_by_role("tab")).to_have_text(["app.ts"])
        await expect(ben.get_by_label("Language", exact=True)).to_have_value("typescript")
        for name in ("a.py", "b.py"):
            await ana.get_by_role("button", name="New file").click()
            await ana.get_by_label("Name, with its ending").fill(name)
            await ana.keyboard.press("Enter")
        await room.ana.writes("Control+End", "in b")
        await expect(ben.get_by_role("tab")).to_have_text(["app.ts", "a.py", "b.py"])
        await ana.get_by_role("button", name="Delete b.py").click()
        await expect(ben.get_by_role("tab")).to_have_text(["app.ts", "a.py"])
        await ana.get_by_role("button", name="Undo").click()
        await expect(ben.get_by_role("tab")).to_have_text(["app.ts", "a.py", "b.py"])
        await ben.get_by_role("tab", name="b.py").click()
        await room.same_code("in b")

    async def test_by_keyboard_alone(self, room: Room) -> None:
        page = room.ana.page
        await page.get_by_role("button", name="New file").press("Enter")
        await page.keyboard.type("b.py")
        await page.keyboard.press("Enter")
        await expect(room.ana.editor).to_be_focused()
        await page.keyboard.type("x")
        await page.keyboard.press("Tab")  # indents
        await expect(room.ana.editor).to_be_focused()
        await page.keyboard.press("Escape")
        await page.keyboard.press("Tab")
        await expect(room.ana.editor).not_to_be_focused()
        await page.get_by_role("tab", selected=True).focus()
        await page.keyboard.press("ArrowLeft")
        await expect(page.get_by_role("tab", name="main.py")).to_be_focused()
        await expect(page.get_by_role("tab", selected=True)).to_have_text("main.py")
        await page.keyboard.press("End")
        await expect(page.get_by_role("tab", selected=True)).to_have_text("b.py")


async def _lacks(side: Side, part: str) -> bool:
    return part not in await side.code()


async def _keeps_a_draft(page: Page) -> bool:
    kept: bool = await page.evaluate("Object.keys(localStorage).some(key => key.startsWith('draft:room-'))")
    return kept


class TestWhateverBecomesOfTheLine:
    async def test_what_both_write_meanwhile_comes_together(self, room: Room) -> None:
        ana, ben = room.ana, room.ben
        await ana.says("before")
        await room.same_chat("before")
        ana.wire.cut()
        banner = ana.page.locator("[data-line]")
        await expect(banner).to_contain_text("Reconnecting …")
        await ana.says("ana 1")
        await ana.says("ana 2")
        await ben.says("ben 1")
        await ana.writes("Control+Home", "# from ana\n")
        await ben.writes("Control+End", "\n# from ben")
        await ben.is_saved()
        await expect(ana.page.locator("[data-state=offline]")).to_be_visible()
        assert await ana.heard(waiting=True) == ["ana 1", "ana 2"]
        ana.wire.mend()
        await ana.page.get_by_role("button", name="Try now").click(timeout=MILLISECONDS)
        await room.same_chat("before", "ben 1", "ana 1", "ana 2")
        await room.same_code("# from ana", "print('why')", "# from ben")
        await ana.is_saved()
        await expect(banner).to_be_hidden()
        assert await ana.heard(waiting=True) == []
        assert ana.wrong() == ben.wrong() == []

    async def test_what_waits_survives_a_reload(self, room: Room) -> None:
        ana = room.ana
        await ana.page.get_by_label("Message", exact=True).fill("a draft")
        await until(lambda: _keeps_a_draft(ana.page), "the draft is kept")
        ana.wire.freeze()
        await ana.page.evaluate("window.dispatchEvent(new Event('offline'))")
        await expect(ana.page.locator("[data-line]")).to_be_visible()
        await ana.writes("Control+Home", "# while frozen\n")
        await ana.says("sent while frozen")
        await ana.page.get_by_label("Message", exact=True).fill("a draft")
        await until(lambda: _keeps_a_draft(ana.page), "the draft is kept")
        ana.wire.mend()
        ana.page.on("dialog", lambda dialog: dialog.accept())
        await ana.page.reload()
        await room.same_chat("sent while frozen")
        await room.same_code("# while frozen", "print('why')")
        await expect(ana.page.get_by_label("Message", exact=True)).to_have_value("a draft")
        await ana.is_saved()

    async def test_the_server_may_start_again(self, room: Room, room_server: Server) -> None:
        await room.ana.says("before")
        await room.same_chat("before")
        await room.ana.writes("Control+Home", "# before\n")
        await room.same_code("# before")
        for side in (room.ana, room.ben):
            await side.is_saved()
        room_server.kill()
        await expect(room.ben.page.locator("[data-line]")).to_be_visible()
        await room.ben.says("while it was away")
        await room.ben.writes("Control+End", "\n# while it was away")
        room_server.start()
        await room.same_chat("before", "while it was away")
        await room.same_code("# before", "# while it was away")

    async def test_a_great_change_goes_in_parts(self, room: Room) -> None:
        """Undoing brings back at once what was written in many steps: more than one message may hold."""
        ana = room.ana
        lines = "é😀x" * 20 + "\n"
        for _ in range(4):
            await ana.editor.click()
            await ana.page.keyboard.press("Control+End")
            await ana.page.evaluate(PASTE, lines * 200)
            await ana.is_saved()
        await room.stored(lambda text: text.count(lines) == 800)
        await asyncio.sleep(1)  # what is done within half a second of each other is undone together
        await ana.page.keyboard.press("Control+a")
        await ana.page.keyboard.press("Delete")
        await room.stored(lambda text: text == "")
        await ana.page.keyboard.press("Control+z")
        await room.stored(lambda text: text.startswith("print('why')") and text.count(lines) == 800)
        await ana.is_saved()
        for side in (ana, room.ben):
            await side.editor.click()
            await side.page.keyboard.press("Control+End")
            await expect(side.page.locator("[data-place]")).to_have_text("Ln 802, Col 1")
        assert room.ana.wrong() == room.ben.wrong() == []

    async def test_too_much_at_once_is_refused_in_words(self, room: Room) -> None:
        ana = room.ana
        before = await ana.code()
        await ana.editor.click()
        await ana.page.evaluate(PASTE, "x" * 40_001)
        await expect(ana.page.locator(".toast")).to_contain_text("too much at once")
        assert await ana.code() == before

    async def test_who_is_signed_out_elsewhere_signs_in_and_is_back(self, room: Room) -> None:
        page, person = room.ana.page, room.ana.person
        signed_in = await person.expect(200, "GET", "/auth/signins")
        for each in signed_in["items"]:
            if not each["is_current"]:
                await person.expect(204, "DELETE", f"/auth/signins/{each['id']}")
        await page.wait_for_url("**/signin?next=**", timeout=MILLISECONDS)
        await page.get_by_label("Username or e-mail").fill(person.username)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.locator("main").get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"**/app/sessions/{room.session['id']}/room", timeout=MILLISECONDS)
        await room.ben.says("There you are")
        await room.same_chat("There you are")


class TestTime:
    async def test_more_is_asked_for_and_agreed_to(self, room: Room) -> None:
        ana, ben = room.ana.page, room.ben.page
        await ana.get_by_role("button", name="Ask for 10 more").click()
        await expect(ana.locator("[data-i-ask]")).to_contain_text("has not answered yet")
        await expect(ben.locator("[data-other-asks]")).to_contain_text("asks for 10 more minutes.")
        await ben.get_by_role("button", name="Not now").click()
        await expect(ana.locator("[data-i-ask]")).to_be_hidden()
        await ana.get_by_role("button", name="Ask for 10 more").click()
        await ben.get_by_role("button", name="Agree").click()
        for page in (ana, ben):
            await expect(page.get_by_role("timer")).to_have_text(re.compile(r"2[0-4]:\d\d"))

    async def test_end_ends_for_both(self, room: Room) -> None:
        ana, ben = room.ana.page, room.ben.page
        await room.ben.says("Bye")
        await room.same_chat("Bye")
        await ben.get_by_role("button", name="End", exact=True).click()
        await ben.get_by_role("button", name="End session").click()
        for page in (ana, ben):
            await expect(page.locator("[data-over]")).to_be_visible()
            await expect(page.get_by_label("Message", exact=True)).to_be_hidden()
            await expect(page.locator(".cm-content")).to_have_attribute("aria-readonly", "true")
        await ana.get_by_role("link", name="Read the transcript").click()
        await expect(ana.locator(".said")).to_contain_text("Bye")
        await ana.get_by_role("button", name="Attach to the ticket").click()
        await expect(ana.locator("aside")).to_contain_text("It is attached to the ticket")
        assert room.ana.wrong() == room.ben.wrong() == []


class TestForEverybody:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    async def test_the_room_in_use_is_accessible(self, room: Room, scheme: Any) -> None:
        ana, ben = room.ana, room.ben
        await ana.says("A message with `code`")
        await ben.writes("Control+End", "\n# from ben")
        await room.same_code("# from ben")
        await room.same_chat("A message with ")
        await ana.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert await faults_of_strict(ana.page) == []
        await ana.page.get_by_role("button", name="End", exact=True).click()
        assert await faults_of_strict(ana.page) == []

    async def test_others_are_heard_once_and_not_again(self, room: Room) -> None:
        ana, ben = room.ana, room.ben
        spoken = "Object.assign(window, { spoken: [] }); new MutationObserver(all => all.forEach(one => one.addedNodes"
        spoken += ".forEach(each => spoken.push(each.textContent)))).observe($1, { childList: true })"
        await ben.page.evaluate(spoken.replace("$1", "document.querySelector('[data-heard]')"))
        await ben.says("mine")
        await ana.says("yours")
        await room.same_chat("mine", "yours")
        ben.wire.cut()
        await expect(ben.page.locator("[data-line]")).to_be_visible()
        ben.wire.mend()
        await expect(ben.page.locator("[data-line]")).to_be_hidden()
        await ana.says("again")
        await room.same_chat("mine", "yours", "again")
        assert await ben.page.evaluate("spoken") == [f"{ana.person.username}: yours", f"{ana.person.username}: again"]

    async def test_on_a_phone(self, room: Room, browser: Browser) -> None:
        url = f"http://{room.ben.page.url.split('/')[2]}"
        phone = {"width": 390, "height": 844}
        page, _ = await enter(
            browser, url, room.ben.person, room.session["id"], viewport=phone, has_touch=True, is_mobile=True
        )
        await expect(page.locator(".cm-content")).to_have_attribute("contenteditable", "false")
        await expect(page.get_by_role("button", name="New file")).to_be_hidden()
        await room.ana.says("Are you there?")
        await expect(page.locator(".pane-choice .count")).to_contain_text("1")
        await expect(page).to_have_title(re.compile("1 new"))
        await page.locator("label:has(#see-chat)").click()
        await expect(page.locator(".bubble")).to_be_visible()
        await expect(page.locator(".pane-choice .count")).to_be_hidden()
        assert await page.evaluate("document.documentElement.scrollWidth") <= phone["width"]
        await page.context.close()


async def faults_of_strict(page: Page) -> list[str]:
    """What axe-core finds; its script gets past our policy as the tools of a browser do."""
    session = await page.context.new_cdp_session(page)
    await session.send("Page.setBypassCSP", {"enabled": True})
    return await faults_of(page)
