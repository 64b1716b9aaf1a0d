"""Choosing a picture in a browser."""

import httpx2
import pytest
from playwright.async_api import Page, expect

from tests.support.people import PASSWORD, join
from tests.support.pictures import plain

pytestmark = pytest.mark.anyio


async def test_a_browser_shows_the_picture_before_it_is_sent(browser_page: Page, server_url: str) -> None:
    async with httpx2.AsyncClient(base_url=server_url) as client:
        ana = await join(client, "student")
    await browser_page.goto(f"{server_url}/signin?next=/app/settings")
    await browser_page.get_by_label("Username or e-mail").fill(ana.username)
    await browser_page.get_by_label("Password", exact=True).fill(PASSWORD)
    await (
        browser_page.locator("form")
        .filter(has=browser_page.get_by_label("Password", exact=True))
        .get_by_role("button", name="Sign in")
        .click()
    )
    field = browser_page.get_by_label("Choose a picture")
    await field.set_input_files({"name": "big.png", "mimeType": "image/png", "buffer": plain() + b"\0" * (3 << 20)})
    assert not await field.evaluate("input => input.checkValidity()")
    await field.set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": plain()})
    await expect(browser_page.locator("[data-picture] img[src^=data]")).to_be_visible()
    await browser_page.get_by_role("button", name="Save picture").click()
    await expect(browser_page.get_by_text("Your picture is saved.")).to_be_visible()
    saved = browser_page.locator("[data-picture] img[src^='/avatars/']")
    await expect(saved).to_be_visible()
    assert await saved.evaluate("async image => (await image.decode(), image.naturalWidth)") == 256
