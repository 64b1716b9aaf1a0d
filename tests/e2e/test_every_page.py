"""What holds for every page, in a real browser: no errors, accessible, narrow and zoomed, light in weight."""

from asyncio import gather
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.async_api import Browser, Page, Response, ViewportSize

from tests.support.browser import observe
from tests.support.community import ADMIN, MENTOR, STUDENT, VISITOR, Sight, signed_in

pytestmark = pytest.mark.anyio

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
HEAVIEST_BYTES = 60_000
HEAVIEST_ROOM_BYTES = 300_000
"""A room brings an editor that two can write in. It is entered on purpose, once an hour at most, and then kept."""
FIND = """
axe.run({ resultTypes: ["violations"] }).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`)))
"""
TABS = 3
NARROW: ViewportSize = {"width": 360, "height": 740}
ZOOMED: ViewportSize = {"width": 640, "height": 450}  # 1280 pixels at 200 %
WIDE: ViewportSize = {"width": 1280, "height": 900}
EVERYBODY = (VISITOR, STUDENT, MENTOR, ADMIN)


async def faults_of(page: Page) -> list[str]:
    """What axe-core finds."""
    await page.evaluate(f"if (!window.axe) {{ {AXE} }}")
    found: list[str] = await page.evaluate(FIND)
    return found


async def look_at(sights: Iterable[Sight], look: Callable[[Sight], Awaitable[None]]) -> None:
    """Look at many pages, a few at a time."""
    left = iter(sights)

    async def some() -> None:
        for sight in left:
            await look(sight)

    await gather(*(some() for _ in range(TABS)))


async def overflow_of(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    width: int = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def heard(page: Page) -> list[Response]:
    """The answers that a page gets from now on, but for the stream, which goes on."""
    answers: list[Response] = []

    def hear(answer: Response) -> None:
        if answer.request.resource_type != "eventsource":
            answers.append(answer)

    page.on("response", hear)
    return answers


def heaviest(name: str) -> int:
    """How many bytes the first visit of a page may take."""
    return HEAVIEST_ROOM_BYTES if "-room-" in name else HEAVIEST_BYTES


@pytest.mark.parametrize("who", EVERYBODY)
async def test_every_page_is_accessible(
    who: str, browser: Browser, community_url: str, all_sights: list[Sight]
) -> None:
    """In light, then in dark: without motion, so that no colour is on its way when it is looked at."""
    context = await signed_in(browser, community_url, who, viewport=WIDE, bypass_csp=True, reduced_motion="reduce")
    page = await context.new_page()
    faults = {}
    for sight in (each for each in all_sights if each.who == who):
        await page.emulate_media(color_scheme="light")
        await page.goto(sight.path)
        faults[f"{sight.name}, light"] = await faults_of(page)
        await page.emulate_media(color_scheme="dark")
        faults[f"{sight.name}, dark"] = await faults_of(page)
    await context.close()
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("who", EVERYBODY)
async def test_every_page_is_whole_and_light(
    who: str, browser: Browser, community_url: str, all_sights: list[Sight]
) -> None:
    """Nothing wrong in the console, nothing from other hosts, no sideways scroll on a phone or zoomed in, and few bytes
    on a first visit.
    """
    signed = await signed_in(browser, community_url, who)
    state = await signed.storage_state()
    await signed.close()
    wrong: dict[str, list[str]] = {}

    async def look(sight: Sight) -> None:
        context = await browser.new_context(  # one for each, whose cache is empty
            base_url=community_url, storage_state=state, viewport=NARROW
        )
        page = await context.new_page()
        observed, answers = observe(page), heard(page)
        answer = await page.goto(sight.path, wait_until="networkidle")
        assert answer is not None
        found = [error for error in observed.errors if f"status of {sight.status}" not in error] + observed.foreign
        if answer.status != sight.status:
            found.append(f"status {answer.status}")
        sizes = [await each.request.sizes() for each in answers]
        weight = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
        if not 0 < weight <= heaviest(sight.name):
            found.append(f"{weight} bytes")
        if (blocking := await page.locator("head link[rel=stylesheet], head script:not([type=module])").count()) > 2:
            found.append(f"{blocking} files are waited for")
        for size in (NARROW, ZOOMED):
            await page.set_viewport_size(size)
            if (wider := await overflow_of(page)) > 0:
                found.append(f"{wider} pixels too wide at {size['width']}")
        if await page.locator("h1").count() != 1:
            found.append("not one h1")
        wrong[sight.name] = found
        await context.close()

    await look_at((each for each in all_sights if each.who == who), look)
    assert {name: found for name, found in wrong.items() if found} == {}
