"""What pages with lists share: filters by tag, and the way on."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from mentorq.mentors import suggestions
from mentorq.mentors.matching import Reason
from mentorq.mentors.reasons import sentence
from mentorq.tags.names import InvalidTagName, normalise
from mentorq.tickets.service import Ranking
from mentorq.web import locale
from mentorq.web.pages import tag_names

MOST_TAGS = 10


def say(reason: Reason) -> str:
    """A reason of a match in the page's language; pages show anyway how long a ticket waits."""
    return "" if reason.kind == "waited" else sentence(reason, locale.tongue())


ranking: Ranking = partial(suggestions.rank, say=say)
"""How a mentor's queue is ordered, with the reasons in the page's language."""


def tags_in(fields: Sequence[str]) -> list[str]:
    """The tags of a filter, each field one name or several; what can be no tag is left out."""
    found: dict[str, None] = {}
    for name in (name for field in fields for name in tag_names(field)):
        with suppress(InvalidTagName):
            found[normalise(name)] = None
    return list(found)[:MOST_TAGS]


def distinct(articles: Sequence[dict[str, Any]], limit: int, but: str = "") -> list[dict[str, Any]]:
    """The first of those with the same title, and none that is called `but`: a title twice tells nobody more."""
    titled = {article["title"].casefold(): article for article in reversed(articles)}
    titled.pop(but.casefold(), None)
    return [article for article in articles if titled.get(article["title"].casefold()) is article][:limit]


def next_page(request: Request, cursor: str | None) -> str:
    """The address of a list's next page, or nothing on the last one."""
    if cursor is None:
        return ""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f"{request.url.path}?{urlencode([*query, ('cursor', cursor)])}"
