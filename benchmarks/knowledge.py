"""How well search and `similar` find what is known to be there: `python -m benchmarks.knowledge [--corpus DIR]`.

The corpus is imported as a host would import it, into SQLite and into PostgreSQL, and asked through the functions that
serve the API. Both databases must give the same lists.
"""

import argparse
import asyncio
import gzip
import json
import math
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.schemas import ANONYMOUS
from mentorq.core.database import Database
from mentorq.core.pagination import keyset
from mentorq.knowledge.search import Wanted, search
from mentorq.knowledge.similar import Draft, to_draft
from mentorq.main import running
from mentorq.maintenance.imports import Watcher, import_file
from mentorq.tags.names import normalise
from mentorq.tickets.models import TicketRow
from tests.support.databases import settings_for
from tests.support.servers import postgresql

CORPUS = Path(__file__).parents[1] / ".." / "shared" / "corpus"
FIRST, LISTED = 5, 20

Line = dict[str, Any]


def read(path: Path) -> list[Line]:
    """The lines of a file of the corpus."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@asynccontextmanager
async def imported(url: str, home: Path, corpus: Path) -> AsyncIterator[tuple[Database, dict[str, int]]]:
    """A database with the corpus in it, and the ticket of each of its ids."""
    database = Database(settings_for(url, home))
    async with running(database):
        start = time.perf_counter()
        outcome = await import_file(database, corpus / "solved.jsonl.gz", Watcher())
        print(f"  imported {outcome.imported} in {time.perf_counter() - start:.1f} s")
        async with database.read() as db:
            rows = await db.rows(sa.select(TicketRow.id, TicketRow.title, TicketRow.created_at))
        tickets = {(row["title"], row["created_at"].isoformat()): row["id"] for row in rows}
        lines = read(corpus / "solved.jsonl.gz")
        yield database, {line["id"]: tickets[line["title"].strip(), _time(line["created_at"])] for line in lines}


def _time(text: str) -> str:
    return text.replace("Z", "+00:00")


async def ask(database: Database, text: str, tags: tuple[str, ...] = (), *, every_tag: bool = False) -> list[Line]:
    """The first page of a search."""
    async with database.read() as db:
        place = keyset(database.settings, "benchmark", None, LISTED)
        wanted = Wanted(text, tuple(map(normalise, tags)), every_tag)
        return (await search(db, ANONYMOUS, wanted, place)).items


async def searches(database: Database, tickets: dict[str, int], queries: list[Line]) -> list[list[int]]:
    """Print how many of the searches find what they were made from among the first; returns what each found."""
    found: list[list[int]] = []
    hits: defaultdict[str, list[bool]] = defaultdict(list)
    seconds = []
    for line in queries:
        start = time.perf_counter()
        items = await ask(database, line.get("q", ""), tuple(line.get("tags", ())), every_tag=line.get("mode") == "all")
        seconds.append(time.perf_counter() - start)
        ids = [item["id"] for item in items]
        found.append(ids)
        if "target" in line:
            hits[line["kind"]].append(tickets[line["target"]] in ids[:FIRST])
        else:
            hits[line["kind"]].append(_is_exact(line, items))
    for kind, each in sorted(hits.items()):
        print(f"  {kind:16} {sum(each):3} of {len(each):3}")
    known = [hit for kind, each in hits.items() if kind not in ("exclusion", "tag") for hit in each]
    print(f"  {f'in the first {FIRST}':16} {sum(known):3} of {len(known):3}: {fmean(known):.3f}")
    report_times(seconds)
    return found


def _is_exact(line: Line, items: list[Line]) -> bool:
    """Whether something was found, and nothing that must not be."""
    if line["kind"] == "tag":
        wanted = {normalise(tag) for tag in line["tags"]}
        having = [wanted & set(item["tags"]) for item in items]
        return bool(items) and all(has == wanted if line["mode"] == "all" else has for has in having)
    words = [f" {' '.join(item[name] for name in ('title', 'description', 'solution')).lower()} " for item in items]
    return bool(items) and not any(f" {line['minus']} " in text for text in words)


def plain_words(line: Line) -> Counter[str]:
    """Title and text as plain words, for the baselines."""
    return Counter(re.findall(r"[^\W_]+", f"{line['title']} {line['description']}".lower()))


class Baselines:
    """BM25 (k1 1.2, b 0.75) and TF-IDF cosine over title and text, each held against every document."""

    def __init__(self, lines: list[Line]) -> None:
        self.ids = [line["id"] for line in lines]
        counts = [plain_words(line) for line in lines]
        self.postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, count in enumerate(counts):
            for word, times in count.items():
                self.postings[word].append((number, times))
        self.lengths = [count.total() for count in counts]
        self.mean = sum(self.lengths) / len(lines)
        self.norms = [
            math.sqrt(sum((times * self._idf(word)) ** 2 for word, times in count.items())) or 1.0 for count in counts
        ]

    def _idf(self, word: str) -> float:
        return math.log(len(self.ids) / (len(self.postings[word]) or 1)) + 1

    def bm25(self, asked: Line) -> list[str]:
        """By BM25."""
        scores: Counter[int] = Counter()
        for word in plain_words(asked):
            postings = self.postings.get(word, [])
            idf = math.log(1 + (len(self.ids) - len(postings) + 0.5) / (len(postings) + 0.5))
            for number, times in postings:
                length = 0.25 + 0.75 * self.lengths[number] / self.mean
                scores[number] += idf * times * 2.2 / (times + 1.2 * length)  # type: ignore[assignment]
        return [self.ids[number] for number, _ in scores.most_common(LISTED)]

    def cosine(self, asked: Line) -> list[str]:
        """By the cosine of TF-IDF vectors."""
        scores: Counter[int] = Counter()
        for word, times in plain_words(asked).items():
            weight = times * self._idf(word) ** 2
            for number, there in self.postings.get(word, []):
                scores[number] += weight * there / self.norms[number]  # type: ignore[assignment]
        return [self.ids[number] for number, _ in scores.most_common(LISTED)]


async def likeness(
    database: Database, tickets: dict[str, int], asked: list[Line], baselines: Baselines
) -> list[list[int]]:
    """Print the mean reciprocal rank of real duplicates beside that of both baselines; returns what each found."""
    found, seconds = [], []
    for line in asked:
        start = time.perf_counter()
        async with database.read() as db:
            place = keyset(database.settings, "benchmark", None, LISTED)
            draft = Draft(line["title"], line["description"], tuple(line["tags"]))
            items, _ = await to_draft(db, ANONYMOUS, draft, place)
        seconds.append(time.perf_counter() - start)
        found.append([item["id"] for item in items])
    known = [{tickets[one] for one in line["duplicate_of"]} for line in asked]
    ours = fmean(map(reciprocal_rank, found, known))
    print(f"  similar: MRR {ours:.3f} over {LISTED} answers to {len(asked)} duplicates")
    report_times(seconds)
    if database.is_sqlite:
        for name, ranking in (("BM25", baselines.bm25), ("TF-IDF cosine", baselines.cosine)):
            theirs = fmean(
                reciprocal_rank([tickets[one] for one in ranking(line)], right)
                for line, right in zip(asked, known, strict=True)
            )
            print(f"  {name}: MRR {theirs:.3f}, ours / that {ours / theirs:.2f}")
    return found


def reciprocal_rank(ids: list[int], right: set[int]) -> float:
    """One by the place of the first right one; 0 where there is none."""
    return next((1 / place for place, one in enumerate(ids, 1) if one in right), 0.0)


def report_times(seconds: list[float]) -> None:
    """Print how long the median and nearly all took."""
    ordered = sorted(seconds)
    median, nearly_all = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    print(f"  median {1000 * median:.1f} ms, p99 {1000 * nearly_all:.1f} ms")


async def measure(corpus: Path) -> None:
    """Both databases."""
    queries, asked = read(corpus / "queries.jsonl.gz"), read(corpus / "duplicates.jsonl.gz")
    baselines = Baselines(read(corpus / "solved.jsonl.gz"))
    lists, likes = [], []
    with tempfile.TemporaryDirectory() as home, postgresql() as server:
        for url in (f"sqlite:///{home}/corpus.db", server):
            print(url.partition(":")[0])
            async with imported(url, Path(home), corpus) as (database, tickets):
                lists.append(await searches(database, tickets, queries))
                likes.append(await likeness(database, tickets, asked, baselines))
    for name, both in (("searches", lists), ("similar", likes)):
        same = [one == other for one, other in zip(*both, strict=True)]
        print(f"the same lists on both for {sum(same)} of {len(same)} {name}")


def main() -> None:
    """Measure, where there is a corpus."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--corpus", type=Path, default=CORPUS)
    corpus: Path = options.parse_args().corpus
    if not (corpus / "solved.jsonl.gz").exists():
        print(f"Nothing measured: there is no corpus in {corpus}.")
        return
    asyncio.run(measure(corpus))


if __name__ == "__main__":
    main()
