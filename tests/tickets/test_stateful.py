"""Any sequence of actions by anyone keeps the rules: against the real application, on both databases."""

from collections import Counter
from datetime import timedelta
from typing import Any

import httpx2
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mentorq.core.clock import now
from mentorq.core.database import Base, Database
from mentorq.tickets import lifecycle
from mentorq.tickets.states import LIFE, Status
from tests.support.histories import Home
from tests.support.people import Person, join

TABLES = Base.metadata.tables
TAGS: tuple[list[str], ...] = (["python"], ["sql"], ["python", "sql"], [])
ALLOWED = {(step.action, step.source, step.target) for step in LIFE}
TRANSITIONS = [("accept", None), ("release", None), ("extend", None), ("close", None), ("pass", None)]

tickets = st.integers(0, 3)
anyone = st.integers(0, 4)


class Life(RuleBasedStateMachine):
    """Two students, three mentors, up to four tickets, the clock and the worker."""

    home: Home

    @initialize()
    def begin(self) -> None:
        """People join."""
        self.people: list[Person] = []
        for role in ("student", "student", "mentor", "mentor", "mentor"):
            self.people.append(self.home.run(join(self.home.client, role)))
        self.tickets: list[int] = []

    def send(self, person: int, method: str, path: str, body: Any = None) -> httpx2.Response:
        """Somebody does something; whatever it is, it is never an error of ours."""
        answer: httpx2.Response = self.home.run(self.people[person].request(method, path, json=body))
        assert answer.status_code < 500, answer.text
        return answer

    def on_ticket(self, who: int, ticket: int, method: str, part: str, body: Any = None) -> None:
        """Somebody does something to a ticket."""
        if self.tickets:
            self.send(who, method, f"/tickets/{self.tickets[ticket % len(self.tickets)]}{part}", body)

    @rule(who=st.integers(0, 1), tags=st.sampled_from(TAGS))
    def ask(self, who: int, tags: list[str]) -> None:
        """A student asks."""
        if len(self.tickets) < 4:
            answer = self.send(who, "POST", "/tickets", {"title": "Why?", "description": "Because.", "tags": tags})
            self.tickets.append(answer.json()["id"])

    @rule(who=anyone, ticket=tickets, tags=st.sampled_from(TAGS))
    def edit(self, who: int, ticket: int, tags: list[str]) -> None:
        """The tags change."""
        self.on_ticket(who, ticket, "PATCH", "", {"tags": tags})

    @rule(who=anyone, ticket=tickets)
    def delete(self, who: int, ticket: int) -> None:
        """It is taken away."""
        self.on_ticket(who, ticket, "DELETE", "")

    @rule(who=st.integers(2, 4), ticket=tickets)
    def accept(self, who: int, ticket: int) -> None:
        """A mentor takes it."""
        self.on_ticket(who, ticket, "POST", "/accept")

    @rule(who=anyone, ticket=tickets, step=st.sampled_from(TRANSITIONS))
    def step(self, who: int, ticket: int, step: tuple[str, Any]) -> None:
        """Any other step without words."""
        self.on_ticket(who, ticket, "POST", f"/{step[0]}", step[1])

    @rule(ticket=tickets)
    def resolve(self, ticket: int) -> None:
        """Whoever has it solves it."""
        for mentor in (2, 3, 4):
            self.on_ticket(mentor, ticket, "POST", "/resolve", {"solution": "So."})

    @rule(who=anyone, ticket=tickets)
    def edit_solution(self, who: int, ticket: int) -> None:
        """The solution changes."""
        self.on_ticket(who, ticket, "PATCH", "/solution", {"solution": "Better."})

    @rule(who=anyone, ticket=tickets)
    def reopen(self, who: int, ticket: int) -> None:
        """It did not help."""
        self.on_ticket(who, ticket, "POST", "/reopen", {"reason": "It fails."})

    @rule(who=anyone, ticket=tickets)
    def close(self, who: int, ticket: int) -> None:
        """It helped."""
        self.on_ticket(who, ticket, "POST", "/close")

    @rule(who=anyone, ticket=tickets)
    def say(self, who: int, ticket: int) -> None:
        """Somebody writes."""
        self.on_ticket(who, ticket, "POST", "/messages", {"body": "Hello."})

    @rule(who=anyone, ticket=tickets, rating=st.integers(1, 5))
    def review(self, who: int, ticket: int, rating: int) -> None:
        """Somebody judges."""
        self.on_ticket(who, ticket, "POST", "/review", {"rating": rating})

    @rule(ticket=tickets)
    def let_time_pass(self, ticket: int) -> None:
        """A ticket's deadlines pass, and the clock does its work."""
        if self.tickets:
            self.home.run(self._let_time_pass(self.tickets[ticket % len(self.tickets)]))

    async def _let_time_pass(self, ticket_id: int) -> None:
        t = TABLES["tickets"]
        past = now() - timedelta(days=15)
        async with self.home.database.write() as db:
            for column in ("respond_by", "resolved_at"):
                there = t.c[column].is_not(None)
                await db.execute(sa.update(t).where(t.c.id == ticket_id, there).values({column: past}))
        async with self.home.database.write() as db:
            await lifecycle.sweep(db, {})

    @rule()
    def work(self) -> None:
        """The worker does what waits."""
        self.home.run(self.home.worker.drain())

    @invariant()
    def all_agrees(self) -> None:
        """Log, row, tags and counters say the same."""
        if hasattr(self, "tickets"):
            self.home.run(check(self.home.database))


async def check(database: Database) -> None:
    """Hold what is kept beside the facts against the facts."""
    async with database.read() as db:
        rows = {table: await db.rows(sa.select(TABLES[table])) for table in (
            "tickets", "ticket_tags", "ticket_events", "ticket_messages", "tags", "mentor_stats", "mentor_tag_records",
            "reviews", "solved_tickets",
        )}  # fmt: skip
    names = {tag["id"]: tag["name"] for tag in rows["tags"]}
    events: dict[int, list[dict[str, Any]]] = {}
    for event in sorted(rows["ticket_events"], key=lambda event: int(event["id"])):
        events.setdefault(event["ticket_id"], []).append(event)
    for ticket in rows["tickets"]:
        status = None
        for event in events[ticket["id"]]:
            assert event["from_status"] == status
            assert (event["action"], event["from_status"], event["to_status"]) in ALLOWED
            status = event["to_status"]
        assert status == ticket["status"]
        links = [link for link in rows["ticket_tags"] if link["ticket_id"] == ticket["id"]]
        assert {names[link["tag_id"]] for link in links} == set(ticket["tags"])
        assert all(link["is_open"] == (status == Status.OPEN) for link in links)
        assert all(link["created_at"] == ticket["created_at"] for link in links)
        assert ticket["messages"] == sum(message["ticket_id"] == ticket["id"] for message in rows["ticket_messages"])
        assert (ticket["respond_by"] is not None) == (status == Status.ASSIGNED)
        assert (ticket["resolved_at"] is not None) == (status in (Status.RESOLVED, Status.CLOSED))
        assert (ticket["closed_at"] is not None) == (status == Status.CLOSED)
        assert (ticket["assigned_mentor_id"] is None) == (status == Status.OPEN)
    _check_counters(rows)


def _check_counters(rows: dict[str, list[dict[str, Any]]]) -> None:
    tagged = Counter(link["tag_id"] for link in rows["ticket_tags"])
    assert {tag["id"]: tag["tickets"] for tag in rows["tags"]} == {tag["id"]: tagged[tag["id"]] for tag in rows["tags"]}
    held = Counter((t["assigned_mentor_id"], t["status"]) for t in rows["tickets"])
    for stats in rows["mentor_stats"]:
        mentor = stats["mentor_id"]
        assert stats["tickets_active"] == held[mentor, "assigned"]
        assert stats["tickets_resolved"] == held[mentor, "resolved"] + held[mentor, "closed"]
        ratings = [review["rating"] for review in rows["reviews"] if review["mentor_id"] == mentor]
        assert (stats["rating_count"], stats["rating_sum"]) == (len(ratings), sum(ratings))
    solved = {ticket["id"]: ticket for ticket in rows["tickets"] if ticket["status"] in ("resolved", "closed")}
    assert {noted["ticket_id"] for noted in rows["solved_tickets"]} == set(solved)
    under = Counter(
        (ticket["assigned_mentor_id"], link["tag_id"])
        for ticket in solved.values()
        for link in rows["ticket_tags"]
        if link["ticket_id"] == ticket["id"]
    )
    recorded = {(record["mentor_id"], record["tag_id"]): record["solved"] for record in rows["mentor_tag_records"]}
    assert {key: count for key, count in recorded.items() if count} == dict(under)


def test_any_history_keeps_the_rules(home: Home) -> None:
    home.live_through(Life, examples=15, steps=30)
