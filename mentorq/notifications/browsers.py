"""Browsers that show what their owners are told, also while no page is open."""

from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Write
from mentorq.core.web_push import Subscription, require_valid
from mentorq.notifications import queries

MOST_BROWSERS = 20


async def subscribe(db: Write, viewer: Viewer, browser: Subscription) -> None:
    """Show the viewer's notifications in a browser; of more than 20, the oldest ones are forgotten.

    Raises:
        WrongSubscription, AddressRefused: see `web_push.require_valid`.
    """
    require_valid(browser, db.settings)
    await queries.subscribe(db, viewer.id, browser.endpoint, browser.p256dh, browser.auth)
    for row in (await queries.subscriptions(db, viewer.id))[:-MOST_BROWSERS]:
        await queries.unsubscribe(db, row["endpoint"])


async def unsubscribe(db: Write, viewer: Viewer, endpoint: str) -> None:
    """Show nothing there any longer."""
    await queries.unsubscribe(db, endpoint, viewer.id)
