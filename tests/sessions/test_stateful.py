"""Any sequence of requests, answers and hours that pass keeps the rules of sessions, on both databases."""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import httpx2
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mentorq.core.clock import now
from mentorq.core.database import Base
from mentorq.sessions import lifecycle
from tests.support.histories import Home
from tests.support.people import Person, join

SESSIONS = Base.metadata.tables["sessions"]
TIMES = [column.name for column in SESSIONS.c if isinstance(column.type, type(SESSIONS.c.starts_at.type))]
STUDENTS, MENTORS = (0, 1), (2, 3)
MOST = 6
GRACE = timedelta(seconds=30)

MAY = {
    "offer": ({"requested"}, {"mentor"}, "requested"),
    "accept": ({"requested"}, {"mentor", "student"}, "accepted"),
    "decline": ({"requested"}, {"mentor"}, "declined"),
    "cancel": ({"requested", "accepted"}, {"mentor", "student"}, "cancelled"),
    "end": ({"accepted", "live"}, {"mentor", "student"}, "ended"),
}
"""The contract once more: from where, by whom, to what."""

BY_CLOCK = {
    "requested": {"requested", "expired"},
    "accepted": {"accepted", "live", "ended"},
    "live": {"live", "ended"},
}

sessions = st.integers(0, MOST - 1)
anyone = st.integers(0, 3)
minutes = st.sampled_from([15, 30, 60])
hours_ahead = st.integers(1, 4)


class Life(RuleBasedStateMachine):
    """Two students, two mentors, up to six sessions within a few hours, so that they get in each other's way."""

    home: Home

    @initialize()
    def begin(self) -> None:
        """People join."""
        self.people: list[Person] = [
            self.home.run(join(self.home.client, role)) for role in ("student", "student", "mentor", "mentor")
        ]
        self.sessions: list[int] = []

    def row(self, session: int) -> dict[str, Any]:
        """What is kept of a session."""
        return self.rows()[self.sessions[session % len(self.sessions)]]

    def rows(self) -> dict[int, dict[str, Any]]:
        """What is kept of all."""
        return {row["id"]: row for row in self.home.run(self._rows())}

    async def _rows(self) -> list[dict[str, Any]]:
        async with self.home.database.read() as db:
            return await db.rows(sa.select(SESSIONS).where(SESSIONS.c.id.in_(self.sessions)))

    def send(self, person: int, path: str, body: Any = None) -> httpx2.Response:
        """Somebody does something; whatever it is, it is never an error of ours."""
        answer: httpx2.Response = self.home.run(self.people[person].request("POST", path, json=body))
        assert answer.status_code < 500, answer.text
        return answer

    def act(self, who: int, session: int, action: str, body: Any = None) -> None:
        """Somebody does something to a session: it is done where the contract allows it, and nowhere else."""
        if not self.sessions:
            return
        before = self.row(session)
        path = f"/sessions/{before['id']}/{action}"
        answer, after = self.send(who, path, body), self.row(session)
        person = self.people[who].id
        sides = {before["student_id"]: "student", before["mentor_id"]: "mentor"}
        if person not in sides:
            assert (answer.status_code, after) == (404, before)
            return
        sources, actors, target = MAY[action]
        is_allowed = (
            before["status"] in sources
            and sides[person] in actors
            and (action != "accept" or before["awaits"] == sides[person])
            and (action in ("cancel", "end") or before["expires_at"] > now())
            and (action != "end" or before["starts_at"] <= now())
        )
        if answer.status_code == 200:
            assert is_allowed
            assert after["status"] == target == answer.json()["status"]
            assert after["version"] > before["version"]
        else:
            assert after == before
            assert not is_allowed or answer.json()["code"] == "slot_taken"
            assert answer.status_code in (403, 409)

    @rule(who=st.sampled_from(STUDENTS), mentor=st.sampled_from(MENTORS), ahead=hours_ahead, lasts=minutes)
    def ask(self, who: int, mentor: int, ahead: int, lasts: int) -> None:
        """A student asks for a time."""
        starts = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=ahead, minutes=30)
        self._ask(who, mentor, starts_at=starts.isoformat(), duration_minutes=lasts)

    @rule(who=st.sampled_from(STUDENTS), mentor=st.sampled_from(MENTORS), lasts=minutes)
    def ask_for_now(self, who: int, mentor: int, lasts: int) -> None:
        """A student asks for now."""
        self._ask(who, mentor, duration_minutes=lasts)

    def _ask(self, who: int, mentor: int, **wish: Any) -> None:
        if len(self.sessions) < MOST:
            answer = self.send(who, "/sessions", {"mentor_id": self.people[mentor].id} | wish)
            if answer.status_code == 201:
                self.sessions.append(answer.json()["id"])
            else:
                assert answer.json()["code"] in ("slot_taken", "mentor_unavailable")

    @rule(who=anyone, session=sessions, ahead=hours_ahead)
    def offer(self, who: int, session: int, ahead: int) -> None:
        """Somebody offers another time."""
        starts = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=ahead, minutes=45)
        self.act(who, session, "offer", {"starts_at": starts.isoformat()})

    @rule(who=anyone, session=sessions, action=st.sampled_from(["accept", "accept", "decline", "cancel", "end"]))
    def answer(self, who: int, session: int, action: str) -> None:
        """Somebody accepts, declines, cancels or ends."""
        self.act(who, session, action)

    @rule(session=sessions)
    def agree(self, session: int) -> None:
        """Whoever is asked accepts."""
        if self.sessions:
            row = self.row(session)
            ids = [person.id for person in self.people]
            self.act(ids.index(row[f"{row['awaits']}_id"]), session, "accept")

    @rule(passed=st.sampled_from([5, 12, 40, 90]))
    def let_time_pass(self, passed: int) -> None:
        """So many minutes pass, and the clock does its part: once, and once more, which changes nothing."""
        if not self.sessions:
            return
        self.home.run(self._move_into_the_past(timedelta(minutes=passed)))
        before = self.rows()
        self.home.run(self._sweep())
        after = self.rows()
        for session_id, row in before.items():
            possible = BY_CLOCK.get(row["status"], {row["status"]})
            assert after[session_id]["status"] in possible
        self._check_clock(after)
        self.home.run(self._sweep())
        assert self.rows() == after

    async def _move_into_the_past(self, passed: timedelta) -> None:
        rows = sorted(await self._rows(), key=lambda row: row["starts_at"])  # so that none passes through another
        async with self.home.database.write() as db:
            for row in rows:
                moved = {name: row[name] - passed for name in TIMES if row[name] is not None}
                await db.execute(sa.update(SESSIONS).where(SESSIONS.c.id == row["id"]).values(moved))

    async def _sweep(self) -> None:
        async with self.home.database.write() as db:
            await lifecycle.sweep(db, {})

    @staticmethod
    def _check_clock(rows: dict[int, dict[str, Any]]) -> None:
        for row in rows.values():
            assert row["status"] != "requested" or row["expires_at"] > now()
            assert row["status"] != "accepted" or row["starts_at"] > now()
            assert row["status"] != "live" or row["starts_at"] <= now() < row["ends_at"] + GRACE

    @rule()
    def work(self) -> None:
        """The worker does what waits: people are told."""
        self.home.run(self.home.worker.drain())

    @invariant()
    def nobody_is_in_two_places(self) -> None:
        """What is booked of one person never overlaps, and each row agrees with itself."""
        if not getattr(self, "sessions", None):
            return
        rows = self.rows().values()
        booked = [row for row in rows if row["status"] in ("accepted", "live")]
        for one, other in combinations(booked, 2):
            if one["student_id"] == other["student_id"] or one["mentor_id"] == other["mentor_id"]:
                assert one["ends_at"] <= other["starts_at"] or other["ends_at"] <= one["starts_at"]
        for row in rows:
            assert row["ends_at"] - row["starts_at"] == timedelta(minutes=row["duration_minutes"])
            assert (row["started_at"] is not None) == (row["status"] in ("live", "ended"))
            assert (row["ended_at"] is not None) == (row["status"] == "ended")
            if row["status"] in ("accepted", "declined", "live", "ended"):
                assert row["answered_at"] is not None


def test_any_history_keeps_the_rules(home: Home) -> None:
    home.live_through(Life, examples=20, steps=30)
