"""How text becomes terms: one tokeniser for whatever is compared or searched.

Code words stay whole and are also cut into their parts (`asyncio.gather` → `asyncio.gather`, `asyncio`, `gather`),
plain words are stemmed (`installing` → `instal`), fenced code is dropped where asked: it is long, and says less about
a question than its prose.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

import snowballstemmer  # type: ignore[import-untyped]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ADDRESS = re.compile(r"https?://\S+")
# A letter first, then joined by single dots, dashes or underscores; `c++` and `c#` keep their signs.
_WORD = re.compile(r"[^\W\d_]\w*(?:[.-]\w+)*[+#]*")
_JOINTS = re.compile(r"[._+#-]+")
_HUMPS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_LONGEST = 40

STOP_WORDS = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being below between both but by
    can could did do does doing down during each few for from further get got had has have having he her here hers him
    his how i if in into is it its just like me more most my no nor not now of off on once only or other our out over
    own same she should so some such than that the their them then there these they this those through to too under
    until up use using very want was we were what when where which while who whom why will with would you your
    """.split()
)

_stemmer = snowballstemmer.stemmer("english")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Return the stem of a lower-case English word; words of other languages come back nearly as they were."""
    stemmed: str = _stemmer.stemWord(word)
    return stemmed


def without_code(markdown: str) -> str:
    """Return Markdown without its fenced code."""
    return code_apart(markdown)[0]


def code_apart(markdown: str) -> tuple[str, str]:
    """Return Markdown's prose and its fenced code. A fence that is never closed runs to the end, as in CommonMark."""
    if "```" not in markdown and "~~~" not in markdown:
        return markdown, ""
    prose, code, fence = [], [], ""
    for line in markdown.split("\n"):
        mark = _FENCE.match(line)
        if fence and mark and mark[1].startswith(fence):
            fence = ""
        elif fence:
            code.append(line)
        elif mark:
            fence = mark[1]
        else:
            prose.append(line)
    return "\n".join(prose), "\n".join(code)


def terms(text: str) -> list[str]:
    """Return the terms of `text` in order, with repetitions, without stop words, bare numbers and addresses."""
    words = _WORD.findall(_ADDRESS.sub(" ", text))
    return [term for word in words for term in _terms_of(word)]


def _terms_of(word: str) -> Iterator[str]:
    lower = word.lower()
    if lower in STOP_WORDS or len(word) > _LONGEST:
        return
    parts = [part.lower() for part in _parts(word)]
    yield stem(lower) if lower.isalpha() else lower
    if parts != [lower]:
        yield from (stem(part) for part in parts if len(part) > 1 and part not in STOP_WORDS)


def _parts(word: str) -> Iterator[str]:
    for piece in _JOINTS.split(word):
        humps = _HUMPS.findall(piece) if piece.isalpha() and piece.isascii() else [piece]
        yield from (hump for hump in humps if hump)
