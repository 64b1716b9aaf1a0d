"""What is solved is found: by a visitor who searches, and by a student before the question is posted."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from secrets import token_hex

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import observe
from tests.support.people import PASSWORD, Person, join, solve

pytestmark = pytest.mark.anyio

SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without"])
PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Solved:
    """An article about a topic of its own, and somebody who is about to ask the same."""

    topic: str
    title: str
    numbers: tuple[int, int]
    path: str
    asker: Person


@pytest.fixture
async def solved(server_url: str) -> AsyncIterator[Solved]:
    """Something that was solved before."""
    topic = f"topic{token_hex(4)}"
    async with httpx2.AsyncClient(base_url=server_url) as client:
        ana = await join(client, "student", f"ana-{topic}")
        ben = await join(client, "mentor", f"ben-{topic}")
        title = f"My {topic} decorator loses its arguments"
        ticket = await solve(ana, ben, title=title, description=f"I wrap {topic}.", tags=[topic])
        path = (await ana.expect(200, "GET", f"/knowledge/{ticket['id']}"))["url"]
        other = await solve(ana, ben, title=f"Numbers are strings {topic[5:]}")
        kim = await join(client, "student", f"kim-{topic}")
        yield Solved(topic, title, (ticket["id"], other["id"]), path, kim)


async def fill_in_sign_in(page: Page, person: Person) -> None:
    """Sign in, on the page for that."""
    await page.get_by_label("Username or e-mail").fill(person.username)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.locator("main").get_by_role("button", name="Sign in").click()


@SCRIPTS
async def test_a_student_finds_the_answer_before_asking(
    browser: Browser, server_url: str, solved: Solved, scripts: bool
) -> None:
    context = await browser.new_context(base_url=server_url, java_script_enabled=scripts)
    page = await context.new_page()
    observed = observe(page)
    await page.goto("/signin?next=/app/ask")
    await fill_in_sign_in(page, solved.asker)
    await page.get_by_label("What goes wrong, in one line?").fill(f"Why does my {solved.topic} decorator fail?")
    if not scripts:
        await page.get_by_role("button", name="Check whether it is solved").click()
    maybe = page.get_by_role("region", name="Maybe already solved")
    # How many there are depends on what others have solved on this server.
    await expect(maybe.get_by_text("solved something like this.")).to_be_visible()
    if scripts:
        await expect(page.locator("#say")).to_have_text(re.compile(r"[1-5] solved tickets? looks? like yours\."))
        await expect(page.get_by_label("What goes wrong, in one line?")).to_be_focused()
        await expect(page.locator("[data-draft-status]")).to_contain_text("Draft saved")
    alike = maybe.get_by_role("listitem").filter(has_text=solved.title)
    await alike.locator("summary").click()
    await expect(alike.get_by_text("sorted(x)")).to_be_visible()
    await alike.get_by_role("button", name="This answers my question").click()

    await page.wait_for_url(f"**{solved.path}")
    await expect(page.get_by_text("we count this as a question answered")).to_be_visible()
    await expect(page.get_by_text("spared 1 question")).to_be_visible()
    await page.goto("/app/ask")
    await expect(page.get_by_label("What goes wrong, in one line?")).to_have_value("")
    assert (observed.errors, observed.foreign) == ([], [])
    await context.close()


@SCRIPTS
async def test_a_visitor_searches_signs_in_and_comes_back(
    browser: Browser, server_url: str, solved: Solved, scripts: bool
) -> None:
    context = await browser.new_context(base_url=server_url, java_script_enabled=scripts)
    page = await context.new_page()
    observed = observe(page)
    await page.goto("/")
    await page.get_by_role("searchbox", name="Search solved tickets").fill(f"{solved.topic} decorators")
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator("#hits mark").first).to_have_text(solved.topic)
    await page.get_by_role("link", name=solved.title).click()
    await page.wait_for_url(f"**{solved.path}")
    await page.get_by_role("button", name="Helpful").click()
    await page.wait_for_url("**/signin?next=**")
    await fill_in_sign_in(page, solved.asker)
    await page.wait_for_url(f"**{solved.path}")
    helpful = page.get_by_role("button", name="Helpful")
    await helpful.click()
    await expect(helpful).to_have_attribute("aria-pressed", "true")
    await expect(helpful).to_contain_text("1")
    await page.get_by_role("button", name="Yes").click()
    await expect(page.get_by_text("1 says yes.")).to_be_visible()

    await page.get_by_role("button", name="Bookmark").click()
    await expect(page.get_by_role("button", name="Bookmark")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("form[action$=bookmark] [name=on]")).to_have_value("")  # the server knows it, too
    assert (observed.errors, observed.foreign) == ([], [])
    await context.close()


@SCRIPTS
async def test_a_bookmark_that_is_removed_comes_back(
    browser: Browser, server_url: str, solved: Solved, scripts: bool
) -> None:
    context = await browser.new_context(base_url=server_url, java_script_enabled=scripts)
    page = await context.new_page()
    observed = observe(page)
    await page.goto(f"/signin?next=/solved?tag={solved.topic}")
    await fill_in_sign_in(page, solved.asker)
    for number in solved.numbers:
        await solved.asker.expect(200, "PUT", f"/knowledge/{number}/bookmark")
    await page.goto("/app/bookmarks")
    rows = page.locator("#hits > li")
    await expect(rows).to_have_count(2)
    for left in (1, 0):
        await page.get_by_role("button", name="Remove the bookmark").first.click()
        await expect(rows).to_have_count(left)
    await expect(page.get_by_text("No bookmarks")).to_be_visible()
    undo = page.get_by_role("button", name="Undo")
    if scripts:
        await expect(undo).to_be_focused()
    await undo.click()
    await expect(rows).to_have_count(1)
    await expect(page.get_by_role("link", name=solved.title)).to_be_visible()
    assert (observed.errors, observed.foreign) == ([], [])
    await context.close()


async def test_results_are_narrowed_in_place_and_by_keyboard(browser: Browser, server_url: str, solved: Solved) -> None:
    context = await browser.new_context(base_url=server_url)
    page = await context.new_page()
    await page.goto("/people")
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox", name="Search solved tickets")).to_be_focused()
    await page.keyboard.type("decorator")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/solved?q=decorator")
    await page.locator(".facets").get_by_role("link", name=solved.topic).click()
    await page.wait_for_url(f"**/solved?q=decorator&tag={solved.topic}")
    await expect(page.get_by_text("1 solved ticket", exact=True).first).to_be_visible()
    await page.get_by_role("link", name=f"Remove the tag {solved.topic}").click()
    await page.wait_for_url("**/solved?q=decorator")
    await page.go_back()
    await page.wait_for_url(f"**/solved?q=decorator&tag={solved.topic}")
    await expect(page.locator("#hits > li")).to_have_count(1)
    await page.goto("/solved")
    await expect(page.locator("#find")).to_be_focused()
    await context.close()


async def test_no_keyboard_comes_up_on_a_phone(browser: Browser, server_url: str) -> None:
    context = await browser.new_context(base_url=server_url, viewport=PHONE, has_touch=True, is_mobile=True)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto("/solved")
    await expect(page.locator("#find")).to_be_visible()
    await expect(page.locator("#find")).not_to_be_focused()
    await context.close()
