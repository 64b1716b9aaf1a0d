"""The whole story in two browsers: asked, accepted, talked about, solved, closed, reviewed; scripts on and off."""

from secrets import token_hex

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import Observed, observe

pytestmark = pytest.mark.anyio

PASSWORD = "a-long-Passphrase-7"


async def join(browser: Browser, url: str, role: str, *, scripts: bool) -> tuple[Page, str, Observed]:
    """Somebody who signs up by the form."""
    context = await browser.new_context(base_url=url, java_script_enabled=scripts)
    page = await context.new_page()
    observed = observe(page)
    name = f"{role}-{token_hex(4)}"
    await page.goto("/")
    await page.get_by_role("link", name="Sign up").first.click()
    await page.get_by_role("radio", name="Mentor" if role == "mentor" else "Learn").check()
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("E-mail").fill(f"{name}@example.org")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Create account").click()
    await page.wait_for_url(f"{url}/app**")
    return page, name, observed


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without"])
async def test_from_a_question_to_a_review(browser: Browser, server_url: str, scripts: bool) -> None:
    tag = f"topic-{token_hex(3)}"
    student, _, first = await join(browser, server_url, "student", scripts=scripts)
    mentor, helper, second = await join(browser, server_url, "mentor", scripts=scripts)

    await student.goto("/app/ask")
    await student.get_by_label("What goes wrong, in one line?").fill(f"My {tag} list is None")
    tags = student.get_by_label("Technologies", exact=True)
    await tags.fill(tag)
    if scripts:
        await tags.press("Enter")
    await student.get_by_label("What did you do").fill("I call:\n\n```python\nx = x.sort()\n```\n\nand it is **None**.")
    await student.get_by_role("button", name="Post ticket").click()
    await expect(student.get_by_role("heading", level=1)).to_have_text(f"My {tag} list is None")
    path = student.url.removeprefix(server_url).split("?")[0]

    await mentor.goto("/app/queue?tab=all&order=newest")
    await mentor.get_by_role("link", name=f"My {tag} list is None").first.click()
    await mentor.wait_for_url(f"**{path}")
    await mentor.get_by_role("button", name="Accept").first.click()
    await expect(mentor.get_by_text("Yours until").first).to_be_visible()
    await mentor.goto(path)
    await say(mentor, "Which version is it?")
    await student.goto(path)
    await expect(student.get_by_text("Which version is it?").first).to_be_visible()
    await say(student, "3.12, on Linux")
    await mentor.goto(path)
    await expect(mentor.get_by_text("3.12, on Linux").first).to_be_visible()
    await mentor.locator(".composer label", has_text="Solution").click()
    await mentor.locator("textarea[name=body]").fill("Use `sorted(x)`: it gives a **new** list.")
    await mentor.get_by_role("button", name="Post solution").click()
    await expect(mentor.get_by_text("it gives a new list").first).to_be_visible()

    await student.goto(path)
    await student.get_by_role("button", name="It works").click()
    await student.get_by_role("radio", name="5").check(force=True)
    await student.locator("textarea[name=comment]").fill("Clear and quick.")
    await student.get_by_role("button", name="review").click()
    await expect(student.get_by_text("Clear and quick.").first).to_be_visible()

    stranger = await (await browser.new_context(base_url=server_url, java_script_enabled=scripts)).new_page()
    await stranger.goto(f"/people/{helper}")
    await expect(stranger.get_by_text("Clear and quick.")).to_be_visible()
    assert first.errors == second.errors == []
    assert first.foreign == second.foreign == []
    for page in (student, mentor, stranger):
        await page.context.close()


async def say(page: Page, text: str) -> None:
    """Send a message from the ticket's page."""
    message = page.locator(".composer label", has_text="Message")
    if await message.count():
        await message.click()
    await page.locator("textarea[name=body]").fill(text)
    await page.get_by_role("button", name="Send message").click()
    await expect(page.locator(".thread").get_by_text(text).first).to_be_visible()
