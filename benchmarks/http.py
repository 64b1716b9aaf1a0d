"""How near the hot reads come to what is possible: `python -m benchmarks.http [--rounds 5] [--seconds 3]`.

Two routes are asked of `mentorq serve` and of a bare application on the same PostgreSQL (`limit.py`), in turns, so that
whatever else the machine does hits both. The figure is the median of the rounds' ratios. One process each, one client.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import httpx2

from benchmarks.load import Measured, Order, ask
from benchmarks.stage import SignedIn, Size, cpu_seconds, filled_postgresql, sign_up
from mentorq.settings import Settings
from tests.support.processes import RealServer, environment
from tests.support.servers import free_port

PATHS_PER_ROUTE = 500
WARM_UP_SECONDS = 1.0
CLIENT = httpx2.Client()
"""One for all: making a client loads certificates, which takes longer than the requests."""


@dataclass(frozen=True)
class Side:
    """One of the two servers."""

    name: str
    port: int
    pid: int

    def get(self, path: str, who: SignedIn) -> httpx2.Response:
        """One request."""
        return CLIENT.get(f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {who.token}"})


@dataclass(frozen=True)
class RouteLoad:
    """What is asked, and by whom."""

    name: str
    paths: list[str]
    who: SignedIn


@dataclass(frozen=True)
class Turn:
    """One side's part of a round."""

    measured: Measured
    cpu_ms: float


@contextmanager
def limit_server(settings: Settings, viewers: list[SignedIn]) -> Iterator[Side]:
    """The bare application as a process."""
    port = free_port()
    options = {
        "VIEWERS": json.dumps({viewer.token: viewer.id for viewer in viewers}),
        "CONNECTIONS": str(settings.database_pool_size),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "benchmarks.limit:app", "--port", str(port), "--log-level", "warning",
         "--no-access-log"],
        env=environment(settings) | options,
    )  # fmt: skip
    side = Side("limit", port, process.pid)
    try:
        _wait(side, viewers[0])
        yield side
    finally:
        process.terminate()
        process.wait(10)


def _wait(side: Side, who: SignedIn) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            side.get("/tickets/1", who)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(side.name)


def routes(server: Side, student: SignedIn, mentor: SignedIn, tickets: int) -> list[RouteLoad]:
    """Published tickets by random ids, and a mentor's queue by its commonest tag."""
    draw = random.Random(7)
    ids: list[str] = []
    while len(ids) < PATHS_PER_ROUTE:
        path = f"/tickets/{draw.randint(1, tickets)}"
        if server.get(path, student).status_code == 200:
            ids.append(path)
    return [
        RouteLoad("GET /tickets/{id}", ids, student),
        RouteLoad("GET /tickets?tag=python&limit=20", ["/tickets?tag=python&limit=20"], mentor),
    ]


def same_items(ours: Side, limit: Side, route: RouteLoad) -> None:
    """A ratio means nothing unless both give the same answers."""
    for path in route.paths[:50]:
        a, b = (side.get(path, route.who).raise_for_status().json() for side in (ours, limit))
        assert a.get("items", a) == b.get("items", b), path
        assert a.get("items", True), f"{path} is empty"


def turn(side: Side, route: RouteLoad, seconds: float, connections: int) -> Turn:
    """Ask one side for some seconds."""
    order = Order(side.port, route.who.token, route.paths, seconds, connections)
    before = cpu_seconds(side.pid)
    measured = ask(order)
    assert not measured.failures, f"{measured.failures} of {measured.requests} failed"
    return Turn(measured, (cpu_seconds(side.pid) - before) * 1000 / measured.requests)


def compare(ours: Side, limit: Side, route: RouteLoad, options: argparse.Namespace) -> float:
    """Print one route's figures; returns the median ratio of the rates."""
    same_items(ours, limit, route)
    for side in (ours, limit):
        turn(side, route, WARM_UP_SECONDS, options.connections)
    print(f"\n{route.name}")
    rounds: list[tuple[Turn, Turn]] = []
    for number in range(options.rounds):
        pair = [(side, turn(side, route, options.seconds, options.connections)) for side in (ours, limit)]
        rounds.append((pair[0][1], pair[1][1]))
        shown = "   ".join(_line(side, taken) for side, taken in pair)
        print(f"  {number + 1}: {shown}   ratio {_ratio(*rounds[-1]):.2f}", flush=True)
    ratio = median(_ratio(a, b) for a, b in rounds)
    cpu = median(b.cpu_ms / a.cpu_ms for a, b in rounds)
    print(f"  median ratio {ratio:.2f} (by the server's CPU time {cpu:.2f})")
    return ratio


def _ratio(ours: Turn, limit: Turn) -> float:
    return ours.measured.rate / limit.measured.rate


def _line(side: Side, taken: Turn) -> str:
    measured = taken.measured
    return (
        f"{side.name} {measured.rate:5.0f}/s p50 {measured.p50:4.1f} p99 {measured.p99:5.1f} ms "
        f"CPU {taken.cpu_ms:.2f} ms"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each turn")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--tickets", type=int, default=Size.tickets)
    options = parser.parse_args()
    with filled_postgresql(Size(tickets=options.tickets)) as settings, RealServer(settings) as server:
        student, mentor = sign_up(server, "student"), sign_up(server, "mentor")
        ours = Side("ours", server.port, server.process.pid)
        with limit_server(settings, [student, mentor]) as limit:
            print(f"{options.tickets} tickets, {options.connections} connections, {os.cpu_count()} processors")
            for route in routes(ours, student, mentor, options.tickets):
                compare(ours, limit, route, options)


if __name__ == "__main__":
    main()
