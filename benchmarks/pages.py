"""What a page costs beside its data: `python -m benchmarks.pages [--rounds 5] [--seconds 1.5]`.

Each page is asked of `mentorq serve`, and so is every call of the API that a client would need to show the same, in
turns, over one connection. The figure is the page's time by the sum of the calls'; the median of the rounds. The
community is that of `mentorq demo`, on PostgreSQL: real questions, conversations and code. Both sides offer to take
compressed answers, as browsers do, and pages are compressed.
"""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import httpx2

from benchmarks.load import Order, ask
from benchmarks.stage import SignedIn, cpu_seconds
from mentorq.core.database import Database
from mentorq.demo.loading import Size, load
from mentorq.migrations import upgrade
from mentorq.settings import Settings
from tests.support.databases import settings_for
from tests.support.people import PASSWORD
from tests.support.processes import RealServer
from tests.support.servers import postgresql

STUDENT, MENTOR = "ana", "ben"
GOAL = 1.5
SEVERAL = 30


@dataclass(frozen=True)
class Shown:
    """Pages of a kind, and the calls that together give the same; `who` looks at them."""

    name: str
    who: SignedIn
    pages: list[str]
    calls: list[str]


@dataclass(frozen=True)
class Cost:
    """Of one page, in milliseconds: as a client sees it, and of the server's processor time."""

    ms: float
    cpu_ms: float


@contextmanager
def served(tickets: int) -> Iterator[RealServer]:
    """A demonstration community on PostgreSQL."""
    with postgresql() as url, tempfile.TemporaryDirectory(prefix="mentorq-bench-") as folder:
        settings = settings_for(url, Path(folder), log_level="warning")
        asyncio.run(_fill(settings, Size(tickets // 4, tickets // 16, tickets)))
        with RealServer(settings) as server:
            yield server


async def _fill(settings: Settings, size: Size) -> None:
    database = Database(settings)
    await upgrade(database)
    await load(database, size, 1, PASSWORD, lambda _: None)
    await database.stop()


class Client:
    """Looks up what to ask for."""

    def __init__(self, url: str) -> None:
        self.http = httpx2.Client(base_url=url)

    def sign_in(self, name: str) -> SignedIn:
        """Somebody of the community."""
        form = {"username": name, "password": PASSWORD}
        token = self.http.post("/auth/signin", data=form).raise_for_status().json()["access_token"]
        me = self.http.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).raise_for_status().json()
        return SignedIn(me["id"], me["role"], token)

    def get(self, path: str, who: SignedIn) -> httpx2.Response:
        """One answer."""
        return self.http.get(path, headers={"Authorization": f"Bearer {who.token}"})

    def items(self, path: str, who: SignedIn) -> list[dict[str, Any]]:
        """A list's first page."""
        found: list[dict[str, Any]] = self.get(path, who).raise_for_status().json()["items"]
        return found


def kinds(client: Client) -> list[Shown]:
    """The pages that people look at most."""
    student, mentor = client.sign_in(STUDENT), client.sign_in(MENTOR)
    asked = client.items(f"/tickets/me?limit={SEVERAL}", student)
    taken = client.items(f"/tickets/me?limit={SEVERAL}", mentor)
    mentors = client.items(f"/mentors?limit={SEVERAL}", student)
    # The closed ones because their number stands on their tab.
    mine = ["/tickets/me?status=open&status=assigned&status=resolved&limit=20", "/tickets/me?status=closed&limit=100"]
    queue = ["/auth/me", "/tickets?sort=match&matching=true&limit=20", "/tickets/me?status=assigned"]
    profiles = [f"/people/{one['username']}" for one in mentors]
    of_mentors = [
        path
        for one in mentors
        for path in ("/auth/me", f"/mentors/{one['id']}", f"/mentors/{one['id']}/reviews?limit=10")
    ]
    solved = client.items(f"/knowledge?limit={SEVERAL}", student)
    search = ["/auth/me", "/knowledge?q=list&limit=20"]
    return [
        Shown("an article", student, [one["url"] for one in solved], _of_articles(solved)),
        Shown("a search", student, ["/solved?q=list"], search),
        Shown("a ticket, for its student", student, _pages(asked), _of_tickets(client, asked, student)),
        Shown("a ticket, for its mentor", mentor, _pages(taken), _of_tickets(client, taken, mentor)),
        Shown("the queue", mentor, ["/app/queue"], queue),
        Shown("one's tickets", student, ["/app/tickets"], ["/auth/me", *mine]),
        Shown("a mentor's profile", student, profiles, of_mentors),
    ]


def _pages(tickets: list[dict[str, Any]]) -> list[str]:
    return [f"/app/tickets/{ticket['id']}" for ticket in tickets]


def _of_tickets(client: Client, tickets: list[dict[str, Any]], who: SignedIn) -> list[str]:
    """What their pages show; a draft, a review, a wait and suggestions where there are any."""
    always = ("", "/messages?limit=100", "/events?limit=100")
    at_times = ("/draft", "/review", "/wait", "/mentors?limit=3")
    calls = []
    for path in (f"/tickets/{ticket['id']}" for ticket in tickets):
        calls += ["/auth/me", *(path + more for more in always)]
        calls += [path + more for more in at_times if client.get(path + more, who).status_code == 200]
    return calls


def _of_articles(articles: list[dict[str, Any]]) -> list[str]:
    """What their pages show."""
    calls = []
    for one in articles:
        draft = {"title": one["title"], "description": one["description"], "tag": one["tags"], "limit": 20}
        calls += ["/auth/me", f"/knowledge/{one['id']}", f"/mentors/{one['assigned_mentor_id']}"]
        calls += [f"/tickets/{one['id']}/solution/versions", f"/knowledge/similar?{urlencode(draft, doseq=True)}"]
    return calls


def cost(server: RealServer, who: SignedIn, paths: list[str], seconds: float, pages: int) -> Cost:
    """What `paths` cost a page, asked for some seconds."""
    before = cpu_seconds(server.process.pid)
    measured = ask(Order(server.port, who.token, paths, seconds, 1))
    assert not measured.failures, f"{measured.failures} of {measured.requests} failed"
    each = len(paths) / pages
    computed = cpu_seconds(server.process.pid) - before
    return Cost(measured.seconds * 1000 / measured.requests * each, computed * 1000 / measured.requests * each)


def compare(server: RealServer, kind: Shown, options: argparse.Namespace) -> float:
    """Print one page's figures; returns the median ratio of the times."""
    sides = (kind.pages, kind.calls)
    for paths in sides:
        cost(server, kind.who, paths, 0.5, len(kind.pages))
    rounds: list[tuple[Cost, Cost]] = []
    for _ in range(options.rounds):
        page, api = (cost(server, kind.who, paths, options.seconds, len(kind.pages)) for paths in sides)
        rounds.append((page, api))
    ratio = median(page.ms / api.ms for page, api in rounds)
    cpu = median(page.cpu_ms / api.cpu_ms for page, api in rounds)
    page, api = (min(sides, key=lambda one: one.ms) for sides in zip(*rounds, strict=True))
    print(
        f"{kind.name:26} {page.ms:5.1f} ms, its {len(kind.calls) / len(kind.pages):.1f} calls {api.ms:5.1f} ms: "
        f"ratio {ratio:.2f} (by the server's processor time {page.cpu_ms:.1f} and {api.cpu_ms:.1f} ms: {cpu:.2f})",
        flush=True,
    )
    return ratio


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each turn")
    parser.add_argument("--tickets", type=int, default=4000)
    options = parser.parse_args()
    with served(options.tickets) as server:
        print(f"{options.tickets} tickets, {os.cpu_count()} processors; at most {GOAL} is wanted")
        for kind in kinds(Client(server.url)):
            compare(server, kind, options)


if __name__ == "__main__":
    main()
