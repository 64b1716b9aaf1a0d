"""How well an article answers a search: BM25F (Robertson, Zaragoza, Taylor, "Simple BM25 extension to multiple weighted
fields", CIKM 2004), a pure function of what the index keeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from mentorq.knowledge.analysis import CODE, FIELDS, LENGTHS, PROSE, SOLUTION, TITLE, Terms
from mentorq.knowledge.queries import Totals
from mentorq.knowledge.query import Clause

WEIGHTS = {TITLE: 5.0, PROSE: 1.0, SOLUTION: 0.7, CODE: 0.5}
SATURATION = 1.2
NORMALISED = 0.75
NOTHING = [0] * len(FIELDS)
LEAST = 0.3
"""What a clause counts for that is there only in a way that is not counted: as a tag, in another spelling."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What of the whole knowledge base the score of one article depends on."""

    totals: Totals
    articles: Mapping[str, int]
    """In how many articles each word of the query is."""


def score(clauses: Sequence[Clause], terms: Terms, known: Statistics) -> float:
    """How relevant an article is: what it says of each clause, and how much of the query its title covers.

    The latter is the square of what the title has over what is asked: a title that has it all is worth as much as a
    text that could not say it more often.
    """
    norms = [
        1 - NORMALISED + NORMALISED * length / mean if mean else 1.0
        for length, mean in zip(terms[LENGTHS], known.totals.mean_lengths, strict=True)
    ]
    said = asked = covered = 0.0
    for clause in clauses:
        telling = rarity(clause, known)
        counts = [_counts(row, terms) for row in clause.options]
        frequency = max((LEAST, *(_weighted(each, norms) for each in counts)))
        said += telling * frequency / (SATURATION + frequency)
        asked += telling
        covered += telling if any(each[TITLE] for each in counts) else 0.0
    return said + (covered * covered / asked if asked else 0.0)


def rarity(clause: Clause, known: Statistics) -> float:
    """What a clause tells: ln(1 + (N - n + ½) / (n + ½))."""
    n = min(known.totals.articles, articles_with(clause, known.articles))
    return log(1 + (known.totals.articles - n + 0.5) / (n + 0.5))


def articles_with(clause: Clause, articles: Mapping[str, int]) -> int:
    """At most how many articles have a clause: of a row of words, as many as have its rarest one."""
    return sum(min(articles.get(word, 0) for word in row) for row in clause.options)


def _counts(row: Sequence[str], terms: Terms) -> Sequence[int]:
    """How often each field has a row of words: as often as the one of them that it has least."""
    counts = [terms.get(word, NOTHING) for word in row]
    return counts[0] if len(counts) == 1 else [min(of_field) for of_field in zip(*counts, strict=True)]


def _weighted(counts: Sequence[int], norms: Sequence[float]) -> float:
    return sum(WEIGHTS[field] * counts[field] / norms[field] for field in range(len(FIELDS)))
