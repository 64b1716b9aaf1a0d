"""What one is told arrives by itself, in every tab, by one stream."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser, BrowserContext, Page, Request, expect

from tests.e2e.test_every_page import faults_of
from tests.support.browser import Observed, observe
from tests.support.life import ticket_in
from tests.support.patience import PATIENCE_SECONDS, until
from tests.support.people import PASSWORD, Person, join, join_quietly

pytestmark = pytest.mark.anyio

PATH = "/app/notifications"


@dataclass
class Told:
    """A student who looks, and the mentor who has the ticket."""

    student: Person
    mentor: Person
    ticket: dict[str, Any]
    context: BrowserContext
    streams: list[str]
    """The addresses of all streams that were opened."""

    async def say(self, body: str) -> None:
        """Let the student be told something."""
        await self.mentor.expect(201, "POST", f"/tickets/{self.ticket['id']}/messages", {"body": body})

    async def has(self, unread: int) -> None:
        """Wait until the server has told the student."""

        async def has_told() -> bool:
            counted = await self.student.expect(200, "GET", "/notifications/unread-count")
            return bool(counted["unread"] == unread)

        await until(has_told)

    async def open(self, path: str) -> tuple[Page, Observed]:
        """One more tab."""
        page = await self.context.new_page()
        observed = observe(page)
        await page.goto(path)
        return page, observed


@pytest.fixture
async def told(browser: Browser, live_url: str) -> AsyncIterator[Told]:
    """Somebody who has read everything."""
    async with httpx2.AsyncClient(base_url=live_url, timeout=PATIENCE_SECONDS) as client:
        name = token_hex(4)
        ana = await join_quietly(client, "student", f"ana-{name}")
        ben = await join(client, "mentor", f"ben-{name}")
        ticket = await ticket_in("assigned", ana, ben)
        context = await browser.new_context(base_url=live_url)
        streams: list[str] = []
        told = Told(ana, ben, ticket, context, streams)
        await told.has(1)
        await ana.expect(200, "POST", "/notifications/read-all")

        def asked(request: Request) -> None:
            if request.resource_type == "eventsource":
                streams.append(request.url)

        context.on("request", asked)
        page = await context.new_page()
        await page.goto("/signin?next=/app/settings")
        await page.get_by_label("Username or e-mail").fill(ana.username)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.locator("main").get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/app/settings")
        await page.close()
        streams.clear()
        yield told
        await context.close()


async def has_unread(page: Page, count: int) -> None:
    """The bell, and the page's title, say so."""
    name = f"Notifications, {count} unread" if count else "Notifications"
    bell = page.get_by_role("banner").get_by_role("button", name=name, exact=True)
    await expect(bell).to_be_visible()
    title = await page.title()
    assert title.startswith(f"({count}) ") if count else not title.startswith("("), title


async def test_two_tabs_hear_it_by_one_stream_and_the_second_takes_over(told: Told) -> None:
    first, one = await told.open("/app/settings")
    await has_unread(first, 0)
    second, two = await told.open("/app/bookmarks")
    await told.say("One")
    for page in (first, second):
        await has_unread(page, 1)
        await expect(page.locator(".toast")).to_have_text(f"{told.mentor.username} wrote to youWhy is my list None?")
    assert len(told.streams) == 1
    await first.close()
    await told.say("Two")
    await has_unread(second, 1)  # one line, which stands for two messages
    await expect(second.locator(".toast")).to_contain_text("2 new messages from")
    await until(lambda: len(told.streams) >= 2)
    assert "?after=" in told.streams[1]
    await told.mentor.expect(200, "POST", f"/tickets/{told.ticket['id']}/resolve", {"solution": "So."})
    await has_unread(second, 2)
    await expect(second.locator(".toast")).to_contain_text("posted a solution")
    await expect(second.locator(".toast")).to_have_count(1)
    await second.locator(".toast a").click()
    await second.wait_for_url(f"**/app/tickets/{told.ticket['id']}")
    await has_unread(second, 0)  # both were about this ticket
    assert (one.errors, two.errors) == ([], [])


async def test_what_comes_while_tabs_change_hands_is_not_lost(told: Told) -> None:
    pages = [(await told.open("/app/settings"))[0] for _ in range(4)]
    await has_unread(pages[0], 0)
    await told.say("Before")
    for page in pages:
        await has_unread(page, 1)
    for n, page in enumerate(pages[:-1]):
        await asyncio.gather(page.close(), told.say(f"While it closes {n}"))
    last = pages[-1]
    await expect(last.locator(".toast")).to_contain_text("4 new messages")
    await has_unread(last, 1)


async def test_a_ticket_that_is_open_needs_no_toast_and_is_read(told: Told) -> None:
    page, observed = await told.open(f"/app/tickets/{told.ticket['id']}")
    await has_unread(page, 0)
    async with page.expect_request(f"**{PATH}/about/tickets/{told.ticket['id']}"):
        await told.say("Are you **there**?")
    await expect(page.locator(".thread").get_by_text("Are you there?")).to_be_visible()
    await has_unread(page, 0)
    assert await page.locator(".toast").count() == 0
    assert (await told.student.expect(200, "GET", "/notifications/unread-count"))["unread"] == 0
    assert observed.errors == []


async def test_the_bell_opens_the_newest_and_all_can_be_read(told: Told) -> None:
    page, observed = await told.open("/app/settings")
    await has_unread(page, 0)
    await told.say("Hello")
    await has_unread(page, 1)
    await page.get_by_role("button", name="Notifications, 1 unread").focus()
    await page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Notifications")
    await expect(panel.get_by_role("link", name=f"{told.mentor.username} wrote to you")).to_be_visible()
    await told.say("Again")
    await expect(panel.get_by_role("link", name="2 new messages")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(panel.get_by_role("button", name="Mark all read")).to_be_focused()
    await page.keyboard.press("Enter")
    await has_unread(page, 0)
    await expect(panel.get_by_role("button", name="Mark all read")).to_be_focused()
    await expect(panel.get_by_text("Unread")).to_have_count(0)
    assert await faults_of(page) == []
    await panel.get_by_role("link", name="All notifications").click()
    await page.wait_for_url(f"**{PATH}")
    assert observed.errors == []


async def test_the_list_waits_to_be_asked(told: Told) -> None:
    await told.say("First")
    await told.has(1)
    page, observed = await told.open(PATH)
    line = page.locator("#inbox li.mine")
    await expect(line).to_have_count(1)
    await has_unread(page, 1)
    await told.mentor.expect(200, "POST", f"/tickets/{told.ticket['id']}/resolve", {"solution": "So."})
    await expect(page.get_by_text("There is something new.")).to_be_visible()
    await has_unread(page, 2)
    await expect(line).to_have_count(1)
    assert await page.locator(".toast").count() == 0
    await page.get_by_role("link", name="Show new").click()
    await expect(line).to_have_count(2)
    await page.get_by_role("button", name="wrote to you” read").click()
    await expect(line).to_have_count(1)
    await has_unread(page, 1)
    focused = await page.evaluate("document.activeElement.textContent")
    assert "wrote to you" in focused
    await page.get_by_label("Kind").focus()
    await page.get_by_label("Kind").select_option("Messages")
    await expect(line).to_have_count(0)
    await expect(page.get_by_label("Kind")).to_be_focused()
    await page.get_by_role("link", name="All", exact=True).click()
    await page.get_by_role("main").get_by_role("button", name="Mark all read").click()
    await has_unread(page, 0)
    await expect(page.locator("#say")).to_contain_text("1 notification marked as read")
    await expect(page.get_by_role("main").get_by_role("button", name="Mark all read")).to_be_focused()
    assert observed.errors == []


async def test_without_locks_every_tab_has_a_stream_of_its_own(told: Told) -> None:
    await told.context.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined })")
    pages = [(await told.open("/app/settings"))[0] for _ in range(2)]
    for page in pages:
        await has_unread(page, 0)
    await told.say("Hello")
    for page in pages:
        await has_unread(page, 1)
        await expect(page.locator(".toast")).to_have_count(1)
    assert len(told.streams) == 2


async def test_a_stream_that_is_refused_is_tried_again(told: Told) -> None:
    await told.say("Hello")
    await told.has(1)
    await told.context.route(f"**{PATH}/stream*", lambda route: route.fulfill(status=503), times=1)
    page, _ = await told.open("/app/settings")
    await has_unread(page, 1)  # by the count alone
    async with page.expect_response(f"**{PATH}/stream*"):
        pass  # the next try
    await told.say("Again")
    await expect(page.locator(".toast")).to_contain_text("2 new messages")
    await page.context.unroute_all()


async def test_signing_out_ends_it_in_every_tab(told: Told) -> None:
    first, _ = await told.open("/app/settings")
    second, observed = await told.open("/app/bookmarks")
    await has_unread(first, 0)
    await has_unread(second, 0)
    await first.get_by_role("button", name="Your menu").click()
    await first.get_by_role("button", name="Sign out", exact=True).click()
    await first.wait_for_url("**/")
    locks = "navigator.locks.query().then(({ held, pending }) => [...held, ...pending].length)"

    async def are_given_back() -> bool:
        return bool(await second.evaluate(locks) == 0)

    await until(are_given_back)
    assert len(told.streams) == 1
    assert observed.errors == []


async def test_a_queue_hears_of_a_new_ticket_at_once(browser: Browser, live_url: str) -> None:
    topic = f"topic-{token_hex(3)}"
    async with httpx2.AsyncClient(base_url=live_url, timeout=PATIENCE_SECONDS) as client:
        ana, ben = await join(client, "student", f"a-{topic}"), await join(client, "mentor", f"b-{topic}", [topic])
        context = await browser.new_context(base_url=live_url)
        page = await context.new_page()
        await page.goto("/signin?next=/app/queue")
        await page.get_by_label("Username or e-mail").fill(ben.username)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.locator("main").get_by_role("button", name="Sign in").click()
        await has_unread(page, 0)
        await ana.ask(tags=[topic])
        await has_unread(page, 1)
        await expect(page.get_by_text("1 new ticket matches you.")).to_be_visible()
        await context.close()


async def test_without_scripts_the_bell_is_a_link(told: Told, browser: Browser, live_url: str) -> None:
    await told.say("Hello")
    await told.has(1)
    state = await told.context.storage_state()
    context = await browser.new_context(base_url=live_url, storage_state=state, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/app")
    await page.get_by_role("banner").get_by_role("link", name="Notifications").click()
    await page.wait_for_url(f"**{PATH}")
    await page.get_by_role("button", name="Mark “").click()
    await page.wait_for_url(f"**{PATH}")
    await expect(page.locator("#inbox li.mine")).to_have_count(0)
    await page.locator("#inbox li a").first.click()
    await page.wait_for_url(f"**/app/tickets/{told.ticket['id']}")
    await context.close()
