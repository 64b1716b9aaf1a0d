"""What of an article a query is about, as HTML that has only text and <mark>."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import islice

from mentorq.knowledge.query import Query
from mentorq.knowledge.tokens import PART, analysed, unaccented, words_at

PASSAGE = 260
SHORT = 600
MOST_STRETCHES = 100
MOST_LETTERS = 5_000
"""So many are remembered without their accents; that is all of most languages."""
MARKUP = re.compile(r"^[ ]{0,3}(?:`{3,}.*|~{3,}.*|#{1,6}[ ]|>[ ]?|[-*+][ ])|\*\*|`", re.MULTILINE)

Span = tuple[int, int]


def highlighted(query: Query, title: str, texts: Sequence[str]) -> tuple[str, str]:
    """The title, and the passage of `texts` that has most of what is looked for, each with that marked."""
    rows = [option for clause in query.words for option in clause.options]
    passages = [passage for text in texts if (passage := _passage(rows, " ".join(MARKUP.sub(" ", text).split())))]
    _, best = max(passages, key=lambda found: found[0], default=(0, ""))
    return _marked(title, list(_spans(rows, title))), best


def _passage(rows: Sequence[tuple[str, ...]], text: str) -> tuple[int, str] | None:
    """The stretch with the most different words that are looked for, and how many these are."""
    if not text:
        return None
    spans = [(b + at, e + at) for at, stretch in _stretches(rows, text) for b, e in _spans(rows, stretch)]
    best, start = _densest(text, spans)
    begin = max(0, start - PASSAGE // 4) if start + PASSAGE < len(text) else max(0, len(text) - PASSAGE)
    begin = text.rfind(" ", 0, begin) + 1 if begin else 0
    end = begin + PASSAGE
    if end < len(text):
        end = max(text.rfind(" ", begin, end), begin + PASSAGE // 2)
    cut = [(b - begin, e - begin) for b, e in spans if b >= begin and e <= end]
    marked = _marked(text[begin:end], cut)
    return best, f"{'… ' if begin else ''}{marked}{' …' if end < len(text) else ''}"


def _densest(text: str, spans: Sequence[Span]) -> tuple[int, int]:
    """How many different words there are at most in a passage, and where the first such passage begins."""
    words = [text[begin:end].casefold() for begin, end in spans]
    inside = Counter[str]()
    best = start = last = 0
    for first, (begin, _) in enumerate(spans):
        while last < len(spans) and spans[last][1] <= begin + PASSAGE:
            inside[words[last]] += 1
            last += 1
        if len(inside) > best:
            best, start = len(inside), begin
        inside[words[first]] -= 1
        if inside[words[first]] <= 0:
            del inside[words[first]]
        last = max(last, first + 1)
    return best, start


class _Plain(dict[int, str]):
    """For `str.translate`: letters without their accents, as many as there were."""

    def __missing__(self, code: int) -> str:
        plain = unaccented(chr(code))
        plain = plain if len(plain) == 1 else chr(code)
        if len(self) < MOST_LETTERS:
            self[code] = plain
        return plain


_PLAIN = _Plain()


def _stretches(rows: Sequence[tuple[str, ...]], text: str) -> Iterator[tuple[int, str]]:
    """Where in a long text it is worth to look closely: around whatever begins as one of the words does."""
    if len(text) <= SHORT:
        yield 0, text
        return
    beginnings = {re.escape(piece.lstrip(PART)[:-1] or piece) for row in rows for piece in row[:1]}
    plain = text if text.isascii() else text.translate(_PLAIN)
    last = 0
    for found in islice(re.finditer("|".join(sorted(beginnings)), plain, re.IGNORECASE), MOST_STRETCHES):
        if found.start() >= last:
            begin = text.rfind(" ", last, found.start()) + 1 or last
            last = text.find(" ", found.start() + PASSAGE)
            last = len(text) if last < 0 else last
            yield begin, text[begin:last]


def _marked(text: str, spans: Iterable[Span]) -> str:
    parts, last = [], 0
    for begin, end in spans:
        parts += [escape(text[last:begin]), "<mark>", escape(text[begin:end]), "</mark>"]
        last = end
    return "".join((*parts, escape(text[last:])))


def _spans(rows: Sequence[tuple[str, ...]], text: str) -> Iterator[Span]:
    """Where the rows of words stand, left to right, none over another."""
    alone = {row[0] for row in rows if len(row) == 1}
    longer = [row for row in rows if len(row) > 1]
    words = [(analysed(unaccented(written)), begin, end) for written, begin, end in words_at(text)]
    found = [
        (begin, end)
        for word, begin, end in words
        if not (alone.isdisjoint(word.pieces) and alone.isdisjoint(word.terms) and word.joined not in alone)
    ]
    if longer:
        pieces = [(piece, begin, end) for word, begin, end in words for piece in word.pieces]
        row = [piece for piece, _, _ in pieces]
        for wanted in longer:
            size = len(wanted)
            found += [
                (pieces[at][1], pieces[at + size - 1][2])
                for at in range(len(row) - size + 1)
                if row[at] == wanted[0] and tuple(row[at : at + size]) == wanted
            ]
    last = 0
    for begin, end in sorted(found, key=lambda span: (span[0], -span[1])):
        if begin >= last:
            yield begin, end
            last = end
