"""`mentorq webhook`: registered, tested, looked at and sent again by whoever runs the installation."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.settings import Settings
from tests.cli.conftest import Run
from tests.support.databases import settings_for
from tests.support.people import Join
from tests.support.receiver import Receiver, answers

pytestmark = pytest.mark.anyio

Command = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Of an installation that may talk to loopback."""
    return settings_for(settings.database_url, settings.mentorq_data_dir, allow_private_addresses=True)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A program that wants to know."""
    async with Receiver() as running:
        yield running


@pytest.fixture
def webhook(mentorq: Run) -> Command:
    """`await webhook("list")`: exit code and output, while the receiver goes on answering."""

    async def run(*arguments: str, private: str = "on") -> tuple[int, str]:
        done = await asyncio.to_thread(lambda: mentorq("webhook", *arguments, ALLOW_PRIVATE_ADDRESSES=private))
        return done.returncode, done.stdout + done.stderr

    return run


async def test_from_add_to_remove(
    webhook: Command, database: Database, receiver: Receiver, worker: Worker, student: Join
) -> None:
    assert await webhook("list") == (0, "There are no webhooks.\n")
    code, said = await webhook("add", receiver.url, "--event", "ticket.posted", "--event", "user.joined")
    assert (code, "Webhook 1 is told of ticket.posted, user.joined." in said) == (0, True)
    (secret,) = re.findall(r"whsec_\S{44}", said)
    listed = (await webhook("list"))[1]
    assert f"1  enabled  {receiver.url}  ticket.posted,user.joined" in listed
    assert secret not in listed

    code, said = await webhook("test", "1")
    assert (code, "it answered 200" in said, receiver.received[0].json["type"]) == (0, True, "test")
    receiver.replies = [answers(410)]
    code, said = await webhook("test", "1")
    assert (code, "Not delivered: it answered 410" in said) == (1, True)

    await (await student()).ask()
    await worker.drain()
    assert "disabled (It answered 410" in (await webhook("list"))[1]
    failed = (await webhook("deliveries", "1", "--failed"))[1].splitlines()
    assert re.search(r"^\d+  \S+ \S+ UTC  ticket.posted  failed  1 attempt  ", failed[0])
    newest = failed[0].split("  ")[0]
    assert await webhook("replay", newest) == (1, "This webhook is disabled. Enable it first.\n")

    receiver.replies = [answers(204)]
    assert await webhook("enable", "1") == (0, "Webhook 1 is enabled.\n")
    assert await webhook("replay", newest) == (0, f"Delivery {newest} is sent again.\n")
    await worker.drain()
    assert "delivered  1 attempt  it answered 204" in (await webhook("deliveries", "1", "--limit", "1"))[1]

    assert await webhook("disable", "1") == (0, "Webhook 1 is disabled.\n")
    assert "disabled (Disabled on the command line.)" in (await webhook("list"))[1]
    assert await webhook("remove", "1") == (0, "Webhook 1 is gone.\n")
    assert await webhook("list") == (0, "There are no webhooks.\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["add", "http://hook.example/"], 1, "must begin with https://"),
        (["add", "https://127.0.0.1/"], 1, "private network"),
        (["add", "https://ana:pw@hook.example/"], 1, "must not hold a name or a password"),
        (["add", "nonsense"], 1, "must begin with https://"),
        (["add", "https://hook.example/", "--event", "ticket.eaten"], 2, "There is no event 'ticket.eaten'"),
        (["remove", "7"], 1, "There is no such webhook."),
        (["enable", "7"], 1, "There is no such webhook."),
        (["disable", "7"], 1, "There is no such webhook."),
        (["test", "7"], 1, "There is no such webhook."),
        (["deliveries", "7"], 1, "There is no such webhook."),
        (["replay", "7"], 1, "There is no such delivery."),
        (["remove", "0"], 2, "Invalid value for 'ID'"),
        (["remove", str(2**63)], 2, "Invalid value for 'ID'"),
    ],
)
async def test_what_cannot_be_done_is_a_sentence(
    arguments: list[str], code: int, said: str, webhook: Command, database: Database
) -> None:
    done, output = await webhook(*arguments, private="off")
    assert (done, said in output, "Traceback" in output) == (code, True, False), output


async def test_without_event_it_is_told_everything(webhook: Command, database: Database, receiver: Receiver) -> None:
    assert "user.joined" in (await webhook("add", receiver.url))[1]
    assert "ticket.posted" in (await webhook("list"))[1]
    assert "There are none." in (await webhook("deliveries", "1"))[1]
