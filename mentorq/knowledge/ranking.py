"""How well an article answers a search: BM25F (Robertson, Zaragoza, Taylor, "Simple BM25 extension to multiple weighted
fields", CIKM 2004), and how much of the search its title covers; a pure function of what the index keeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, prod

from mentorq.knowledge.analysis import CODE, FIELDS, LENGTHS, PROSE, SOLUTION, TITLE, Terms
from mentorq.knowledge.queries import Totals
from mentorq.knowledge.query import Clause
from mentorq.knowledge.tokens import IGNORED

WEIGHTS = {TITLE: 5.0, PROSE: 1.0, SOLUTION: 0.7, CODE: 0.5}
SATURATION = 1.2
NORMALISED = 0.75
ALL = 2**62
NOTHING = [0] * len(FIELDS)
LEAST = 0.3
"""What a clause counts for that is there only in a way that is not counted: as a tag, in another spelling."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What of the whole knowledge base the score of one article depends on."""

    totals: Totals
    articles: Mapping[str, int]
    """In how many articles each word of the query is."""


class Scorer:
    """Scores articles for one search.

    The score is what an article says of each clause, and how much of the query its title covers: the square of what
    the title has over what is asked, so that a title that has it all is worth as much as a text that could not say it
    more often.
    """

    def __init__(self, clauses: Sequence[Clause], known: Statistics) -> None:
        self.words = {word for clause in clauses for row in clause.options for word in row}
        self._clauses = [(clause.options, rarity(clause, known)) for clause in clauses]
        self._asked = sum(telling for _, telling in self._clauses)
        self._per_word = [
            (WEIGHTS[field], NORMALISED / mean if mean else 0.0) for field, mean in enumerate(known.totals.mean_lengths)
        ]

    def score(self, terms: Terms) -> float:
        """How relevant an article is."""
        weights = [
            weight / (1 - NORMALISED + per_word * length)
            for (weight, per_word), length in zip(self._per_word, terms[LENGTHS], strict=True)
        ]
        said = covered = 0.0
        for options, telling in self._clauses:
            frequency, in_title = LEAST, False
            for row in options:
                counts = _counts(row, terms)
                if counts is not NOTHING:
                    frequency = max(frequency, sum(map(float.__mul__, weights, map(float, counts))))
                    in_title = in_title or counts[TITLE] > 0
            said += telling * frequency / (SATURATION + frequency)
            covered += telling if in_title else 0.0
        return said + (covered * covered / self._asked if covered else 0.0)


def rarity(clause: Clause, known: Statistics) -> float:
    """What a clause tells: ln(1 + (N - n + ½) / (n + ½))."""
    n = min(known.totals.articles, articles_with(clause, known.articles))
    return log(1 + (known.totals.articles - n + 0.5) / (n + 0.5))


def articles_with(clause: Clause, articles: Mapping[str, int]) -> int:
    """At most how many articles have a clause: of a row of words, as many as have its rarest one.

    Of words that nearly every text has, nobody counts how many have them: all.
    """
    return sum(
        min((articles.get(word, 0) for word in row if word not in IGNORED), default=ALL) for row in clause.options
    )


def share_with(clause: Clause, known: Statistics) -> float:
    """Which share of all articles must be expected to have a clause, as if words came independently of each other."""
    everything = known.totals.articles or 1
    shares = (
        prod(min(1.0, known.articles.get(word, 0) / everything) for word in row if word not in IGNORED)
        for row in clause.options
    )
    return min(1.0, sum(shares))


def _counts(row: Sequence[str], terms: Terms) -> Sequence[int]:
    """How often each field has a row of words: as often as the one of them that it has least."""
    if len(row) == 1:
        return terms.get(row[0], NOTHING)
    return [min(of_field) for of_field in zip(*(terms.get(word, NOTHING) for word in row), strict=True)]
