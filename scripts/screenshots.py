"""Pictures of every page: `python -m scripts.screenshots [--to FOLDER] [--only NAME]`.

Each page of a small demonstration is taken in light and dark, as a phone and as a desktop shows it.
"""

import argparse
import asyncio
import itertools
import tempfile
from pathlib import Path

from playwright.async_api import Browser

from tests.support.browser import launched_chromium
from tests.support.community import ADMIN, MENTOR, STUDENT, VISITOR, community, sights, signed_in

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
SCHEMES = ("light", "dark")


async def take(browser: Browser, url: str, folder: Path, only: str) -> int:
    """Take all pictures; returns how many."""
    wanted = [sight for sight in await asyncio.to_thread(sights, url) if only in sight.name]
    for who, scheme, size in itertools.product((VISITOR, STUDENT, MENTOR, ADMIN), SCHEMES, SIZES):
        context = await signed_in(browser, url, who, color_scheme=scheme, viewport=SIZES[size])
        page = await context.new_page()
        for sight in (each for each in wanted if each.who == who):
            await page.goto(sight.path, wait_until="networkidle")
            await page.screenshot(path=folder / f"{sight.name}-{scheme}-{size}.png", full_page=True)
        await context.close()
    return len(wanted) * len(SCHEMES) * len(SIZES)


async def main() -> None:
    """Serve, look, and go."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--to", type=Path, default=Path("screenshots"))
    options.add_argument("--only", default="", help="Pages whose names contain this.")
    given = options.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, community(Path(home)) as server:
        async with launched_chromium() as browser:
            count = await take(browser, server.url, given.to, given.only)
    print(f"{count} pictures in {given.to}")


if __name__ == "__main__":
    asyncio.run(main())
