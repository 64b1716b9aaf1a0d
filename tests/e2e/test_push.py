"""Notifications while no page is open: the real worker in a real browser, given a message as a push service would."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import observe
from tests.support.patience import PATIENCE_SECONDS
from tests.support.people import PASSWORD, join

pytestmark = pytest.mark.anyio
MESSAGE = {"id": 7, "title": "bo took your ticket", "body": "Why is my list None?", "path": "/app/tickets", "unread": 1}


async def come_in(browser: Browser, url: str, **options: object) -> Page:
    """A new student who looks at the settings."""
    async with httpx2.AsyncClient(base_url=url) as client:
        ana = await join(client, "student")
    context = await browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto("/signin?next=/app/settings")
    await page.get_by_label("Username or e-mail").fill(ana.username)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.wait_for_url("**/app/settings")
    return page


async def test_the_worker_shows_what_is_pushed_once(browser: Browser, server_url: str) -> None:
    page = await come_in(browser, server_url, permissions=["notifications"])
    observed = observe(page)
    session = await page.context.new_cdp_session(page)
    registered: asyncio.Queue[str] = asyncio.Queue()

    def note(event: dict[str, Any]) -> None:
        for each in event["registrations"]:
            registered.put_nowait(each["registrationId"])

    session.on("ServiceWorker.workerRegistrationUpdated", note)
    await session.send("ServiceWorker.enable")
    await page.evaluate("navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready)")
    async with asyncio.timeout(PATIENCE_SECONDS):
        registration = await registered.get()
    push = {"origin": server_url, "registrationId": registration, "data": json.dumps(MESSAGE)}
    for _ in range(2):
        await session.send("ServiceWorker.deliverPushMessage", push)
    shown = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
        .map(({ title, body, tag, data }) => ({ title, body, tag, path: data.path }))"""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await page.evaluate(shown)):
            await asyncio.sleep(0.1)
    assert found == [
        {"title": MESSAGE["title"], "body": MESSAGE["body"], "tag": "n7", "path": "/app/tickets"},
    ]
    assert (observed.errors, observed.foreign) == ([], [])


async def test_nobody_is_asked_before_it_is_turned_on(browser: Browser, server_url: str) -> None:
    page = await come_in(browser, server_url)
    asked = await page.evaluate("Notification.permission")
    assert asked in ("default", "denied")
    assert await page.evaluate("navigator.serviceWorker.getRegistration('/sw.js').then((found) => !found)")
    box = page.locator("[data-push]")
    await expect(box).to_be_visible()
    await expect(box.locator("[data-push-status]")).not_to_be_empty()
