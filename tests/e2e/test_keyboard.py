"""The whole story with the keyboard only: no pointer is ever used."""

import contextlib
from secrets import token_hex

import httpx2
import pytest
from playwright.async_api import Browser, Locator, Page, TimeoutError, expect

from tests.support.browser import observe
from tests.support.people import PASSWORD, Person, join

pytestmark = pytest.mark.anyio

MOST_STEPS = 60


async def reach(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Go on with the keyboard until the focus is there, where it must be seen."""
    for _ in range(MOST_STEPS):
        if await wanted.evaluate("element => element === document.activeElement"):
            assert await wanted.evaluate("element => element.matches(':focus-visible')")
            return
        await page.keyboard.press(key)
    raise AssertionError(f"not reached: {wanted}")


async def write(page: Page, wanted: Locator, text: str) -> None:
    """Type into a field."""
    await reach(page, wanted)
    await page.keyboard.type(text)


async def come_in(browser: Browser, url: str, person: Person) -> Page:
    """Sign in; the browser's first key is Tab, from the top of the page."""
    context = await browser.new_context(base_url=url, viewport={"width": 1400, "height": 900})
    page = await context.new_page()
    await page.goto("/signin")
    await write(page, page.get_by_label("Username or e-mail"), person.username)
    await write(page, page.get_by_label("Password", exact=True), PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{url}/app**")
    return page


async def test_from_a_question_to_a_review(browser: Browser, server_url: str) -> None:
    topic = f"topic-{token_hex(3)}"
    async with httpx2.AsyncClient(base_url=server_url) as client:
        ana = await join(client, "student", f"ana-{topic}")
        ben = await join(client, "mentor", f"ben-{topic}", skills=[topic])
        await ana.ask("An older question of the same kind", tags=[topic])
    student = await come_in(browser, server_url, ana)
    mentor = await come_in(browser, server_url, ben)
    heard = [observe(student), observe(mentor)]

    await student.keyboard.press("c")
    await student.wait_for_url("**/app/ask")
    await write(student, student.get_by_label("What goes wrong, in one line?"), "Why does my loop end?")
    await write(student, student.get_by_label("Technologies", exact=True), topic)
    await student.keyboard.press("Enter")
    await write(student, student.get_by_label("What did you do"), "It stops at `3`.")
    await student.keyboard.press("Control+Enter")
    await expect(student.get_by_role("heading", level=1)).to_have_text("Why does my loop end?")

    for _ in range(MOST_STEPS):  # the second key counts within a second after the first
        await mentor.keyboard.press("g")
        await mentor.keyboard.press("q")
        with contextlib.suppress(TimeoutError):
            await mentor.wait_for_url("**/app/queue", timeout=5000)
            break
    await mentor.wait_for_url("**/app/queue")
    current = mentor.locator("[data-queue] > [aria-current]")
    titles = {await current.locator("h3").inner_text()}
    await mentor.keyboard.press("j")
    titles.add(await current.locator("h3").inner_text())
    assert titles == {"Why does my loop end?", "An older question of the same kind"}
    if await current.locator("h3").inner_text() != "Why does my loop end?":
        await mentor.keyboard.press("k")
    await expect(current).to_contain_text("Why does my loop end?")
    await mentor.keyboard.press("a")
    await expect(mentor.get_by_text("Yours until").first).to_be_visible()

    body = mentor.get_by_label("Your text, in Markdown")
    await write(mentor, body, "What is `x`?")
    await mentor.keyboard.press("Control+Enter")
    await expect(mentor.locator(".thread").get_by_text("What is x?")).to_be_visible()
    await reach(mentor, mentor.get_by_role("radio", name="Message"), "Shift+Tab")
    await mentor.keyboard.press("ArrowRight")
    await write(mentor, body, "Use **range(4)**.")
    await mentor.keyboard.press("Control+Enter")
    await expect(mentor.locator(".thread strong", has_text="range(4)")).to_be_visible()

    await student.reload()
    await reach(student, student.get_by_role("button", name="It works, close"))
    await student.keyboard.press("Enter")
    await reach(student, student.get_by_role("radio", name="1 star"))
    for _ in range(4):
        await student.keyboard.press("ArrowRight")
    await write(student, student.get_by_label("Comment"), "Quick and clear.")
    await student.keyboard.press("Control+Enter")
    review = student.get_by_label("Review")
    await expect(review).to_contain_text("Quick and clear.")
    await expect(review).to_contain_text("5 out of 5 stars")

    assert [page.errors for page in heard] == [[], []]
    for page in (student, mentor):
        await page.context.close()
