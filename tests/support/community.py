"""A demonstration community behind a real server, and every page of it that there is to look at."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx2
import sqlalchemy as sa
from playwright.async_api import Browser, BrowserContext

from mentorq.accounts.models import UserRow
from mentorq.core.clock import now
from mentorq.core.database import Database, Write
from mentorq.notifications import telling
from mentorq.notifications.kinds import Kind
from mentorq.notifications.models import NotificationRow
from mentorq.sessions.models import SessionRow
from mentorq.sessions.room import document_queries as documents
from mentorq.sessions.room import queries as rooms
from mentorq.sessions.room import seeds
from mentorq.sessions.room.models import RoomMessageRow
from mentorq.settings import Settings
from mentorq.tickets.models import TicketRow
from tests.support.commands import command
from tests.support.databases import settings_for
from tests.support.processes import Server, environment

PASSWORD = "a-long-Passphrase-7"
STUDENT, MENTOR, ADMIN, VISITOR = "ana", "ben", "root", "visitor"


@dataclass(frozen=True)
class Sight:
    """A page, as one of four sees it."""

    name: str
    who: str
    path: str
    status: int = 200


@contextmanager
def community(home: Path) -> Iterator[Server]:
    """`mentorq serve` with a small demonstration in it."""
    settings = settings_for(f"sqlite:///{home / 'mentorq.db'}", home)
    demo = ["demo", "--password", PASSWORD]
    admin = ["user", "create", ADMIN, "root@example.org", "--role", "admin", "--password", PASSWORD]
    for each in (demo, admin):
        command(each, environment(settings), home).check_returncode()
    with ThreadPoolExecutor() as threads:  # there may be a loop in this one
        threads.submit(asyncio.run, _tell(settings)).result()
    with Server(settings) as server:
        yield server


async def _tell(settings: Settings) -> None:
    """Let the student and the mentor be told of what they did together: a demonstration itself tells nobody."""
    database = Database(settings)
    student, mentor = UserRow.__table__.alias(), UserRow.__table__.alias()
    both = (
        sa.select(TicketRow.id, student.c.id, mentor.c.id)
        .join(student, student.c.id == TicketRow.student_id)
        .join(mentor, mentor.c.id == TicketRow.assigned_mentor_id)
        .where(student.c.username == STUDENT, mentor.c.username == MENTOR)
        .order_by(TicketRow.id.desc())
        .limit(1)
    )
    async with database.write() as db:
        ticket_id, student_id, mentor_id = [int(each) for each in (await db.execute(both)).one()]
        told: list[tuple[int, Kind, dict[str, object]]] = [
            (student_id, Kind.TICKET_ACCEPTED, {}),
            (mentor_id, Kind.TICKET_MATCHING, {}),
            (mentor_id, Kind.REVIEW_RECEIVED, {"rating": 4}),
            (student_id, Kind.SOLUTION_POSTED, {"edited": False}),
            (student_id, Kind.MESSAGE_POSTED, {}),
            (mentor_id, Kind.MESSAGE_POSTED, {}),
            (mentor_id, Kind.TICKET_CLOSED, {"automatic": True}),
        ]
        for n, (reader, kind, data) in enumerate(told):
            is_by_clock = kind in (Kind.TICKET_MATCHING, Kind.TICKET_CLOSED)
            actor_id = None if is_by_clock else mentor_id if reader == student_id else student_id
            await telling.tell(db, reader, kind, f"told {n}", ticket_id=ticket_id, actor_id=actor_id, data=data)
        first = NotificationRow.kind.in_((Kind.TICKET_ACCEPTED, Kind.TICKET_MATCHING))
        await db.execute(sa.update(NotificationRow).where(first).values(created_at=now() - timedelta(days=1)))
        read = sa.update(NotificationRow).where(NotificationRow.kind.in_((Kind.REVIEW_RECEIVED, Kind.SOLUTION_POSTED)))
        await db.execute(read.values(read_at=now()))
        await _talk(db, student_id, mentor_id)
    await database.stop()


SAID = (
    "Hi! I put the function in the editor: it prints `None`, three times.",
    "Thanks. What does the last line of `total` give back?",
    "Oh. Nothing …\n\n```python\nreturn total\n```",
    "Exactly. See https://docs.python.org/3/tutorial/controlflow.html#defining-functions, it says so in one sentence.",
    "It works! And ThisIsAVeryLongTestNameWhichPytestPrintsWithoutAnySpaceAtAll passes, too",
)
WRITTEN = """def total(prices: list[float]) -> float:
    \"\"\"The sum of all prices, with a line that is so long that nobody sees its end without going sideways.\"\"\"
    total = 0.0
    for price in prices:
        total += price
    return total
"""


async def _talk(db: Write, student_id: int, mentor_id: int) -> None:
    """Let something be said and written in the mentor's rooms; one that is over goes with its ticket."""
    held = sa.select(SessionRow).where(SessionRow.mentor_id == mentor_id, SessionRow.status.in_(("live", "ended")))
    for session in await db.rows(held.order_by(SessionRow.starts_at)):
        await rooms.open_room(db, session["id"])
        for seq, body in enumerate(SAID, 1):
            message = {"session_id": session["id"], "seq": seq, "client_id": str(uuid4()), "body": body}
            message["user_id"] = session["student_id"] if seq % 2 else mentor_id
            message["created_at"] = session["starts_at"] + timedelta(minutes=seq)
            await db.execute(sa.insert(RoomMessageRow).values(message))
        files: list[seeds.File] = [
            {"id": "f0", "name": "prices.py", "language": "python", "text": WRITTEN},
            {"id": "f1", "name": "test_prices.py", "language": "python", "text": ""},
        ]
        await documents.begin(db, session["id"], seeds.encode(files))
        both = {"student_agrees": True, "mentor_agrees": True, "attached_at": now()}
        is_attached = session["ticket_id"] is not None and session["student_id"] == student_id
        await rooms.change_room(db, session["id"], {"message_seq": len(SAID)} | (both if is_attached else {}))


def sights(url: str) -> list[Sight]:
    """Every page of the community at `url`."""
    seen = [
        Sight("landing", VISITOR, "/"),
        Sight("sign-up", VISITOR, "/signup"),
        Sight("sign-in", VISITOR, "/signin?next=/app/ask"),
        Sight("forgot", VISITOR, "/forgot"),
        Sight("reset", VISITOR, "/reset?token=x"),
        Sight("verify", VISITOR, "/verify?token=x"),
        Sight("mentors", VISITOR, "/people"),
        Sight("mentors-none", VISITOR, "/people?q=nobody-is-called-this"),
        Sight("mentor", VISITOR, f"/people/{MENTOR}"),
        Sight("student", VISITOR, f"/people/{STUDENT}"),
        Sight("student-own", STUDENT, f"/people/{STUDENT}"),
        Sight("leaderboard", VISITOR, "/leaderboard?period=all"),
        Sight("leaderboard-none", VISITOR, "/leaderboard?period=week&tag=nobody-asked-this"),
        Sight("not-found", VISITOR, "/nowhere", 404),
        Sight("awards", VISITOR, "/awards"),
        Sight("student-awards", STUDENT, "/awards"),
        Sight("mentor-awards", MENTOR, "/awards"),
        Sight("mentors-signed-in", STUDENT, "/people"),
        Sight("mentor-signed-in", STUDENT, f"/people/{MENTOR}"),
        Sight("mentor-own", MENTOR, f"/people/{MENTOR}"),
        Sight("feed", STUDENT, "/app/feed"),
        Sight("feed-none", ADMIN, "/app/feed"),
        Sight("student-home", STUDENT, "/app"),
        Sight("progress", STUDENT, "/app/progress"),
        Sight("ask", STUDENT, "/app/ask"),
        Sight("student-tickets", STUDENT, "/app/tickets"),
        Sight("student-settings", STUDENT, "/app/settings"),
        Sight("student-notifications", STUDENT, "/app/notifications"),
        Sight("notifications-filtered", STUDENT, "/app/notifications?unread=true&kind=messages"),
        Sight("forbidden", STUDENT, "/app/queue", 403),
        Sight("mentor-home", MENTOR, "/app"),
        Sight("statistics", MENTOR, "/app/statistics"),
        Sight("statistics-ever", MENTOR, "/app/statistics?period=all"),
        Sight("own-leaderboard", MENTOR, "/leaderboard"),
        Sight("queue", MENTOR, "/app/queue"),
        Sight("queue-all", MENTOR, "/app/queue?tab=all"),
        Sight("mentor-tickets", MENTOR, "/app/tickets"),
        Sight("mentor-settings", MENTOR, "/app/settings?welcome=1"),
        Sight("mentor-availability", MENTOR, "/app/availability"),
        Sight("mentor-notifications", MENTOR, "/app/notifications"),
        Sight("notifications-none", ADMIN, "/app/notifications"),
        Sight("admin-settings", ADMIN, "/app/settings"),
        Sight("student-sessions", STUDENT, "/app/sessions"),
        Sight("mentor-sessions", MENTOR, "/app/sessions"),
        Sight("admin-sessions", ADMIN, "/app/sessions"),
        Sight("session-calendar", STUDENT, "/app/sessions/calendar"),
        Sight("session-none", STUDENT, "/app/sessions/999999999", 404),
        Sight("book", STUDENT, f"/app/people/{MENTOR}/book?minutes=30&topic=Loops"),
        Sight("schedule", MENTOR, "/app/settings/schedule"),
        Sight("schedule-drop", MENTOR, "/app/settings/schedule/drop"),
    ]
    seen += _sessions(url)
    article = httpx2.get(f"{url}/knowledge", params={"sort": "newest", "limit": 1}).json()["items"][0]["url"]
    seen += [
        Sight("solved", VISITOR, "/solved"),
        Sight("solved-search", VISITOR, "/solved?q=lits+pyhton&tag=python&sort=upvotes"),
        Sight("solved-words", VISITOR, "/solved?q=rejected"),
        Sight("solved-none", VISITOR, "/solved?q=rejected+frobnicated+push"),
        Sight("solved-long", VISITOR, f"/solved?q={'long+' * 120}", 422),
        Sight("article", VISITOR, article),
        Sight("article-versions", VISITOR, f"{article}/versions"),
        Sight("article-none", VISITOR, "/solved/999999999", 404),
        Sight("article-signed-in", STUDENT, article),
        Sight("ask-similar", STUDENT, "/app/ask?title=git+push+rejected"),
        Sight("bookmarks", STUDENT, "/app/bookmarks"),
        Sight("all-tickets", ADMIN, "/app/tickets"),
        Sight("deflections", ADMIN, "/app/deflections"),
    ]
    for who in (STUDENT, MENTOR):
        for status in ("open", "assigned", "resolved", "closed"):
            if ticket_id := _ticket(url, who, status):
                seen.append(Sight(f"{who}-ticket-{status}", who, f"/app/tickets/{ticket_id}"))
                if status in ("resolved", "closed") and who == MENTOR:
                    seen.append(Sight(f"visitor-ticket-{status}", VISITOR, f"/app/tickets/{ticket_id}"))
                if status == "open" and who == STUDENT:
                    seen.append(Sight("edit-ticket", who, f"/app/tickets/{ticket_id}/edit"))
    return seen


def _sessions(url: str) -> list[Sight]:
    """One session of each kind, and what can be done about it."""
    seen = []
    for who in (STUDENT, MENTOR):
        sessions = httpx2.get(f"{url}/sessions", params={"limit": 100}, headers=_proof(url, who)).json()["items"]
        kinds = {f"{each['status']}-{each['awaits'] or ''}".rstrip("-"): each["id"] for each in sessions}
        for kind, session_id in kinds.items():
            path = f"/app/sessions/{session_id}"
            seen.append(Sight(f"{who}-session-{kind}", who, path))
            acts = {"accepted": ["cancel"], "live": ["end"]}.get(kind, [])
            if (who, kind) == (MENTOR, "requested-mentor"):
                acts = ["offer", "decline"]
            seen += [Sight(f"{who}-session-{act}", who, f"{path}/{act}") for act in acts]
            if kind in ("accepted", "live"):
                seen.append(Sight(f"{who}-room-{kind}", who, f"{path}/room"))
            elif kind == "ended":
                seen.append(Sight(f"{who}-transcript", who, f"{path}/transcript"))
    return seen


def _proof(url: str, who: str) -> dict[str, str]:
    answer = httpx2.post(f"{url}/auth/signin", data={"username": who, "password": PASSWORD}).json()
    return {"Authorization": f"Bearer {answer['access_token']}"}


def _ticket(url: str, who: str, status: str) -> int | None:
    """One of somebody's tickets; of a mentor's queue, where none is open that is theirs."""
    headers = _proof(url, who)
    path = "/tickets" if (who, status) == (MENTOR, "open") else "/tickets/me"
    items = httpx2.get(f"{url}{path}", params={"status": status, "limit": 1}, headers=headers).json()["items"]
    return items[0]["id"] if items else None


async def signed_in(browser: Browser, url: str, who: str, **options: object) -> BrowserContext:
    """A browser in which somebody has signed in by the form."""
    context = await browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
    if who != VISITOR:
        page = await context.new_page()
        await page.goto("/signin")
        await page.get_by_label("Username or e-mail").fill(who)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.locator("main").get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{url}/app**")
        await page.close()
    return context
