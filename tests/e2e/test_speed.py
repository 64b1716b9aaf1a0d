"""What people see soon over a slow line: the largest contentful paint, on a first visit with nothing kept."""

from collections.abc import Callable

import pytest
from playwright.async_api import Browser

from tests.support.community import MENTOR, STUDENT, VISITOR, Sight, signed_in

pytestmark = pytest.mark.anyio

MOST_SECONDS = 1.0
LOADS = 10
USUAL_SECONDS = 0.3
"""What a page may take by itself, without a line; where a machine takes longer, that is not the page's fault."""

SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
"""As Lighthouse and Chrome's tools have it: 1.6 Mbit/s down, 750 kbit/s up, 150 ms there and back."""

MAIN = {
    VISITOR: ("landing", "sign-in", "mentors", "mentor", "visitor-ticket-closed"),
    STUDENT: ("student-home", "ask", "student-tickets", "ana-ticket-closed"),
    MENTOR: ("queue", "ben-ticket-open", "ben-ticket-assigned"),
}
PAINTED = """
() => new Promise((resolve) => {
  const seen = [];
  new PerformanceObserver((list) => seen.push(...list.getEntries()))
    .observe({ type: "largest-contentful-paint", buffered: true });
  setTimeout(() => resolve(Math.max(0, ...seen.map((entry) => entry.startTime)) / 1000), 100);
})
"""


async def paint_of(browser: Browser, url: str, state: object, path: str, *, is_slow: bool) -> float:
    """Seconds until the largest thing on the page is there."""
    context = await browser.new_context(base_url=url, storage_state=state)  # type: ignore[arg-type]
    page = await context.new_page()
    tools = await context.new_cdp_session(page)
    await tools.send("Network.enable")
    if is_slow:
        await tools.send("Network.emulateNetworkConditions", SLOW_4G)
    await page.goto(path, wait_until="load")
    seconds: float = await page.evaluate(PAINTED)
    await context.close()
    assert seconds > (SLOW_4G["latency"] / 1000 if is_slow else 0), "the line was not slow, or nothing was painted"
    return seconds


@pytest.mark.parametrize("who", MAIN)
async def test_the_largest_thing_is_there_within_a_second(
    who: str,
    browser: Browser,
    community_url: str,
    all_sights: list[Sight],
    record_property: Callable[[str, object], None],
) -> None:
    signed = await signed_in(browser, community_url, who)
    state = await signed.storage_state()
    await signed.close()
    paths = {sight.name: sight.path for sight in all_sights if sight.name in MAIN[who]}
    assert len(paths) >= len(MAIN[who]) - 1  # a small community may have no ticket in one of the states
    slow = {}
    for name, path in paths.items():
        taken: list[float] = []
        while min(taken, default=MOST_SECONDS + 1) > MOST_SECONDS and len(taken) < LOADS:  # a busy machine spoils some
            by_itself = await paint_of(browser, community_url, state, path, is_slow=False)
            over_the_line = await paint_of(browser, community_url, state, path, is_slow=True)
            taken.append(over_the_line - max(0.0, by_itself - USUAL_SECONDS))
        record_property(name, round(min(taken), 3))
        if min(taken) > MOST_SECONDS:
            slow[name] = min(taken)
    assert slow == {}
