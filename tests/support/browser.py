"""A real Chromium for tests, cut off from every host but this one."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, async_playwright, expect

from tests.support.patience import PATIENCE_SECONDS

expect.set_options(timeout=PATIENCE_SECONDS * 1000)

NAMES = ("chromium", "chromium-browser", "google-chrome")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    # What lies elsewhere cannot be reached, not even by a socket or a worker that the test does not watch.
    "--host-resolver-rules=MAP * ~NOTFOUND, " + ", ".join(f"EXCLUDE {host}" for host in LOOPBACK),
)
LINGERING = """
{
  const later = window.setTimeout, toast = 8000;
  window.setTimeout = (work, pause, ...given) => later(work, pause === toast ? 20 * toast : pause, ...given);
}
"""


class ChromiumNotFound(Exception):
    """No browser to test with; the text says how to get one."""


def find_chromium() -> str:
    """The path of the browser: `CHROMIUM_PATH`, or else the first known name on PATH.

    Raises:
        ChromiumNotFound: there is none, or `CHROMIUM_PATH` names no program.
    """
    named = os.environ.get("CHROMIUM_PATH")
    candidates = [named] if named else NAMES
    found = next((path for name in candidates if (path := shutil.which(name))), None)
    if found is None:
        missing = f"CHROMIUM_PATH={named} is no program" if named else f"none of {', '.join(NAMES)} is on PATH"
        raise ChromiumNotFound(
            f"The browser tests need Chromium, and {missing}. Install it (Debian: apt-get install chromium), "
            "or set CHROMIUM_PATH to its program."
        )
    return found


@asynccontextmanager
async def launched_chromium() -> AsyncIterator[Browser]:
    """The system's Chromium, driven by Playwright; closed at the end.

    Raises:
        ChromiumNotFound: there is none.
    """
    path = find_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        browser.new_context = _patient(browser.new_context)  # type: ignore[method-assign, assignment]
        try:
            yield browser
        finally:
            await browser.close()


def _patient(new_context: Callable[..., Awaitable[BrowserContext]]) -> Callable[..., Awaitable[BrowserContext]]:
    """Contexts in which whatever is waited for may take long, and what goes by itself stays long enough to be seen."""

    async def make(**options: Any) -> BrowserContext:
        context = await new_context(**options)
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        await context.add_init_script(LINGERING)
        return context

    return make


@dataclass
class Observed:
    """What a page did behind its appearance; a sound page leaves both lists empty."""

    errors: list[str] = field(default_factory=list)
    """Console errors (violations of the content security policy are among them) and uncaught exceptions."""

    foreign: list[str] = field(default_factory=list)
    """Addresses on other hosts that it asked for, whether or not they answered."""

    def listen(self, page: Page) -> None:
        """Record everything that happens on `page` from now on."""
        page.on("console", self._console)
        page.on("pageerror", self._exception)
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location['url']})")

    def _exception(self, error: Error) -> None:
        self.errors.append(str(error))

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.hostname not in ("127.0.0.1", "localhost", "::1"):
            self.foreign.append(request.url)


def observe(page: Page) -> Observed:
    """Begin to record the errors and foreign requests of `page`."""
    observed = Observed()
    observed.listen(page)
    return observed
