"""The API's documentation in a real browser: it works offline, and one can sign in and call the API from it."""

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.browser import Observed, observe

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery 9"
METHODS = {"get", "put", "post", "delete", "patch", "options", "head", "trace"}


@pytest.fixture
def observed(browser_page: Page) -> Iterator[Observed]:
    """What the page does; whatever else a test asks, nothing may go wrong unseen or leave this host."""
    observed = observe(browser_page)
    yield observed
    assert observed.errors == []
    assert observed.foreign == []


async def operations(page: Page, server_url: str) -> list[dict[str, Any]]:
    """The operations of the running server's OpenAPI document."""
    answer = await page.request.get(f"{server_url}/openapi.json")
    paths = (await answer.json())["paths"]
    return [operation for path in paths.values() for method, operation in path.items() if method in METHODS]


def listed(all_operations: list[dict[str, Any]]) -> int:
    """How often the viewers list them: once for each tag."""
    return sum(max(1, len(operation.get("tags", []))) for operation in all_operations)


async def sign_up(page: Page, server_url: str) -> str:
    """A fresh student's name."""
    name = f"student{token_hex(6)}"
    account = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "role": "student"}
    answer = await page.request.post(f"{server_url}/auth/signup", data=account)
    assert answer.status == 201, await answer.text()
    return name


async def authorise(page: Page, name: str, password: str) -> Locator:
    """Sign in by the dialogue behind Swagger UI's Authorize button; gives the dialogue's OAuth2 part."""
    await page.locator(".auth-wrapper .btn.authorize").click()
    dialogue = page.locator(".auth-container").filter(has_text="(OAuth2, password)")
    await dialogue.locator("#oauth_username").fill(name)
    await dialogue.locator("#oauth_password").fill(password)
    await dialogue.locator(".auth-btn-wrapper .authorize").click()
    return dialogue


async def call(page: Page, method: str, path: str) -> Locator:
    """Execute an operation that needs no input in Swagger UI; gives the row of what the server answered."""
    summary = page.locator(f'.opblock-summary-path[data-path="{path}"]')
    operation = page.locator(f".opblock-{method}").filter(has=summary).first
    await operation.locator(".opblock-summary-control").click()
    await operation.locator(".execute").click()
    return operation.locator(".live-responses-table tbody tr.response")


async def test_redoc_shows_every_operation(server_url: str, browser_page: Page, observed: Observed) -> None:
    await browser_page.goto(f"{server_url}/redoc")
    expected = await operations(browser_page, server_url)
    shown = browser_page.locator("[data-section-id^='operation/']")
    await expect(shown).to_have_count(listed(expected))
    await expect(browser_page.get_by_role("heading", name=expected[0]["summary"]).first).to_be_visible()


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_policy_allows_no_inline_code(server_url: str, browser_page: Page, path: str) -> None:
    answer = await browser_page.request.get(f"{server_url}{path}")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_one_can_read_sign_in_and_call_the_api(server_url: str, browser_page: Page, observed: Observed) -> None:
    name = await sign_up(browser_page, server_url)
    await browser_page.goto(f"{server_url}/docs")
    expected = await operations(browser_page, server_url)
    assert expected
    await expect(browser_page.locator(".opblock")).to_have_count(listed(expected))
    dialogue = await authorise(browser_page, name, PASSWORD)
    await expect(dialogue.get_by_role("button", name="Remove authorization")).to_be_visible()
    await browser_page.locator(".btn-done").first.click()
    answer = await call(browser_page, "get", "/auth/me")
    await expect(answer.locator(".response-col_status")).to_contain_text("200")
    await expect(answer.locator(".response-col_description")).to_contain_text(name)


async def test_a_wrong_password_is_said_and_a_right_one_forgotten_with_the_page(
    server_url: str, browser_page: Page
) -> None:
    observed = observe(browser_page)
    name = await sign_up(browser_page, server_url)
    await browser_page.goto(f"{server_url}/docs")
    dialogue = await authorise(browser_page, name, "not the password")
    await expect(dialogue.locator(".errors")).to_be_visible()
    remove = dialogue.get_by_role("button", name="Remove authorization")
    await expect(remove).to_have_count(0)
    await dialogue.locator("#oauth_password").fill(PASSWORD)
    await dialogue.locator(".auth-btn-wrapper .authorize").click()
    await expect(remove).to_be_visible()
    await browser_page.reload()
    answer = await call(browser_page, "get", "/auth/me")
    await expect(answer.locator(".response-col_status")).to_contain_text("401")
    assert observed.foreign == []
