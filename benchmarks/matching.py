"""How well matching finds who really answered: `python benchmarks/matching.py [--corpus DIR]`.

The history of answered questions is learnt ticket by ticket in the order of time, as the application learns when a
ticket is resolved; then each later question is asked at its own time, and the measure is the reciprocal rank of the
first mentor suggested who did answer it. The functions are those of production, only the tables are dictionaries.
Nobody has declared any expertise.
"""

import argparse
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from pathlib import Path
from random import Random
from statistics import fmean, median

from mentorq.mentors.matching import Asked, Candidate, Record, best_mentors
from mentorq.mentors.terms import LANDMARK, TERMS_OF_ASKED, TERMS_OF_SOLVED, counted, faded, growth, rarity, telling

CORPUS = Path(__file__).parents[1] / ".." / "shared" / "corpus"
SPLIT = datetime(2026, 1, 1, tzinfo=UTC)
ROWS_PER_KEY = 200
NOBODY = 0
ALL = 10_000


@dataclass(frozen=True, slots=True)
class Question:
    """A line of the corpus; `mentors` are who answered."""

    community: str
    title: str
    description: str
    tags: tuple[str, ...]
    asked_at: datetime
    resolved_at: datetime
    response_seconds: float
    mentors: frozenset[str]


class Tables:
    """The state that matching reads, by the keys of its indices."""

    def __init__(self) -> None:
        self.tickets = 0
        self.last_solved_at = LANDMARK
        self.tag_tickets: Counter[str] = Counter()
        self.term_tickets: Counter[str] = Counter()
        self.by_tag: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        self.solved: Counter[tuple[str, str]] = Counter()
        self.by_term: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        self.responses: defaultdict[str, list[float]] = defaultdict(list)
        self.ids: dict[str, int] = {}

    def learn(self, question: Question, mentor: str) -> None:
        """What the transaction that resolves a ticket adds."""
        counts = counted(question.title, question.description)
        self.tickets += 1
        self.tag_tickets.update(question.tags)
        self.term_tickets.update(counts.keys())
        # Some were answered after the split; what matching may know of that ends there.
        resolved_at = min(question.resolved_at, SPLIT)
        self.last_solved_at = max(self.last_solved_at, resolved_at)
        worth = growth(resolved_at)
        for tag in question.tags:
            self.by_tag[tag][mentor] += worth
            self.solved[mentor, tag] += 1
        for term, weight in telling(counts, self.term_tickets, self.tickets, TERMS_OF_SOLVED).items():
            self.by_term[term][mentor] += weight * worth
        self.responses[mentor].append(question.response_seconds)
        self.ids.setdefault(mentor, len(self.ids) + 1)

    def asked(self, question: Question) -> Asked:
        """A ticket as matching wants it: tags with rarity, telling terms."""
        counts = counted(question.title, question.description)
        rarities = {tag: rarity(self.tickets, self.tag_tickets[tag]) for tag in question.tags}
        return Asked(NOBODY, rarities, telling(counts, self.term_tickets, self.tickets, TERMS_OF_ASKED))

    def candidates(self, asked: Asked, now: datetime) -> dict[str, Candidate]:
        """Who has rows among the first of each tag and term, with those rows: what production reads by index."""
        tags: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        terms: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for tag in asked.tags:
            for mentor, total in _first(self.by_tag[tag]):
                tags[mentor][tag] = Record(faded(total, now, self.last_solved_at), self.solved[mentor, tag])
        for term in asked.terms:
            for mentor, total in _first(self.by_term[term]):
                terms[mentor][term] = faded(total, now, self.last_solved_at)
        return {mentor: self._candidate(mentor, tags[mentor], terms[mentor]) for mentor in sorted({*tags, *terms})}

    def _candidate(self, mentor: str, records: dict[str, Record], terms: dict[str, float]) -> Candidate:
        responses = self.responses[mentor]
        return Candidate(
            self.ids[mentor],
            records=records,
            solved_terms=terms,
            tickets_resolved=len(responses),
            median_response_seconds=median(responses),
        )


def _first(rows: Mapping[str, float]) -> list[tuple[str, float]]:
    return nlargest(ROWS_PER_KEY, rows.items(), key=lambda row: row[1])


Ranking = Callable[[Tables, Question], list[str]]


def ours(tables: Tables, question: Question) -> list[str]:
    """Mentors as production suggests them."""
    asked = tables.asked(question)
    mentors = tables.candidates(asked, question.asked_at)
    names = {mentor.id: name for name, mentor in mentors.items()}
    return [names[mentor.id] for mentor, _ in best_mentors(asked, mentors.values(), ALL)]


def most_solved(tables: Tables, question: Question) -> list[str]:
    """Baseline: by the number of tickets solved under the question's tags."""
    return _by_total((mentor, tables.solved[mentor, tag]) for tag in question.tags for mentor in tables.by_tag[tag])


def tag_overlap(tables: Tables, question: Question) -> list[str]:
    """Baseline: by the number of the question's tags that a mentor has solved any ticket of."""
    return _by_total((mentor, 1) for tag in question.tags for mentor in tables.by_tag[tag])


def _by_total(points: Iterable[tuple[str, int]]) -> list[str]:
    totals: Counter[str] = Counter()
    for mentor, count in points:
        totals[mentor] += count
    order = list(totals)
    Random(0).shuffle(order)  # equals come in no order that could tell anything
    return sorted(order, key=lambda mentor: -totals[mentor])


def reciprocal_rank(ranking: Sequence[str], answered: frozenset[str]) -> float:
    """One by the place of the first right mentor; 0 where there is none."""
    return next((1 / place for place, mentor in enumerate(ranking, 1) if mentor in answered), 0.0)


def read(path: Path) -> list[Question]:
    """Read a file of the corpus in the order of time."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return sorted((_question(json.loads(line)) for line in lines), key=lambda question: question.asked_at)


def _question(line: dict[str, object]) -> Question:
    before, taken = float(str(line["seconds_before_split"])), float(str(line["seconds_to_answer"]))
    asked_at = SPLIT - timedelta(seconds=before)
    mentors = line["answered_by"] if "answered_by" in line else [line["mentor"]]
    tags = line["tags"]
    assert isinstance(mentors, list)
    assert isinstance(tags, list)
    return Question(
        str(line["community"]),
        str(line["title"]),
        str(line["description"]),
        tuple(map(str, tags)),
        asked_at,
        asked_at + timedelta(seconds=taken),
        taken,
        frozenset(map(str, mentors)),
    )


def learnt(history: Iterable[Question]) -> Tables:
    """The tables after all of `history`."""
    tables = Tables()
    for question in sorted(history, key=lambda question: question.resolved_at):
        for mentor in question.mentors:
            tables.learn(question, mentor)
    return tables


def report(name: str, ranks: list[float]) -> float:
    """Print and return the mean reciprocal rank."""
    mean = fmean(ranks)
    print(f"  {name:34} MRR {mean:.3f}   hit@5 {fmean(rank >= 0.2 for rank in ranks):.3f}")
    return mean


def measure(name: str, tables: Tables, asked: list[Question]) -> None:
    """Print our ranking beside the two baselines for these questions."""
    print(f"{name}: {len(asked)} questions")

    def ranks(ranking: Ranking) -> list[float]:
        return [reciprocal_rank(ranking(tables, question), question.mentors) for question in asked]

    mine = report("ours", ranks(ours))
    better = max(
        report("most solved under its tags", ranks(most_solved)), report("plain tag overlap", ranks(tag_overlap))
    )
    print(f"  {'ours / the better baseline':34} {mine / better:.2f}")


def main() -> None:
    """Measure all communities together, then each."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--corpus", type=Path, default=CORPUS)
    corpus: Path = options.parse_args().corpus
    files = [corpus / "mentors-history.jsonl.gz", corpus / "mentors-asked.jsonl.gz"]
    if not all(file.exists() for file in files):
        print(f"Nothing measured: there is no corpus in {corpus}.")
        return
    history, asked = map(read, files)
    tables = learnt(history)
    measure("All", tables, asked)
    for community in sorted({question.community for question in asked}):
        measure(community, tables, [question for question in asked if question.community == community])


if __name__ == "__main__":
    main()
