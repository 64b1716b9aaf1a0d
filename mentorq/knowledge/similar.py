"""Solved tickets like one that is asked: retrieve some hundred by the rarest words, then compare each.

Compared are sparse vectors of words (Salton, Wong, Yang, "A vector space model for automatic indexing", CACM 1975) of
title and text, with the length of long texts pivoted (Singhal, Buckley, Mitra, "Pivoted document length normalization",
SIGIR 1996). Fenced code and the solution do not take part: who asks does not know the solution yet, and code says less
than prose of what it is about. `benchmarks/knowledge.py` measures it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log, log1p, sqrt
from typing import Any

from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Read, TookTooLong
from mentorq.core.pagination import Keyset
from mentorq.knowledge import queries
from mentorq.knowledge.analysis import LENGTHS, PROSE, TITLE, Terms, analyse, as_terms
from mentorq.knowledge.errors import SearchTookTooLong
from mentorq.knowledge.schemas import as_article
from mentorq.knowledge.tokens import IN_TITLE, PART, TAG
from mentorq.tickets import service as tickets

CANDIDATES = 200
KEPT = 100
POSTINGS = 15_000
"""How many articles are looked at for words of the text, and as many again for words of the title: words are taken
rarest first until they are in more than this together."""
MOST_WORDS = 24

RARITY = 0.75
"""Exponent of a word's idf on either side: with all of it, one odd word would decide."""
TITLE_IN_TEXT = 2
PIVOT = 0.8
OF_TEXTS, OF_TITLES, OF_TEXT_IN_TITLE, OF_TAGS = 1.0, 0.2, 0.2, 0.15
BEST = OF_TEXTS + OF_TITLES + OF_TEXT_IN_TITLE + OF_TAGS

Vector = dict[str, float]


@dataclass(frozen=True)
class Draft:
    """What somebody is about to ask."""

    title: str
    description: str
    tags: tuple[str, ...]


async def to_draft(
    db: Read, viewer: Viewer, draft: Draft, keyset: Keyset, *, but: int | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of articles like a draft, best first, each with its `similarity`; `but` is left out.

    Raises:
        SearchTookTooLong: it did not end within the time that a search may take.
    """
    try:
        ranked = _pairs(keyset.after) if keyset.after else await _ranked(db, draft, but)
    except TookTooLong:
        raise SearchTookTooLong from None
    shown, rest = ranked[: keyset.limit], ranked[keyset.limit :]
    likeness = dict(shown)
    rows = await queries.articles(db, viewer, likeness)
    items = [as_article(row, viewer) | {"similarity": likeness[row["id"]]} for row in rows]
    return items, keyset.seal(*(value for pair in rest for value in pair)) if rest else None


async def to_ticket(
    db: Read, viewer: Viewer, ticket_id: int, keyset: Keyset
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of articles like a ticket of the viewer's own.

    Raises:
        TicketNotFound, NotYours: see `tickets.service.owned`.
    """
    ticket = await tickets.owned(db, viewer, ticket_id)
    draft = Draft(ticket["title"], ticket["description"], tuple(ticket["tags"]))
    return await to_draft(db, viewer, draft, keyset, but=ticket_id)


def _pairs(place: Sequence[Any]) -> list[tuple[int, float]]:
    return list(zip(place[::2], place[1::2], strict=True))


async def _ranked(db: Read, draft: Draft, but: int | None) -> list[tuple[int, float]]:
    """The ids of what is like the draft, and how much, best first."""
    terms = {t: counts for t, counts in analyse(draft.title, draft.description, "", ()).terms.items() if _is_word(t)}
    titles = [IN_TITLE + term for term, counts in terms.items() if counts[TITLE]]
    articles = (await queries.totals(db)).articles
    known = await queries.frequencies(db, {*terms, *titles, *(TAG + tag for tag in draft.tags)})
    weights = {word: _idf(articles, known.get(word, 0)) ** RARITY for word in terms}
    chosen = [*_rarest(terms, known), *_rarest(titles, known)]
    found = await queries.having_most(db, {word: _weight(terms, weights, word) for word in chosen}, CANDIDATES)
    kept = {ticket_id: as_terms(text) for ticket_id, text in (await queries.terms(db, found)).items()}
    others = set(filter(_is_word, {word for each in kept.values() for word in each}))
    known |= await queries.frequencies(db, others - known.keys())
    weights |= {word: _idf(articles, known.get(word, 0)) ** RARITY for word in others}
    tags = await queries.tags(db, kept)
    rarities = {tag: _idf(articles, known.get(TAG + tag, 0)) for tag in draft.tags}
    rarities |= {tag: _idf(articles, known.get(TAG + tag, 0)) for each in tags.values() for tag in each}
    likeness = _likeness(terms, draft.tags, kept, tags, weights, rarities)
    best = sorted(likeness.items(), key=lambda item: (-item[1], -item[0]))
    return [(ticket_id, score) for ticket_id, score in best if score > 0 and ticket_id != but][:KEPT]


def _idf(articles: int, containing: int) -> float:
    """How rare a word is: ln(1 + N / (n + 1))."""
    return log(1 + articles / (containing + 1))


def _weight(terms: Terms, weights: Mapping[str, float], chosen: str) -> float:
    word = chosen.removeprefix(IN_TITLE)
    return log1p(_in_text(terms[word])) * weights[word]


def _is_word(term: str) -> bool:
    return term != LENGTHS and not term.startswith(PART)


def _in_text(counts: Sequence[int]) -> int:
    return TITLE_IN_TEXT * counts[TITLE] + counts[PROSE]


def _rarest(words: Iterable[str], known: Mapping[str, int]) -> list[str]:
    """The rarest of the words that any article has."""
    chosen: list[str] = []
    postings = 0
    for word in sorted((word for word in words if word in known), key=lambda word: (known[word], word))[:MOST_WORDS]:
        postings += known[word]
        if chosen and postings > POSTINGS:
            break
        chosen.append(word)
    return chosen


def _likeness(
    draft: Terms,
    draft_tags: Collection[str],
    kept: Mapping[int, Terms],
    tags: Mapping[int, Sequence[str]],
    weights: Mapping[str, float],
    rarities: Mapping[str, float],
) -> dict[int, float]:
    """How much each article is like the draft, from 0 to 1."""
    text = {word: log1p(_in_text(counts)) * weights[word] for word, counts in draft.items()}
    title = {word: log1p(counts[TITLE]) * weights[word] for word, counts in draft.items() if counts[TITLE]}
    own_tags = {tag: rarities[tag] for tag in draft_tags}
    lengths = {ticket_id: _length_of_text(terms, weights) for ticket_id, terms in kept.items()}
    mean = sum(lengths.values()) / len(lengths) if lengths else 0.0
    of_text, of_title, of_tags = _length(text), _length(title), _length(own_tags)
    likeness = {}
    for ticket_id, terms in kept.items():
        common = [(word, terms[word]) for word in text.keys() & terms.keys()]
        other_title = {
            w: log1p(counts[TITLE]) * weights[w] for w, counts in terms.items() if counts[TITLE] and w in weights
        }
        other_tags = {tag: rarities[tag] for tag in tags[ticket_id]}
        of_other_title = _length(other_title)
        shared = sum(text[word] * log1p(_in_text(counts)) * weights[word] for word, counts in common)
        score = (
            OF_TEXTS * _ratio(shared, of_text * ((1 - PIVOT) * mean + PIVOT * lengths[ticket_id]))
            + OF_TITLES * _ratio(_product(title, other_title), of_title * of_other_title)
            + OF_TEXT_IN_TITLE * _ratio(_product(text, other_title), of_text * of_other_title)
            + OF_TAGS * _ratio(_product(own_tags, other_tags), of_tags * _length(other_tags))
        )
        likeness[ticket_id] = round(min(1.0, score / BEST), 4)
    return likeness


LOG1P = [log1p(times) for times in range(64)]


def _length_of_text(terms: Terms, weights: Mapping[str, float]) -> float:
    """The length of an article's vector: the one thing that all of its words are looked at for."""
    total = 0.0
    for word, counts in terms.items():
        if (weight := weights.get(word)) is not None and (times := TITLE_IN_TEXT * counts[TITLE] + counts[PROSE]):
            value = weight * (LOG1P[times] if times < len(LOG1P) else log1p(times))
            total += value * value
    return sqrt(total)


def _length(vector: Vector) -> float:
    return sqrt(sum(value * value for value in vector.values()))


def _product(one: Vector, other: Vector) -> float:
    if len(other) < len(one):
        one, other = other, one
    return sum(value * other[word] for word, value in one.items() if word in other)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
