"""The page behind the link of a mail: it says what it does, and one button does it, for whoever has the link."""

import httpx2
import pytest

from mentorq.notifications import letters
from mentorq.settings import Settings
from tests.support.people import Join

pytestmark = pytest.mark.anyio
BROWSER = {"Accept": "text/html"}


async def test_a_button_ends_the_mails(client: httpx2.AsyncClient, student: Join, settings: Settings) -> None:
    ana = await student()
    address = letters.unsubscribe_url(settings, ana.id, "message_posted").removeprefix(settings.public_url)
    page = await client.get(address, headers=BROWSER)
    assert page.status_code == 200
    assert f'action="{address.replace("&", "&amp;")}"' in page.text
    assert "No mail about new messages any longer" in page.text
    done = await client.post(address, headers=BROWSER)
    assert done.status_code == 303
    assert "You are unsubscribed" in (await client.get(done.headers["location"], headers=BROWSER)).text
    assert (await ana.get("/notifications/preferences")).json()["message_posted"]["email"] == "off"


async def test_looking_at_the_page_changes_nothing(
    client: httpx2.AsyncClient, student: Join, settings: Settings
) -> None:
    ana = await student()
    address = letters.unsubscribe_url(settings, ana.id, "digest").removeprefix(settings.public_url)
    await client.get(address, headers=BROWSER)
    assert (await ana.get("/notifications/preferences")).json()["ticket_matching"]["email"] == "daily"
    await client.post(address)
    assert (await ana.get("/notifications/preferences")).json()["ticket_matching"]["email"] == "off"


@pytest.mark.parametrize("change", [("proof=", "proof=x"), ("of=digest", "of=nonsense"), ("user=", "user=9")])
async def test_a_link_that_is_not_ours_is_refused(
    client: httpx2.AsyncClient, student: Join, settings: Settings, change: tuple[str, str]
) -> None:
    ana = await student()
    address = letters.unsubscribe_url(settings, ana.id, "digest").removeprefix(settings.public_url)
    assert (await client.get(address.replace(*change), headers=BROWSER)).status_code == 403
    assert (await client.post(address.replace(*change))).status_code == 403
