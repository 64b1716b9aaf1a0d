"""What a ticket is about, as weighted terms: the part of matching that reads the text.

Every solved ticket leaves its most telling terms with the mentor who solved it, and a new ticket is held against
those sums: the candidate model of expert finding (Balog, Azzopardi, de Rijke, "Formal models for expert finding in
enterprise corpora", SIGIR 2006), with TF-IDF weights. It needs one row per mentor and term instead of a search among
all solved tickets, and measured as well as votes of the nearest of them. `benchmarks/matching.py` measures the whole.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from math import log, log1p, sqrt

from mentorq.core.text import terms, without_code

TERMS_OF_SOLVED = 30
TERMS_OF_ASKED = 30
TITLE_COUNTS = 2

HALF_LIFE_DAYS = 90.0
LANDMARK = datetime(2020, 1, 1, tzinfo=UTC)


def rarity(documents: int, containing: int) -> float:
    """Return how much a tag or term tells: ln((N + 1) / (n + ½)): little, but never nothing, where all have it."""
    return log((documents + 1) / (max(0, min(containing, documents)) + 0.5))


def counted(title: str, description: str) -> Counter[str]:
    """Return the terms of a ticket with how often it has them; the title's count double, fenced code not at all."""
    counts = Counter(terms(without_code(description)))
    for term in terms(title):
        counts[term] += TITLE_COUNTS
    return counts


def telling(counts: Mapping[str, int], containing: Mapping[str, int], documents: int, limit: int) -> dict[str, float]:
    """Return the `limit` most telling terms as a vector of length 1: ln(1 + count) · rarity, the heaviest first.

    `containing` says how many of the `documents` solved tickets have each term; a term that it lacks is in none.
    """
    weights = {term: log1p(count) * rarity(documents, containing.get(term, 0)) for term, count in counts.items()}
    heaviest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:limit]
    length = sqrt(sum(weight * weight for _, weight in heaviest))
    return {term: weight / length for term, weight in heaviest}


def growth(at: datetime) -> float:
    """Return what something solved at `at` is worth in the stored sums: 2 ** (days since LANDMARK / half-life).

    Instead of shrinking old sums, new ones are worth more ("forward decay": Cormode et al., ICDE 2009). So an update
    is one addition, needs no read and no order, stored sums compare without a clock, and an index can hold them in
    order. A double lasts for 250 years of this.
    """
    return float(2.0 ** ((at - LANDMARK).total_seconds() / 86_400 / HALF_LIFE_DAYS))


def faded(total: float, now: datetime, last_solved_at: datetime) -> float:
    """Return a stored sum as it counts now: a ticket solved just now is 1, one of a half-life ago ½.

    Nothing fades after the community's last solved ticket: what fades a record is what others have done since, and
    after a long break all records should not weigh less than what newcomers merely declare.
    """
    return total / growth(min(now, last_solved_at))
