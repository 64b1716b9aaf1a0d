"""A student books, a mentor accepts in another browser: with scripts and without."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.test_story import join

pytestmark = pytest.mark.anyio

SECONDS = 60_000


async def set_hours(mentor: Page) -> None:
    """Be there every day, from midnight to midnight."""
    await mentor.goto("/app/settings/schedule")
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"):
        await mentor.get_by_role("button", name=f"Add hours: {day}").click()
        row = mentor.get_by_role("group", name=f"{day}, row 1")
        await row.get_by_label("From").fill("00:00")
        await row.get_by_label("To").fill("00:00")
    await mentor.get_by_role("button", name="Save hours").last.click()
    await expect(mentor.get_by_text("Your hours are saved.")).to_be_visible(timeout=SECONDS)


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without"])
async def test_from_a_wish_to_a_booking(browser: Browser, server_url: str, scripts: bool) -> None:
    student, asker, first = await join(browser, server_url, "student", scripts=scripts)
    mentor, helper, second = await join(browser, server_url, "mentor", scripts=scripts)
    await set_hours(mentor)

    await student.goto(f"/people/{helper}")
    await student.get_by_role("link", name="Ask for a session").click()
    await student.get_by_label("Topic").fill("Loops & <lists>")
    await student.locator(".seg label", has_text="30 min").click()
    if not scripts:
        await student.get_by_role("button", name="Show times").click()
    await student.get_by_role("button", name="Later days").click()
    await expect(student.get_by_role("button", name="Earlier days")).to_be_visible(timeout=SECONDS)
    await expect(student.get_by_label("Topic")).to_have_value("Loops & <lists>")
    await expect(student.get_by_role("radio", name="30 min")).to_be_checked()
    await student.locator(".slots label").first.click()
    await student.get_by_role("button", name="Ask for this time").click()
    await student.wait_for_url("**/app/sessions/*", timeout=SECONDS)
    await expect(student.get_by_role("heading", level=1)).to_have_text("Loops & <lists>")
    path = student.url.removeprefix(server_url)

    await mentor.goto("/app/sessions")
    awaiting = mentor.get_by_role("region", name="Awaits you")
    await expect(awaiting).to_contain_text(asker)
    await awaiting.get_by_role("button", name="Accept").click()
    await mentor.wait_for_url(f"**{path}", timeout=SECONDS)
    await expect(mentor.get_by_text("Booked for both of you.", exact=True)).to_be_visible(timeout=SECONDS)

    if not scripts:
        await student.goto(path)
    await expect(student.get_by_text("It is booked for both of you.")).to_be_visible(timeout=SECONDS)
    await student.get_by_role("link", name="Cancel …").click()
    await student.get_by_role("textbox", name="Why?").fill("I found it out.")
    await student.get_by_role("button", name="Cancel the session").click()
    await expect(student.get_by_text("It was cancelled.")).to_be_visible(timeout=SECONDS)
    assert student.url.removeprefix(server_url) == path
    if not scripts:
        await mentor.goto(path)
    await expect(mentor.get_by_text("I found it out.")).to_be_visible(timeout=SECONDS)
    assert first.errors == second.errors == []
    assert first.foreign == second.foreign == []
    for page in (student, mentor):
        await page.context.close()


async def test_asked_for_now_it_begins_at_once(browser: Browser, live_url: str) -> None:
    student, _, first = await join(browser, live_url, "student", scripts=True)
    mentor, helper, second = await join(browser, live_url, "mentor", scripts=True)
    await mentor.goto("/app/queue")
    await expect(mentor.locator("[data-awaiting]")).to_be_hidden()
    await student.goto(f"/app/people/{helper}/book?when=now")
    await expect(student.get_by_role("radio", name="Now")).to_be_checked()
    await student.get_by_role("button", name="Ask for this time").click()
    await student.wait_for_url("**/app/sessions/*", timeout=SECONDS)
    path = student.url.removeprefix(live_url)
    # The number comes by itself, as does the answer to who waits.
    await expect(mentor.locator("[data-awaiting]")).to_have_text("1 await you", timeout=SECONDS)
    await mentor.goto("/app")
    await mentor.get_by_role("region", name="Sessions").get_by_role("button", name="Accept").click()
    await mentor.wait_for_url(f"**{path}", timeout=SECONDS)
    await expect(student.get_by_role("link", name="Open the room")).to_have_attribute(
        "href", f"{path}/room", timeout=SECONDS
    )
    assert first.errors == second.errors == []
    for page in (student, mentor):
        await page.context.close()


async def test_what_would_be_free_follows_the_hours(browser: Browser, server_url: str) -> None:
    mentor, _, observed = await join(browser, server_url, "mentor", scripts=True)
    await mentor.goto("/app/settings/schedule")
    day = f"{datetime.now(UTC):%A}"
    await mentor.get_by_role("button", name=f"Add hours: {day}").click()
    row = mentor.get_by_role("group", name=f"{day}, row 1")
    await expect(row.get_by_label("From")).to_be_focused(timeout=SECONDS)
    await row.get_by_label("From").fill("09:00")
    await row.get_by_label("To").fill("11:00")
    await row.get_by_label("To").blur()
    preview = mentor.get_by_role("region", name="Next free times")
    await expect(preview).to_contain_text("to 11:00", timeout=SECONDS)
    await mentor.get_by_role("button", name=f"Remove: {day}, row 1").click()
    await expect(row).to_have_count(0, timeout=SECONDS)
    await expect(preview).to_contain_text("Fill in some hours", timeout=SECONDS)
    assert observed.errors == []
    await mentor.context.close()
