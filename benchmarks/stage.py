"""What benchmarks play on: a PostgreSQL with a community in it, a server process, and people who are signed in."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx2

from mentorq.core.database import Database
from mentorq.migrations import upgrade
from mentorq.settings import Settings
from tests.support.databases import settings_for
from tests.support.people import PASSWORD
from tests.support.processes import RealServer
from tests.support.servers import postgresql

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

TAGS = ("python", "javascript", "sql", "java", "git", "rust", "c++", "docker", "react", "pandas")
"""The commonest tags, commonest first; the others have numbers."""

FILL = """
SELECT setseed(0.42);
INSERT INTO users (username, email, password_hash, role, bio, headline, time_zone, links, is_available, version,
                   created_at, last_seen_at)
SELECT 'person' || n, 'person' || n || '@example.org', 'none',
       CASE WHEN n <= {mentors} THEN 'mentor' ELSE 'student' END,
       repeat('I like to learn. ', 6), 'From person ' || n, 'UTC', '["https://example.org"]', true, 1,
       now() - interval '400 days', now() - interval '1 day'
FROM generate_series(1, {mentors} + {students}) n;

INSERT INTO tags (name, tickets, mentors) SELECT name, 0, 0 FROM unnest($names$) name;

CREATE TEMP TABLE drawn AS
SELECT n, random() AS life, 1 + floor(random() * 4)::int AS wanted,
       now() - (({tickets} - n) || ' minutes')::interval AS asked_at
FROM generate_series(1, {tickets}) n;

CREATE TEMP TABLE drawn_tags AS
SELECT DISTINCT n, 1 + floor({tags} * power(random(), 3))::int AS tag_id
FROM drawn, generate_series(1, wanted);
CREATE INDEX ON drawn_tags (n);
ANALYZE drawn_tags;

INSERT INTO tickets (title, description, tags, status, student_id, assigned_mentor_id, is_anonymous, solution, messages,
                     claim_no, version, created_at, updated_at, first_assigned_at, assigned_at, resolved_at)
SELECT 'Question ' || n || ': why does it do that?', repeat('I call it and it says no. Here is what I tried. ', 12),
       (SELECT jsonb_agg(name ORDER BY tags.id) FROM drawn_tags d JOIN tags ON tags.id = d.tag_id WHERE d.n = drawn.n),
       CASE WHEN life < 0.3 THEN 'open' WHEN life < 0.4 THEN 'assigned' WHEN life < 0.6 THEN 'resolved'
            ELSE 'closed' END,
       {mentors} + 1 + floor(random() * {students})::int,
       CASE WHEN life < 0.3 THEN NULL ELSE 1 + floor(random() * {mentors})::int END,
       random() < 0.05,
       CASE WHEN life < 0.4 THEN NULL ELSE repeat('Because it must. Do this instead. ', 12) END,
       0, 0, 1, asked_at, asked_at,
       CASE WHEN life < 0.3 THEN NULL ELSE asked_at + interval '20 minutes' END,
       CASE WHEN life < 0.3 THEN NULL ELSE asked_at + interval '20 minutes' END,
       CASE WHEN life < 0.4 THEN NULL ELSE asked_at + interval '2 hours' END
FROM drawn ORDER BY n;

INSERT INTO ticket_tags (ticket_id, tag_id, is_open, created_at)
SELECT t.id, d.tag_id, t.status = 'open', t.created_at FROM drawn_tags d JOIN tickets t ON t.id = d.n;

INSERT INTO user_tags (user_id, tag_id, created_at)
SELECT DISTINCT n, 1 + floor({tags} * power(random(), 3))::int, now() FROM generate_series(1, {mentors}) n,
       generate_series(1, 4);

UPDATE tags SET tickets = (SELECT count(*) FROM ticket_tags WHERE tag_id = tags.id);
VACUUM ANALYZE;
"""


@dataclass(frozen=True)
class Size:
    """How many of each there are."""

    tickets: int = 20_000
    mentors: int = 500
    students: int = 2_000
    tags: int = 200


@contextmanager
def filled_postgresql(size: Size) -> Iterator[Settings]:
    """Settings for a PostgreSQL with a community of that size; skewed tags, every state."""
    signal.signal(signal.SIGTERM, _leave)
    with postgresql() as url, tempfile.TemporaryDirectory(prefix="mentorq-bench-") as home:
        settings = settings_for(url, Path(home), log_level="warning")
        asyncio.run(_fill(settings, size))
        yield settings


def _leave(number: int, _: object) -> None:
    """Whoever ends a benchmark early ends its servers, too."""
    raise SystemExit(128 + number)


async def _fill(settings: Settings, size: Size) -> None:
    database = Database(settings)
    await upgrade(database)
    await database.stop()
    names = ", ".join(f"'{name}'" for name in (*TAGS, *(f"tag-{n}" for n in range(len(TAGS), size.tags))))
    script = FILL.format(**vars(size)).replace("$names$", f"ARRAY[{names}]")
    connection = await asyncpg.connect(settings.database_url)
    for statement in script.strip().removesuffix(";").split(";\n"):
        await connection.execute(statement)
    await connection.close()


@dataclass(frozen=True)
class SignedIn:
    """Somebody with an access token."""

    id: int
    role: str
    token: str


def sign_up(server: RealServer, role: str) -> SignedIn:
    """A new account, signed in."""
    name = f"bench-{role}"
    account = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "role": role}
    user = httpx2.post(f"{server.url}/auth/signup", json=account).raise_for_status().json()
    form = {"username": name, "password": PASSWORD}
    tokens = httpx2.post(f"{server.url}/auth/signin", data=form).raise_for_status().json()
    return SignedIn(user["id"], role, tokens["access_token"])


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def resident_megabytes(pid: int) -> float:
    """What a process holds in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
