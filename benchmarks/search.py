"""How fast search is in a large knowledge base: `python -m benchmarks.search [--postgresql N] [--sqlite N]`.

Ten thousand articles are made up of words whose frequencies fall as those of a language do (Zipf) and indexed by the
application; then the database copies them, each copy with words of its own. Queries are made from the articles
themselves. Printed are how many articles are indexed in a second, the first time and by `mentorq db rebuild --search`
(all of them wrong, then all of them right), and times of whole searches, at ten thousand articles and at the full
size, and their ratio.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from statistics import median

import sqlalchemy as sa

from mentorq.accounts.schemas import ANONYMOUS
from mentorq.core import bulk
from mentorq.core.database import Database
from mentorq.core.pagination import keyset
from mentorq.knowledge import index
from mentorq.knowledge.entries import EPOCH, number_of
from mentorq.knowledge.search import Wanted, search
from mentorq.knowledge.similar import Draft, to_draft
from mentorq.maintenance.imports import refresh_statistics
from mentorq.migrations import upgrade
from mentorq.tickets.models import TicketRow
from tests.support.databases import settings_for
from tests.support.servers import PostgreSQLServer

BASE = 10_000
VOCABULARY = 60_000
COMMONEST = 30
TAGS = 300
ROUNDS = 60
START = datetime(2020, 1, 1, tzinfo=UTC)


class Language:
    """Words as long and as often as those of a language."""

    def __init__(self, random: Random) -> None:
        self.random = random
        made = {"".join(random.choices("bcdfghklmnprstvz", k=n // 2 + 1)) + "aeiou"[n % 5] for n in range(4, 16)}
        while len(made) < VOCABULARY:
            size = random.randint(2, 5)
            made.add("".join(random.choice("bcdfghklmnprstvz") + random.choice("aeiou") for _ in range(size)))
        self.words = sorted(made)
        random.shuffle(self.words)
        self.weights = list(accumulate(1 / (rank + 2.7) for rank in range(VOCABULARY)))

    def text(self, words: int) -> str:
        """So many words."""
        return " ".join(self.random.choices(self.words, cum_weights=self.weights, k=words))


@dataclass(frozen=True)
class Article:
    """What a made-up ticket says."""

    title: str
    description: str
    solution: str
    tags: list[str]


def articles(language: Language) -> Iterator[Article]:
    """The first ten thousand."""
    random = language.random
    for _ in range(BASE):
        tags = sorted({f"tag-{min(TAGS, int(random.paretovariate(0.8)))}" for _ in range(3)})
        sizes = random.randint(4, 10), random.randint(20, 120), random.randint(15, 90)
        title, description, solution = (language.text(size) for size in sizes)
        yield Article(title, description, solution, tags)


async def fill(database: Database, made: Sequence[Article]) -> float:
    """Put them in as solved tickets and index them; returns how many were indexed in a second."""
    async with database.write() as db:
        for role in ("student", "mentor"):
            await db.execute(
                sa.text(
                    "INSERT INTO users (username, email, password_hash, role, bio, headline, time_zone, links,"
                    f" is_available, version, created_at, last_seen_at) VALUES ('{role}', '{role}@example.org', 'none',"
                    f" '{role}', '', '', 'UTC', '[]', true, 1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
                )
            )
        columns = (
            "id", "title", "description", "tags", "status", "student_id", "assigned_mentor_id", "is_anonymous",
            "solution", "messages", "claim_no", "version", "created_at", "updated_at", "resolved_at",
        )  # fmt: skip
        await bulk.insert(db, TicketRow, columns, _rows(made))
    start = time.perf_counter()
    async for _count in index.add_missing(database):
        pass
    return len(made) / (time.perf_counter() - start)


async def rebuild(database: Database, *, spoilt: bool) -> float:
    """Index all of them anew, after every one lost its words or as they are; returns how many in a second."""
    if spoilt:
        table = "article_words" if database.is_sqlite else "article_index"
        async with database.write() as db:
            await db.execute(sa.text(f"UPDATE {table} SET words = ''"))
    start = time.perf_counter()
    indexed = sum([count async for count in index.rebuild(database)])
    return indexed / (time.perf_counter() - start)


def _rows(made: Iterable[Article]) -> Iterator[tuple[object, ...]]:
    for number, one in enumerate(made, 1):
        at = START + timedelta(minutes=number)
        yield (
            number, one.title, one.description, one.tags, "closed", 1, 2, False, one.solution, 0, 1, 1, at, at, at,
        )  # fmt: skip


COPY = (
    "INSERT INTO tickets (id, title, description, tags, status, student_id, assigned_mentor_id, is_anonymous, solution,"
    " messages, claim_no, version, created_at, updated_at, resolved_at) SELECT id + {shift}, title, description, tags,"
    " status, student_id, assigned_mentor_id, is_anonymous, solution, messages, claim_no, version, {created_at},"
    " {created_at}, {created_at} FROM tickets WHERE id <= {base}",
    "INSERT INTO articles (ticket_id, upvotes, deflected, works, fails)"
    " SELECT ticket_id + {shift}, (ticket_id * 7919) % 23, 0, 0, 0 FROM articles"
    " WHERE ticket_id <= {base}",
    "INSERT INTO article_index (ticket_id, number, mentor_id, tags, terms, words)"
    " SELECT ticket_id + {shift}, number + {later}, mentor_id, tags, terms, {words} FROM article_index"
    " WHERE ticket_id <= {base}",
)
SQLITE_WORDS = (
    "INSERT INTO article_words (rowid, words)"
    " SELECT old.rowid + {later}, old.words || ' own' || (ticket_id + {shift})"
    " FROM article_words AS old JOIN article_index ON number = old.rowid WHERE ticket_id <= {base}"
)


async def multiply(database: Database, articles: int) -> None:
    """Copy the first articles until there are so many."""
    is_sqlite = database.is_sqlite
    async with database.write() as db:
        await bulk.unhurried(db)
        if not is_sqlite:
            await db.execute(sa.text("SET LOCAL maintenance_work_mem = '1GB'"))
            await db.execute(sa.text("DROP INDEX ix_article_index_words"))
        for copy in range(1, articles // BASE):
            shift = copy * BASE
            later = (
                "datetime({}, '+" + str(shift) + " minutes')"
                if is_sqlite
                else "{} + interval '" + str(shift) + " minutes'"
            )
            values = {
                "shift": shift, "base": BASE, "created_at": later.format("created_at"),
                "later": number_of(0, EPOCH + timedelta(minutes=shift)) + shift,
                "words": "NULL" if is_sqlite else f"words || to_tsvector('simple', 'own' || (ticket_id + {shift}))",
            }  # fmt: skip
            for statement in (*COPY, *([SQLITE_WORDS] if is_sqlite else [])):
                await db.execute(sa.text(statement.format(**values)))
        if not is_sqlite:
            await db.execute(
                sa.text(
                    "CREATE INDEX ix_article_index_words ON article_index USING gin (words)"
                    " WITH (fastupdate = on, gin_pending_list_limit = 256)"
                )
            )
        factor = articles // BASE
        await db.execute(sa.text(f"UPDATE knowledge_terms SET articles = articles * {factor}"))
        totals = ", ".join(f"{name} = {name} * {factor}" for name in ("articles", "title", "prose", "solution", "code"))
        await db.execute(sa.text(f"UPDATE knowledge_totals SET {totals}"))
        await db.execute(
            sa.text(
                f"INSERT INTO knowledge_terms (term, articles) SELECT 'own' || id, 1 FROM tickets WHERE id > {BASE}"
            )
        )
    await refresh_statistics(database)


def queries(language: Language, made: Sequence[Article]) -> dict[str, list[str]]:
    """Searches by kind: selective ones from the texts of articles, and those with the commonest words."""
    random = Random(3)
    common = language.words[:COMMONEST]
    rare = language.words[2_000:]

    def of(article: Article, count: int) -> list[str]:
        words = article.title.split()
        return random.sample(words, min(count, len(words)))

    def telling(article: Article) -> str:
        words = [word for word in article.description.split() if word in rare_set] or article.title.split()
        return random.choice(words)

    rare_set = set(rare)
    picked = [random.choice(made) for _ in range(ROUNDS)]
    return {
        "title words": [" ".join(of(one, 4)) for one in picked],
        "one rare word": [telling(one) for one in picked],
        "rare and common": [f"{telling(one)} {random.choice(common)}" for one in picked],
        "phrase": ['"' + " ".join(one.title.split()[:3]) + '"' for one in picked],
        "typo": [_misspelt(telling(one), random) for one in picked],
        "word of a tag": [f"{telling(one)} tag:{one.tags[0]}" for one in picked],
        "commonest word": [random.choice(common) for _ in picked],
        "two common words": [" ".join(random.sample(common, 2)) for _ in picked],
        "common, not common": [f"{random.choice(common)} -{random.choice(common)}" for _ in picked],
        "tag only": [f"tag:{one.tags[0]}" for one in picked],
    }


def _misspelt(word: str, random: Random) -> str:
    at = random.randrange(1, len(word) - 1)
    return word[:at] + "qx"[random.randrange(2)] + word[at:]


async def measure(database: Database, asked: dict[str, list[str]], made: Sequence[Article]) -> dict[str, list[float]]:
    """Seconds of each search by kind."""
    seconds: dict[str, list[float]] = {}
    for kind, texts in asked.items():
        seconds[kind] = []
        for text in texts:
            async with database.read() as db:
                start = time.perf_counter()
                await search(db, ANONYMOUS, Wanted(text), keyset(database.settings, "benchmark", None, 20))
                seconds[kind].append(time.perf_counter() - start)
    for sort in ("newest", "upvotes"):
        seconds[f"common, by {sort}"] = []
        for text in asked["commonest word"]:
            async with database.read() as db:
                start = time.perf_counter()
                await search(db, ANONYMOUS, Wanted(text, sort=sort), keyset(database.settings, "benchmark", None, 20))
                seconds[f"common, by {sort}"].append(time.perf_counter() - start)
    seconds["similar"] = []
    for one in made[:: BASE // ROUNDS]:
        async with database.read() as db:
            start = time.perf_counter()
            draft = Draft(one.title, one.description, tuple(one.tags))
            await to_draft(db, ANONYMOUS, draft, keyset(database.settings, "benchmark", None, 20))
            seconds["similar"].append(time.perf_counter() - start)
    return seconds


def report(small: dict[str, list[float]], large: dict[str, list[float]]) -> None:
    """Print both sizes, and how much longer the median takes."""
    print(f"  {'milliseconds':22} {'10k median':>10} {'p99':>7} {'full median':>12} {'p99':>7} {'growth':>7}")
    for kind, slow in large.items():
        quick = small[kind]
        growth = median(slow) / median(quick)
        print(
            f"  {kind:22} {1000 * median(quick):10.1f} {1000 * p99(quick):7.1f}"
            f" {1000 * median(slow):12.1f} {1000 * p99(slow):7.1f} {growth:7.2f}"
        )
    every = [[value for values in each.values() for value in values] for each in (small, large)]
    print(f"  growth of the median of all: {median(every[1]) / median(every[0]):.2f}")


def p99(values: Sequence[float]) -> float:
    """What 99 of 100 do not exceed."""
    return sorted(values)[int(len(values) * 0.99) - 1]


async def play(url: str, home: Path, articles_wanted: int, made: Sequence[Article], language: Language) -> None:
    """One database at both sizes."""
    database = Database(settings_for(url, home))
    await upgrade(database)
    await database.start()
    print(f"  indexed {await fill(database, made):,.0f} articles a second")
    print(f"  indexed anew {await rebuild(database, spoilt=True):,.0f} articles a second, all of them wrong")
    print(f"  indexed anew {await rebuild(database, spoilt=False):,.0f} articles a second, all of them right")
    await refresh_statistics(database)
    asked = queries(language, made)
    await measure(database, asked, made)  # so that both sizes are measured warm
    small = await measure(database, asked, made)
    start = time.perf_counter()
    await multiply(database, articles_wanted)
    print(f"  {articles_wanted:,} articles, copied in {time.perf_counter() - start:.0f} s")
    await measure(database, asked, made)
    report(small, await measure(database, asked, made))
    await database.stop()


def main() -> None:
    """Measure both databases."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--postgresql", type=int, default=1_000_000, help="how many articles; 0: not at all")
    options.add_argument("--sqlite", type=int, default=100_000)
    sizes = options.parse_args()
    language = Language(Random(1))
    made = list(articles(language))
    with tempfile.TemporaryDirectory(prefix="mentorq-bench-") as home:
        if sizes.sqlite:
            print("SQLite")
            asyncio.run(play(f"sqlite:///{home}/search.db", Path(home), sizes.sqlite, made, language))
        if sizes.postgresql:
            print("PostgreSQL")
            with PostgreSQLServer(shared_buffers="2GB", max_wal_size="8GB", autovacuum="off") as server:
                asyncio.run(play(server.url, Path(home), sizes.postgresql, made, language))


if __name__ == "__main__":
    main()
